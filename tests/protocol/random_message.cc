// SPDX-License-Identifier: Apache-2.0
#include "tests/protocol/random_message.h"

#include <algorithm>
#include <map>

namespace ottla::protocol {

using generator::Field;

namespace {

bool has_null_default(const Field& field) { return field.default_value && field.default_value->is_null(); }

Bytes as_bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

const std::vector<Field>& RandomMessage::struct_fields(const Field& field) const {
  if (!field.fields.empty()) return field.fields;
  return std::find_if(message_.structs.begin(), message_.structs.end(),
                      [&](const generator::Struct& entry) { return entry.name == field.type; })
      ->fields;
}

std::string RandomMessage::text() {
  static const char* const kSpecial[] = {"Gr\u00fc\u00dfe", "\u65e5\u672c\u8a9e", "\U0001f9a6",
                                         "\"\\\n\t\x01"};
  if (below(10) == 0) return kSpecial[below(std::size(kSpecial))];
  // Sometimes long enough for a length of two bytes.
  std::string result(below(12) == 0 ? 100 + below(200) : below(9), ' ');
  for (char& c : result) c = static_cast<char>('a' + below(26));
  return result;
}

bool RandomMessage::write_fields(Writer& writer, const std::vector<Field>& fields) {
  bool all_default = true;
  for (const Field& field : fields) {
    if (!field.versions.contains(version_) || (field.tag && field.tagged.contains(version_))) continue;
    all_default = write_field(writer, field, false) && all_default;
  }
  if (flexible_) all_default = write_tags(writer, fields) && all_default;
  return all_default;
}

bool RandomMessage::write_tags(Writer& writer, const std::vector<Field>& fields) {
  std::map<uint32_t, std::string> sections;
  for (const Field& field : fields) {
    if (!field.tag || !field.versions.contains(version_) || !field.tagged.contains(version_)) continue;
    Writer content;
    const bool is_default = write_field(content, field, true);
    if (is_default) continue;
    sections[static_cast<uint32_t>(*field.tag)].assign(content.buffer().begin(), content.buffer().end());
  }
  if (below(4) == 0) sections[100 + static_cast<uint32_t>(below(1000))] = text();
  if (below(8) == 0) sections[100 + static_cast<uint32_t>(below(1000))] = text();
  writer.unsigned_varint(static_cast<uint32_t>(sections.size()));
  for (const auto& [tag, content] : sections) {
    writer.unsigned_varint(tag);
    writer.unsigned_varint(static_cast<uint32_t>(content.size()));
    writer.raw(as_bytes(content));
  }
  return sections.empty();
}

bool RandomMessage::write_field(Writer& writer, const Field& field, bool tagged) {
  const bool flexible = flexible_ && !field.never_flexible;
  const bool is_struct = !field.is_array && !generator::is_primitive(field.type);
  const bool may_be_null = field.nullable.contains(version_);
  if (may_be_null && below(4) == 0) return write_null(writer, field, tagged, flexible);
  if (is_struct) {
    if (may_be_null && tagged) writer.unsigned_varint(1);
    if (may_be_null && !tagged) writer.int8(1);
    return write_fields(writer, struct_fields(field)) && !has_null_default(field);
  }
  if (field.is_array) return write_array(writer, field, flexible);
  return write_value(writer, field, flexible);
}

bool RandomMessage::write_null(Writer& writer, const Field& field, bool tagged, bool flexible) {
  if (!field.is_array && !generator::is_primitive(field.type)) {
    if (tagged) {
      writer.unsigned_varint(0);
    } else {
      writer.int8(-1);
    }
  } else if (flexible) {
    writer.unsigned_varint(0);
  } else if (field.type == "string" && !field.is_array) {
    writer.int16(-1);
  } else {
    writer.int32(-1);
  }
  return has_null_default(field) || (field.type == "records" && !field.is_array);
}

bool RandomMessage::write_array(Writer& writer, const Field& field, bool flexible) {
  const auto count = static_cast<uint32_t>(below(4));
  if (flexible) {
    writer.unsigned_varint(count + 1);
  } else {
    writer.int32(static_cast<int32_t>(count));
  }
  for (uint32_t i = 0; i < count; ++i) {
    if (generator::is_primitive(field.type)) {
      write_value(writer, field, flexible);
    } else {
      write_fields(writer, struct_fields(field));
    }
  }
  return count == 0 && !has_null_default(field);
}

bool RandomMessage::write_value(Writer& writer, const Field& field, bool flexible) {
  if (field.type == "uuid") {
    Uuid id;
    if (below(3) != 0) id.bytes[below(16)] = static_cast<uint8_t>(1 + below(255));
    writer.uuid(id);
    return id.is_zero();
  }
  if (field.type != "string" && field.type != "bytes" && field.type != "records")
    return write_number(writer, field);
  const std::string value = text();
  const auto size = static_cast<uint32_t>(value.size());
  if (flexible) {
    writer.unsigned_varint(size + 1);
  } else if (field.type == "string") {
    writer.int16(static_cast<int16_t>(size));
  } else {
    writer.int32(static_cast<int32_t>(size));
  }
  writer.raw(as_bytes(value));
  if (field.default_value && field.default_value->is_string()) {
    return value == field.default_value->get<std::string>();
  }
  return value.empty() && !has_null_default(field);
}

bool RandomMessage::write_number(Writer& writer, const Field& field) {
  static const std::map<std::string, int> kSizes = {{"bool", 1},   {"int8", 1},   {"int16", 2},
                                                    {"uint16", 2}, {"int32", 4},  {"uint32", 4},
                                                    {"int64", 8},  {"float64", 8}};
  int64_t standard = 0;
  if (field.default_value && field.default_value->is_boolean())
    standard = field.default_value->get<bool>() ? 1 : 0;
  if (field.default_value && field.default_value->is_number_integer())
    standard = field.default_value->get<int64_t>();
  int64_t value = standard;
  if (below(3) != 0) value = static_cast<int64_t>(random_());
  const int size = kSizes.at(field.type);
  const bool is_unsigned = field.type.starts_with("u");
  if (below(6) == 0) value = below(2) == 0 ? INT64_MIN : INT64_MAX;
  // The bounds of its own width: the low bytes are what is written.
  if (value == INT64_MIN || value == INT64_MAX) value = is_unsigned ? ~value >> 63 : value >> (64 - 8 * size);
  if (field.type == "bool") value &= 1;
  // A double of small magnitude, so that it is never a NaN, which differs from itself.
  if (field.type == "float64") value &= 0x3fffffffffffffff;
  if (size < 8) {
    const int shift = 64 - 8 * size;
    const uint64_t high = static_cast<uint64_t>(value) << shift;
    value = is_unsigned ? static_cast<int64_t>(high >> shift) : static_cast<int64_t>(high) >> shift;
  }
  for (int i = size - 1; i >= 0; --i)
    writer.int8(static_cast<int8_t>(static_cast<uint64_t>(value) >> (8 * i)));
  return value == standard;
}

}  // namespace ottla::protocol
