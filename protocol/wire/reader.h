// SPDX-License-Identifier: Apache-2.0
// Reads the protocol's primitive types (Kafka's protocol guide, KIP-482 for the compact ones; ZooKeeper's
// jute for its own) out of bytes that came from outside.
//
// The error is sticky: after the first read that does not fit, ok() is false, every further read returns
// zero, empty or null, and the position stays. Callers read a whole message and check once. Nothing is
// allocated, and no count is returned that the remaining bytes cannot hold. Views returned point into the
// bytes given to the constructor and live as long as those. One thread at a time.
//
// An element of an array can take tens of times the memory that it takes on the wire, so whoever decodes asks
// for the memory first, with take_memory; limit_memory says how much a message may take.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/base/uuid.h"

namespace ottla {

using Bytes = std::span<const uint8_t>;

// The longest string that the protocol can carry, in bytes.
constexpr size_t kMaxStringLength = 32767;

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  bool ok() const { return error_ == nullptr; }
  // Why the first failing read failed ("string longer than the bytes left"), null while ok(). A literal.
  const char* error() const { return error_; }
  // Marks the bytes as bad; the first reason stays. REQUIRES: `reason` is a literal.
  void fail(const char* reason) {
    if (error_ == nullptr) error_ = reason;
  }

  // REQUIRES: no more was taken yet. Without this there is no limit.
  void limit_memory(size_t bytes) { memory_limit_ = bytes; }
  // Whether `count` elements of `size` bytes may be allocated; fails where not.
  bool take_memory(size_t count, size_t size) {
    if (error_ == nullptr && count <= (memory_limit_ - memory_taken_) / size) {
      memory_taken_ += count * size;
      return true;
    }
    fail("message takes too much memory");
    return false;
  }
  size_t memory_taken() const { return memory_taken_; }
  // Reads `part` of the same message (a tagged field) within this Reader's memory; give it back with join.
  Reader split(Bytes part) const {
    Reader reader(part);
    reader.memory_limit_ = memory_limit_;
    reader.memory_taken_ = memory_taken_;
    return reader;
  }
  // Takes over the error of a Reader from split, and the memory that it took.
  void join(const Reader& part) {
    memory_taken_ = part.memory_taken_;
    if (!part.ok()) fail(part.error());
  }

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  void skip(size_t count) { static_cast<void>(raw(count)); }
  // The next `count` bytes, without copying; fails where fewer are left.
  Bytes raw(size_t count);

  bool boolean() { return int8() != 0; }
  int8_t int8() { return static_cast<int8_t>(fixed<uint8_t>()); }
  int16_t int16() { return static_cast<int16_t>(fixed<uint16_t>()); }
  uint16_t uint16() { return fixed<uint16_t>(); }
  int32_t int32() { return static_cast<int32_t>(fixed<uint32_t>()); }
  uint32_t uint32() { return fixed<uint32_t>(); }
  int64_t int64() { return static_cast<int64_t>(fixed<uint64_t>()); }
  double float64() { return std::bit_cast<double>(fixed<uint64_t>()); }
  Uuid uuid();
  // Unsigned LEB128, at most 5 (10) bytes; longer or overflowing encodings fail.
  uint32_t unsigned_varint() {
    if (error_ == nullptr && position_ < bytes_.size() && bytes_[position_] < 0x80)
      return bytes_[position_++];
    return static_cast<uint32_t>(long_varint(5, 0x0f));
  }
  // Zigzag.
  int32_t varint() {
    const uint32_t raw = unsigned_varint();
    return static_cast<int32_t>((raw >> 1) ^ (0 - (raw & 1)));
  }
  int64_t varlong() {
    const uint64_t raw = long_varint(10, 0x01);
    return static_cast<int64_t>((raw >> 1) ^ (0 - (raw & 1)));
  }

  // int16 length; negative is null. The non-nullable form fails on null. Invalid UTF-8 is kept: handlers
  // validate names.
  std::string_view string();
  std::optional<std::string_view> nullable_string();
  // unsigned varint of length + 1; 0 is null. Longer than kMaxStringLength fails, as in Kafka.
  std::string_view compact_string();
  std::optional<std::string_view> nullable_compact_string();
  // int32 length; negative is null.
  Bytes bytes();
  std::optional<Bytes> nullable_bytes();
  Bytes compact_bytes();
  std::optional<Bytes> nullable_compact_bytes();
  // ZooKeeper's ustring: int32 length; negative is null.
  std::optional<std::string_view> jute_string();

  // The count of an array, -1 for null (any negative count). Fails where the rest of the bytes cannot hold
  // `count` elements of at least `min_element_size` bytes each (never below 1), so a caller may reserve by
  // it.
  int32_t array_length(size_t min_element_size);
  int32_t compact_array_length(size_t min_element_size);

 private:
  template <typename T>
  T fixed() {
    if (error_ != nullptr || remaining() < sizeof(T)) {
      fail("message ends inside a number");
      return 0;
    }
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    if constexpr (sizeof(T) == 2) value = __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) value = __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) value = __builtin_bswap64(value);
    return value;
  }
  uint64_t long_varint(int max_bytes, uint8_t last_byte_limit);
  int32_t checked_count(int64_t count, size_t min_element_size);

  Bytes bytes_;
  size_t position_ = 0;
  const char* error_ = nullptr;
  size_t memory_limit_ = SIZE_MAX;
  size_t memory_taken_ = 0;
};

}  // namespace ottla
