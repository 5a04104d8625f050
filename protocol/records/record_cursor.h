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
  // A varint length, negative for null, and as many bytes. Written where it belongs: an optional that is
  // returned is stored bytewise and loaded whole, which stalls.
  void blob(std::optional<Bytes>& out) {
    const int32_t length = varint();
    if (length < 0) {
      out.reset();
    } else if (remaining() < static_cast<size_t>(length)) {
      fail();
    } else {
      out.emplace(next_, static_cast<size_t>(length));
      next_ += length;
    }
  }
  // The same without looking at the bytes; whether it was not null.
  bool skip_blob() {
    const int32_t length = varint();
    if (length > 0) skip(static_cast<size_t>(length));
    return length >= 0;
  }

 private:
  // Numbers of one and two bytes are nearly all that there are.
  template <int kMostBytes>
  uint64_t unsigned_varint() {
    if (next_ == end_) [[unlikely]] {
      fail();
      return 0;
    }
    const uint32_t first = next_[0];
    if (first < 0x80) {
      next_ += 1;
      return first;
    }
    if (remaining() >= 2) [[likely]] {
      const uint32_t second = next_[1];
      if (second < 0x80) {
        next_ += 2;
        return (first & 0x7f) | second << 7;
      }
    }
    const Long number = long_varint(next_, end_, kMostBytes);
    if (number.after == nullptr) {
      fail();
      return 0;
    }
    next_ = number.after;
    return number.value;
  }

  struct Long {
    uint64_t value;
    const uint8_t* after;  // null where it does not end
  };
  // By values, so that a cursor can live in registers.
  [[gnu::noinline]] static Long long_varint(const uint8_t* next, const uint8_t* end, int most_bytes) {
    uint64_t value = 0;
    for (int shift = 0; shift < 7 * most_bytes && next != end; shift += 7) {
      const uint8_t byte = *next++;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return {value, next};
    }
    return {0, nullptr};
  }

  const uint8_t* begin_;
  const uint8_t* next_;
  const uint8_t* end_;
  bool ok_ = true;
};

}  // namespace ottla::records
