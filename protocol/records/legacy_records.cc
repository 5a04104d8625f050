// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/legacy_records.h"

#include <zlib.h>

#include "protocol/records/piecewise_compressor.h"
#include "protocol/records/record_reader.h"

namespace ottla::records {

namespace {

uint32_t crc32_of(Bytes bytes) {
  return static_cast<uint32_t>(::crc32_z(::crc32_z(0, nullptr, 0), bytes.data(), bytes.size()));
}

// What both formats say about a batch as a whole.
struct Source {
  explicit Source(Bytes batch) : magic(BatchWalker::magic(batch)) {
    if (magic == kMagicV2) {
      const RecordBatchView view(batch);
      control = view.is_control();
      codec = view.compression();
      log_append_time = view.is_log_append_time();
    } else if (const auto message = parse_legacy_message(batch); message.ok()) {
      codec = message->compression();
      log_append_time = message->is_log_append_time();
    }
  }
  int8_t magic;
  bool control = false;
  bool log_append_time = false;
  std::optional<Compression> codec = Compression::kNone;
};

// Converts one batch that is newer than the client; see down_convert.
class DownConverter {
 public:
  DownConverter(int8_t to_magic, int64_t first_offset, Writer& out, size_t limit)
      : to_magic_(to_magic), first_offset_(first_offset), out_(out), limit_(limit) {}

  Status convert(Bytes batch, const Source& source) {
    const Status status = reader_.open(batch);
    if (!status.ok()) return status;
    const int8_t time_flag = source.log_append_time ? kLogAppendTimeFlag : 0;
    if (source.codec == Compression::kNone) return plain(time_flag);
    return compressed(*source.codec, time_flag);
  }
  bool full() const { return out_.buffer().size() >= limit_; }

 private:
  Status plain(int8_t time_flag) {
    while (const auto record = reader_.next()) {
      if (record->offset < first_offset_) continue;
      write_legacy_message(out_, to_magic_, record->offset, record->timestamp, time_flag, record->key,
                           record->value);
      if (full()) return {};
    }
    return reader_.status();
  }

  Status compressed(Compression codec, int8_t time_flag) {
    value_.clear();
    inner_.begin(codec, value_, to_magic_ == kMagicV0 ? Lz4Header::kMagic0 : Lz4Header::kStandard);
    std::optional<int64_t> base_offset;
    int64_t last_offset = -1;
    int64_t max_timestamp = kNoTimestamp;
    while (const auto record = reader_.next()) {
      if (!base_offset) base_offset = record->offset;
      const int64_t offset = to_magic_ == kMagicV1 ? record->offset - *base_offset : record->offset;
      write_legacy_message(inner_.pending(), to_magic_, offset, record->timestamp, time_flag, record->key,
                           record->value);
      const Status status = inner_.flush_if_large();
      if (!status.ok()) return status;
      last_offset = record->offset;
      max_timestamp = std::max(max_timestamp, record->timestamp);
    }
    if (!reader_.status().ok() || !base_offset) return reader_.status();
    const Status status = inner_.finish();
    if (!status.ok()) return status;
    const int8_t attributes = static_cast<int8_t>(static_cast<int8_t>(codec) | time_flag);
    write_legacy_message(out_, to_magic_, last_offset, max_timestamp, attributes, std::nullopt,
                         Bytes(value_));
    return {};
  }

  int8_t to_magic_;
  int64_t first_offset_;
  Writer& out_;
  size_t limit_;
  RecordReader reader_;
  PiecewiseCompressor inner_;
  std::vector<uint8_t> value_;
};

}  // namespace

bool LegacyMessage::crc_is_valid() const { return crc32_of(checked) == crc; }

Result<LegacyMessage> parse_legacy_message(Bytes message) {
  Reader reader(message);
  LegacyMessage parsed;
  parsed.offset = reader.int64();
  reader.int32();
  parsed.crc = reader.uint32();
  parsed.checked = message.subspan(std::min(reader.position(), message.size()));
  parsed.magic = reader.int8();
  parsed.attributes = reader.int8();
  if (parsed.magic >= kMagicV1) parsed.timestamp = reader.int64();
  parsed.key = reader.nullable_bytes();
  parsed.value = reader.nullable_bytes();
  if (!reader.ok()) return {ErrorCode::INVALID_RECORD, "message does not hold what it says"};
  return parsed;
}

void write_legacy_message(Writer& out, int8_t magic, int64_t offset, int64_t timestamp, int8_t attributes,
                          const std::optional<Bytes>& key, const std::optional<Bytes>& value) {
  out.int64(offset);
  const size_t length_position = out.buffer().size();
  out.int32(0);
  const size_t crc_position = out.buffer().size();
  out.int32(0);
  out.int8(magic);
  // v0 knows no time, so it has no kind of time either.
  out.int8(magic == kMagicV0 ? static_cast<int8_t>(attributes & kCompressionMask) : attributes);
  if (magic >= kMagicV1) out.int64(timestamp);
  out.nullable_bytes(key);
  out.nullable_bytes(value);
  const Bytes written = out.buffer();
  const uint32_t crc = crc32_of(written.subspan(crc_position + sizeof(uint32_t)));
  out.patch_int32(length_position, static_cast<int32_t>(written.size() - crc_position));
  out.patch_int32(crc_position, static_cast<int32_t>(crc));
}

Status down_convert(Bytes batches, int8_t to_magic, int64_t first_offset, Writer& out, size_t limit) {
  const size_t start = out.buffer().size();
  DownConverter converter(to_magic, first_offset, out, limit > SIZE_MAX - start ? SIZE_MAX : start + limit);
  BatchWalker walker(batches);
  while (const auto batch = walker.next()) {
    const Source source(*batch);
    if (source.control) continue;
    if (source.codec == Compression::kZstd) {
      return {ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, "zstd cannot be converted to an old message format"};
    }
    if (source.magic <= to_magic) {
      out.raw(*batch);
    } else {
      const Status status = converter.convert(*batch, source);
      if (!status.ok()) return status;
    }
    if (converter.full()) return {};
  }
  return walker.status();
}

}  // namespace ottla::records
