// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/record_reader.h"

#include <utility>

#include "protocol/records/legacy_records.h"
#include "protocol/records/record_cursor.h"

namespace ottla::records {

namespace {

constexpr size_t kLongestVarint = 5;

bool read_header(RecordCursor& cursor, RecordHeader& header) {
  std::optional<Bytes> key;
  cursor.blob(key);
  cursor.blob(header.value);
  if (!key || !cursor.ok()) return false;
  header.key = {reinterpret_cast<const char*>(key->data()), key->size()};
  return true;
}

}  // namespace

void read_headers(const RecordView& record, std::vector<RecordHeader>& out) {
  RecordCursor cursor(record.raw_headers);
  RecordHeader header;
  for (int32_t i = 0; i < record.header_count && read_header(cursor, header); ++i) out.push_back(header);
}

Status RecordReader::open(Bytes batch) {
  left_ = 0;
  single_.reset();
  wrapper_ = {};
  window_.open(Bytes{});
  magic_ = BatchWalker::magic(batch);
  status_ = magic_ < kMagicV2 ? open_legacy(batch) : open_v2(RecordBatchView(batch));
  return status_;
}

void RecordReader::open_window(Compression codec, Bytes bytes, size_t batch_size, Lz4Header lz4_header) {
  const size_t record_limit = std::max(kLargestRecord, kLargestRecordGrowth * batch_size);
  window_.open(codec, bytes, lz4_header, {record_limit, decompression_limit_});
}

Status RecordReader::open_v2(const RecordBatchView& view) {
  base_offset_ = view.base_offset();
  base_timestamp_ = view.base_timestamp();
  batch_timestamp_.reset();
  if (view.is_log_append_time()) batch_timestamp_ = view.max_timestamp();
  const auto codec = view.compression();
  if (!codec) return {ErrorCode::UNKNOWN_SERVER_ERROR, "unknown compression type"};
  if (view.record_count() < 0) return {ErrorCode::INVALID_RECORD, "negative record count"};
  // What compaction leaves of a batch for the sake of its producer: a header without records.
  if (view.record_count() == 0) return {};
  left_ = view.record_count();
  if (*codec == Compression::kNone) {
    window_.open(view.records());
    return {};
  }
  open_window(*codec, view.records(), view.size_in_bytes(), Lz4Header::kStandard);
  window_.peek(1);
  return window_.status();
}

std::optional<RecordView> RecordReader::next() {
  if (!status_.ok()) return std::nullopt;
  if (magic_ == kMagicV2) return next_v2();
  if (wrapper_.any) return next_inner();
  return std::exchange(single_, std::nullopt);
}

std::optional<RecordView> RecordReader::fail(const char* reason, ErrorCode code) {
  left_ = 0;
  status_ = window_.status().ok() ? Status(code, reason) : window_.status();
  return std::nullopt;
}

std::optional<RecordView> RecordReader::next_v2() {
  if (left_ == 0) {
    if (window_.at_end() && window_.status().ok()) return std::nullopt;
    return fail("incorrect declared batch size, records still remaining");
  }
  --left_;
  RecordCursor length(window_.peek(kLongestVarint));
  const int32_t size = length.varint();
  if (!length.ok() || size < 0) return fail("invalid record size");
  window_.consume(length.position());
  const Bytes bytes = window_.peek(static_cast<size_t>(size));
  if (bytes.size() < static_cast<size_t>(size)) return fail("record goes beyond its batch");
  window_.consume(bytes.size());
  std::optional<RecordView> record(std::in_place);
  if (const char* error = read_v2(bytes, *record); error != nullptr) {
    fail(error);
    record.reset();
  }
  return record;
}

// Why it cannot be read; null where it was.
const char* RecordReader::read_v2(Bytes bytes, RecordView& record) const {
  RecordCursor body(bytes);
  body.skip(1);  // attributes, unused
  const int64_t timestamp_delta = body.varlong();
  record.timestamp = batch_timestamp_ ? *batch_timestamp_
                                      : static_cast<int64_t>(static_cast<uint64_t>(base_timestamp_) +
                                                             static_cast<uint64_t>(timestamp_delta));
  record.offset =
      static_cast<int64_t>(static_cast<uint64_t>(base_offset_) + static_cast<uint64_t>(body.varint()));
  body.blob(record.key);
  body.blob(record.value);
  record.header_count = body.varint();
  if (!body.ok() || record.header_count < 0) return "record does not hold what it says";
  record.raw_headers = body.rest();
  RecordHeader header;
  for (int32_t i = 0; i < record.header_count; ++i) {
    if (!read_header(body, header)) return "record header does not fit its record";
  }
  return body.remaining() == 0 ? nullptr : "record is longer than what it holds";
}

Status RecordReader::open_legacy(Bytes batch) {
  const auto message = parse_legacy_message(batch);
  if (!message.ok()) return message.status();
  const auto codec = message->compression();
  if (!codec) return {ErrorCode::UNKNOWN_SERVER_ERROR, "unknown compression type"};
  if (*codec == Compression::kNone) {
    single_ =
        RecordView{message->offset, message->timestamp, message->key, message->value, 0, {}, message->crc};
    return {};
  }
  if (*codec == Compression::kZstd) return {ErrorCode::INVALID_RECORD, "zstd in an old message format"};
  if (!message->value) return {ErrorCode::INVALID_RECORD, "compressed record set with null value"};
  wrapper_.any = true;
  if (message->is_log_append_time()) wrapper_.timestamp = message->timestamp;
  if (magic_ == kMagicV1 && message->offset != 0) {
    const Status status = find_base_offset(*message);
    if (!status.ok()) return status;
  }
  open_window(*codec, *message->value, batch.size(),
              magic_ == kMagicV0 ? Lz4Header::kMagic0 : Lz4Header::kStandard);
  if (peek_inner().empty()) {
    return window_.status().ok() ? Status(ErrorCode::INVALID_RECORD, "compressed record set is empty")
                                 : window_.status();
  }
  return {};
}

// KIP-31: the wrapper has the offset of the last record, the inner ones count from the first. Some clients
// leave the wrapper's at 0.
Status RecordReader::find_base_offset(const LegacyMessage& wrapper) {
  open_window(*wrapper.compression(), *wrapper.value, wrapper.value->size(), Lz4Header::kStandard);
  int64_t last = 0;
  while (true) {
    Reader head(window_.peek(kLogOverhead));
    const int64_t offset = head.int64();
    const int32_t length = head.int32();
    if (!head.ok()) break;
    if (length < kSmallestLegacyLength) {
      return {ErrorCode::CORRUPT_MESSAGE, "inner record is smaller than the minimum record overhead"};
    }
    if (!window_.skip(kLogOverhead + static_cast<size_t>(length))) break;
    last = offset;
  }
  if (!window_.status().ok()) return window_.status();
  if (wrapper.offset < last) {
    return {ErrorCode::INVALID_RECORD, "the wrapper's offset is less than that of the last inner message"};
  }
  wrapper_.base_offset =
      static_cast<int64_t>(static_cast<uint64_t>(wrapper.offset) - static_cast<uint64_t>(last));
  return {};
}

Bytes RecordReader::peek_inner() {
  Reader head(window_.peek(kLogOverhead));
  head.int64();
  const int32_t length = head.int32();
  if (!head.ok()) return {};
  // Too short for its header: handed out as it is, to be refused.
  const size_t size = kLogOverhead + static_cast<size_t>(std::max(length, kSmallestLegacyLength));
  const Bytes message = window_.peek(size);
  return message.size() < size ? Bytes{} : message;
}

std::optional<RecordView> RecordReader::next_inner() {
  const Bytes entry = peek_inner();
  if (entry.empty()) return window_.status().ok() ? std::nullopt : fail("inner record cannot be read");
  window_.consume(entry.size());
  if (BatchWalker::magic(entry) != magic_) return fail("inner record's magic does not match the outer one");
  const auto inner = parse_legacy_message(entry);
  // Kafka looks at the checksum first.
  if (!inner.ok() || !inner->crc_is_valid()) {
    return fail("inner record is corrupt", ErrorCode::CORRUPT_MESSAGE);
  }
  if ((inner->attributes & kCompressionMask) != 0)
    return fail("inner record with a compression attribute set");
  const auto offset = static_cast<int64_t>(static_cast<uint64_t>(wrapper_.base_offset) +
                                           static_cast<uint64_t>(inner->offset));
  return RecordView{offset,    wrapper_.timestamp.value_or(inner->timestamp), inner->key, inner->value, 0, {},
                    inner->crc};
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
