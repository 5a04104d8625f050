// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "protocol/generator/emitter.h"
#include "protocol/generator/names.h"

namespace ottla::generator {

namespace {

// "version >= 3", given that the version is within `possible`; "true" and "false" where nothing is to ask.
std::string condition(const VersionRange& wanted, const VersionRange& possible) {
  const VersionRange range = wanted.intersect(possible);
  if (range.empty()) return "false";
  const std::string from = fmt::format("version >= {}", range.lowest);
  const std::string to = fmt::format("version <= {}", range.highest);
  const bool asks_from = range.lowest > possible.lowest;
  const bool asks_to = range.highest < possible.highest;
  if (asks_from && asks_to) return from + " && " + to;
  if (asks_from) return from;
  return asks_to ? to : "true";
}

class DefinitionsEmitter {
 public:
  DefinitionsEmitter(const Message& message, const FlatStruct& entry, std::string scope)
      : message_(message), entry_(entry), scope_(std::move(scope)), possible_(entry.possible) {
    flexible_ = condition(message.flexible, possible_);
    for (const Field& field : *entry.fields) {
      if (field.tag) tagged_.push_back(&field);
    }
    std::sort(tagged_.begin(), tagged_.end(),
              [](const Field* a, const Field* b) { return *a->tag < *b->tag; });
  }

  std::string run() {
    decode();
    encode();
    if (entry_.needs_is_default) is_default();
    return std::move(out_);
  }

 private:
  void line(int level, const std::string& text) { out_ += std::string(level * 2, ' ') + text + "\n"; }

  // The versions at which the field stands between the others, not in the tag section.
  VersionRange positional(const Field& field) const {
    const VersionRange present = field.versions.intersect(possible_);
    if (!field.tag) return present;
    const VersionRange tagged = field.tagged.intersect(present);
    if (tagged.lowest <= present.lowest) return {};
    return VersionRange{present.lowest, tagged.lowest - 1};
  }

  std::string flexible_of(const Field& field) const { return field.never_flexible ? "false" : "flexible"; }

  std::string nullable_of(const Field& field) const {
    return condition(field.nullable, field.versions.intersect(possible_));
  }

  // "version >= 9 ? 7 : 12": the fewest bytes of an element at each version that has the field.
  std::string min_element_size(const Field& field) const {
    const VersionRange present = field.versions.intersect(possible_);
    const std::vector<Field>* fields = nullptr;
    for (const FlatStruct& entry : flat()) {
      if (entry.name == field.type) fields = entry.fields;
    }
    std::string text;
    size_t size = min_wire_size(message_, *fields, present.highest);
    int from = present.highest;
    while (from >= present.lowest) {
      int below = from;
      while (below >= present.lowest && min_wire_size(message_, *fields, below) == size) --below;
      if (below < present.lowest) return text + fmt::format("{}", size);
      text += fmt::format("version >= {} ? {} : ", below + 1, size);
      from = below;
      size = min_wire_size(message_, *fields, below);
    }
    return text + fmt::format("{}", size);
  }

  const std::vector<FlatStruct>& flat() const {
    if (flat_.empty()) flat_ = flatten(message_);
    return flat_;
  }

  std::string read_statement(const Field& field, const std::string& reader, bool tagged) const {
    const std::string name = "this->" + member_name(field.name);
    const std::string flexible = tagged ? "true" : flexible_of(field);
    const bool optional = !field.nullable.empty();
    const bool primitive = is_primitive(field.type);
    const std::string null = nullable_of(field);
    if (field.is_array && primitive) {
      return optional
                 ? fmt::format("codec::read_nullable_array({}, {}, {}, {});", reader, flexible, null, name)
                 : fmt::format("codec::read_array({}, {}, {});", reader, flexible, name);
    }
    if (field.is_array) {
      const std::string size = min_element_size(field);
      return optional
                 ? fmt::format("codec::read_nullable_structs({}, version, {}, {}, {}, {});", reader, flexible,
                               null, size, name)
                 : fmt::format("codec::read_structs({}, version, {}, {}, {});", reader, flexible, size, name);
    }
    if (field.type == "records") {
      return fmt::format("codec::read_records({}, {}, {}, {});", reader, flexible, null, name);
    }
    if (field.type == "string" || field.type == "bytes") {
      return optional ? fmt::format("{} = codec::read_nullable_{}({}, {}, {});", name, field.type, reader,
                                    flexible, null)
                      : fmt::format("{} = codec::read_{}({}, {});", name, field.type, reader, flexible);
    }
    if (primitive) {
      return fmt::format("{} = {}.{}();", name, reader, field.type == "bool" ? "boolean" : field.type);
    }
    if (!optional) return fmt::format("{}.decode({}, version);", name, reader);
    return tagged ? fmt::format("codec::read_tagged_nullable_struct({}, version, {});", reader, name)
                  : fmt::format("codec::read_nullable_struct({}, version, {}, {});", reader, null, name);
  }

