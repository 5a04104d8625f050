// SPDX-License-Identifier: Apache-2.0
// The release of Apache Kafka that the broker passes for: `--emulate`, or ottla.emulate in server.properties.
#pragma once

#include <optional>
#include <string_view>

namespace ottla::config {

// kAny: all that is implemented is offered; where releases differ, a request is answered as 2.8 does at the
// versions that 2.8 knows and as 4.4 does at newer ones.
enum class Release { kAny, k2_8, k3_9, k4_4 };

inline constexpr std::string_view kEmulateKey = "ottla.emulate";

// None where the text names no release that can be emulated.
constexpr std::optional<Release> parse_release(std::string_view text) {
  if (text == "2.8") return Release::k2_8;
  if (text == "3.9") return Release::k3_9;
  if (text == "4.4") return Release::k4_4;
  return std::nullopt;
}

}  // namespace ottla::config
