// SPDX-License-Identifier: Apache-2.0
#include "protocol/generator/checker.h"

#include <fmt/format.h>

#include <cctype>
#include <limits>
#include <map>
#include <set>

#include "protocol/generator/names.h"

namespace ottla::generator {

namespace {

bool is_identifier(const std::string& name) {
  if (name.empty() || std::isalpha(static_cast<unsigned char>(name[0])) == 0) return false;
  for (const char c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) return false;
  }
  return true;
}

struct IntegerBounds {
  int64_t lowest;
  int64_t highest;
};

std::optional<IntegerBounds> integer_bounds(const std::string& type) {
  static const std::map<std::string, IntegerBounds> kBounds = {
      {"int8", {INT8_MIN, INT8_MAX}}, {"int16", {INT16_MIN, INT16_MAX}},
      {"uint16", {0, UINT16_MAX}},    {"int32", {INT32_MIN, INT32_MAX}},
      {"uint32", {0, UINT32_MAX}},    {"int64", {INT64_MIN, INT64_MAX}}};
  const auto found = kBounds.find(type);
  return found == kBounds.end() ? std::nullopt : std::optional(found->second);
}

class MessageChecker {
 public:
  MessageChecker(const Message& message, std::vector<std::string>& errors)
      : message_(message), errors_(errors) {}

  void check() {
    const Place where = message_.place();
    static const std::set<std::string> kKinds = {
        "request", "response", "header", "data", "metadata", "coordinator-key", "coordinator-value", "jute"};
    if (!is_identifier(message_.name)) error(where, "is not a name");
    if (!kKinds.contains(message_.kind)) error(where, fmt::format("unknown kind \"{}\"", message_.kind));
    const bool needs_key = message_.kind != "data" && message_.kind != "header" && message_.kind != "jute";
    if (needs_key && !message_.key) error(where, fmt::format("a {} needs a \"key\"", message_.kind));
    if (message_.versions.empty()) error(where, "has no versions");
    if (message_.versions.highest == VersionRange::kOpen) error(where, "\"versions\" must have an end");
    if (!message_.flexible.empty() && message_.flexible.highest != VersionRange::kOpen) {
      error(where, "\"flexible\" must be \"N+\" or \"none\"");
    }
    for (const Struct& entry : message_.structs)
      define(entry.name, entry.fields, where.inside(entry.name, entry.line));
    collect_inline(message_.fields, where);
    for (const Struct& entry : message_.structs)
      collect_inline(entry.fields, where.inside(entry.name, entry.line));
    check_fields(message_.fields, message_.versions, where);
    for (const Struct& entry : message_.structs) {
      check_fields(entry.fields, entry.versions.intersect(message_.versions),
                   where.inside(entry.name, entry.line));
    }
    for (const Struct& entry : message_.structs) {
      if (!used_.contains(entry.name)) error(where.inside(entry.name, entry.line), "structure is never used");
    }
    std::set<std::string> path;
    check_recursion(message_.fields, path, where);
  }

 private:
  void error(const Place& where, const std::string& what) { errors_.push_back(where.text() + ": " + what); }

  void define(const std::string& name, const std::vector<Field>& fields, const Place& where) {
    if (!is_identifier(name) || std::isupper(static_cast<unsigned char>(name[0])) == 0) {
      error(where, fmt::format("\"{}\" is not a name for a structure", name));
    }
    if (name == message_.name || !structs_.emplace(name, &fields).second) {
      error(where, fmt::format("structure {} is defined twice", name));
    }
  }

  void collect_inline(const std::vector<Field>& fields, const Place& where) {
    for (const Field& field : fields) {
      if (field.fields.empty()) continue;
      define(field.type, field.fields, where.inside(field.name, field.line));
      collect_inline(field.fields, where.inside(field.name, field.line));
    }
  }

  void check_fields(const std::vector<Field>& fields, const VersionRange& possible, const Place& where) {
    std::set<std::string> names;
    std::set<int> tags;
    for (const Field& field : fields) {
      const Place field_where = where.inside(field.name, field.line);
      if (!is_identifier(field.name)) error(field_where, "is not a name");
      if (!names.insert(member_name(field.name)).second) error(field_where, "is defined twice");
      if (field.tag && !tags.insert(*field.tag).second)
        error(field_where, fmt::format("tag {} is used twice", *field.tag));
      const VersionRange present = field.versions.intersect(possible);
      if (present.empty())
        error(field_where,
              fmt::format("is in no version ({} within {})", field.versions.text(), possible.text()));
      check_type(field, field_where);
      check_tag(field, present, field_where);
      check_default(field, field_where);
      if (!field.fields.empty()) check_fields(field.fields, present, field_where);
    }
    if (!tags.empty() && (*tags.begin() != 0 || *tags.rbegin() != static_cast<int>(tags.size()) - 1)) {
      error(where, "tags must be 0, 1, 2, ... without gaps");
    }
  }

