// SPDX-License-Identifier: Apache-2.0
// Writes the protocol's primitive types into one growing buffer, plus slices of files spliced between its bytes (the records
// of a Fetch response). The buffer keeps its capacity over clear(), so a connection that reuses its Writer stops allocating.
//
// Lengths that are known only later are patched back: begin_frame/end_frame for the four bytes in front of a response,
// begin_tagged_field/end_tagged_field for the varint in front of a tagged field.
#pragma once

#include <cstdint>
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
  Bytes buffer() const { return {buffer_.data(), buffer_.size()}; }
  const std::vector<Splice>& splices() const { return splices_; }
  // Bytes on the wire: buffer and splices together.
  size_t total_size() const { return buffer_.size() + spliced_bytes_; }

  // Four bytes for the frame's length; end_frame fills in the count of all bytes after them, spliced ones included.
  size_t begin_frame();
  void end_frame(size_t mark);

  void raw(Bytes bytes);
  void splice(FileSlice slice);
  void boolean(bool value) { int8(value ? 1 : 0); }
  void int8(int8_t value);
  void int16(int16_t value);
  void uint16(uint16_t value);
  void int32(int32_t value);
  void uint32(uint32_t value);
  void int64(int64_t value);
  void float64(double value);
  void uuid(const Uuid& value);
  void unsigned_varint(uint32_t value);
  void varint(int32_t value);
  void varlong(int64_t value);

  // REQUIRES: string lengths fit their prefix (32,767 bytes for int16 lengths).
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
  // Overwrites four bytes at `position` of the buffer.
  void patch_int32(size_t position, int32_t value);

 private:
  std::vector<uint8_t> buffer_;
  std::vector<Splice> splices_;
  size_t spliced_bytes_ = 0;
};

}  // namespace ottla
