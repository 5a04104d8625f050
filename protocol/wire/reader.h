// SPDX-License-Identifier: Apache-2.0
// Reads the protocol's primitive types (Kafka's protocol guide, KIP-482 for the compact ones; ZooKeeper's jute for its own)
// out of bytes that came from outside.
//
// The error is sticky: after the first read that does not fit, ok() is false, every further read returns zero, empty or
// null, and the position stays. Callers read a whole message and check once. Nothing is allocated by a length that the
// remaining bytes cannot hold. Views returned point into the bytes given to the constructor and live as long as those.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/base/uuid.h"

namespace ottla {

using Bytes = std::span<const uint8_t>;

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  bool ok() const { return error_ == nullptr; }
  // Why the first failing read failed ("string length 70000 beyond 12 remaining bytes"), null while ok().
  const char* error() const { return error_; }
  void fail(const char* reason);

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }
  void skip(size_t count);
  // The next `count` bytes, without copying; fails where fewer are left.
  Bytes raw(size_t count);

  bool boolean() { return int8() != 0; }
  int8_t int8();
  int16_t int16();
  uint16_t uint16();
  int32_t int32();
  uint32_t uint32();
  int64_t int64();
  double float64();
  Uuid uuid();
  // Unsigned LEB128, at most 5 (10) bytes; longer or overflowing encodings fail.
  uint32_t unsigned_varint();
  // Zigzag.
  int32_t varint();
  int64_t varlong();

  // int16 length; negative is null. The non-nullable form fails on null. Invalid UTF-8 is kept: handlers validate names.
  std::string_view string();
  std::optional<std::string_view> nullable_string();
  // unsigned varint of length + 1; 0 is null.
  std::string_view compact_string();
  std::optional<std::string_view> nullable_compact_string();
  // int32 length; negative is null.
  Bytes bytes();
  std::optional<Bytes> nullable_bytes();
  Bytes compact_bytes();
  std::optional<Bytes> nullable_compact_bytes();
  // ZooKeeper's ustring: int32 length; negative is null.
  std::optional<std::string_view> jute_string();

  // The count of an array, -1 for null. Fails where the rest of the bytes cannot hold `count` elements of at least
  // `min_element_size` bytes each (never below 1), so a caller may reserve by it.
  int32_t array_length(size_t min_element_size);
  int32_t compact_array_length(size_t min_element_size);

 private:
  Bytes bytes_;
  size_t position_ = 0;
  const char* error_ = nullptr;
};

}  // namespace ottla
