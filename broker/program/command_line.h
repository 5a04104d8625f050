// SPDX-License-Identifier: Apache-2.0
// The program's arguments: the subcommands of `ottla`, and what kafka-server-start and zookeeper-server-start
// take when the program is called by those names.
#pragma once

#include <limits>
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

// `ottla dump-log`
struct DumpLogArguments {
  std::vector<std::string> files = {};
  bool as_2_8 = false;
  bool print_data_log = false;
  bool deep_iteration = false;
  bool index_sanity_check = false;
  bool verify_index_only = false;
  bool skip_record_metadata = false;
  bool offsets_decoder = false;
  bool transaction_log_decoder = false;
  bool cluster_metadata_decoder = false;
  int max_message_size = 5 << 20;
  int max_bytes = std::numeric_limits<int>::max();
};

struct CommandLine {
  enum class Command { kStart, kServer, kZookeeper, kDecode, kMessages, kDumpLog, kVersion };
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
  DumpLogArguments dump_log;
};

struct ParsedCommandLine {
  std::optional<CommandLine> command_line;  // none: print `text` and exit with `exit_code`
  std::string text;
  int exit_code = 0;
};

// Never prints. `arguments` includes the program's name.
ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments);

}  // namespace ottla
