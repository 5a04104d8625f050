// SPDX-License-Identifier: Apache-2.0
// A 128-bit id as the protocol carries it (topic ids, directory ids): org.apache.kafka.common.Uuid.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ottla {

struct Uuid {
  // Big-endian, as on the wire. All zero means "no id".
  std::array<uint8_t, 16> bytes{};

  bool is_zero() const { return bytes == std::array<uint8_t, 16>{}; }
  // URL-safe base64 without padding, 22 characters, as Kafka prints ids ("6ujQfKMYQqmQFyuL3dh4pQ").
  std::string to_string() const;
  // The inverse of to_string; nullopt where `text` is not 22 characters of that alphabet.
  static std::optional<Uuid> parse(std::string_view text);
  // A type-4 id made of 16 random bytes; like Kafka never one whose text starts with '-'. The caller owns
  // randomness.
  static Uuid from_random(std::array<uint8_t, 16> random);

  auto operator<=>(const Uuid&) const = default;
};

struct UuidHash {
  size_t operator()(const Uuid& id) const;
};

}  // namespace ottla
