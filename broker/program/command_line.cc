// SPDX-License-Identifier: Apache-2.0
#include "broker/program/command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>

namespace ottla {
namespace {

// The stock start scripts take these with one dash, and hand `-name` and `-loggc` to the JVM wrapper; both
// mean nothing here.
std::vector<std::string> without_script_options(std::vector<std::string> arguments) {
  std::vector<std::string> kept;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "-daemon") {
      kept.push_back("--daemon");
    } else if (arguments[i] == "-name") {
      ++i;
    } else if (arguments[i] != "-loggc") {
      kept.push_back(std::move(arguments[i]));
    }
  }
  return kept;
}

// kafka-server-start(.sh), zookeeper-server-start(.sh) and kafka-dump-log(.sh) are subcommands by another
// name.
std::vector<std::string> with_subcommand(std::vector<std::string> arguments) {
  std::string name = arguments.empty() ? "" : std::filesystem::path(arguments[0]).filename().string();
  if (name.ends_with(".sh")) name.resize(name.size() - 3);
  if (name == "kafka-server-start") arguments.insert(arguments.begin() + 1, "server");
  if (name == "zookeeper-server-start") arguments.insert(arguments.begin() + 1, "zookeeper");
  if (name == "kafka-dump-log") arguments.insert(arguments.begin() + 1, "dump-log");
  return arguments;
}

void check_overrides(const std::vector<std::string>& overrides) {
  for (const std::string& text : overrides) {
    if (text.find('=') == 0 || text.find('=') == std::string::npos) {
      throw CLI::ValidationError("--override", "expected key=value, found '" + text + "'");
    }
  }
}

// `FILE`, or `PORT DATADIR`.
void take_zookeeper_arguments(const std::vector<std::string>& positional, CommandLine& out) {
  if (positional.size() == 1) {
    out.zookeeper_properties = positional[0];
    return;
  }
  const bool digits =
      std::all_of(positional[0].begin(), positional[0].end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || positional[0].size() > 5 || std::stoi(positional[0]) > 65535) {
    throw CLI::ValidationError(
        "zookeeper", "expected ZOOKEEPER.PROPERTIES, or PORT DATADIR, found port '" + positional[0] + "'");
  }
  out.zookeeper_port = std::stoi(positional[0]);
  out.zookeeper_data_dir = positional[1];
}

CLI::App* add_decode(CLI::App& app, DecodeArguments& out) {
  CLI::App* decode = app.add_subcommand("decode", "print a captured frame of Kafka's protocol as JSON");
  decode->add_option("frame", out.input,
                     "hexadecimal text, or a file of it or of the bytes; '-' or nothing: standard input");
  decode->add_flag("--response", out.response, "the frame is a response; needs --key and --version");
  decode->add_option("--key", out.key, "the API, by key or name; a request says it itself");
  decode->add_option("--version", out.version, "the version; a request says it itself");
  decode->add_option(
      "--message", out.message,
      "the bytes are this message at --version, without a header ('ottla messages' lists them)");
  decode->add_flag("--records", out.records, "show the bytes of records, in base64, in place of their size");
  return decode;
}

CLI::App* add_messages(CLI::App& app, MessagesArguments& out) {
  CLI::App* messages = app.add_subcommand(
      "messages", "list every API and message of Kafka's protocol, its versions and fields");
  messages->add_option("names", out.names, "only these: APIs by name or key, messages by name");
  messages->add_option("--version", out.version, "only what this version has");
  return messages;
}

// The options of kafka-dump-log, but for the decoders that are Java classes.
CLI::App* add_dump_log(CLI::App& app, DumpLogArguments& out, std::string& emulated) {
  CLI::App* dump =
      app.add_subcommand("dump-log", "print what is in the files of a log directory, as kafka-dump-log");
  dump->add_option("--files", out.files, "the files, with commas between them")
      ->required()
      ->delimiter(',')
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  dump->add_option("--emulate", emulated, "print it as the tool of this release does (2.8 or 4.4)")
      ->check(CLI::IsMember({"2.8", "4.4"}));
  dump->add_flag("--deep-iteration", out.deep_iteration, "show the records inside the batches");
  dump->add_flag("--print-data-log", out.print_data_log, "show keys and values, too");
  dump->add_flag("--index-sanity-check", out.index_sanity_check,
                 "only look whether an index may be used as a broker's start would");
  dump->add_flag("--verify-index-only", out.verify_index_only,
                 "only compare an index with its segment, do not print it");
  dump->add_flag("--offsets-decoder", out.offsets_decoder, "the records are those of __consumer_offsets");
  dump->add_flag("--transaction-log-decoder", out.transaction_log_decoder,
                 "the records are those of __transaction_state");
  dump->add_flag("--cluster-metadata-decoder", out.cluster_metadata_decoder,
                 "the records are those of KRaft's __cluster_metadata");
  dump->add_flag("--skip-record-metadata", out.skip_record_metadata, "show only the contents of records");
  dump->add_option("--max-message-size", out.max_message_size,
                   "how far behind the position in an index its batch may reach")
      ->check(CLI::PositiveNumber);
  dump->add_option("--max-bytes", out.max_bytes, "how much of each .log is read")->check(CLI::PositiveNumber);
  return dump;
}

}  // namespace

