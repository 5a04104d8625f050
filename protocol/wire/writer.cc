// SPDX-License-Identifier: Apache-2.0
#include "protocol/wire/writer.h"

#include <algorithm>

#include "protocol/base/status.h"

namespace ottla {

namespace {

constexpr size_t kSmallestBuffer = 256;

Bytes as_bytes(std::string_view text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

}  // namespace

void Writer::clear() {
  size_ = 0;
  splices_.clear();
  spliced_bytes_ = 0;
}

void Writer::grow(size_t count) {
  buffer_.resize(std::max({size_ + count, buffer_.size() * 2, kSmallestBuffer}));
}

void Writer::long_varint(uint64_t value) {
  while (value >= 0x80) {
    *extend(1) = static_cast<uint8_t>(value | 0x80);
    value >>= 7;
  }
  *extend(1) = static_cast<uint8_t>(value);
}

size_t Writer::begin_frame() {
  const size_t mark = size_;
  int32(0);
  return mark;
}

void Writer::end_frame(size_t mark) {
  size_t length = size_ - mark - 4;
  for (const Splice& splice : splices_) {
    if (splice.position > mark) length += splice.slice.length;
  }
  patch_int32(mark, static_cast<int32_t>(length));
}

void Writer::raw(Bytes bytes) {
  if (bytes.empty()) return;
  std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
}

void Writer::splice(FileSlice slice) {
  if (slice.length == 0) return;
  spliced_bytes_ += slice.length;
  splices_.push_back({size_, std::move(slice)});
}

void Writer::string(std::string_view value) {
  value = value.substr(0, kMaxStringLength);
  int16(static_cast<int16_t>(value.size()));
  raw(as_bytes(value));
}

void Writer::nullable_string(std::optional<std::string_view> value) {
  if (value) {
    string(*value);
  } else {
    int16(-1);
  }
}

void Writer::compact_string(std::string_view value) {
  value = value.substr(0, kMaxStringLength);
  unsigned_varint(static_cast<uint32_t>(value.size() + 1));
  raw(as_bytes(value));
}

void Writer::nullable_compact_string(std::optional<std::string_view> value) {
  if (value) {
    compact_string(*value);
  } else {
    unsigned_varint(0);
  }
}

void Writer::bytes(Bytes value) {
  int32(static_cast<int32_t>(value.size()));
  raw(value);
}

void Writer::nullable_bytes(std::optional<Bytes> value) {
  if (value) {
    bytes(*value);
  } else {
    int32(-1);
  }
}

void Writer::compact_bytes(Bytes value) {
  unsigned_varint(static_cast<uint32_t>(value.size() + 1));
  raw(value);
}

void Writer::nullable_compact_bytes(std::optional<Bytes> value) {
  if (value) {
    compact_bytes(*value);
  } else {
    unsigned_varint(0);
  }
}

void Writer::jute_string(std::optional<std::string_view> value) {
  if (value) {
    bytes(as_bytes(*value));
  } else {
    int32(-1);
  }
}

size_t Writer::begin_tagged_field(uint32_t tag) {
  unsigned_varint(tag);
  const size_t mark = size_;
  int8(0);
  return mark;
}

void Writer::end_tagged_field(size_t mark) {
  // One byte was kept for the size, which is enough for nearly every field; a longer size moves the content
  // up.
  size_t content = size_ - mark - 1;
  for (const Splice& splice : splices_) {
    if (splice.position > mark) content += splice.slice.length;
  }
  size_t more = 0;
  for (size_t rest = content >> 7; rest != 0; rest >>= 7) ++more;
  if (more != 0) {
    extend(more);
    uint8_t* start = buffer_.data() + mark + 1;
    std::memmove(start + more, start, size_ - more - mark - 1);
    for (Splice& splice : splices_) {
      if (splice.position > mark) splice.position += more;
    }
  }
  size_t at = mark;
  for (; content >= 0x80; content >>= 7) buffer_[at++] = static_cast<uint8_t>(content | 0x80);
  buffer_[at] = static_cast<uint8_t>(content);
}

void Writer::patch_int32(size_t position, int32_t value) {
  OTTLA_CHECK(position + sizeof(value) <= size_);
  const uint32_t big_endian = __builtin_bswap32(static_cast<uint32_t>(value));
  std::memcpy(buffer_.data() + position, &big_endian, sizeof(value));
}

}  // namespace ottla
