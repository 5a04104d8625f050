// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/znodes.h"

#include <gtest/gtest.h>

namespace ottla::znodes {
namespace {

TEST(Znodes, ABrokerIsWrittenAsKafka28WritesIt) {
  BrokerNode node;
  node.id = 0;
  node.endpoints.push_back({"PLAINTEXT", "PLAINTEXT", "localhost", 9092});
  EXPECT_EQ(
      encode_broker(node, 1795368100830),
      R"({"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},"endpoints":["PLAINTEXT://localhost:9092"],"jmx_port":-1,"port":9092,"host":"localhost","version":5,"timestamp":"1795368100830"})");
}

TEST(Znodes, ASecuredNodeIsItsCreatorsAndSecretsAreNotRead) {
  const coordination::Acl creator{coordination::perms::kAll, "auth", ""};
  const coordination::Acl readers{coordination::perms::kRead, "world", "anyone"};
  EXPECT_EQ(secure_acl("/brokers/topics/t"), (coordination::AclList{creator, readers}));
  EXPECT_EQ(secure_acl("/config/users/alice"), coordination::AclList{creator});
  EXPECT_EQ(secure_acl("/config/brokers"), coordination::AclList{creator});
  EXPECT_EQ(secure_acl("/consumers"), coordination::open_acl());
}

TEST(Znodes, ABrokerIsReadBackWithRackAndIpv6) {
  BrokerNode node;
  node.endpoints.push_back({"INSIDE", "PLAINTEXT", "::1", 9093});
  node.rack = "r1";
  const auto read = decode_broker(7, encode_broker(node, 1));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->id, 7);
  EXPECT_EQ(read->rack, "r1");
  ASSERT_NE(read->endpoint("INSIDE"), nullptr);
  EXPECT_EQ(read->endpoint("INSIDE")->host, "::1");
  EXPECT_EQ(read->endpoint("INSIDE")->port, 9093);
  EXPECT_EQ(read->endpoint("PLAINTEXT"), nullptr);
}

TEST(Znodes, ATopicIsWrittenAsKafka28WritesIt) {
  TopicAssignment assignment;
  assignment.topic_id = *Uuid::parse("6ujQfKMYQqmQFyuL3dh4pQ");
  assignment.replicas = {{0, {0}}, {1, {0}}};
  EXPECT_EQ(
      encode_topic(assignment),
      R"({"partitions":{"0":[0],"1":[0]},"topic_id":"6ujQfKMYQqmQFyuL3dh4pQ","adding_replicas":{},"removing_replicas":{},"version":3})");
}

TEST(Znodes, ATopicWrittenByAToolThatKnowsNoIdsIsRead) {
  const auto read = decode_topic(
      R"({"version":2,"partitions":{"10":[0],"2":[1,0]},"adding_replicas":{},"removing_replicas":{}})");
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(read->topic_id.is_zero());
  EXPECT_EQ(read->replicas.at(2), (std::vector<int32_t>{1, 0}));
  EXPECT_EQ(read->replicas.at(10), std::vector<int32_t>{0});
}

TEST(Znodes, APartitionStateIsWrittenAsKafka28WritesIt) {
  EXPECT_EQ(encode_partition_state({1, 0, 0, {0}}),
            R"({"controller_epoch":1,"leader":0,"version":1,"leader_epoch":0,"isr":[0]})");
}

TEST(Znodes, GarbageIsAnErrorAndNoException) {
  for (const char* text :
       {"", "null", "[]", "{", R"({"partitions":3})", R"({"partitions":{"0":"x"}})", "\xff\xfe"}) {
    EXPECT_FALSE(decode_topic(text).ok()) << text;
    EXPECT_FALSE(decode_partition_state(text).ok()) << text;
    EXPECT_FALSE(decode_controller(text).ok()) << text;
    EXPECT_FALSE(decode_cluster_id(text).ok()) << text;
    EXPECT_FALSE(decode_producer_id_block(text).ok()) << text;
    EXPECT_FALSE(decode_config_change(text).ok()) << text;
  }
}

TEST(Znodes, ConfigChangesOfBothVersionsNameTheirEntity) {
  EXPECT_EQ(*decode_config_change(R"({"version":1,"entity_type":"topics","entity_name":"t"})"), "topics/t");
  EXPECT_EQ(*decode_config_change(encode_config_change("brokers/<default>")), "brokers/<default>");
}

}  // namespace
}  // namespace ottla::znodes
