// SPDX-License-Identifier: Apache-2.0
// ottla: see command_line.h for what it takes. Exit codes: 0 stopped as asked; 1 it could not start, or had
// to stop, and the last lines of the log say why.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "broker/program/command_line.h"
#include "broker/program/daemon.h"
#include "broker/program/inspect.h"
#include "broker/program/program.h"
#include "protocol/base/log.h"

namespace ottla {
namespace {

int run(const CommandLine& command_line) {
  if (command_line.command == CommandLine::Command::kVersion) {
    std::printf("ottla %s\n", OTTLA_VERSION);
    return 0;
  }
  if (command_line.command == CommandLine::Command::kDecode) return run_decode(command_line.decode);
  if (command_line.command == CommandLine::Command::kMessages) return run_messages(command_line.messages);
  if (command_line.command == CommandLine::Command::kDumpLog) return run_dump_log(command_line.dump_log);
  if (command_line.debug) set_log_level(LogLevel::kDebug);
  if (command_line.daemon) {
    const char* directory = std::getenv("LOG_DIR");
    const bool zookeeper = command_line.command == CommandLine::Command::kZookeeper;
    const Status gone = go_to_background(directory != nullptr ? directory : "logs",
                                         zookeeper ? "zookeeper.out" : "kafkaServer.out");
    if (!gone.ok()) {
      std::fprintf(stderr, "ottla: %s\n", gone.message().c_str());
      return 1;
    }
  }
  return run_program(command_line);
}

}  // namespace
}  // namespace ottla

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  const ottla::ParsedCommandLine parsed = ottla::parse_command_line(arguments);
  if (parsed.command_line) return ottla::run(*parsed.command_line);
  std::fputs(parsed.text.c_str(), parsed.exit_code == 0 ? stdout : stderr);
  return parsed.exit_code;
}
