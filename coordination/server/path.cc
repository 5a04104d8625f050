// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/path.h"

#include <cstdint>

namespace ottla::coordination {
namespace {

// The code point at `position`, moving it on; 0xFFFD for bytes that are not UTF-8.
uint32_t next_code_point(std::string_view text, size_t& position) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(position);
  const int extra = lead < 0x80                   ? 0
                    : lead >= 0xf0 && lead < 0xf8 ? 3
                    : lead >= 0xe0 && lead < 0xf0 ? 2
                    : lead >= 0xc2 && lead < 0xe0 ? 1
                                                  : -1;
  if (extra < 0 || position + extra >= text.size()) {
    ++position;
    return 0xfffd;
  }
  uint32_t point = extra == 0 ? lead : lead & (0x3f >> extra);
  for (int i = 1; i <= extra; ++i) {
    if ((byte(position + i) & 0xc0) != 0x80) {
      ++position;
      return 0xfffd;
    }
    point = point << 6 | (byte(position + i) & 0x3f);
  }
  position += extra + 1;
  return point;
}

// Code points beyond the basic plane are surrogate pairs in Java, and those are refused.
bool refused(uint32_t point) {
  return (point > 0 && point <= 0x1f) || (point >= 0x7f && point <= 0x9f) ||
         (point >= 0xd800 && point <= 0xf8ff) || point >= 0xfff0;
}

}  // namespace

const char* path_problem(std::string_view path) {
  if (path.empty()) return "Path length must be > 0";
  if (path[0] != '/') return "Path must start with / character";
  if (path.size() == 1) return nullptr;
  if (path.back() == '/') return "Path must not end with / character";
  for (size_t position = 1; position < path.size();) {
    const uint32_t point = next_code_point(path, position);
    if (point == 0) return "null character not allowed";
    if (refused(point)) return "invalid character";
  }
  for (size_t start = 1; start <= path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, end - start);
    if (name.empty()) return "empty node name specified";
    if (name == "." || name == "..") return "relative paths not allowed";
    start = end + 1;
  }
  return nullptr;
}

std::string_view parent_path(std::string_view path) { return path.substr(0, path.rfind('/')); }

std::string_view node_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace ottla::coordination
