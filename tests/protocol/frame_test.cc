// SPDX-License-Identifier: Apache-2.0
// Captured frames to JSON: what `ottla decode` prints, and what it says of bad input.
#include "protocol/json/frame.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ottla::protocol {
namespace {

// ApiVersions version 3 from client "c": key, version, correlation id 7, client id, no tags; then the body.
constexpr const char* kRequest = "0012 0003 00000007 0001 63 00 05 6a617661 06 322e382e30 00";

std::vector<uint8_t> bytes_of(std::string_view hex) {
  std::vector<uint8_t> bytes;
  const FrameText parsed = parse_hex(hex, bytes);
  EXPECT_TRUE(parsed.ok) << parsed.text;
  return bytes;
}

FrameText decode(std::string_view hex, const FrameOptions& options = {}) {
  return decode_frame(bytes_of(hex), options);
}

nlohmann::json decoded(std::string_view hex, const FrameOptions& options = {}) {
  const FrameText frame = decode(hex, options);
  EXPECT_TRUE(frame.ok) << frame.text;
  return nlohmann::json::parse(frame.text, nullptr, false);
}

std::string refused(std::string_view hex, const FrameOptions& options = {}) {
  const FrameText frame = decode(hex, options);
  EXPECT_FALSE(frame.ok);
  return frame.text;
}

FrameOptions response(int key, int version) { return {.response = true, .key = key, .version = version}; }

TEST(Frame, ARequestSaysItselfWhatItIs) {
  const auto json = decoded(kRequest);
  EXPECT_EQ(json["api"], "ApiVersions");
  EXPECT_EQ(json["version"], 3);
  EXPECT_EQ(json["headerVersion"], 2);
  EXPECT_EQ(json["header"]["correlationId"], 7);
  EXPECT_EQ(json["body"]["clientSoftwareName"], "java");
}

TEST(Frame, TheLengthInFrontMayBeThereOrNot) {
  EXPECT_EQ(decoded("00000018" + std::string(kRequest)), decoded(kRequest));
}

TEST(Frame, AResponseNeedsKeyAndVersion) {
  const char* v0 = "00000007 0023 00000001 0012 0000 0003";
  EXPECT_EQ(decoded(v0, response(18, 0))["body"]["apiKeys"][0]["maxVersion"], 3);
  EXPECT_EQ(refused(v0, {.response = true}), "a response does not say what it is: give --key and --version");
  EXPECT_EQ(refused(v0, {.response = true, .key = 18}),
            "a response does not say what it is: give --key and --version");
}

TEST(Frame, HeadersFollowTheVersion) {
  // Heartbeat responses: version 3 has the old header, version 4 one with tags.
  EXPECT_EQ(decoded("00000001 00000000 0000", response(12, 3))["headerVersion"], 0);
  EXPECT_EQ(decoded("00000001 00 00000000 0000 00", response(12, 4))["headerVersion"], 1);
}

TEST(Frame, AMessageByItsNameHasNoHeader) {
  FrameOptions options{.version = 2, .message = "OffsetCommitKey"};
  EXPECT_EQ(refused("0001 67 0001 74 00000005", options), "OffsetCommitKey has versions 0 to 1, not 2");
  options.version = 1;
  EXPECT_EQ(decoded("0001 67 0001 74 00000005", options),
            nlohmann::json::parse(R"({"group": "g", "topic": "t", "partition": 5})"));
  options.version.reset();
  EXPECT_EQ(refused("00", options), "OffsetCommitKey needs --version");
  options.message = "Nothing";
  EXPECT_EQ(refused("00", options), "there is no message 'Nothing': 'ottla messages' lists them");
}

TEST(Frame, RecordsAreShownByTheirSizeOrWhole) {
  // Produce version 3: no transactional id, acks 1, one topic, one partition with three bytes.
  const char* produce =
      "0000 0003 00000001 ffff ffff 0001 000005dc 00000001 0001 74 00000001 00000002 00000003 616263";
  const auto partition = [&](const FrameOptions& options) {
    return decoded(produce, options)["body"]["topicData"][0]["partitionData"][0];
  };
  EXPECT_EQ(partition({})["recordsSizeInBytes"], 3);
  EXPECT_EQ(partition({.records = true})["records"], "YWJj");
}

TEST(Frame, ErrorsNameThePartTheFieldAndTheByte) {
  EXPECT_EQ(refused("0012 0003 00000007 0001"),
            "RequestHeader version 2: clientId: length beyond the bytes left at byte 10");
  EXPECT_EQ(refused("0012 0003 00000007 0001 63 00 05 6a6176"),
            "ApiVersionsRequest version 3: clientSoftwareName: length beyond the bytes left at byte 13");
  EXPECT_EQ(refused(std::string(kRequest) + "ff"),
            "ApiVersionsRequest version 3 ends at byte 24, but the frame has 25 bytes");
  EXPECT_EQ(refused("0012 00"), "a request begins with key and version, but the frame ends at byte 3");
}

TEST(Frame, KeysAndVersionsThatKafkaDoesNotHaveAreRefused) {
  EXPECT_EQ(refused("7fff 0000 00000000"), "there is no API with key 32767 (byte 0)");
  EXPECT_EQ(refused("0012 0063 00000000"), "ApiVersionsRequest has versions 0 to 5, not 99");
  // A frame that was cut: its length is taken for key 0 and a version.
  EXPECT_EQ(refused("00000018 0012 0003"),
            "ProduceRequest has versions 0 to 13, not 24; or, if the first four bytes are its length, 24 "
            "bytes should "
            "follow and 4 do");
  EXPECT_EQ(refused("00", response(9999, 0)), "there is no API with key 9999");
  EXPECT_EQ(refused("00", response(18, 99)), "ApiVersionsResponse has versions 0 to 5, not 99");
  EXPECT_EQ(refused("00", response(18, 65536)), "ApiVersionsResponse has versions 0 to 5, not 65536");
}

TEST(Frame, WhatIsSaidOfARequestHasToAgreeWithIt) {
  EXPECT_EQ(refused(kRequest, {.key = 3}), "the request has key 18 at byte 0, not 3");
  EXPECT_EQ(refused(kRequest, {.version = 2}), "the request has version 3 at byte 2, not 2");
  EXPECT_EQ(decoded(kRequest, {.key = 18, .version = 3})["version"], 3);
}

TEST(Hex, TakesTheUsualSeparators) {
  const std::vector<uint8_t> expected = {0x00, 0xab, 0xCD};
  for (const char* text : {"00abCD", "0x00abcd", "00:ab:cd", "00, ab,\ncd\n", " 00\tab cd "})
    EXPECT_EQ(bytes_of(text), expected) << text;
}

TEST(Hex, ErrorsNameTheCharacter) {
  std::vector<uint8_t> bytes;
  EXPECT_EQ(parse_hex("00 0g", bytes).text, "'g' at character 4 is not a hexadecimal digit");
  EXPECT_EQ(parse_hex("00 x", bytes).text, "'x' at character 3 is not a hexadecimal digit");
  EXPECT_EQ(parse_hex("0\x01", bytes).text, "byte 0x01 at character 1 is not a hexadecimal digit");
  EXPECT_EQ(parse_hex("001", bytes).text, "half a byte at the end: the number of digits is odd");
  EXPECT_EQ(parse_hex(" ", bytes).text, "no bytes given");
}

TEST(FrameInput, BytesThatAreNoTextAreTakenAsTheyAre) {
  std::vector<uint8_t> bytes;
  EXPECT_TRUE(parse_frame_input(std::string_view("\0\x12", 2), bytes).ok);
  EXPECT_EQ(bytes, (std::vector<uint8_t>{0, 0x12}));
  EXPECT_TRUE(parse_frame_input("00 12\n", bytes).ok);
  EXPECT_EQ(bytes, (std::vector<uint8_t>{0, 0x12}));
  EXPECT_FALSE(parse_frame_input("no hex", bytes).ok);
}

TEST(ApiKeyOf, TakesNamesInAnyCapitalsAndKeys) {
  EXPECT_EQ(api_key_of("Produce"), 0);
  EXPECT_EQ(api_key_of("apiversions"), 18);
  EXPECT_EQ(api_key_of("18"), 18);
  EXPECT_EQ(api_key_of("9999"), std::nullopt);
  EXPECT_EQ(api_key_of("Nothing"), std::nullopt);
  EXPECT_EQ(api_key_of(""), std::nullopt);
}

}  // namespace
}  // namespace ottla::protocol
