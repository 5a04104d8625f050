// SPDX-License-Identifier: Apache-2.0
#include "protocol/generator/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "protocol/generator/checker.h"

namespace ottla::generator {

namespace {

using nlohmann::json;

std::optional<int> parse_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value >= VersionRange::kOpen) {
    return std::nullopt;
  }
  return value;
}

// The property that numbered_json adds to each object. No spec can have it: names in JSON hold no line feed.
constexpr const char* kLine = "\nline";

// Reads a text, counting its lines.
class LineCounter {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCounter(const char* at, int& line) : at_(at), line_(&line) {}
  reference operator*() const { return *at_; }
  LineCounter& operator++() {
    if (*at_++ == '\n') ++*line_;
    return *this;
  }
  bool operator==(const LineCounter& other) const { return at_ == other.at_; }
  bool operator!=(const LineCounter& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  int* line_;
};

// The text as JSON, where each object has the line of its brace as kLine. The parser itself tells lines of
// syntax errors only. Discarded where the text is not JSON, or names a property twice.
json numbered_json(const std::string& file, const std::string& text, std::vector<std::string>& errors) {
  int line = 1;
  std::vector<std::pair<int, std::set<std::string>>> open;
  bool doubled = false;
  const auto number = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) open.push_back({line, {}});
    if (event == json::parse_event_t::key && !open.back().second.insert(parsed.get<std::string>()).second) {
      errors.push_back(fmt::format("{}:{}: property {} stands twice", file, line, parsed.dump()));
      doubled = true;
    }
    if (event == json::parse_event_t::object_end) {
      parsed[kLine] = open.back().first;
      open.pop_back();
    }
    return true;
  };
  int ignored = 0;
  try {
    json result = json::parse(LineCounter(text.data(), line), LineCounter(text.data() + text.size(), ignored),
                              number, true, true);
    return doubled ? json(json::value_t::discarded) : result;
  } catch (const json::parse_error& error) {
    const auto end = text.begin() + static_cast<ptrdiff_t>(std::min(error.byte, text.size()));
    std::string what = error.what();
    if (const size_t colon = what.find("column "); colon != std::string::npos)
      what.erase(0, what.find(": ", colon) + 2);
    errors.push_back(
        fmt::format("{}:{}: is not JSON: {}", file, 1 + std::count(text.begin(), end, '\n'), what));
    return json(json::value_t::discarded);
  }
}

int line_of(const json& object) { return object.is_object() ? object.value(kLine, 0) : 0; }

// Reads the properties of one JSON object and complains about what is missing, mistyped or unknown.
class Properties {
 public:
  Properties(const json& object, Place where, std::vector<std::string>& errors)
      : object_(object), where_(std::move(where)), errors_(errors), known_{kLine} {
    if (!object_.is_object()) error("is not a JSON object");
  }

  void error(const std::string& what) { errors_.push_back(where_.text() + ": " + what); }

  std::string text(const char* name, bool required = false) {
    const json* value = find(name, required);
    if (value == nullptr) return {};
    if (!value->is_string()) {
      error(fmt::format("\"{}\" must be a string", name));
      return {};
    }
    return value->get<std::string>();
  }

  std::optional<int> number(const char* name) {
    const json* value = find(name, false);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_integer()) {
      error(fmt::format("\"{}\" must be a whole number", name));
      return std::nullopt;
    }
    return value->get<int>();
  }

  bool flag(const char* name) {
    const json* value = find(name, false);
    if (value == nullptr) return false;
    if (!value->is_boolean()) {
      error(fmt::format("\"{}\" must be true or false", name));
      return false;
    }
    return value->get<bool>();
  }

  VersionRange versions(const char* name, bool required = false) {
    const std::string value = text(name, required);
    if (value.empty()) return {};
    const auto range = VersionRange::parse(value);
    if (!range) error(fmt::format("\"{}\" is not a version range: \"{}\"", name, value));
    return range.value_or(VersionRange{});
  }

  std::optional<json> any(const char* name) {
    const json* value = find(name, false);
    if (value == nullptr) return std::nullopt;
    return *value;
  }

  const json& array(const char* name, bool required = false) {
    static const json empty = json::array();
    const json* value = find(name, required);
    if (value == nullptr) return empty;
    if (!value->is_array()) {
      error(fmt::format("\"{}\" must be an array", name));
      return empty;
    }
    return *value;
  }

  void reject_unknown() {
    if (!object_.is_object()) return;
    for (const auto& [name, value] : object_.items()) {
      if (!known_.contains(name)) error(fmt::format("unknown property \"{}\"", name));
    }
  }

 private:
  const json* find(const char* name, bool required) {
    known_.insert(name);
    if (object_.is_object() && object_.contains(name)) return &object_.at(name);
    if (required) error(fmt::format("\"{}\" is missing", name));
    return nullptr;
  }

  const json& object_;
  Place where_;
  std::vector<std::string>& errors_;
  std::set<std::string> known_;
};

std::string name_of(const json& object) {
  if (!object.is_object() || !object.contains("name") || !object.at("name").is_string()) return "?";
  return object.at("name").get<std::string>();
}

