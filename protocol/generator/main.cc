// SPDX-License-Identifier: Apache-2.0
// ottla_generate_messages MESSAGES_DIR OUTPUT_DIR SHARDS          headers, api_keys.h and messages_NN.cc
// ottla_generate_messages MESSAGES_DIR OUTPUT_DIR SHARDS registry PREFIX
//                                                          message_registry_NN.cc with functions PREFIX_N,
//                                                          for tests
// ottla_generate_messages MESSAGES_DIR OUTPUT_DIR 1 schemas FUNCTION
//                                                          message_schemas.cc: the tables that FUNCTION
//                                                          returns
// ottla_generate_messages RECORDS_DIR OUTPUT_DIR 1 jute NAME
//                                                          NAME.h and NAME.cc: records of ZooKeeper's
//
// Writes only files whose content changes, so that a spec edited rebuilds what depends on it. Exits 1 with
// every error found.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "protocol/generator/emitter.h"
#include "protocol/generator/names.h"
#include "protocol/generator/spec.h"

namespace {

using ottla::generator::Message;
namespace fs = std::filesystem;

bool write_if_changed(const fs::path& path, const std::string& text) {
  {
    std::ifstream old(path, std::ios::binary);
    std::stringstream content;
    if (old) content << old.rdbuf();
    if (old && content.str() == text) return true;
  }
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) std::cerr << path.string() << ": cannot be written\n";
  return static_cast<bool>(file);
}

// Messages over `count` files of about the same size, the same way at every run.
std::vector<std::vector<const Message*>> shard(const std::vector<Message>& messages, size_t count) {
  std::vector<std::pair<size_t, const Message*>> sized;
  for (const Message& message : messages)
    sized.emplace_back(ottla::generator::emit_definitions(message).size(), &message);
  std::sort(sized.begin(), sized.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second->name < b.second->name;
  });
  std::vector<std::vector<const Message*>> shards(count);
  std::vector<size_t> sizes(count, 0);
  for (const auto& [size, message] : sized) {
    const size_t smallest = std::min_element(sizes.begin(), sizes.end()) - sizes.begin();
    shards[smallest].push_back(message);
    sizes[smallest] += size;
  }
  return shards;
}

bool write_messages(const std::vector<Message>& messages, const fs::path& output, size_t count) {
  bool ok = write_if_changed(output / "api_keys.h", ottla::generator::emit_api_keys(messages));
  for (const Message& message : messages) {
    const fs::path path = output / (ottla::generator::file_stem(message.name) + ".h");
    ok = write_if_changed(path, ottla::generator::emit_header(message)) && ok;
  }
  size_t number = 0;
  for (const auto& group : shard(messages, count)) {
    std::string text =
        "// Generated from protocol/messages. Do not edit.\n#include \"protocol/wire/codec.h\"\n";
    for (const Message* message : group) {
      text +=
          fmt::format("#include \"protocol/generated/{}.h\"\n", ottla::generator::file_stem(message->name));
    }
    text += "\nnamespace ottla::protocol {\n\n";
    for (const Message* message : group) text += ottla::generator::emit_definitions(*message);
    text += "}  // namespace ottla::protocol\n";
    ok = write_if_changed(output / fmt::format("messages_{:02}.cc", number++), text) && ok;
  }
  return ok;
}

bool write_registry(const std::vector<Message>& messages, const fs::path& output, size_t count,
                    const std::string& prefix) {
  bool ok = true;
  size_t number = 0;
  for (const auto& group : shard(messages, count)) {
    const fs::path path = output / fmt::format("message_registry_{:02}.cc", number);
    ok = write_if_changed(path,
                          ottla::generator::emit_registry(group, fmt::format("{}_{}", prefix, number))) &&
         ok;
    ++number;
  }
  return ok;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc == 6 ? argv[4] : "";
  const size_t shards = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 0;
  if ((argc != 4 && mode != "registry" && mode != "schemas" && mode != "jute") || shards == 0) {
    std::cerr << "usage: ottla_generate_messages MESSAGES_DIR OUTPUT_DIR SHARDS [registry PREFIX | schemas "
                 "FUNCTION | jute NAME]\n";
    return 2;
  }
  std::vector<std::string> errors;
  const std::vector<Message> messages = ottla::generator::load_messages(argv[1], errors);
  for (const Message& message : messages) {
    if ((message.kind == "jute") != (mode == "jute"))
      errors.push_back(message.place().text() +
                       ": the kind \"jute\" is that of ZooKeeper's records, and only of those");
  }
  for (const std::string& error : errors) std::cerr << argv[1] << "/" << error << "\n";
  if (!errors.empty()) return 1;
  const fs::path output = argv[2];
  std::error_code error;
  fs::create_directories(output, error);
  if (mode == "registry") return write_registry(messages, output, shards, argv[5]) ? 0 : 1;
  if (mode == "schemas") {
    const std::string tables = ottla::generator::emit_schemas(messages, argv[5]);
    return write_if_changed(output / "message_schemas.cc", tables) ? 0 : 1;
  }
  if (mode == "jute") {
    const std::string name = argv[5];
    return write_if_changed(output / (name + ".h"), ottla::generator::emit_jute_header(messages)) &&
                   write_if_changed(output / (name + ".cc"),
                                    ottla::generator::emit_jute_definitions(messages))
               ? 0
               : 1;
  }
  return write_messages(messages, output, shards) ? 0 : 1;
}
