// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/record_walk.h"

#include <array>
#include <cstring>

#include "protocol/records/record_cursor.h"
#include "protocol/records/record_reader.h"

namespace ottla::records {

namespace {

// Has the shape of RecordCursor: sticky failure, a position that counts all bytes passed.
class StreamSource {
 public:
  StreamSource(Compression codec, Bytes bytes) : stream_(open_decompressor(codec, bytes)) {}
  bool ok() const { return !failed_; }
  size_t position() const { return passed_ + next_; }
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
  bool skip_blob() {
    const int32_t length = varint();
    if (length > 0) skip(static_cast<size_t>(length));
    return length >= 0;
  }
  size_t remaining() { return next_ == size_ && !fill() ? 0 : size_ - next_; }
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

// What follows a record's size.
template <typename Source>
const char* walk_body(Source& source, WalkedRecord& record, int64_t& timestamp_delta) {
  source.skip(1);  // attributes, unused
  timestamp_delta = source.varlong();
  record.offset_delta = source.varint();
  record.has_key = source.skip_blob();
  source.skip_blob();
  const int32_t headers = source.varint();
  if (headers < 0) return "invalid number of record headers";
  for (int32_t i = 0; i < headers && source.ok(); ++i) {
    if (!source.skip_blob()) return "null header key";
    source.skip_blob();
  }
  return source.ok() ? nullptr : "record goes beyond its batch";
}

constexpr const char* kWrongSize = "record size differs from what it holds";

const char* walk_one(StreamSource& source, WalkedRecord& record, int64_t& timestamp_delta) {
  const int32_t size = source.varint();
  if (!source.ok() || size < 0) return "invalid record size";
  const size_t start = source.position();
  const char* error = walk_body(source, record, timestamp_delta);
  if (error != nullptr) return error;
  return source.position() - start == static_cast<size_t>(size) ? nullptr : kWrongSize;
}

// Goes on by the record's size at once: the next record is found while this one is looked at.
const char* walk_one(RecordCursor& cursor, WalkedRecord& record, int64_t& timestamp_delta) {
  const int32_t size = cursor.varint();
  if (!cursor.ok() || size < 0) return "invalid record size";
  if (cursor.remaining() < static_cast<size_t>(size)) return "record goes beyond its batch";
  RecordCursor body(cursor.rest().first(static_cast<size_t>(size)));
  cursor.skip(static_cast<size_t>(size));
  const char* error = walk_body(body, record, timestamp_delta);
  if (error != nullptr) return error;
  return body.remaining() == 0 ? nullptr : kWrongSize;
}

// A number of one or two bytes at `at`, still in zigzag; false where it is longer. REQUIRES: two bytes are
// there.
inline bool short_varint(const uint8_t* bytes, size_t& at, uint32_t& raw) {
  uint16_t two;
  std::memcpy(&two, bytes + at, sizeof(two));
  if ((two & 0x80) == 0) {
    raw = two & 0x7f;
    at += 1;
    return true;
  }
  raw = (two & 0x7fu) | (two >> 1 & 0x3f80u);
  at += 2;
  return (two & 0x8000) == 0;
}

// What nearly every record is: no number over two bytes, no headers, not the last of its batch. It is read
// with one look at where it ends. False where it is not such a record, or a bad one: walk_one tells.
inline bool walk_common(RecordCursor& cursor, WalkedRecord& record, int64_t& timestamp_delta) {
  constexpr size_t kAhead = 12;  // the numbers up to the key, and the byte behind the last
  const size_t left = cursor.remaining();
  if (left < kAhead) return false;
  const uint8_t* bytes = cursor.rest().data();
  size_t at = 0;
  uint32_t raw = 0;
  if (!short_varint(bytes, at, raw) || (raw & 1) != 0) return false;
  const size_t end = at + (raw >> 1);
  if (end + 2 > left) return false;
  at += 1;  // attributes
  if (!short_varint(bytes, at, raw)) return false;
  timestamp_delta = static_cast<int64_t>((raw >> 1) ^ (uint64_t{0} - (raw & 1)));
  if (!short_varint(bytes, at, raw)) return false;
  record.offset_delta = static_cast<int32_t>((raw >> 1) ^ (0 - (raw & 1)));
  if (!short_varint(bytes, at, raw)) return false;
  record.has_key = (raw & 1) == 0;
  at += record.has_key ? raw >> 1 : 0;
  if (at >= end || !short_varint(bytes, at, raw)) return false;
  at += (raw & 1) == 0 ? raw >> 1 : 0;
  if (at + 1 != end || bytes[at] != 0) return false;
  cursor.skip(end);
  return true;
}
inline bool walk_common(StreamSource&, WalkedRecord&, int64_t&) { return false; }

template <typename Source>
Status walk(const RecordBatchView& batch, Source& source, RecordVisitor& visitor) {
  const auto base = static_cast<uint64_t>(batch.base_timestamp());
  const bool log_append_time = batch.is_log_append_time();
  const int64_t max_timestamp = batch.max_timestamp();
  const int32_t count = batch.record_count();
  WalkedRecord record;
  for (record.index = 0; record.index < count; ++record.index) {
    int64_t delta = 0;
    const char* error = walk_common(source, record, delta) ? nullptr : walk_one(source, record, delta);
    if (error != nullptr) return {ErrorCode::INVALID_RECORD, error};
    record.timestamp =
        log_append_time ? max_timestamp : static_cast<int64_t>(base + static_cast<uint64_t>(delta));
    visitor.on_record(record);
  }
  if (source.remaining() == 0 && source.ok()) return {};
  return {ErrorCode::INVALID_RECORD, "incorrect declared batch size, records still remaining"};
}

// Apart from the other, whose window is large: this one needs registers alone.
[[gnu::noinline]] Status walk_plain(const RecordBatchView& batch, RecordVisitor& visitor) {
  RecordCursor cursor(batch.records());
  return walk(batch, cursor, visitor);
}

[[gnu::noinline]] Status walk_compressed(Compression codec, const RecordBatchView& batch,
                                         RecordVisitor& visitor) {
  StreamSource source(codec, batch.records());
  const Status status = walk(batch, source, visitor);
  return source.status().ok() ? status : source.status();
}

}  // namespace

Status walk_records(const RecordBatchView& batch, RecordVisitor& visitor) {
  const auto codec = batch.compression();
  if (!codec) return {ErrorCode::UNKNOWN_SERVER_ERROR, "unknown compression type"};
  return *codec == Compression::kNone ? walk_plain(batch, visitor) : walk_compressed(*codec, batch, visitor);
}

}  // namespace ottla::records