  std::string write_statement(const Field& field, bool tagged) const {
    const std::string name = "this->" + member_name(field.name);
    const std::string flexible = tagged ? "true" : flexible_of(field);
    const bool optional = !field.nullable.empty();
    const bool primitive = is_primitive(field.type);
    const std::string null = nullable_of(field);
    if (field.is_array) {
      const std::string what = primitive ? "array(writer" : "structs(writer, version";
      return optional ? fmt::format("codec::write_nullable_{}, {}, {}, {});", what, flexible, null, name)
                      : fmt::format("codec::write_{}, {}, {});", what, flexible, name);
    }
    if (field.type == "records")
      return fmt::format("codec::write_records(writer, {}, {}, {});", flexible, null, name);
    if (field.type == "string" || field.type == "bytes") {
      return optional ? fmt::format("codec::write_nullable_{}(writer, {}, {}, {});", field.type, flexible,
                                    null, name)
                      : fmt::format("codec::write_{}(writer, {}, {});", field.type, flexible, name);
    }
    if (primitive) return fmt::format("writer.{}({});", field.type == "bool" ? "boolean" : field.type, name);
    if (!optional) return fmt::format("{}.encode(writer, version);", name);
    return tagged ? fmt::format("codec::write_tagged_nullable_struct(writer, version, {});", name)
                  : fmt::format("codec::write_nullable_struct(writer, version, {}, {});", null, name);
  }

  // Back to the default, keeping the capacity of a vector.
  std::string reset_statement(const Field& field) const {
    const std::string name = "this->" + member_name(field.name);
    if (field.is_array && field.nullable.empty()) return name + ".clear();";
    return fmt::format("{} = {};", name, default_expression(field));
  }

  std::string not_default(const Field& field) const {
    const std::string name = "this->" + member_name(field.name);
    const bool optional = !field.nullable.empty();
    if (optional && field.default_value && field.default_value->is_null()) return name + ".has_value()";
    const bool empties = field.is_array || field.type == "bytes";
    if (empties)
      return optional ? fmt::format("!({0} && {0}->empty())", name) : fmt::format("!{}.empty()", name);
    if (field.type == "records") return fmt::format("!{}.is_null", name);
    if (field.type == "uuid") return fmt::format("!{}.is_zero()", name);
    if (!is_primitive(field.type)) {
      return optional ? fmt::format("!({0} && {0}->is_default())", name)
                      : fmt::format("!{}.is_default()", name);
    }
    return fmt::format("{} != {}", name, default_expression(field));
  }

  void signature(const std::string& result, const std::string& rest) {
    line(0, fmt::format("{} {}{}::{}", result, scope_, entry_.name, rest));
  }

  void declare_flexible() { line(1, fmt::format("[[maybe_unused]] const bool flexible = {};", flexible_)); }

  void decode() {
    signature("void", "decode([[maybe_unused]] Reader& reader, [[maybe_unused]] int16_t version) {");
    declare_flexible();
    for (const Field& field : *entry_.fields) {
      const VersionRange present = positional(field);
      const std::string when = condition(present, possible_);
      if (when == "true") {
        line(1, read_statement(field, "reader", false));
      } else if (when == "false") {
        line(1, reset_statement(field));
      } else {
        line(1, fmt::format("if ({}) {{", when));
        line(2, read_statement(field, "reader", false));
        line(1, "} else {");
        line(2, reset_statement(field));
        line(1, "}");
      }
    }
    if (flexible_ != "false") {
      if (flexible_ != "true") line(1, "unknown_tagged_fields.clear();");
      const int level = flexible_ == "true" ? 1 : 2;
      if (level == 2) line(1, "if (flexible) {");
      decode_tags(level);
      if (level == 2) line(1, "}");
    }
    line(0, "}\n");
  }

