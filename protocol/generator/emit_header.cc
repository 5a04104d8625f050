// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "protocol/generator/emitter.h"
#include "protocol/generator/names.h"

namespace ottla::generator {

namespace {

std::string scalar_type(const std::string& type) {
  if (type == "string") return "std::string_view";
  if (type == "bytes") return "Bytes";
  if (type == "records") return "RecordsField";
  if (type == "uuid") return "Uuid";
  if (type == "bool") return "bool";
  if (type == "float64") return "double";
  return is_primitive(type) ? type + "_t" : type;
}

bool uses(const std::vector<Field>& fields, const std::string& type) {
  for (const Field& field : fields) {
    if (field.type == type || uses(field.fields, type)) return true;
  }
  return false;
}

// What a reader of the header wants to know of a member: "3+, null in 3+, tag 0".
std::string remark(const Field& field) {
  std::string text = field.versions.text();
  if (!field.nullable.empty()) text += ", null in " + field.nullable.text();
  if (field.tag) text += fmt::format(", tag {} in {}", *field.tag, field.tagged.text());
  return text;
}

std::string emit_struct(const Message& message, const FlatStruct& entry, bool is_message) {
  std::string out = fmt::format("struct {} {{\n", entry.name);
  if (is_message) {
    for (const FlatStruct& nested : flatten(message)) {
      if (nested.name == message.name) continue;
      out += fmt::format("  using {} = {}_types::{};\n", nested.name, file_stem(message.name), nested.name);
    }
    out += fmt::format("  static constexpr int16_t kApiKey = {};\n", message.key.value_or(-1));
    out += fmt::format("  static constexpr int16_t kLowestVersion = {};\n", message.versions.lowest);
    out += fmt::format("  static constexpr int16_t kHighestVersion = {};\n", message.versions.highest);
    out += fmt::format("  static constexpr int16_t kFirstFlexibleVersion = {};\n\n",
                       message.flexible.empty() ? VersionRange::kOpen : message.flexible.lowest);
  }
  for (const Field& field : *entry.fields) {
    out += fmt::format("  {} {} = {};  // {}\n", member_type(field), member_name(field.name),
                       default_expression(field), remark(field));
  }
  if (!message.flexible.intersect(entry.possible).empty()) {
    out += "  std::vector<RawTaggedField> unknown_tagged_fields = {};\n";
  }
  out += "\n  void decode(Reader& reader, int16_t version);\n";
  out += "  void encode(Writer& writer, int16_t version) const;\n";
  if (entry.needs_is_default) out += "  bool is_default() const;\n";
  return out + "};\n\n";
}

}  // namespace

std::string member_type(const Field& field) {
  std::string type = scalar_type(field.type);
  if (field.is_array) type = "std::vector<" + type + ">";
  const bool optional = !field.nullable.empty() && (field.is_array || field.type != "records");
  return optional ? "std::optional<" + type + ">" : type;
}

std::string default_expression(const Field& field) {
  const bool optional = !field.nullable.empty();
  if (!field.is_array && field.type == "records") return "{}";
  if (optional && field.default_value && field.default_value->is_null()) return "std::nullopt";
  if (field.is_array || !is_primitive(field.type) || field.type == "bytes" || field.type == "uuid") {
    if (!optional) return "{}";
    const std::string type = member_type(field);
    const size_t inner = std::string("std::optional<").size();
    return type.substr(inner, type.size() - inner - 1) + "{}";
  }
  if (field.type == "string") {
    return "std::string_view(" + (field.default_value ? field.default_value->dump() : "\"\"") + ")";
  }
  if (field.type == "bool") return field.default_value && field.default_value->get<bool>() ? "true" : "false";
  if (!field.default_value) return "0";
  if (field.type == "int64" && field.default_value->get<int64_t>() == INT64_MIN) return "INT64_MIN";
  return field.default_value->dump();
}

std::string emit_header(const Message& message) {
  std::string out =
      fmt::format("// Generated from protocol/messages/{}. Do not edit.\n#pragma once\n\n", message.file);
  out += "#include <cstdint>\n#include <optional>\n#include <string_view>\n#include <vector>\n\n";
  out += "#include \"protocol/wire/reader.h\"\n";
  bool has_records = uses(message.fields, "records");
  for (const Struct& entry : message.structs) has_records = has_records || uses(entry.fields, "records");
  if (has_records) out += "#include \"protocol/wire/records_field.h\"\n";
  out += "#include \"protocol/wire/tagged_fields.h\"\n\nnamespace ottla::protocol {\n\n";
  const std::vector<FlatStruct> structs = flatten(message);
  if (structs.size() > 1) {
    out += fmt::format("namespace {}_types {{\n\n", file_stem(message.name));
    for (size_t i = 0; i + 1 < structs.size(); ++i) out += emit_struct(message, structs[i], false);
    out += fmt::format("}}  // namespace {}_types\n\n", file_stem(message.name));
  }
  out += emit_struct(message, structs.back(), true);
  return out + "}  // namespace ottla::protocol\n";
}

}  // namespace ottla::generator
