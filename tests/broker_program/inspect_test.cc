// SPDX-License-Identifier: Apache-2.0
// `ottla decode`, `ottla messages` and `ottla dump-log`: where the bytes come from, where the text goes, the exit code.
#include "broker/program/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace ottla {
namespace {

using ::testing::HasSubstr;

constexpr const char* kRequest = "0012 0000 00000007 0001 63";

class InspectTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  void file(const std::string& content) { std::ofstream(path_, std::ios::binary) << content; }

  int decode(const DecodeArguments& arguments) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = run_decode(arguments);
    out_ = testing::internal::GetCapturedStdout();
    error_ = testing::internal::GetCapturedStderr();
    return code;
  }

  std::string path_ = testing::TempDir() + "ottla-frame-" + std::to_string(getpid());
  std::string out_;
  std::string error_;
};

TEST_F(InspectTest, DecodesTextOnTheCommandLine) {
  EXPECT_EQ(decode({.input = {"0012", "0000", "00000007 000163"}}), 0);
  EXPECT_THAT(out_, HasSubstr("\"correlationId\": 7"));
  EXPECT_EQ(error_, "");
}

TEST_F(InspectTest, DecodesFilesOfTextAndOfBytes) {
  file(kRequest);
  EXPECT_EQ(decode({.input = {path_}}), 0);
  const std::string from_text = out_;
  file(
      std::string("\0\x12\0\0\0\0\0\x07\0\x01"
                  "c",
                  11));
  EXPECT_EQ(decode({.input = {path_}}), 0);
  EXPECT_EQ(out_, from_text);
}

TEST_F(InspectTest, BadInputIsOneLineOnStandardErrorAndExitCodeOne) {
  EXPECT_EQ(decode({.input = {"/no/such/frame"}}), 1);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(error_,
            "ottla decode: '/no/such/frame' is no file, and as bytes: '/' at character 0 is not a "
            "hexadecimal digit\n");
  file("00 1");
  EXPECT_EQ(decode({.input = {path_}}), 1);
  EXPECT_EQ(error_, "ottla decode: " + path_ + ": half a byte at the end: the number of digits is odd\n");
  EXPECT_EQ(decode({.input = {kRequest}, .key = "Nothing"}), 1);
  EXPECT_EQ(error_, "ottla decode: there is no API 'Nothing'\n");
}

TEST_F(InspectTest, MessagesAreListed) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(run_messages({.names = {"Heartbeat"}}), 0);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("HeartbeatRequest: request, key 12"));
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_messages({.names = {"Nothing"}}), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "ottla messages: there is no API or message 'Nothing'\n");
}

TEST_F(InspectTest, ADumpGoesToStandardOutputAndWhatEndsItToStandardError) {
  file("");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  DumpLogArguments arguments;
  arguments.files = {path_, path_ + ".missing"};
  EXPECT_EQ(run_dump_log(arguments), 1);
  EXPECT_THAT(testing::internal::GetCapturedStdout(), HasSubstr("Dumping " + path_));
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("does not exist"));
}

}  // namespace
}  // namespace ottla
