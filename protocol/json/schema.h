// SPDX-License-Identifier: Apache-2.0
// The specs as tables, for what handles messages that it does not know by type: JSON (message_json.h), `ottla
// decode` and `ottla messages`. The generator writes them into one file per set of specs. They hold offsets
// in place of pointers, so that the start of the program has nothing to relocate and only pages that are
// looked at become resident.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ottla::protocol {

// Both ends included; empty where lowest > highest. 32767: no end.
struct VersionSpan {
  int16_t lowest;
  int16_t highest;
  constexpr bool contains(int version) const { return lowest <= version && version <= highest; }
  constexpr bool empty() const { return lowest > highest; }
};

enum class FieldType : uint8_t {
  kBool,
  kInt8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kInt64,
  kFloat64,
  kUuid,
  kString,
  kBytes,
  kRecords,
  kStruct,
};

struct FieldSchema {
  uint32_t name;           // offset in SchemaTable::texts, as are the other texts
  uint32_t json_name;      // with a small first letter
  uint32_t type_name;      // as the spec writes it, without "[]"
  uint32_t default_value;  // as JSON; an empty text where the spec has none
  VersionSpan versions;
  VersionSpan nullable;
  VersionSpan tagged;
  int16_t tag;            // -1: none
  uint16_t struct_index;  // in SchemaTable::structs, for kStruct
  FieldType type;
  bool is_array;
  bool never_flexible;
};

struct StructSchema {
  uint32_t first_field;  // in SchemaTable::fields
  uint16_t field_count;
};

enum class MessageKind : uint8_t {
  kRequest,
  kResponse,
  kHeader,
  kData,
  kMetadata,
  kCoordinatorKey,
  kCoordinatorValue,
};

struct MessageSchema {
  uint32_t name;
  VersionSpan versions;
  int16_t key;                     // API key or record type, -1: none
  int16_t first_flexible_version;  // 32767: never
  uint16_t struct_index;
  MessageKind kind;
  bool latest_version_unstable;
};

struct SchemaTable {
  std::span<const MessageSchema> messages;  // in the order of names
  std::span<const StructSchema> structs;
  std::span<const FieldSchema> fields;
  const char* texts;

  std::string_view text(uint32_t offset) const { return texts + offset; }
  std::span<const FieldSchema> fields_of(uint16_t struct_index) const {
    return fields.subspan(structs[struct_index].first_field, structs[struct_index].field_count);
  }
  // Null where there is none.
  const MessageSchema* find(std::string_view name) const;
  const MessageSchema* find(MessageKind kind, int16_t key) const;
};

// Kafka's messages: protocol/messages. Generated.
const SchemaTable& message_schemas();

}  // namespace ottla::protocol
