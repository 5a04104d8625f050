// SPDX-License-Identifier: Apache-2.0
// What a start on KRaft's directory writes and when it refuses, on our own coordination server, in memory.
// The real thing: compat/tests/takeover_43.
#include "broker/takeover/takeover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/controller/znodes.h"
#include "broker/takeover/kraft_log.h"
#include "protocol/generated/config_record.h"
#include "protocol/generated/partition_record.h"
#include "protocol/generated/producer_ids_record.h"
#include "protocol/generated/topic_record.h"
#include "protocol/records/batch_builder.h"
#include "protocol/wire/writer.h"
#include "tests/broker_controller/coordination_fixture.h"

namespace ottla::takeover {
namespace {

using testing::HasSubstr;

constexpr const char* kMeta = "node.id=3\nversion=1\ncluster.id=kraft-cluster\ndirectory.id=d\n";

class TakeoverTest : public CoordinationTest {
 protected:
  void SetUp() override {
    CoordinationTest::SetUp();
    ASSERT_TRUE(files_.make_directories(std::string("/logs/") + kMetadataDirectory).ok());
    write("/logs/meta.properties", kMeta);
  }
  void TearDown() override {
    logs_.reset();
    CoordinationTest::TearDown();
  }

  void write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(
        files_.write_atomically(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}).ok());
  }
  std::string text_of(const std::string& path) {
    const auto text = files_.read_text(path);
    return text.ok() ? *text : text.status().message();
  }

  template <typename Message>
  void add_record(const Message& message) {
    Writer writer;
    writer.unsigned_varint(1);
    writer.unsigned_varint(static_cast<uint32_t>(Message::kApiKey));
    writer.unsigned_varint(static_cast<uint32_t>(Message::kHighestVersion));
    message.encode(writer, Message::kHighestVersion);
    records::BatchBuilder builder;
    builder.begin({.base_offset = next_offset_++});
    builder.append(0, std::nullopt, writer.buffer());
    const auto built = builder.finish();
    ASSERT_TRUE(built.ok());
    metadata_.append(reinterpret_cast<const char*>(built->data()), built->size());
    write(std::string("/logs/") + kMetadataDirectory + "/00000000000000000000.log", metadata_);
  }
  void add_topic(std::vector<int32_t> replicas, bool stopped = false) {
    protocol::TopicRecord topic;
    topic.name = "t";
    topic.topic_id = *Uuid::parse("6ujQfKMYQqmQFyuL3dh4pQ");
    add_record(topic);
    protocol::PartitionRecord partition;
    partition.partition_id = 0;
    partition.topic_id = topic.topic_id;
    partition.leader = stopped ? -1 : 3;
    partition.leader_epoch = 3;
    if (!stopped) partition.isr = replicas;
    partition.replicas = std::move(replicas);
    add_record(partition);
    protocol::ConfigRecord setting;
    setting.resource_type = KraftImage::kTopicResource;
    setting.resource_name = "t";
    setting.name = "retention.ms";
    setting.value = "5";
    add_record(setting);
    protocol::ProducerIdsRecord ids;
    ids.next_producer_id = 4000;
    add_record(ids);
  }

  Status take_over() {
    storage::LogManagerSettings settings;
    settings.directories = {"/logs"};
    logs_.reset();
    logs_ = std::make_unique<storage::LogManager>(
        files_, loop_, settings, [] { return std::array<uint8_t, 16>{}; },
        [](const std::string&, const Status&) {});
    const Status locked = logs_->lock_directories();
    EXPECT_TRUE(locked.ok()) << locked.message();
    return run(take_over_kraft(*client_, files_, *logs_, -1));
  }
  void write_identity() {
    logs_->write_identity();
    loop_.run_pending();
  }
  void create(const std::string& path, const std::string& data) {
    client_->create(path, data, coordination::open_acl(), coordination::CreateMode::kPersistent,
                    [](const coordination::CreateReply& reply) { EXPECT_TRUE(reply.ok()); });
    loop_.run_pending();
  }

  std::unique_ptr<storage::LogManager> logs_;
  std::string metadata_;
  int64_t next_offset_ = 0;
};

