// SPDX-License-Identifier: Apache-2.0
// The program's arguments: the subcommands of `ottla`, and what kafka-server-start and zookeeper-server-start
// take when the program is called by those names.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ottla {

// `ottla decode`
struct DecodeArguments {
  std::vector<std::string> input = {};  // a file, or hexadecimal text; none or "-": standard input
  std::string key = {};                 // of the API, or its name
  std::optional<int> version = {};
  std::string message = {};
  bool response = false;
  bool records = false;
};

// `ottla messages`
struct MessagesArguments {
  std::vector<std::string> names = {};
  std::optional<int> version = {};
};

struct CommandLine {
  enum class Command { kStart, kServer, kZookeeper, kDecode, kMessages, kVersion };
  Command command = Command::kStart;
  std::string server_properties;     // empty: none given (start only)
  std::string zookeeper_properties;  // empty: none given
  // `ottla zookeeper PORT DATADIR`
  std::optional<int> zookeeper_port;
  std::string zookeeper_data_dir;
  std::vector<std::string> overrides;  // "key=value" of each --override, in order
  bool daemon = false;
  bool debug = false;
  DecodeArguments decode;
  MessagesArguments messages;
};

struct ParsedCommandLine {
  std::optional<CommandLine> command_line;  // none: print `text` and exit with `exit_code`
  std::string text;
  int exit_code = 0;
};

// Never prints. `arguments` includes the program's name.
ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments);

}  // namespace ottla
