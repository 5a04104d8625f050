// SPDX-License-Identifier: Apache-2.0
// The tables of protocol/json/schema.h.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "protocol/generator/emitter.h"

namespace ottla::generator {

namespace {

std::string camel_case(std::string name) {
  name[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
  return name;
}

// "coordinator-key" -> "kCoordinatorKey".
std::string enumerator(std::string_view word) {
  std::string result = "k";
  bool upper = true;
  for (const char c : word) {
    if (c == '-') {
      upper = true;
      continue;
    }
    result += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return result;
}

std::string span(const VersionRange& range) { return fmt::format("{{{}, {}}}", range.lowest, range.highest); }

class SchemasEmitter {
 public:
  std::string run(const std::vector<Message>& messages, const std::string& function) {
    std::vector<const Message*> sorted;
    for (const Message& message : messages) sorted.push_back(&message);
    std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
    for (const Message* message : sorted) add_message(*message);
    return fmt::format(
        "// Generated from specs. Do not edit.\n#include \"protocol/json/schema.h\"\n"
        R"(
namespace ottla::protocol {{
namespace {{

constexpr char kTexts[] =
{};

constexpr FieldSchema kFields[] = {{
{}}};

constexpr StructSchema kStructs[] = {{
{}}};

constexpr MessageSchema kMessages[] = {{
{}}};

}}  // namespace

const SchemaTable& {}() {{
  static constexpr SchemaTable kTable{{kMessages, kStructs, kFields, kTexts}};
  return kTable;
}}

}}  // namespace ottla::protocol
)",
        texts_, fields_, structs_, messages_, function);
  }

 private:
  // Each text stands once.
  size_t text(const std::string& value) {
    const auto [found, is_new] = offsets_.emplace(value, text_size_);
    if (is_new) {
      // A line each, quoted as JSON quotes, which C++ reads the same for the ASCII that specs hold.
      texts_ += fmt::format("    {} \"\\0\"\n", nlohmann::json(value).dump());
      text_size_ += value.size() + 1;
    }
    return found->second;
  }

  void add_message(const Message& message) {
    std::map<std::string, size_t> indexes;
    for (const FlatStruct& entry : flatten(message)) {
      indexes[entry.name] = struct_count_;
      structs_ += fmt::format("    {{{}, {}}},  // {} {}\n", field_count_, entry.fields->size(),
                              struct_count_, entry.name);
      for (const Field& field : *entry.fields) add_field(field, indexes);
      ++struct_count_;
    }
    messages_ += fmt::format("    {{{}, {}, {}, {}, {}, MessageKind::{}, {}}},  // {}\n", text(message.name),
                             span(message.versions), message.key.value_or(-1),
                             message.flexible.empty() ? VersionRange::kOpen : message.flexible.lowest,
                             indexes.at(message.name), enumerator(message.kind),
                             message.latest_version_unstable, message.name);
  }

  void add_field(const Field& field, const std::map<std::string, size_t>& indexes) {
    const bool primitive = is_primitive(field.type);
    fields_ +=
        fmt::format("    {{{}, {}, {}, {}, {}, {}, {}, {}, {}, FieldType::{}, {}, {}}},  // {}\n",
                    text(field.name), text(camel_case(field.name)), text(field.type),
                    text(field.default_value ? field.default_value->dump() : ""), span(field.versions),
                    span(field.nullable), span(field.tagged), field.tag.value_or(-1),
                    primitive ? 0 : indexes.at(field.type), primitive ? enumerator(field.type) : "kStruct",
                    field.is_array, field.never_flexible, field.name);
    ++field_count_;
  }

  std::map<std::string, size_t> offsets_;
  size_t text_size_ = 0;
  size_t struct_count_ = 0;
  size_t field_count_ = 0;
  std::string texts_;
  std::string fields_;
  std::string structs_;
  std::string messages_;
};

}  // namespace

std::string emit_schemas(const std::vector<Message>& messages, const std::string& function) {
  return SchemasEmitter().run(messages, function);
}

}  // namespace ottla::generator
