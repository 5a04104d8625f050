// SPDX-License-Identifier: Apache-2.0
// Messages as JSON, in the shape of Kafka's own *JsonConverter: bytes in base64, uuids as Kafka prints them,
// nothing of fields that the version does not have, tagged fields only where they are on the wire. It walks
// the tables of schema.h and shares no code with the generated structures but the Reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/json/schema.h"
#include "protocol/wire/reader.h"

namespace ottla::protocol {

struct JsonOptions {
  // What stands for a field of type records: nothing (an empty text, as Kafka's converters write), its size
  // (a field of the name and "SizeInBytes", as Kafka's request log has), or the bytes.
  enum class Records { kEmpty, kSize, kBase64 };
  Records records = Records::kEmpty;
  // Whether tagged fields that the spec does not know are shown, as "unknownTaggedFields".
  bool unknown_tagged_fields = false;
};

struct MessageError {
  std::string field;  // "topicData[0].name"; empty where no field was reached
  size_t offset = 0;  // of the byte where reading stopped
  std::string reason;

  std::string text() const;
};

std::string base64(Bytes bytes);
// The inverse; ends at the first character that is none of base64's.
std::vector<uint8_t> from_base64(std::string_view text);

// The message that begins at bytes[position]; `position` moves behind it. Nothing, and `error`, where the
// bytes are not such a message. Texts that are not UTF-8 stay as they are: dump() has to replace them.
// REQUIRES: the version is within the message's.
std::optional<nlohmann::ordered_json> message_to_json(const SchemaTable& table, const MessageSchema& message,
                                                      int16_t version, Bytes bytes, size_t& position,
                                                      const JsonOptions& options, MessageError& error);

// On one line (indent -1) or indented; what is not UTF-8 becomes U+FFFD.
std::string dump(const nlohmann::ordered_json& value, int indent);

}  // namespace ottla::protocol
