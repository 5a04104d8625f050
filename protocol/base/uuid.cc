// SPDX-License-Identifier: Apache-2.0
#include "protocol/base/uuid.h"

#include <cstring>

namespace ottla {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::string Uuid::to_string() const {
  std::string out;
  out.reserve(22);
  uint32_t bits = 0;
  int count = 0;
  for (const uint8_t byte : bytes) {
    bits = (bits << 8) | byte;
    count += 8;
    while (count >= 6) {
      count -= 6;
      out.push_back(kAlphabet[(bits >> count) & 0x3f]);
    }
  }
  out.push_back(kAlphabet[(bits << (6 - count)) & 0x3f]);
  return out;
}

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != 22) return std::nullopt;
  Uuid id;
  uint32_t bits = 0;
  int count = 0;
  size_t next = 0;
  for (const char c : text) {
    const size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8 && next < id.bytes.size()) {
      count -= 8;
      id.bytes[next++] = static_cast<uint8_t>(bits >> count);
    }
  }
  return id;
}

Uuid Uuid::from_random(std::array<uint8_t, 16> random) {
  Uuid id{random};
  id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  // '-' is value 62 of the alphabet, the top six bits of the first byte.
  if ((id.bytes[0] >> 2) == 62) id.bytes[0] = static_cast<uint8_t>(id.bytes[0] & 0x7f);
  return id;
}

size_t UuidHash::operator()(const Uuid& id) const {
  uint64_t low = 0;
  uint64_t high = 0;
  std::memcpy(&high, id.bytes.data(), 8);
  std::memcpy(&low, id.bytes.data() + 8, 8);
  return static_cast<size_t>(high ^ (low * 0x9e3779b97f4a7c15ULL));
}

}  // namespace ottla
