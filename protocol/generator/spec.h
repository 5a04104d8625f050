// SPDX-License-Identifier: Apache-2.0
// The model of one message spec (protocol/messages/README.md describes the JSON) and its reader. Part of the
// build-time generator; nothing here is in the server.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ottla::generator {

// What "3+", "0-12", "5" and "none" mean: both ends included; empty where lowest > highest.
struct VersionRange {
  static constexpr int kOpen = 32767;
  int lowest = 1;
  int highest = 0;

  static std::optional<VersionRange> parse(std::string_view text);
  bool empty() const { return lowest > highest; }
  bool contains(int version) const { return lowest <= version && version <= highest; }
  bool covers(const VersionRange& other) const {
    return other.empty() || (lowest <= other.lowest && other.highest <= highest);
  }
  VersionRange intersect(const VersionRange& other) const;
  // As the specs write it.
  std::string text() const;
  bool operator==(const VersionRange&) const = default;
};

// Where in the specs something stands, for errors: file and line, and the way through message and fields.
struct Place {
  std::string file;
  int line = 0;
  std::string path;

  Place inside(const std::string& name, int at_line) const { return {file, at_line, path + "." + name}; }
  // "produce_request.json:12: ProduceRequest.TopicData.Name"
  std::string text() const;
};

struct Field {
  int line = 0;
  std::string name;
  std::string type;  // without "[]"
  bool is_array = false;
  VersionRange versions;
  VersionRange nullable;
  std::optional<int> tag;
  VersionRange tagged;
  // Absent: the type's own zero. JSON null: null.
  std::optional<nlohmann::json> default_value;
  bool ignorable = false;
  bool map_key = false;
  std::string entity;
  // "flexible": "none": never in the compact encoding (the client id of a request header).
  bool never_flexible = false;
  // Jute only: at the end, and missing where the bytes end before.
  bool optional = false;
  // The fields of a structure that is defined in place; else `type` names a primitive or one of
  // Message::structs.
  std::vector<Field> fields;
};

struct Struct {
  int line = 0;
  std::string name;
  VersionRange versions;
  std::vector<Field> fields;
};

struct Message {
  std::string file;
  int line = 0;
  std::string name;
  // request, response, header, data, metadata, coordinator-key, coordinator-value; jute: a record of
  // ZooKeeper's
  std::string kind;
  std::optional<int> key;
  VersionRange versions;
  VersionRange flexible;
  bool latest_version_unstable = false;
  std::vector<std::string> listeners;
  std::vector<Field> fields;
  std::vector<Struct> structs;

  Place place() const { return {file, line, name}; }
};

bool is_primitive(std::string_view type);
// What a record of ZooKeeper's may be made of.
bool is_jute_type(std::string_view type);

// Parses one spec. Errors are appended to `errors`, one line each: file, line, message and field, what is
// wrong. The result is only meaningful where none was.
// A text may hold an array of them: parse_messages.
std::vector<Message> parse_messages(const std::string& file, const std::string& text,
                                    std::vector<std::string>& errors);
Message parse_message(const std::string& file, const std::string& text, std::vector<std::string>& errors);

// Every *.json file of `directory` in the order of file names, parsed and checked (checker.h).
std::vector<Message> load_messages(const std::filesystem::path& directory, std::vector<std::string>& errors);

}  // namespace ottla::generator
