// SPDX-License-Identifier: Apache-2.0
// Specs to C++ text. The generated API is described in protocol/messages/README.md.
#pragma once

#include <string>
#include <vector>

#include "protocol/generator/spec.h"

namespace ottla::generator {

// A structure as the emitters see it: the message itself (last) or one of its nested structures, each after
// those it uses.
struct FlatStruct {
  std::string name;
  const std::vector<Field>* fields;
  // The versions in which it can be on the wire.
  VersionRange possible;
  // Whether a tagged field has this type, so that is_default() is needed.
  bool needs_is_default = false;
};
std::vector<FlatStruct> flatten(const Message& message);

// The fewest bytes that the structure takes at `version`.
size_t min_wire_size(const Message& message, const std::vector<Field>& fields, int version);

// The C++ type of a member and the expression of its default ("int32_t", "-1").
std::string member_type(const Field& field);
std::string default_expression(const Field& field);

// REQUIRES: the message passed check_message.
std::string emit_header(const Message& message);
// The definitions, without includes, for a file that holds several messages.
std::string emit_definitions(const Message& message);
// protocol/generated/api_keys.h.
std::string emit_api_keys(const std::vector<Message>& messages);
// Part of the table that tests and fuzzers use to reach every message by name
// (tests/protocol/message_registry.h).
std::string emit_registry(const std::vector<const Message*>& messages, const std::string& function);
// The tables of protocol/json/schema.h; `function` returns them.
std::string emit_schemas(const std::vector<Message>& messages, const std::string& function);

// ZooKeeper's records: a header, and the definitions.
std::string emit_jute_header(const std::vector<Message>& records);
std::string emit_jute_definitions(const std::vector<Message>& records);

}  // namespace ottla::generator