  // Jute's records are flat, and know neither tags nor compact lengths.
  void check_jute(const Field& field, const Place& where) {
    if (!is_jute_type(field.type)) error(where, fmt::format("{} is no type of jute", field.type));
    if (field.is_array && field.type != "ustring") error(where, "only arrays of ustring are supported");
    if (!message_.flexible.empty() || field.tag || !field.fields.empty())
      error(where, "jute has no flexible versions, tags or fields of fields");
    if (!field.nullable.empty() && field.type != "buffer") error(where, "only a buffer can be nullable");
    if (field.optional && (&field != &message_.fields.back() || field.type != "bool"))
      error(where, "only a bool at the end can be optional");
  }

  void check_type(const Field& field, const Place& where) {
    if (message_.kind == "jute") {
      check_jute(field, where);
      return;
    }
    if (field.optional) error(where, "only records of jute have optional fields");
    const bool primitive = is_primitive(field.type);
    if (primitive && !field.fields.empty()) error(where, "a primitive type cannot have fields");
    if (!primitive && !structs_.contains(field.type))
      error(where, fmt::format("unknown type {}", field.type));
    if (!primitive) used_.insert(field.type);
    if (field.is_array && (field.type == "bool" || field.type == "records")) {
      error(where, fmt::format("arrays of {} are not supported", field.type));
    }
    const bool can_be_null = field.is_array || !primitive || field.type == "string" ||
                             field.type == "bytes" || field.type == "records";
    if (!field.nullable.empty() && !can_be_null)
      error(where, fmt::format("a {} cannot be nullable", field.type));
  }

  void check_tag(const Field& field, const VersionRange& present, const Place& where) {
    if (!field.tag && field.tagged.empty()) return;
    if (!field.tag || field.tagged.empty()) {
      error(where, "\"tag\" and \"tagged\" need each other");
      return;
    }
    if (*field.tag < 0) error(where, "a tag cannot be negative");
    if (field.type == "records") error(where, "records cannot be tagged");
    const VersionRange tagged = field.tagged.intersect(present);
    if (tagged.empty()) error(where, "is tagged in no version that has it");
    if (!message_.flexible.covers(tagged)) error(where, "is tagged in versions that are not flexible");
    if (field.never_flexible) error(where, "is tagged and \"flexible\": \"none\"");
  }

  void check_default(const Field& field, const Place& where) {
    if (!field.default_value) return;
    const nlohmann::json& value = *field.default_value;
    if (value.is_null()) {
      if (field.nullable.empty()) error(where, "default null, but never nullable");
      return;
    }
    bool fits = false;
    const bool known = is_primitive(field.type) || is_jute_type(field.type);
    if (field.is_array || !known) {
      error(where, "the only default of an array or structure is null");
      return;
    }
    if (field.type == "bool") fits = value.is_boolean();
    if (field.type == "string") fits = value.is_string();
    if (field.type == "float64") fits = value.is_number();
    if (const auto bounds = integer_bounds(field.type); bounds && value.is_number_integer()) {
      const bool beyond_int64 = value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX;
      fits =
          !beyond_int64 && value.get<int64_t>() >= bounds->lowest && value.get<int64_t>() <= bounds->highest;
    }
    if (!fits) error(where, fmt::format("default {} does not fit {}", value.dump(), field.type));
  }

  void check_recursion(const std::vector<Field>& fields, std::set<std::string>& path, const Place& where) {
    for (const Field& field : fields) {
      const auto found = structs_.find(field.type);
      if (found == structs_.end()) continue;
      if (!path.insert(field.type).second) {
        error(where.inside(field.name, field.line), fmt::format("structure {} contains itself", field.type));
        continue;
      }
      check_recursion(*found->second, path, where.inside(field.name, field.line));
      path.erase(field.type);
    }
  }

  const Message& message_;
  std::vector<std::string>& errors_;
  std::map<std::string, const std::vector<Field>*> structs_;
  std::set<std::string> used_;
};

}  // namespace

void check_message(const Message& message, std::vector<std::string>& errors) {
  MessageChecker(message, errors).check();
}

void check_messages(const std::vector<Message>& messages, std::vector<std::string>& errors) {
  std::map<std::string, std::string> names;
  std::map<int, std::string> requests;
  std::map<int, std::string> responses;
  for (const Message& message : messages) {
    check_message(message, errors);
    const std::string where = message.place().text();
    if (message.kind != "jute" && message.file != file_stem(message.name) + ".json") {
      errors.push_back(fmt::format("{}: the file must be named {}.json", where, file_stem(message.name)));
    }
    if (!names.emplace(message.name, message.file).second) {
      errors.push_back(fmt::format("{}: the name is also in {}", where, names[message.name]));
    }
    if (message.kind != "request" && message.kind != "response") continue;
    auto& keys = message.kind == "request" ? requests : responses;
    if (!message.name.ends_with(message.kind == "request" ? "Request" : "Response")) {
      errors.push_back(fmt::format("{}: the name of a {} must say so", where, message.kind));
    }
    if (!message.key || keys.emplace(*message.key, message.file).second) continue;
    errors.push_back(fmt::format("{}: key {} is also in {}", where, *message.key, keys[*message.key]));
  }
  for (const Message& message : messages) {
    if (message.kind != "response" || !message.key || requests.contains(*message.key)) continue;
    errors.push_back(fmt::format("{}: no request has key {}", message.place().text(), *message.key));
  }
}

}  // namespace ottla::generator
