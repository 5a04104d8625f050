// SPDX-License-Identifier: Apache-2.0
#include "broker/program/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ottla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Command = CommandLine::Command;

CommandLine good(const std::vector<std::string>& arguments) {
  const ParsedCommandLine parsed = parse_command_line(arguments);
  EXPECT_TRUE(parsed.command_line.has_value()) << parsed.text;
  return parsed.command_line.value_or(CommandLine());
}

std::string refused(const std::vector<std::string>& arguments) {
  const ParsedCommandLine parsed = parse_command_line(arguments);
  EXPECT_FALSE(parsed.command_line.has_value());
  EXPECT_EQ(parsed.exit_code, 1);
  return parsed.text;
}

TEST(CommandLine, StartNeedsNoFile) {
  const CommandLine line = good({"ottla", "start"});
  EXPECT_EQ(line.command, Command::kStart);
  EXPECT_EQ(line.server_properties, "");
  EXPECT_FALSE(line.daemon);
}

TEST(CommandLine, AReleaseToEmulateIsAnOverride) {
  EXPECT_THAT(good({"ottla", "start", "--emulate", "2.8"}).overrides, ElementsAre("ottla.emulate=2.8"));
  EXPECT_THAT(good({"ottla", "server", "s.properties", "--emulate", "4.4"}).overrides,
              ElementsAre("ottla.emulate=4.4"));
  EXPECT_THAT(refused({"ottla", "start", "--emulate", "2.7"}), HasSubstr("2.8"));
}

TEST(CommandLine, StartTakesBothFilesAndSeveralOverrides) {
  const CommandLine line =
      good({"ottla", "start", "s.properties", "--zookeeper", "z.properties", "--override", "a=1",
            "--override", "listeners=PLAINTEXT://:0", "--override", "b=x=y"});
  EXPECT_EQ(line.server_properties, "s.properties");
  EXPECT_EQ(line.zookeeper_properties, "z.properties");
  EXPECT_THAT(line.overrides, ElementsAre("a=1", "listeners=PLAINTEXT://:0", "b=x=y"));
}

TEST(CommandLine, CalledAsTheStockScriptsItTakesWhatTheyTake) {
  const CommandLine server = good({"/opt/bin/kafka-server-start.sh", "-daemon", "-name", "kafka", "-loggc",
                                   "s.properties", "--override", "broker.id=3"});
  EXPECT_EQ(server.command, Command::kServer);
  EXPECT_TRUE(server.daemon);
  EXPECT_EQ(server.server_properties, "s.properties");
  EXPECT_THAT(server.overrides, ElementsAre("broker.id=3"));
  const CommandLine zookeeper = good({"zookeeper-server-start", "z.properties"});
  EXPECT_EQ(zookeeper.command, Command::kZookeeper);
  EXPECT_EQ(zookeeper.zookeeper_properties, "z.properties");
}

TEST(CommandLine, CoordinationAloneTakesAFileOrPortAndDirectory) {
  EXPECT_EQ(good({"ottla", "zookeeper", "z.properties"}).zookeeper_properties, "z.properties");
  const CommandLine line = good({"ottla", "zookeeper", "2181", "/data"});
  EXPECT_EQ(line.zookeeper_port, 2181);
  EXPECT_EQ(line.zookeeper_data_dir, "/data");
}

TEST(CommandLine, WhatIsWrongIsSaid) {
  EXPECT_THAT(refused({"ottla", "fly"}), HasSubstr("'fly'"));
  EXPECT_THAT(refused({"ottla", "server"}), HasSubstr("server.properties"));
  EXPECT_THAT(refused({"ottla", "start", "--override", "novalue"}), HasSubstr("novalue"));
  EXPECT_THAT(refused({"ottla", "zookeeper", "70000", "/data"}), HasSubstr("70000"));
  EXPECT_THAT(refused({"ottla", "zookeeper", "port", "/data"}), HasSubstr("port"));
  refused({"ottla"});
  refused({"kafka-server-start"});
}

TEST(CommandLine, HelpNamesEveryCommand) {
  const ParsedCommandLine parsed = parse_command_line({"ottla", "help"});
  EXPECT_EQ(parsed.exit_code, 0);
  for (const char* command : {"start", "server", "zookeeper", "version"})
    EXPECT_THAT(parsed.text, HasSubstr(command));
}

TEST(CommandLine, DecodeTakesAFrameAndWhatAResponseDoesNotSay) {
  const CommandLine line =
      good({"ottla", "decode", "--response", "--key", "Fetch", "--version", "12", "00", "ff"});
  EXPECT_EQ(line.command, Command::kDecode);
  EXPECT_TRUE(line.decode.response);
  EXPECT_EQ(line.decode.key, "Fetch");
  EXPECT_EQ(line.decode.version, 12);
  EXPECT_THAT(line.decode.input, ElementsAre("00", "ff"));
  EXPECT_THAT(good({"ottla", "decode"}).decode.input, ElementsAre());
  EXPECT_THAT(good({"ottla", "decode", "-"}).decode.input, ElementsAre("-"));
  EXPECT_THAT(refused({"ottla", "decode", "--version", "new"}), HasSubstr("--version"));
}

TEST(CommandLine, MessagesTakesNamesAndAVersion) {
  const CommandLine line = good({"ottla", "messages", "Produce", "3", "--version", "9"});
  EXPECT_EQ(line.command, Command::kMessages);
  EXPECT_THAT(line.messages.names, ElementsAre("Produce", "3"));
  EXPECT_EQ(line.messages.version, 9);
}

TEST(CommandLine, DumpLogTakesFilesWithCommasAndTheStockToolsOptions) {
  const CommandLine line =
      good({"ottla", "dump-log", "--files", "a.log,b.index", "--deep-iteration", "--emulate", "2.8"});
  EXPECT_EQ(line.command, Command::kDumpLog);
  EXPECT_THAT(line.dump_log.files, ElementsAre("a.log", "b.index"));
  EXPECT_TRUE(line.dump_log.deep_iteration);
  EXPECT_TRUE(line.dump_log.as_2_8);
  EXPECT_EQ(good({"bin/kafka-dump-log.sh", "--files", "a.log"}).command, Command::kDumpLog);
  EXPECT_THAT(refused({"ottla", "dump-log"}), HasSubstr("--files"));
}

}  // namespace
}  // namespace ottla