  void decode_tags(int level) {
    if (tagged_.empty()) {
      line(level, "read_unknown_tagged_fields(reader, unknown_tagged_fields);");
      return;
    }
    line(level, "read_unknown_tagged_fields(reader, unknown_tagged_fields);");
    line(level, "std::erase_if(unknown_tagged_fields, [&](const RawTaggedField& tagged) {");
    line(level + 1, "Reader field = reader.split(tagged.data);");
    line(level + 1, "switch (tagged.tag) {");
    for (const Field* field : tagged_) {
      line(level + 2, fmt::format("case {}:", *field->tag));
      const std::string when =
          condition(field->tagged.intersect(field->versions), message_.flexible.intersect(possible_));
      if (when != "true") line(level + 3, fmt::format("if (!({})) return false;", when));
      line(level + 3, read_statement(*field, "field", true));
      line(level + 3, "break;");
    }
    line(level + 2, "default: return false;");
    line(level + 1, "}");
    line(level + 1, "reader.join(field);");
    line(level + 1, "return true;");
    line(level, "});");
  }

  void encode() {
    signature("void", "encode([[maybe_unused]] Writer& writer, [[maybe_unused]] int16_t version) const {");
    declare_flexible();
    for (const Field& field : *entry_.fields) {
      const std::string when = condition(positional(field), possible_);
      if (when == "false") continue;
      line(1, when == "true" ? write_statement(field, false)
                             : fmt::format("if ({}) {}", when, write_statement(field, false)));
    }
    if (flexible_ != "false") {
      const int level = flexible_ == "true" ? 1 : 2;
      if (level == 2) line(1, "if (flexible) {");
      encode_tags(level);
      if (level == 2) line(1, "}");
    }
    line(0, "}\n");
  }

  void encode_tags(int level) {
    if (tagged_.empty()) {
      line(level, "write_unknown_tagged_fields(writer, unknown_tagged_fields);");
      return;
    }
    std::string sum;
    for (const Field* field : tagged_) {
      const std::string when =
          condition(field->tagged.intersect(field->versions), message_.flexible.intersect(possible_));
      const std::string asked = when == "true" ? not_default(*field) : when + " && " + not_default(*field);
      line(level, fmt::format("const bool has_{} = {};", *field->tag, asked));
      sum += fmt::format("{}(has_{} ? 1 : 0)", sum.empty() ? "" : " + ", *field->tag);
    }
    line(level, fmt::format("TaggedFieldsWriter tags(writer, {}, unknown_tagged_fields);", sum));
    for (const Field* field : tagged_) {
      line(level, fmt::format("if (has_{}) {{", *field->tag));
      line(level + 1, fmt::format("const size_t mark = tags.begin({});", *field->tag));
      line(level + 1, write_statement(*field, true));
      line(level + 1, "tags.end(mark);");
      line(level, "}");
    }
    line(level, "tags.finish();");
  }

  void is_default() {
    signature("bool", "is_default() const {");
    for (const Field& field : *entry_.fields)
      line(1, fmt::format("if ({}) return false;", not_default(field)));
    line(1, flexible_ == "false" ? "return true;" : "return unknown_tagged_fields.empty();");
    line(0, "}\n");
  }

  const Message& message_;
  const FlatStruct& entry_;
  std::string scope_;
  VersionRange possible_;
  std::string flexible_;
  std::vector<const Field*> tagged_;
  mutable std::vector<FlatStruct> flat_;
  std::string out_;
};

}  // namespace

std::string emit_definitions(const Message& message) {
  std::string out;
  for (const FlatStruct& entry : flatten(message)) {
    const std::string scope = entry.name == message.name ? "" : file_stem(message.name) + "_types::";
    out += DefinitionsEmitter(message, entry, scope).run();
  }
  return out;
}

}  // namespace ottla::generator
