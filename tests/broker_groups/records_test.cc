// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/records.h"

#include <gtest/gtest.h>

#include "protocol/wire/writer.h"

namespace ottla::groups {
namespace {

OwnedBytes hex(std::string_view text) {
  OwnedBytes bytes;
  std::string digits;
  for (const char c : text) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<uint8_t>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

TEST(GroupRecords, WriteKeysAsKafkaDoes) {
  EXPECT_EQ(encode_offset_key("g", {"t", 2}), hex("0001 0001 67 0001 74 00000002"));
  EXPECT_EQ(encode_group_key("g"), hex("0002 0001 67"));
}

TEST(GroupRecords, WriteOffsetsInVersion3) {
  EXPECT_EQ(encode_offset_value({5, 9, "m", 16, -1}),
            hex("0003 0000000000000005 00000009 0001 6d 0000000000000010"));
}

TEST(GroupRecords, WriteOffsetsThatExpireInVersion1) {
  EXPECT_EQ(encode_offset_value({5, 9, "m", 16, 32}),
            hex("0001 0000000000000005 0001 6d 0000000000000010 0000000000000020"));
}

TEST(GroupRecords, ReadOffsetsOfEveryVersion) {
  const auto v0 = decode_offset_value(hex("0000 0000000000000005 0001 6d 0000000000000010"));
  ASSERT_TRUE(v0.ok());
  EXPECT_EQ(v0->offset, 5);
  EXPECT_EQ(v0->leader_epoch, -1);
  EXPECT_EQ(v0->commit_timestamp, 16);
  EXPECT_EQ(v0->expire_timestamp, -1);
  const auto v1 = decode_offset_value(encode_offset_value({5, 9, "m", 16, 32}));
  EXPECT_EQ(v1->expire_timestamp, 32);
  const auto v2 = decode_offset_value(hex("0002 0000000000000005 0001 6d 0000000000000010"));
  EXPECT_EQ(v2->metadata, "m");
  const auto v3 = decode_offset_value(encode_offset_value({5, 9, "m", 16, -1}));
  EXPECT_EQ(v3->leader_epoch, 9);
  const auto v4 = decode_offset_value(hex("0004 0000000000000005 00000009 02 6d 0000000000000010 00"));
  ASSERT_TRUE(v4.ok());
  EXPECT_EQ(v4->metadata, "m");
  EXPECT_EQ(v4->commit_timestamp, 16);
}

TEST(GroupRecords, WriteAndReadGroups) {
  GroupValue value{"consumer", 3, "range", "a-1", 99, {}};
  value.members.push_back({"a-1", "instance", "a", "/127.0.0.1", 300'000, 10'000, {1, 2}, {3}});
  value.members.push_back({"b-1", std::nullopt, "b", "/127.0.0.1", 300'000, 10'000, {}, {}});
  const OwnedBytes bytes = encode_group_value(value);
  EXPECT_EQ(bytes[1], 3) << "the version that Kafka 2.8 writes";
  const auto read = decode_group_value(bytes);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->protocol_type, "consumer");
  EXPECT_EQ(read->generation, 3);
  EXPECT_EQ(read->protocol, "range");
  EXPECT_EQ(read->leader, "a-1");
  EXPECT_EQ(read->current_state_timestamp, 99);
  ASSERT_EQ(read->members.size(), 2U);
  EXPECT_EQ(read->members[0].group_instance_id, "instance");
  EXPECT_EQ(read->members[0].rebalance_timeout_ms, 300'000);
  EXPECT_EQ(read->members[0].subscription, (OwnedBytes{1, 2}));
  EXPECT_EQ(read->members[0].assignment, OwnedBytes{3});
  EXPECT_FALSE(read->members[1].group_instance_id.has_value());
}

// What Kafka 2.8's own classes make of one group with one member, in each version they know.
constexpr std::string_view kGroupOfKafka[] = {
    "0000 0008 636f6e73756d6572 00000003 0005 72616e6765 0003 612d31 00000001 0003 612d31 0001 61"
    "000a 2f3132372e302e302e31 00002710 00000002 0102 00000001 03",
    "0001 0008 636f6e73756d6572 00000003 0005 72616e6765 0003 612d31 00000001 0003 612d31 0001 61"
    "000a 2f3132372e302e302e31 000493e0 00002710 00000002 0102 00000001 03",
    "0002 0008 636f6e73756d6572 00000003 0005 72616e6765 0003 612d31 0000000000000063 00000001 0003 612d31 "
    "0001 61"
    "000a 2f3132372e302e302e31 000493e0 00002710 00000002 0102 00000001 03",
    "0003 0008 636f6e73756d6572 00000003 0005 72616e6765 0003 612d31 0000000000000063 00000001 0003 612d31"
    "0008 696e7374616e6365 0001 61 000a 2f3132372e302e302e31 000493e0 00002710 00000002 0102 00000001 03"};

TEST(GroupRecords, WriteAGroupByteForByteAsKafkaDoes) {
  GroupValue value{"consumer", 3, "range", "a-1", 99, {}};
  value.members.push_back({"a-1", "instance", "a", "/127.0.0.1", 300'000, 10'000, {1, 2}, {3}});
  EXPECT_EQ(encode_group_value(value), hex(kGroupOfKafka[3]));
}

TEST(GroupRecords, ReadKafkasGroupsOfEveryVersion) {
  for (const std::string_view text : kGroupOfKafka) {
    const auto read = decode_group_value(hex(text));
    ASSERT_TRUE(read.ok()) << text;
    EXPECT_EQ(read->leader, "a-1");
    ASSERT_EQ(read->members.size(), 1U);
    EXPECT_EQ(read->members[0].session_timeout_ms, 10'000);
    EXPECT_EQ(read->members[0].assignment, OwnedBytes{3});
  }
}

TEST(GroupRecords, WriteEmptyGroupsWithoutProtocolAndLeader) {
  const OwnedBytes bytes = encode_group_value({"consumer", 2, std::nullopt, std::nullopt, 1, {}});
  EXPECT_EQ(bytes, hex("0003 0008 636f6e73756d6572 00000002 ffff ffff 0000000000000001 00000000"));
}

TEST(GroupRecords, ReadGroupsOfVersion0WithTheSessionTimeoutForBoth) {
  const auto read =
      decode_group_value(hex("0000 0001 63 00000007 0001 72 0001 61 00000001"
                             "0001 61 0001 62 0001 63 00001770 00000001 aa 00000000"));
  ASSERT_TRUE(read.ok());
  ASSERT_EQ(read->members.size(), 1U);
  EXPECT_EQ(read->members[0].session_timeout_ms, 6'000);
  EXPECT_EQ(read->members[0].rebalance_timeout_ms, 6'000);
  EXPECT_EQ(read->current_state_timestamp, -1);
}

TEST(GroupRecords, TellKindsOfKeysApart) {
  const auto old_offset = decode_key(hex("0000 0001 67 0001 74 00000002"));
  ASSERT_TRUE(old_offset.ok());
  EXPECT_EQ(old_offset->kind, RecordKey::Kind::kOffset);
  EXPECT_EQ(old_offset->id.topic_partition, (TopicPartition{"t", 2}));
  EXPECT_EQ(decode_key(encode_group_key("g"))->kind, RecordKey::Kind::kGroup);
  EXPECT_EQ(decode_key(encode_group_key("g"))->id.group_id, "g");
  EXPECT_EQ(decode_key(hex("0003 0001 67"))->kind, RecordKey::Kind::kOther);
}

TEST(GroupRecords, RefuseBytesThatAreCut) {
  EXPECT_FALSE(decode_key({}).ok());
  EXPECT_FALSE(decode_key(hex("ffff")).ok());
  EXPECT_FALSE(decode_key(hex("0001 0005 67")).ok());
  EXPECT_FALSE(decode_offset_value(hex("0003 0000")).ok());
  EXPECT_FALSE(decode_offset_value(hex("0005 0000000000000005")).ok());
  EXPECT_FALSE(decode_group_value(hex("0003 0001 63 00000007 ffff ffff 0000000000000001 7fffffff")).ok());
}

TEST(GroupRecords, ReadTheTopicsOfASubscriptionOfAnyVersion) {
  const auto topics =
      decode_subscribed_topics(hex("0003 00000002 0001 74 0001 75 00000000 00000000 ffffffff"));
  ASSERT_TRUE(topics.has_value());
  EXPECT_EQ(*topics, (std::vector<std::string>{"t", "u"}));
  EXPECT_FALSE(decode_subscribed_topics(hex("0000 7fffffff")).has_value());
  EXPECT_FALSE(decode_subscribed_topics({}).has_value());
}

}  // namespace
}  // namespace ottla::groups
