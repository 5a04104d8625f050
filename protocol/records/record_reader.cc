// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/record_reader.h"

#include "protocol/records/legacy_records.h"

namespace ottla::records {

namespace {

// varint length, negative for null.
std::optional<Bytes> read_blob(Reader& reader) {
  const int32_t length = reader.varint();
  if (!reader.ok() || length < 0) return std::nullopt;
  return reader.raw(static_cast<size_t>(length));
}

bool read_header(Reader& reader, RecordHeader& header) {
  const auto key = read_blob(reader);
  header.value = read_blob(reader);
  if (!key) reader.fail("null header key");
  if (!reader.ok()) return false;
  header.key = {reinterpret_cast<const char*>(key->data()), key->size()};
  return true;
}

}  // namespace

void read_headers(const RecordView& record, std::vector<RecordHeader>& out) {
  Reader reader(record.raw_headers);
  RecordHeader header;
  for (int32_t i = 0; i < record.header_count && read_header(reader, header); ++i) out.push_back(header);
}

Status RecordReader::open(Bytes batch) {
  status_ = {};
  left_ = 0;
  legacy_.clear();
  next_legacy_ = 0;
  magic_ = BatchWalker::magic(batch);
  if (magic_ < kMagicV2) return status_ = open_legacy(batch);
  const RecordBatchView view(batch);
  base_offset_ = view.base_offset();
  base_timestamp_ = view.base_timestamp();
  batch_timestamp_.reset();
  if (view.is_log_append_time()) batch_timestamp_ = view.max_timestamp();
  const auto codec = view.compression();
  if (!codec) return status_ = {ErrorCode::UNKNOWN_SERVER_ERROR, "unknown compression type"};
  Bytes records = view.records();
  if (*codec != Compression::kNone) {
    status_ = decompress(*codec, records, decompression_limit_, buffer_);
    if (!status_.ok()) return status_;
    records = buffer_;
  }
  if (view.record_count() < 0) return status_ = {ErrorCode::INVALID_RECORD, "negative record count"};
  left_ = view.record_count();
  reader_ = Reader(records);
  return status_;
}

std::optional<RecordView> RecordReader::next() {
  if (!status_.ok()) return std::nullopt;
  return magic_ < kMagicV2 ? next_legacy() : next_v2();
}

std::optional<RecordView> RecordReader::fail(const char* reason) {
  left_ = 0;
  status_ = {ErrorCode::INVALID_RECORD, reason};
  return std::nullopt;
}

std::optional<RecordView> RecordReader::next_v2() {
  if (left_ == 0) {
    if (reader_.remaining() == 0) return std::nullopt;
    return fail("incorrect declared batch size, records still remaining");
  }
  --left_;
  const int32_t size = reader_.varint();
  if (!reader_.ok() || size < 0) return fail("invalid record size");
  Reader body(reader_.raw(static_cast<size_t>(size)));
  if (!reader_.ok()) return fail("record goes beyond its batch");
  RecordView record;
  body.int8();  // attributes, unused
  const int64_t timestamp_delta = body.varlong();
  record.timestamp = batch_timestamp_.value_or(
      static_cast<int64_t>(static_cast<uint64_t>(base_timestamp_) + static_cast<uint64_t>(timestamp_delta)));
  record.offset =
      static_cast<int64_t>(static_cast<uint64_t>(base_offset_) + static_cast<uint64_t>(body.varint()));
  record.key = read_blob(body);
  record.value = read_blob(body);
  record.header_count = body.varint();
  if (!body.ok() || record.header_count < 0) return fail("record does not hold what it says");
  Reader headers = body;
  RecordHeader header;
  for (int32_t i = 0; i < record.header_count; ++i) {
    if (!read_header(headers, header)) return fail("record header does not fit its record");
  }
  if (headers.remaining() != 0) return fail("record is longer than what it holds");
  record.raw_headers = body.raw(body.remaining());
  return record;
}

Status RecordReader::open_legacy(Bytes batch) {
  auto wrapper = parse_legacy_message(batch);
  if (!wrapper.ok()) return wrapper.status();
  const auto codec = wrapper->compression();
  if (!codec) return {ErrorCode::UNKNOWN_SERVER_ERROR, "unknown compression type"};
  if (*codec == Compression::kNone) {
    legacy_.push_back({wrapper->offset, wrapper->timestamp, wrapper->key, wrapper->value});
    return {};
  }
  if (!wrapper->value) return {ErrorCode::INVALID_RECORD, "compressed record set with null value"};
  const Lz4Header lz4_header = magic_ == kMagicV0 ? Lz4Header::kMagic0 : Lz4Header::kStandard;
  const Status status = decompress(*codec, *wrapper->value, decompression_limit_, buffer_, lz4_header);
  if (!status.ok()) return status;
  BatchWalker walker(buffer_);
  while (const auto entry = walker.next()) {
    if (BatchWalker::magic(*entry) != magic_) {
      return {ErrorCode::INVALID_RECORD, "inner record's magic does not match the outer one"};
    }
    const auto inner = parse_legacy_message(*entry);
    if (!inner.ok()) return inner.status();
    if (!inner->crc_is_valid()) return {ErrorCode::CORRUPT_MESSAGE, "inner record is corrupt"};
    if ((inner->attributes & kCompressionMask) != 0) {
      return {ErrorCode::INVALID_RECORD, "inner record with a compression attribute set"};
    }
    const int64_t timestamp = wrapper->is_log_append_time() ? wrapper->timestamp : inner->timestamp;
    legacy_.push_back({inner->offset, timestamp, inner->key, inner->value});
  }
  if (!walker.status().ok()) return walker.status();
  if (legacy_.empty()) return {ErrorCode::INVALID_RECORD, "compressed record set is empty"};
  if (magic_ == kMagicV1) {
    // KIP-31: the wrapper has the offset of the last record, the inner ones count from the first.
    const int64_t base = wrapper->offset - legacy_.back().offset;
    for (LegacyRecord& record : legacy_) record.offset += base;
  }
  return {};
}

std::optional<RecordView> RecordReader::next_legacy() {
  if (next_legacy_ == legacy_.size()) return std::nullopt;
  const LegacyRecord& record = legacy_[next_legacy_++];
  return RecordView{record.offset, record.timestamp, record.key, record.value, 0, {}};
}

Result<std::optional<TimestampedOffset>> first_record_at_or_after(Bytes batch, int64_t timestamp,
                                                                  int64_t start_offset) {
  RecordReader reader;
  const Status status = reader.open(batch);
  if (!status.ok()) return status;
  while (const auto record = reader.next()) {
    if (record->timestamp >= timestamp && record->offset >= start_offset) {
      return std::optional(TimestampedOffset{record->timestamp, record->offset});
    }
  }
  if (!reader.status().ok()) return reader.status();
  return std::optional<TimestampedOffset>();
}

}  // namespace ottla::records
