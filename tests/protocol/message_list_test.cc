// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/message_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/json/schema.h"

namespace ottla::protocol {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string listed(const std::vector<std::string>& names, std::optional<int> version = std::nullopt) {
  const MessageListText list = list_messages({names, version});
  EXPECT_TRUE(list.ok) << list.text;
  return list.text;
}

TEST(MessageList, AnApiIsItsRequestAndItsResponse) {
  EXPECT_EQ(listed({"heartbeat"}),
            "HeartbeatRequest: request, key 12, versions 0-4, flexible 4+\n"
            "  GroupId: string 0+\n"
            "  GenerationId: int32 0+\n"
            "  MemberId: string 0+\n"
            "  GroupInstanceId: string 3+, nullable 3+, default null\n"
            "\n"
            "HeartbeatResponse: response, key 12, versions 0-4, flexible 4+\n"
            "  ThrottleTimeMs: int32 1+\n"
            "  ErrorCode: int16 0+\n");
  EXPECT_EQ(listed({"12"}), listed({"Heartbeat"}));
}

TEST(MessageList, AVersionShowsOnlyWhatItHas) {
  const std::string old = listed({"Fetch"}, 4);
  EXPECT_THAT(old, HasSubstr("FetchRequest: request, key 1, version 4\n"));
  EXPECT_THAT(old, Not(HasSubstr("SessionId")));
  const std::string newer = listed({"Fetch"}, 12);
  EXPECT_THAT(newer, HasSubstr("version 12, flexible\n"));
  EXPECT_THAT(newer, HasSubstr("ClusterId: string, nullable, tag 0, default null\n"));
}

TEST(MessageList, StructuresStandBelowTheirField) {
  EXPECT_THAT(listed({"OffsetCommitRequest"}),
              HasSubstr("  Topics: []OffsetCommitRequestTopic 0+\n    Name: string"));
}

TEST(MessageList, WithoutNamesEveryMessageIsListedApisFirst) {
  const std::string all = listed({});
  EXPECT_THAT(all, StartsWith("ProduceRequest: request, key 0"));
  for (const MessageSchema& message : message_schemas().messages)
    EXPECT_THAT(all, HasSubstr(std::string(message_schemas().text(message.name)) + ": "));
}

TEST(MessageList, WhatDoesNotExistIsNamed) {
  EXPECT_EQ(list_messages({{"Nothing"}, std::nullopt}).text, "there is no API or message 'Nothing'");
  EXPECT_EQ(list_messages({{"Heartbeat"}, 9}).text, "HeartbeatRequest has versions 0-4, not 9");
  EXPECT_FALSE(list_messages({{"Nothing"}, std::nullopt}).ok);
}

}  // namespace
}  // namespace ottla::protocol