ParsedCommandLine parse_command_line(const std::vector<std::string>& given) {
  std::vector<std::string> arguments = without_script_options(with_subcommand(given));
  CLI::App app("Ottla: Apache Kafka's broker and ZooKeeper's coordination in one small program", "ottla");
  app.require_subcommand(1);
  CommandLine out;
  std::vector<std::string> zookeeper_arguments;
  const auto common = [&](CLI::App* command) {
    command->add_flag("--daemon", out.daemon, "go on in the background (also -daemon)");
    command->add_flag("--debug", out.debug, "log what happens in detail");
  };
  const auto with_overrides = [&](CLI::App* command) {
    command
        ->add_option("--override", out.overrides,
                     "key=value, replaces what server.properties says; may be repeated")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  std::string emulated;
  const auto with_emulation = [&](CLI::App* command) {
    command
        ->add_option("--emulate", emulated,
                     "offer what this release of Kafka offers (2.8, 3.9 or 4.4); the same as ottla.emulate")
        ->check(CLI::IsMember({"2.8", "3.9", "4.4"}));
  };
  CLI::App* start = app.add_subcommand("start", "broker and coordination in one process; needs no file");
  start->add_option("server.properties", out.server_properties, "the broker's settings");
  start->add_option("--zookeeper", out.zookeeper_properties,
                    "the coordination's settings (zookeeper.properties)");
  with_overrides(start);
  with_emulation(start);
  common(start);
  CLI::App* server =
      app.add_subcommand("server", "the broker alone, as kafka-server-start; needs zookeeper.connect");
  server->add_option("server.properties", out.server_properties, "the broker's settings")->required();
  with_overrides(server);
  with_emulation(server);
  common(server);
  CLI::App* zookeeper = app.add_subcommand("zookeeper", "coordination alone, as zookeeper-server-start");
  zookeeper->add_option("arguments", zookeeper_arguments, "ZOOKEEPER.PROPERTIES, or PORT DATADIR")
      ->required()
      ->expected(1, 2);
  common(zookeeper);
  CLI::App* decode = add_decode(app, out.decode);
  CLI::App* messages = add_messages(app, out.messages);
  CLI::App* dump_log = add_dump_log(app, out.dump_log, emulated);
  CLI::App* version = app.add_subcommand("version", "print the version");
  app.add_subcommand("help", "print this help");

  ParsedCommandLine parsed;
  const std::string first = arguments.size() > 1 ? arguments[1] : "";
  if (first == "help") return {std::nullopt, app.help(), 0};
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  const bool known = std::any_of(commands.begin(), commands.end(),
                                 [&](const CLI::App* one) { return one->get_name() == first; });
  if (!first.empty() && !first.starts_with("-") && !known) {
    return {std::nullopt, "ottla: there is no command '" + first + "'\nTry 'ottla help'.\n", 1};
  }
  try {
    std::reverse(arguments.begin(), arguments.end());
    if (!arguments.empty()) arguments.pop_back();
    app.parse(arguments);
    check_overrides(out.overrides);
    if (!emulated.empty()) out.overrides.push_back("ottla.emulate=" + emulated);
    if (server->parsed()) out.command = CommandLine::Command::kServer;
    if (decode->parsed()) out.command = CommandLine::Command::kDecode;
    if (messages->parsed()) out.command = CommandLine::Command::kMessages;
    if (dump_log->parsed()) {
      out.command = CommandLine::Command::kDumpLog;
      out.dump_log.as_2_8 = emulated == "2.8";
    }
    if (version->parsed()) out.command = CommandLine::Command::kVersion;
    if (zookeeper->parsed()) {
      out.command = CommandLine::Command::kZookeeper;
      take_zookeeper_arguments(zookeeper_arguments, out);
    }
    parsed.command_line = std::move(out);
  } catch (const CLI::CallForHelp&) {
    parsed.text = app.help();
  } catch (const CLI::ParseError& error) {
    parsed.text = std::string("ottla: ") + error.what() + "\nTry 'ottla help'.\n";
    parsed.exit_code = 1;
  }
  return parsed;
}

}  // namespace ottla
