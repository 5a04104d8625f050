// SPDX-License-Identifier: Apache-2.0
// Writes the protocol's primitive types into one growing buffer, plus slices of files spliced between its
// bytes (the records of a Fetch response). The buffer keeps its capacity over clear(), so a connection that
// reuses its Writer stops allocating.
//
// Lengths that are known only later are patched back: begin_frame/end_frame for the four bytes in front of a
// response, begin_tagged_field/end_tagged_field for the varint in front of a tagged field. One thread at a
// time.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/wire/file_slice.h"
#include "protocol/wire/reader.h"

namespace ottla {

class Writer {
 public:
  // A file slice that belongs between buffer byte `position - 1` and buffer byte `position`.
  struct Splice {
    size_t position;
    FileSlice slice;
  };

  void clear();
  // The bytes written so far, without the spliced files. Valid until the next write.
  Bytes buffer() const { return {buffer_.data(), size_}; }
  const std::vector<Splice>& splices() const { return splices_; }
  // Bytes on the wire: buffer and splices together.
  size_t total_size() const { return size_ + spliced_bytes_; }
  // Bytes of memory held, also after clear().
  size_t capacity() const { return buffer_.capacity(); }

  // Four bytes for the frame's length; end_frame fills in the count of all bytes after them, spliced ones
  // included.
  size_t begin_frame();
  void end_frame(size_t mark);

  void raw(Bytes bytes);
  // Nothing where the slice is empty.
  void splice(FileSlice slice);
  void boolean(bool value) { int8(value ? 1 : 0); }
  void int8(int8_t value) { *extend(1) = static_cast<uint8_t>(value); }
  void int16(int16_t value) { fixed(__builtin_bswap16(static_cast<uint16_t>(value))); }
  void uint16(uint16_t value) { fixed(__builtin_bswap16(value)); }
  void int32(int32_t value) { fixed(__builtin_bswap32(static_cast<uint32_t>(value))); }
  void uint32(uint32_t value) { fixed(__builtin_bswap32(value)); }
  void int64(int64_t value) { fixed(__builtin_bswap64(static_cast<uint64_t>(value))); }
  void float64(double value) { int64(std::bit_cast<int64_t>(value)); }
  void uuid(const Uuid& value) { raw(value.bytes); }
  void unsigned_varint(uint32_t value) {
    if (value < 0x80) {
      int8(static_cast<int8_t>(value));
    } else {
      long_varint(value);
    }
  }
  void varint(int32_t value) {
    unsigned_varint((static_cast<uint32_t>(value) << 1) ^ static_cast<uint32_t>(value >> 31));
  }
  void varlong(int64_t value) {
    long_varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }

  // A string over kMaxStringLength bytes is cut there: the protocol has no way to carry the rest, and a frame
  // must stay whole.
  void string(std::string_view value);
  void nullable_string(std::optional<std::string_view> value);
  void compact_string(std::string_view value);
  void nullable_compact_string(std::optional<std::string_view> value);
  void bytes(Bytes value);
  void nullable_bytes(std::optional<Bytes> value);
  void compact_bytes(Bytes value);
  void nullable_compact_bytes(std::optional<Bytes> value);
  void jute_string(std::optional<std::string_view> value);

  // `count` -1 writes a null array.
  void array_length(int32_t count) { int32(count); }
  void compact_array_length(int32_t count) { unsigned_varint(static_cast<uint32_t>(count + 1)); }

  // Tag now; size and content follow: write the content after begin, then end with the returned mark.
  size_t begin_tagged_field(uint32_t tag);
  void end_tagged_field(size_t mark);
  // Overwrites four bytes at `position` of the buffer. REQUIRES: they were written.
  void patch_int32(size_t position, int32_t value);

 private:
  uint8_t* extend(size_t count) {
    if (buffer_.size() - size_ < count) grow(count);
    uint8_t* at = buffer_.data() + size_;
    size_ += count;
    return at;
  }
  template <typename T>
  void fixed(T big_endian) {
    std::memcpy(extend(sizeof(T)), &big_endian, sizeof(T));
  }
  void grow(size_t count);
  void long_varint(uint64_t value);

  // buffer_.size() is what is allocated and usable, size_ what is written: no byte is zeroed twice.
  std::vector<uint8_t> buffer_;
  size_t size_ = 0;
  std::vector<Splice> splices_;
  size_t spliced_bytes_ = 0;
};

}  // namespace ottla
