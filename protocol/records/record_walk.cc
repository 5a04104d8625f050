// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/record_walk.h"

#include <array>

#include "protocol/records/record_reader.h"

namespace ottla::records {

namespace {

// The two sources have the same shape: sticky failure, a position that counts all bytes passed.
class SpanSource {
 public:
  explicit SpanSource(Bytes bytes) : reader_(bytes) {}
  bool ok() const { return reader_.ok(); }
  size_t position() const { return reader_.position(); }
  bool at_end() { return reader_.remaining() == 0; }
  void skip(size_t count) { reader_.skip(count); }
  int32_t varint() { return reader_.varint(); }
  int64_t varlong() { return reader_.varlong(); }
  Status status() const { return {}; }

 private:
  Reader reader_;
};

class StreamSource {
 public:
  StreamSource(Compression codec, Bytes bytes) : stream_(open_decompressor(codec, bytes)) {}
  bool ok() const { return !failed_; }
  size_t position() const { return passed_ + next_; }
  bool at_end() { return next_ == size_ && !fill(); }
  void skip(size_t count) {
    while (count > 0 && !failed_) {
      if (next_ == size_ && !fill()) {
        failed_ = true;
        return;
      }
      const size_t step = std::min(count, size_ - next_);
      next_ += step;
      count -= step;
    }
  }
  int32_t varint() {
    const auto raw = static_cast<uint32_t>(unsigned_varint(5));
    return static_cast<int32_t>((raw >> 1) ^ (0 - (raw & 1)));
  }
  int64_t varlong() {
    const uint64_t raw = unsigned_varint(10);
    return static_cast<int64_t>((raw >> 1) ^ (0 - (raw & 1)));
  }
  // Why the stream itself failed, if it did.
  const Status& status() const { return status_; }

 private:
  uint64_t unsigned_varint(int max_bytes) {
    uint64_t value = 0;
    for (int i = 0; i < max_bytes && !failed_; ++i) {
      if (next_ == size_ && !fill()) break;
      const uint8_t byte = window_[next_++];
      value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }

  bool fill() {
    if (failed_ || !status_.ok()) return false;
    passed_ += size_;
    next_ = size_ = 0;
    if (passed_ > kDefaultDecompressionLimit) {
      status_ = {ErrorCode::MESSAGE_TOO_LARGE, "compressed records are too large"};
      failed_ = true;
      return false;
    }
    const auto count = stream_->read(window_);
    if (!count.ok()) {
      status_ = count.status();
      failed_ = true;
      return false;
    }
    size_ = *count;
    return size_ > 0;
  }

  std::unique_ptr<Decompressor> stream_;
  std::array<uint8_t, 64 * 1024> window_;
  size_t next_ = 0;
  size_t size_ = 0;
  size_t passed_ = 0;
  bool failed_ = false;
  Status status_;
};

// Returns whether there was a blob, and not null.
template <typename Source>
bool skip_blob(Source& source) {
  const int32_t length = source.varint();
  if (length > 0) source.skip(static_cast<size_t>(length));
  return length >= 0;
}

template <typename Source>
const char* walk_one(Source& source, WalkedRecord& record, int64_t& timestamp_delta) {
  const int32_t size = source.varint();
  if (!source.ok() || size < 0) return "invalid record size";
  const size_t start = source.position();
  source.skip(1);  // attributes, unused
  timestamp_delta = source.varlong();
  record.offset_delta = source.varint();
  record.has_key = skip_blob(source);
  skip_blob(source);
  const int32_t headers = source.varint();
  if (headers < 0) return "invalid number of record headers";
  for (int32_t i = 0; i < headers && source.ok(); ++i) {
    if (!skip_blob(source)) return "null header key";
    skip_blob(source);
  }
  if (!source.ok()) return "record goes beyond its batch";
  return source.position() - start == static_cast<size_t>(size) ? nullptr
                                                                : "record size differs from what it holds";
}

template <typename Source>
Status walk(const RecordBatchView& batch, Source& source, RecordVisitor& visitor) {
  const auto base = static_cast<uint64_t>(batch.base_timestamp());
  const bool log_append_time = batch.is_log_append_time();
  const int32_t count = batch.record_count();
  WalkedRecord record;
  for (record.index = 0; record.index < count; ++record.index) {
    int64_t delta = 0;
    const char* error = walk_one(source, record, delta);
    if (!source.status().ok()) return source.status();
    if (error != nullptr) return {ErrorCode::INVALID_RECORD, error};
    record.timestamp =
        log_append_time ? batch.max_timestamp() : static_cast<int64_t>(base + static_cast<uint64_t>(delta));
    visitor.on_record(record);
  }
  if (source.at_end()) return source.status();
  return {ErrorCode::INVALID_RECORD, "incorrect declared batch size, records still remaining"};
}

}  // namespace

Status walk_records(const RecordBatchView& batch, RecordVisitor& visitor) {
  const auto codec = batch.compression();
  if (!codec) return {ErrorCode::UNKNOWN_SERVER_ERROR, "unknown compression type"};
  if (*codec == Compression::kNone) {
    SpanSource source(batch.records());
    return walk(batch, source, visitor);
  }
  StreamSource source(*codec, batch.records());
  return walk(batch, source, visitor);
}

}  // namespace ottla::records
