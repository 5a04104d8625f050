// SPDX-License-Identifier: Apache-2.0
// What `ottla decode` does: a captured frame, header and body, as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json/message_json.h"

namespace ottla::protocol {

struct FrameOptions {
  // A response carries neither key nor version: both must be given. A request names them itself; what is
  // given has to agree with it.
  bool response = false;
  std::optional<int> key = {};
  std::optional<int> version = {};
  // The bytes are one message of this name (of the internal topics, say) at `version`, without any header.
  std::string message = {};
  // Bytes of records in place of their size.
  bool records = false;
};

struct FrameText {
  bool ok = false;
  std::string
      text;  // the JSON, indented and ended by a line feed; or one sentence that says what is wrong where
};

// Hexadecimal text: pairs of digits, with white space, ':' or ',' between them, "0x" in front. Bytes that
// hold a byte that is no text are taken as they are.
FrameText parse_frame_input(std::string_view input, std::vector<uint8_t>& bytes);
// The same for what must be hexadecimal.
FrameText parse_hex(std::string_view text, std::vector<uint8_t>& bytes);

// The four bytes of length in front may be there or not.
FrameText decode_frame(Bytes bytes, const FrameOptions& options);

// An API by name ("Produce", in any capitals) or key.
std::optional<int16_t> api_key_of(std::string_view name_or_key);

}  // namespace ottla::protocol
