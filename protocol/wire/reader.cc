// SPDX-License-Identifier: Apache-2.0
#include "protocol/wire/reader.h"

#include <algorithm>

namespace ottla {

static_assert(std::endian::native == std::endian::little, "numbers are swapped from big-endian");

namespace {

std::string_view text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

Bytes Reader::raw(size_t count) {
  if (error_ != nullptr || remaining() < count) {
    fail("length beyond the bytes left");
    return {};
  }
  const Bytes result = bytes_.subspan(position_, count);
  position_ += count;
  return result;
}

Uuid Reader::uuid() {
  Uuid id;
  const Bytes bytes = raw(id.bytes.size());
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

uint64_t Reader::long_varint(int max_bytes, uint8_t last_byte_limit) {
  uint64_t value = 0;
  size_t position = position_;
  for (int i = 0; i < max_bytes; ++i) {
    if (error_ != nullptr || position >= bytes_.size()) {
      fail("message ends inside a varint");
      return 0;
    }
    const uint8_t byte = bytes_[position++];
    if (i == max_bytes - 1 && byte > last_byte_limit) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      position_ = position;
      return value;
    }
  }
  fail("varint too long");
  return 0;
}

std::optional<std::string_view> Reader::nullable_string() {
  const int16_t length = int16();
  if (error_ != nullptr || length < 0) return std::nullopt;
  const Bytes bytes = raw(static_cast<size_t>(length));
  if (error_ != nullptr) return std::nullopt;
  return text(bytes);
}

std::string_view Reader::string() {
  const auto value = nullable_string();
  if (!value) fail("null in a string that may not be null");
  return value.value_or(std::string_view{});
}

std::optional<std::string_view> Reader::nullable_compact_string() {
  const uint32_t length = unsigned_varint();
  if (error_ != nullptr || length == 0) return std::nullopt;
  if (length - 1 > kMaxStringLength) {
    fail("string longer than 32767 bytes");
    return std::nullopt;
  }
  const Bytes bytes = raw(length - 1);
  if (error_ != nullptr) return std::nullopt;
  return text(bytes);
}

std::string_view Reader::compact_string() {
  const auto value = nullable_compact_string();
  if (!value) fail("null in a string that may not be null");
  return value.value_or(std::string_view{});
}

std::optional<Bytes> Reader::nullable_bytes() {
  const int32_t length = int32();
  if (error_ != nullptr || length < 0) return std::nullopt;
  const Bytes value = raw(static_cast<size_t>(length));
  if (error_ != nullptr) return std::nullopt;
  return value;
}

Bytes Reader::bytes() {
  const auto value = nullable_bytes();
  if (!value) fail("null in bytes that may not be null");
  return value.value_or(Bytes{});
}

std::optional<Bytes> Reader::nullable_compact_bytes() {
  const uint32_t length = unsigned_varint();
  if (error_ != nullptr || length == 0) return std::nullopt;
  const Bytes value = raw(length - 1);
  if (error_ != nullptr) return std::nullopt;
  return value;
}

Bytes Reader::compact_bytes() {
  const auto value = nullable_compact_bytes();
  if (!value) fail("null in bytes that may not be null");
  return value.value_or(Bytes{});
}

std::optional<std::string_view> Reader::jute_string() {
  const auto value = nullable_bytes();
  if (!value) return std::nullopt;
  return text(*value);
}

int32_t Reader::checked_count(int64_t count, size_t min_element_size) {
  if (error_ != nullptr) return 0;
  if (count < 0) return -1;
  if (static_cast<uint64_t>(count) > remaining() / std::max<size_t>(min_element_size, 1)) {
    fail("array longer than the bytes left");
    return 0;
  }
  return static_cast<int32_t>(count);
}

int32_t Reader::array_length(size_t min_element_size) {
  const int32_t count = int32();
  return checked_count(count, min_element_size);
}

int32_t Reader::compact_array_length(size_t min_element_size) {
  const uint32_t count = unsigned_varint();
  return checked_count(static_cast<int64_t>(count) - 1, min_element_size);
}

}  // namespace ottla
