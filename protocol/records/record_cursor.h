// SPDX-License-Identifier: Apache-2.0
// Goes through the bytes of v2 records, all of which are there: the same job as wire/reader.h, for the one
// place where a nanosecond counts, and with Kafka's own leniency: bits of a varint that overflow its type are
// dropped (ByteUtils.readVarint). The error is sticky. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/wire/reader.h"

namespace ottla::records {

class RecordCursor {
 public:
  explicit RecordCursor(Bytes bytes) : begin_(bytes.data()), next_(begin_), end_(begin_ + bytes.size()) {}

  bool ok() const { return ok_; }
  size_t position() const { return static_cast<size_t>(next_ - begin_); }
  size_t remaining() const { return static_cast<size_t>(end_ - next_); }
  Bytes rest() const { return {next_, remaining()}; }
  void fail() {
    ok_ = false;
    next_ = end_;
  }

  void skip(size_t count) {
    if (remaining() < count) return fail();
    next_ += count;
  }
  int32_t varint() {
    const auto raw = static_cast<uint32_t>(unsigned_varint<5>());
    return static_cast<int32_t>((raw >> 1) ^ (0 - (raw & 1)));
  }
  int64_t varlong() {
    const uint64_t raw = unsigned_varint<10>();
    return static_cast<int64_t>((raw >> 1) ^ (0 - (raw & 1)));
  }
  // A varint length, negative for null, and as many bytes.
  std::optional<Bytes> blob() {
    const int32_t length = varint();
    if (length < 0 || remaining() < static_cast<size_t>(length)) {
      if (length >= 0) fail();
      return std::nullopt;
    }
    const Bytes bytes(next_, static_cast<size_t>(length));
    next_ += length;
    return bytes;
  }
  // The same without looking at the bytes; whether it was not null.
  bool skip_blob() {
    const int32_t length = varint();
    if (length > 0) skip(static_cast<size_t>(length));
    return length >= 0;
  }

 private:
  template <int kMostBytes>
  uint64_t unsigned_varint() {
    if (next_ != end_ && *next_ < 0x80) [[likely]]
      return *next_++;
    return long_varint(kMostBytes);
  }
  uint64_t long_varint(int most_bytes) {
    uint64_t value = 0;
    for (int shift = 0; shift < 7 * most_bytes && next_ != end_; shift += 7) {
      const uint8_t byte = *next_++;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }

  const uint8_t* begin_;
  const uint8_t* next_;
  const uint8_t* end_;
  bool ok_ = true;
};

}  // namespace ottla::records
