// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/java_text.h"

#include "protocol/base/status.h"

namespace ottla::groups {
namespace {

constexpr uint32_t kReplacement = 0xFFFD;

struct Decoded {
  uint32_t code_point;
  size_t size;
};

// The code point that starts `text`. REQUIRES: not empty.
Decoded decode_utf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xF0 && lead < 0xF5   ? 4
                      : lead >= 0xE0 && lead < 0xF0 ? 3
                      : lead >= 0xC2 && lead < 0xE0 ? 2
                                                    : 0;
  if (size == 0) return {kReplacement, 1};
  uint32_t code_point = lead & (0xFFU >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if (i >= text.size() || (byte(i) & 0xC0) != 0x80) return {kReplacement, i};
    code_point = code_point << 6 | (byte(i) & 0x3F);
  }
  const bool overlong = (size == 3 && code_point < 0x800) || (size == 4 && code_point < 0x10000);
  const bool surrogate = code_point >= 0xD800 && code_point < 0xE000;
  if (overlong || surrogate || code_point > 0x10FFFF) return {kReplacement, 1};
  return {code_point, size};
}

template <typename Visit>
void for_each_utf16_unit(std::string_view utf8, Visit visit) {
  while (!utf8.empty()) {
    const Decoded decoded = decode_utf8(utf8);
    utf8.remove_prefix(decoded.size);
    if (decoded.code_point < 0x10000) {
      visit(decoded.code_point);
    } else {
      const uint32_t offset = decoded.code_point - 0x10000;
      visit(0xD800 + (offset >> 10));
      visit(0xDC00 + (offset & 0x3FF));
    }
  }
}

}  // namespace

int32_t java_hash_code(std::string_view utf8) {
  uint32_t hash = 0;
  for_each_utf16_unit(utf8, [&](uint32_t unit) { hash = hash * 31 + unit; });
  return static_cast<int32_t>(hash);
}

int64_t java_length(std::string_view utf8) {
  int64_t length = 0;
  for_each_utf16_unit(utf8, [&](uint32_t) { ++length; });
  return length;
}

int32_t partition_of_group(std::string_view group_id, int32_t partition_count) {
  OTTLA_CHECK(partition_count > 0);
  return (java_hash_code(group_id) & 0x7FFFFFFF) % partition_count;
}

}  // namespace ottla::groups