Field parse_field(const json& object, const Place& parent, std::vector<std::string>& errors) {
  const Place where = parent.inside(name_of(object), object.is_object() ? line_of(object) : parent.line);
  Properties properties(object, where, errors);
  Field field;
  field.line = where.line;
  field.name = properties.text("name", true);
  field.type = properties.text("type", true);
  field.is_array = field.type.starts_with("[]");
  if (field.is_array) field.type.erase(0, 2);
  field.versions = properties.versions("versions", true);
  field.nullable = properties.versions("nullable");
  field.tag = properties.number("tag");
  field.tagged = properties.versions("tagged");
  field.default_value = properties.any("default");
  field.ignorable = properties.flag("ignorable");
  field.map_key = properties.flag("mapKey");
  field.optional = properties.flag("optional");
  field.entity = properties.text("entity");
  const std::string flexible = properties.text("flexible");
  if (!flexible.empty() && flexible != "none")
    properties.error("\"flexible\" of a field can only be \"none\"");
  field.never_flexible = flexible == "none";
  for (const json& child : properties.array("fields")) {
    field.fields.push_back(parse_field(child, where, errors));
  }
  properties.reject_unknown();
  return field;
}

Struct parse_struct(const json& object, const Place& parent, std::vector<std::string>& errors) {
  const Place where = parent.inside(name_of(object), object.is_object() ? line_of(object) : parent.line);
  Properties properties(object, where, errors);
  Struct result;
  result.line = where.line;
  result.name = properties.text("name", true);
  result.versions = properties.versions("versions", true);
  for (const json& child : properties.array("fields", true)) {
    result.fields.push_back(parse_field(child, where, errors));
  }
  properties.reject_unknown();
  return result;
}

}  // namespace

std::optional<VersionRange> VersionRange::parse(std::string_view text) {
  if (text == "none") return VersionRange{};
  if (text.ends_with('+')) {
    const auto lowest = parse_number(text.substr(0, text.size() - 1));
    if (!lowest) return std::nullopt;
    return VersionRange{*lowest, kOpen};
  }
  const size_t dash = text.find('-');
  const auto lowest = parse_number(text.substr(0, dash));
  const auto highest = dash == std::string_view::npos ? lowest : parse_number(text.substr(dash + 1));
  if (!lowest || !highest || *lowest > *highest) return std::nullopt;
  return VersionRange{*lowest, *highest};
}

VersionRange VersionRange::intersect(const VersionRange& other) const {
  const VersionRange result{std::max(lowest, other.lowest), std::min(highest, other.highest)};
  return empty() || other.empty() || result.empty() ? VersionRange{} : result;
}

std::string VersionRange::text() const {
  if (empty()) return "none";
  if (highest == kOpen) return fmt::format("{}+", lowest);
  if (lowest == highest) return fmt::format("{}", lowest);
  return fmt::format("{}-{}", lowest, highest);
}

std::string Place::text() const { return fmt::format("{}:{}: {}", file, line, path); }

bool is_primitive(std::string_view type) {
  static const std::set<std::string_view> kTypes = {"bool",  "int8",   "int16", "uint16",
                                                    "int32", "uint32", "int64", "float64",
                                                    "uuid",  "string", "bytes", "records"};
  return kTypes.contains(type);
}

bool is_jute_type(std::string_view type) {
  static const std::set<std::string_view> kTypes = {"bool", "int32", "int64", "ustring", "buffer", "acl"};
  return kTypes.contains(type);
}

namespace {

Message parse_object(const std::string& file, const json& object, std::vector<std::string>& errors) {
  Message message;
  message.file = file;
  message.line = line_of(object);
  const Place where{file, message.line, name_of(object)};
  Properties properties(object, where, errors);
  message.name = properties.text("name", true);
  message.kind = properties.text("kind", true);
  message.key = properties.number("key");
  message.versions = properties.versions("versions", true);
  message.flexible = properties.versions("flexible", true);
  message.latest_version_unstable = properties.flag("latestVersionUnstable");
  for (const json& listener : properties.array("listeners")) {
    if (!listener.is_string()) {
      properties.error("\"listeners\" must hold strings");
    } else {
      message.listeners.push_back(listener.get<std::string>());
    }
  }
  for (const json& child : properties.array("fields", true)) {
    message.fields.push_back(parse_field(child, where, errors));
  }
  for (const json& child : properties.array("structs")) {
    message.structs.push_back(parse_struct(child, where, errors));
  }
  properties.reject_unknown();
  return message;
}

}  // namespace

Message parse_message(const std::string& file, const std::string& text, std::vector<std::string>& errors) {
  const json object = numbered_json(file, text, errors);
  return object.is_discarded() ? Message{} : parse_object(file, object, errors);
}

std::vector<Message> parse_messages(const std::string& file, const std::string& text,
                                    std::vector<std::string>& errors) {
  const json root = numbered_json(file, text, errors);
  if (root.is_discarded()) return {};
  std::vector<Message> messages;
  if (!root.is_array()) messages.push_back(parse_object(file, root, errors));
  if (root.is_array()) {
    for (const json& object : root) messages.push_back(parse_object(file, object, errors));
  }
  return messages;
}

std::vector<Message> load_messages(const std::filesystem::path& directory, std::vector<std::string>& errors) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".json") files.push_back(entry.path());
  }
  if (error) errors.push_back(fmt::format(": {}", error.message()));
  std::sort(files.begin(), files.end());
  std::vector<Message> messages;
  for (const auto& file : files) {
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    if (!stream) errors.push_back(file.filename().string() + ": cannot be read");
    for (Message& message : parse_messages(file.filename().string(), text.str(), errors))
      messages.push_back(std::move(message));
  }
  if (errors.empty()) check_messages(messages, errors);
  return messages;
}

}  // namespace ottla::generator