TEST_F(TakeoverTest, MetadataBecomesZnodesAndMetaPropertiesIsKept) {
  add_topic({3});
  const Status taken = take_over();
  ASSERT_TRUE(taken.ok()) << taken.message();
  EXPECT_EQ(*znodes::decode_cluster_id(data_of(znodes::kClusterId)), "kraft-cluster");
  EXPECT_EQ(znodes::decode_topic(data_of(znodes::topic_path("t")))->topic_id.to_string(),
            "6ujQfKMYQqmQFyuL3dh4pQ");
  const auto state = znodes::decode_partition_state(data_of(znodes::partition_state_path("t", 0)));
  EXPECT_EQ(state->leader, 3);
  EXPECT_EQ(state->leader_epoch, 3);
  EXPECT_EQ(znodes::decode_config(data_of(znodes::topic_config_path("t")))->at("retention.ms"), "5");
  EXPECT_EQ(znodes::decode_producer_id_block(data_of(znodes::kProducerIdBlock))->last, 3999);
  EXPECT_EQ(text_of("/logs/meta.properties.kraft"), kMeta);
  EXPECT_EQ(text_of("/logs/meta.properties"), kMeta);
  write_identity();
  EXPECT_THAT(text_of("/logs/meta.properties"), HasSubstr("broker.id=3\n"));
  EXPECT_THAT(text_of("/logs/meta.properties"), HasSubstr("version=0\n"));
}

// KIP-966: the last replica leaves the ISR when its broker stops, and stays eligible.
TEST_F(TakeoverTest, TheReplicaOfABrokerThatStoppedLeadsInANewEpoch) {
  add_topic({3}, true);
  ASSERT_TRUE(take_over().ok());
  const auto state = znodes::decode_partition_state(data_of(znodes::partition_state_path("t", 0)));
  EXPECT_EQ(state->leader, 3);
  EXPECT_EQ(state->leader_epoch, 4);
  EXPECT_THAT(state->isr, testing::ElementsAre(3));
}

TEST_F(TakeoverTest, AStartThatWasKilledInBetweenGoesOn) {
  add_topic({3});
  ASSERT_TRUE(take_over().ok());
  // Killed before meta.properties was written: the same once more.
  const Status again = take_over();
  EXPECT_TRUE(again.ok()) << again.message();
  write_identity();
  EXPECT_THAT(text_of("/logs/meta.properties"), HasSubstr("version=0\n"));
}

TEST_F(TakeoverTest, WhatIsOursAlreadyIsLeftAlone) {
  add_topic({3});
  ASSERT_TRUE(take_over().ok());
  write_identity();
  protocol::TopicRecord later;
  later.name = "later";
  later.topic_id = *Uuid::parse("AAAAAAAAAAAAAAAAAAAABB");
  add_record(later);  // whatever happens to the old metadata now
  ASSERT_TRUE(take_over().ok());
  EXPECT_EQ(data_of(znodes::topic_path("later")), "NoNode");
}

TEST_F(TakeoverTest, ReplicasOfOtherBrokersAreRefusedAndNothingIsChanged) {
  add_topic({3, 4});
  const Status refused = take_over();
  EXPECT_EQ(refused.code(), ErrorCode::INVALID_CONFIG);
  EXPECT_THAT(refused.message(), HasSubstr("broker 4 holds replicas"));
  EXPECT_EQ(data_of(znodes::kClusterId), "NoNode");
  EXPECT_FALSE(files_.exists("/logs/meta.properties.kraft"));
}

TEST_F(TakeoverTest, CoordinationOfAnotherClusterIsRefused) {
  add_topic({3});
  create("/cluster", "");
  create(znodes::kClusterId, znodes::encode_cluster_id("other"));
  const Status refused = take_over();
  EXPECT_EQ(refused.code(), ErrorCode::INCONSISTENT_CLUSTER_ID);
  EXPECT_THAT(refused.message(), HasSubstr("other"));
  EXPECT_EQ(data_of(znodes::topic_path("t")), "NoNode");
}

TEST_F(TakeoverTest, CoordinationWithTopicsAndNoClusterIsRefused) {
  add_topic({3});
  create(znodes::topic_path("foreign"), "{}");
  EXPECT_EQ(take_over().code(), ErrorCode::INVALID_CONFIG);
  EXPECT_EQ(data_of(znodes::kClusterId), "NoNode");
}

TEST_F(TakeoverTest, MetadataThatCannotBeReadIsRefusedAndNothingIsChanged) {
  add_topic({3});
  ASSERT_TRUE(
      files_.remove_all(std::string("/logs/") + kMetadataDirectory + "/00000000000000000000.log").ok());
  EXPECT_THAT(take_over().message(), HasSubstr("nothing was changed"));
  EXPECT_EQ(data_of(znodes::kClusterId), "NoNode");
}

}  // namespace
}  // namespace ottla::takeover
