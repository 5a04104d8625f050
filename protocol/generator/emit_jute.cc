// SPDX-License-Identifier: Apache-2.0
// ZooKeeper's records: structures that own their texts, and code made of the helpers in
// coordination/jute/records.h.
#include <fmt/format.h>

#include "protocol/generator/emitter.h"
#include "protocol/generator/names.h"

namespace ottla::generator {

namespace {

std::string jute_type(const Field& field) {
  if (field.is_array) return "std::vector<std::string>";
  if (field.type == "acl") return "AclList";
  const std::string type = field.type == "int32"   ? "int32_t"
                           : field.type == "int64" ? "int64_t"
                           : field.type == "bool"  ? "bool"
                                                   : "std::string";
  return field.optional || !field.nullable.empty() ? "std::optional<" + type + ">" : type;
}

std::string jute_default(const Field& field) {
  const bool has_text =
      field.is_array || field.type == "ustring" || field.type == "buffer" || field.type == "acl";
  if (has_text) return "{}";
  if (field.default_value) return field.default_value->dump();
  return field.type == "bool" ? "false" : "0";
}

std::string read_expression(const Field& field) {
  if (field.is_array) return "read_strings(reader)";
  if (field.type == "ustring") return "read_string(reader)";
  if (field.type == "acl") return "read_acl(reader)";
  if (field.type == "buffer")
    return field.nullable.empty() ? "read_buffer(reader).value_or(\"\")" : "read_buffer(reader)";
  return field.type == "bool" ? "reader.boolean()" : fmt::format("reader.{}()", field.type);
}

std::string write_statement(const Field& field) {
  const std::string value = (field.optional ? "*this->" : "this->") + member_name(field.name);
  if (field.is_array) return fmt::format("write_strings(writer, {});", value);
  if (field.type == "ustring") return fmt::format("writer.jute_string({});", value);
  if (field.type == "acl") return fmt::format("write_acl(writer, {});", value);
  if (field.type == "buffer") return fmt::format("write_buffer(writer, {});", value);
  return fmt::format("writer.{}({});", field.type == "bool" ? "boolean" : field.type, value);
}

// "if (...) ", or nothing where each shape has the field.
std::string shape_condition(const Field& field, const Message& record) {
  const VersionRange range = field.versions.intersect(record.versions);
  if (range == record.versions) return "";
  return fmt::format("if (shape >= {} && shape <= {}) ", range.lowest, range.highest);
}

std::string emit_functions(const Message& record) {
  std::string out =
      fmt::format("{0} {0}::decode(Reader& reader, [[maybe_unused]] int shape) {{\n", record.name);
  out += fmt::format("  {} record;\n", record.name);
  for (const Field& field : record.fields) {
    const std::string member = "record." + member_name(field.name);
    if (field.optional)
      out += fmt::format("  {}.reset();\n  if (reader.ok() && reader.remaining() > 0) ", member);
    if (!field.optional) out += "  " + shape_condition(field, record);
    out += fmt::format("{} = {};\n", member, read_expression(field));
  }
  out += "  return record;\n}\n\n";
  out += fmt::format("void {}::encode(Writer& writer, [[maybe_unused]] int shape) const {{\n", record.name);
  for (const Field& field : record.fields) {
    out += "  " + shape_condition(field, record);
    if (field.optional) out += fmt::format("if (this->{}) ", member_name(field.name));
    out += write_statement(field) + "\n";
  }
  return out + "}\n\n";
}

}  // namespace

std::string emit_jute_header(const std::vector<Message>& records) {
  std::string out = "// Generated from ZooKeeper's records. Do not edit.\n#pragma once\n\n";
  out += "#include <cstdint>\n#include <optional>\n#include <string>\n#include <vector>\n\n";
  out += "#include \"coordination/types.h\"\n";
  out += "#include \"protocol/wire/reader.h\"\n#include \"protocol/wire/writer.h\"\n\n";
  out += "namespace ottla::coordination::jute {\n\n";
  for (const Message& record : records) {
    out += fmt::format("struct {} {{\n", record.name);
    for (const Field& field : record.fields)
      out += fmt::format("  {} {} = {};  // {}\n", jute_type(field), member_name(field.name),
                         jute_default(field), field.versions.text());
    out += fmt::format("\n  static {} decode(Reader& reader, int shape = 0);\n", record.name);
    out += "  void encode(Writer& writer, int shape = 0) const;\n};\n\n";
  }
  return out + "}  // namespace ottla::coordination::jute\n";
}

std::string emit_jute_definitions(const std::vector<Message>& records) {
  std::string out = "// Generated from ZooKeeper's records. Do not edit.\n";
  out += "#include \"coordination/jute/records.h\"\n\nnamespace ottla::coordination::jute {\n\n";
  for (const Message& record : records) out += emit_functions(record);
  return out + "}  // namespace ottla::coordination::jute\n";
}

}  // namespace ottla::generator
