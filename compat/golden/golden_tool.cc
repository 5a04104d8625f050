// SPDX-License-Identifier: Apache-2.0
// Ottla's side of the golden comparison (README.md beside it).
//
// golden_tool write FILE SAMPLES    SAMPLES random messages of every version, for Kafka's code to read
// golden_tool check FILE            what Kafka's code wrote: decoded, encoded again, counted, and shown as
// JSON
//
// The files and what is printed have the form that java/Golden.java describes.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "protocol/generator/spec.h"
#include "protocol/json/frame.h"
#include "protocol/json/message_json.h"
#include "tests/protocol/message_registry.h"
#include "tests/protocol/random_message.h"

namespace ottla::protocol {
namespace {

using Json = nlohmann::ordered_json;

std::string hex(Bytes bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

bool same(Bytes a, Bytes b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

std::optional<Json> json_of(const MessageSchema& message, int16_t version, Bytes bytes,
                            const JsonOptions& options, std::string& why) {
  size_t position = 0;
  MessageError error;
  auto json = message_to_json(message_schemas(), message, version, bytes, position, options, error);
  if (!json) why = "no JSON: " + error.text();
  if (!json || position == bytes.size()) return json;
  why = fmt::format("JSON of only {} of {} bytes", position, bytes.size());
  return std::nullopt;
}

// The names that a release uses where they are not ours.
class Renames {
 public:
  Renames(const char* path, const std::string& release) {
    std::ifstream in(path);
    std::string line;
    while (std::getline(in, line)) {
      std::istringstream words(line);
      std::string in_release;
      std::string message;
      std::string ours;
      std::string theirs;
      if (line.starts_with('#') || !(words >> in_release >> message >> ours >> theirs)) continue;
      if (in_release == release) names_[message][ours] = theirs;
    }
  }

  std::string message_name(const std::string& ours) const {
    const auto found = names_.find(ours);
    return found != names_.end() && found->second.contains(".") ? found->second.at(".") : ours;
  }

  std::string our_name(const std::string& theirs) const {
    for (const auto& [ours, names] : names_) {
      if (names.contains(".") && names.at(".") == theirs) return ours;
    }
    return theirs;
  }

  // Whether a field that the release does not know was left out.
  bool apply(const std::string& message, Json& value) const {
    const auto found = names_.find(message);
    return found != names_.end() && apply(found->second, value);
  }

 private:
  using Names = std::map<std::string, std::string>;

  static bool apply(const Names& names, Json& value) {
    bool left_out = false;
    if (value.is_array()) {
      for (Json& element : value) left_out = apply(names, element) || left_out;
    }
    if (!value.is_object()) return left_out;
    Json renamed = Json::object();
    for (auto& [name, member] : value.items()) {
      left_out = apply(names, member) || left_out;
      const auto found = names.find(name);
      if (found != names.end() && found->second == "-") {
        left_out = true;
      } else {
        renamed[found == names.end() ? name : found->second] = std::move(member);
      }
    }
    value = std::move(renamed);
    return left_out;
  }

  std::map<std::string, Names> names_;
};

class SampleWriter {
 public:
  SampleWriter(const char* path, const Renames& renames) : out_(path), renames_(renames) {}

  // What went wrong, empty where nothing did.
  std::string write(const generator::Message& message, int16_t version, uint64_t seed) {
    const MessageSchema& schema = *message_schemas().find(message.name);
    Writer writer;
    RandomMessage(message, version, seed).write(writer);
    std::string why;
    auto json = json_of(schema, version, writer.buffer(), {}, why);
    const auto records =
        json_of(schema, version, writer.buffer(), {JsonOptions::Records::kBase64, false}, why);
    const auto all = json_of(schema, version, writer.buffer(), {JsonOptions::Records::kBase64, true}, why);
    if (!json || !records || !all) return fmt::format("{} version {}: {}", message.name, version, why);
    const char* lost = *records != *all ? "tags" : *json != *records ? "records" : "nothing";
    if (renames_.apply(message.name, *json)) lost = "tags";
    out_ << renames_.message_name(message.name) << '\t' << version << '\t' << hex(writer.buffer()) << '\t'
         << dump(*json, -1) << '\t' << lost << '\n';
    return "";
  }

  bool close() {
    out_.close();
    return static_cast<bool>(out_);
  }

 private:
  std::ofstream out_;
  const Renames& renames_;
};

int write(const char* path, const Renames& renames, uint64_t samples) {
  std::vector<std::string> errors;
  const std::vector<generator::Message> messages = generator::load_messages(OTTLA_MESSAGE_SPECS, errors);
  SampleWriter writer(path, renames);
  for (const generator::Message& message : messages) {
    for (int version = message.versions.lowest; version <= message.versions.highest; ++version) {
      for (uint64_t seed = 0; seed < samples; ++seed) {
        const std::string error = writer.write(message, static_cast<int16_t>(version), seed);
        if (!error.empty()) errors.push_back(error);
      }
    }
  }
  if (!writer.close()) errors.push_back(fmt::format("{} cannot be written", path));
  for (const std::string& error : errors) std::cerr << error << "\n";
  return errors.empty() ? 0 : 1;
}

class Checker {
 public:
  explicit Checker(const Renames& renames) : renames_(renames) {
    for (const auto* part :
         {&registry_part_0(), &registry_part_1(), &registry_part_2(), &registry_part_3()}) {
      for (const MessageEntry& entry : *part) entries_[entry.name] = &entry;
    }
  }

  void line(const std::string& text) {
    std::vector<std::string> columns;
    size_t start = 0;
    // JSON may hold no tab: it writes them as \t.
    for (size_t tab = text.find('\t'); tab != std::string::npos; tab = text.find('\t', start)) {
      columns.push_back(text.substr(start, tab - start));
      start = tab + 1;
    }
    columns.push_back(text.substr(start));
    const std::string what = columns.size() == 4 ? difference(columns)
                                                 : "a line of " + std::to_string(columns.size()) + " columns";
    versions_.insert(columns[0] + " " + columns[1]);
    ++samples_;
    if (!what.empty()) std::cout << "differs " << columns[0] << " " << columns[1] << " " << what << "\n";
  }

  void finish() const { std::cout << "compared " << versions_.size() << " " << samples_ << "\n"; }

 private:
  std::string difference(const std::vector<std::string>& columns) const {
    const std::string name = renames_.our_name(columns[0]);
    const MessageSchema* schema = message_schemas().find(name);
    const auto version = static_cast<int16_t>(std::atoi(columns[1].c_str()));
    if (schema == nullptr) return "no such message here";
    if (!schema->versions.contains(version)) return "no such version here";
    std::vector<uint8_t> bytes;
    if (!columns[2].empty() && !parse_hex(columns[2], bytes).ok) return "the bytes are not hexadecimal";
    Writer again;
    size_t consumed = 0;
    if (!entries_.at(name)->reencode(bytes, version, again, consumed)) return "cannot decode " + columns[2];
    if (consumed != bytes.size()) return fmt::format("decodes {} bytes of {}", consumed, columns[2]);
    if (!same(again.buffer(), bytes))
      return fmt::format("bytes: ours {} Kafka's {}", hex(again.buffer()), columns[2]);
    if (again.total_size() != bytes.size()) return fmt::format("size: ours {}", again.total_size());
    std::string why;
    auto ours = json_of(*schema, version, bytes, {}, why);
    if (!ours) return why;
    renames_.apply(name, *ours);
    // Objects compare without regard to the order of their members.
    const auto mine = nlohmann::json::parse(dump(*ours, -1));
    const auto theirs = nlohmann::json::parse(columns[3], nullptr, false);
    return mine == theirs ? "" : fmt::format("JSON: ours {} Kafka's {}", mine.dump(), columns[3]);
  }

  const Renames& renames_;
  std::map<std::string, const MessageEntry*> entries_;
  std::set<std::string> versions_;
  size_t samples_ = 0;
};

int check(const char* path, const Renames& renames) {
  std::ifstream in(path);
  Checker checker(renames);
  std::string text;
  while (std::getline(in, text)) checker.line(text);
  if (in.bad() || !in.eof()) {
    std::cerr << path << " cannot be read\n";
    return 1;
  }
  checker.finish();
  return 0;
}

}  // namespace
}  // namespace ottla::protocol

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if ((mode != "write" || argc != 6) && (mode != "check" || argc != 5)) {
    std::cerr << "usage: golden_tool write FILE RENAMED RELEASE SAMPLES | check FILE RENAMED RELEASE\n";
    return 2;
  }
  const ottla::protocol::Renames renames(argv[3], argv[4]);
  if (mode == "check") return ottla::protocol::check(argv[2], renames);
  return ottla::protocol::write(argv[2], renames, std::strtoul(argv[5], nullptr, 10));
}
