// SPDX-License-Identifier: Apache-2.0
// The controller against our own coordination server, in memory, on a loop whose time the test moves.
#include "broker/controller/controller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/controller/zk_topic_admin.h"
#include "tests/broker_controller/coordination_fixture.h"
#include "tests/broker_controller/fake_peers.h"

namespace ottla {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ControllerTest : public CoordinationTest, public ControllerActions {
 protected:
  void SetUp() override {
    CoordinationTest::SetUp();
    start_broker();
  }
  void TearDown() override {
    topics_.reset();
    controller_.reset();
    CoordinationTest::TearDown();
  }
  void on_watch_event(const coordination::WatchEvent& event) override {
    if (controller_) controller_->on_watch_event(event);
  }

  void start_broker() {
    BrokerNode node;
    node.id = 0;
    node.endpoints.push_back({"PLAINTEXT", "PLAINTEXT", "localhost", 9092});
    const auto registered = run(register_broker(*client_, node, loop_.wall_ms()));
    ASSERT_TRUE(registered.ok()) << registered.status().message();
    controller_ = std::make_unique<Controller>(Controller::Settings{}, loop_, *client_, metadata_, *this,
                                               peers_, [this] { return random(); });
    ZkTopicAdmin::Settings settings;
    settings.offsets_replication_factor = 1;
    topics_ = std::make_unique<ZkTopicAdmin>(
        settings, loop_, *client_, metadata_, *controller_, [this] { return random(); },
        [](const auto&) { return Status(); });
    controller_->set_listener([this] { topics_->on_metadata_changed(); });
    Status started(ErrorCode::UNKNOWN_SERVER_ERROR, "never answered");
    controller_->start([&](Status status) { started = std::move(status); });
    loop_.run_pending();
    ASSERT_TRUE(started.ok()) << started.message();
  }

  void restart_broker() {
    topics_.reset();
    controller_.reset();
    client_->close([] {});
    loop_.run_pending();
    client_ = connect();
    metadata_ = MetadataCache();
    led_.clear();
    start_broker();
  }

  std::array<uint8_t, 16> random() {
    std::array<uint8_t, 16> bytes{};
    bytes[15] = ++random_;
    return bytes;
  }
  ErrorCode apply(const PartitionChange& change) override {
    applied_.push_back(change);
    if (change.state.leader == 0) led_.push_back(change.topic + "-" + std::to_string(change.index));
    return apply_result_;
  }
  void brokers_changed() override {}
  bool unclean_election(const std::string&) override { return unclean_; }
  void set_topic_overrides(const std::string&, std::map<std::string, std::string>) override {}
  void drop_topic(const std::string& topic) override { dropped_.push_back(topic); }

  TopicOutcome create(const std::string& name, int32_t partitions, int16_t replication_factor = 1) {
    CreateTopicSpec spec;
    spec.name = name;
    spec.partitions = partitions;
    spec.replication_factor = replication_factor;
    return create(spec);
  }
  TopicOutcome create(CreateTopicSpec spec) {
    std::optional<TopicOutcome> outcome;
    topics_->create_topic(std::move(spec), 30000, false,
                          [&](TopicOutcome answered) { outcome = std::move(answered); });
    loop_.run_pending();
    EXPECT_TRUE(outcome.has_value());
    return outcome.value_or(TopicOutcome{ErrorCode::UNKNOWN_SERVER_ERROR, "", {}, -1, -1});
  }
  void tool_writes(const std::string& path, const std::string& data) {
    tool_->create(path, data, coordination::open_acl(), coordination::CreateMode::kPersistent,
                  [&](const auto&) {});
    loop_.run_pending();
  }

  MetadataCache metadata_;
  std::unique_ptr<Controller> controller_;
  std::unique_ptr<ZkTopicAdmin> topics_;
  FakePeers peers_;
  std::vector<PartitionChange> applied_;
  ErrorCode apply_result_ = ErrorCode::NONE;
  bool unclean_ = false;
  std::vector<std::string> led_;
  std::vector<std::string> dropped_;
  uint8_t random_ = 0;
};

TEST_F(ControllerTest, TheFirstBrokerTakesOffice) {
  EXPECT_TRUE(controller_->active());
  EXPECT_EQ(metadata_.controller_id, 0);
  EXPECT_EQ(data_of("/controller_epoch"), "1");
  EXPECT_THAT(data_of("/controller"), HasSubstr(R"("brokerid":0)"));
  EXPECT_EQ(data_of("/feature"), R"({"features":{},"version":1,"status":1})");
}

TEST_F(ControllerTest, ATopicThatAToolWritesGetsAnIdStatesAndLeaders) {
  tool_writes("/config/topics/t", R"({"version":1,"config":{}})");
  tool_writes("/brokers/topics/t",
              R"({"version":2,"partitions":{"0":[0],"1":[0]},"adding_replicas":{},"removing_replicas":{}})");
  EXPECT_THAT(led_, ElementsAre("t-0", "t-1"));
  EXPECT_THAT(data_of("/brokers/topics/t"), HasSubstr("topic_id"));
  EXPECT_EQ(data_of("/brokers/topics/t/partitions/1/state"),
            R"({"controller_epoch":1,"leader":0,"version":1,"leader_epoch":0,"isr":[0]})");
  ASSERT_NE(metadata_.find("t"), nullptr);
  EXPECT_FALSE(metadata_.find("t")->id.is_zero());
  EXPECT_EQ(metadata_.find("t")->partitions.size(), 2u);
}

TEST_F(ControllerTest, CreateTopicAnswersWhenThePartitionsAreOpen) {
  const TopicOutcome outcome = create("made", 3);
  EXPECT_EQ(outcome.error, ErrorCode::NONE) << outcome.message;
  EXPECT_EQ(outcome.partitions, 3);
  EXPECT_THAT(led_, ElementsAre("made-0", "made-1", "made-2"));
  EXPECT_EQ(metadata_.find(outcome.topic_id), metadata_.find("made"));
}

TEST_F(ControllerTest, ATopicAndTheStatesOfItsPartitionsShareOneCommit) {
  const int64_t before = server_->sync_count();
  EXPECT_EQ(create("orders", 3).error, ErrorCode::NONE);
  EXPECT_EQ(server_->sync_count(), before + 1);
}

TEST_F(ControllerTest, AmongManyTopicsANewOneIsThereAtOnceAndAToolsTopicSoon) {
  for (int i = 0; i < 100; ++i) ASSERT_EQ(create("many-" + std::to_string(i), 1).error, ErrorCode::NONE);
  tool_writes(znodes::topic_path("written"),
              R"({"version":2,"partitions":{"0":[0]},"adding_replicas":{},"removing_replicas":{}})");
  EXPECT_EQ(create("orders", 1).error, ErrorCode::NONE);
  EXPECT_NE(metadata_.find("orders"), nullptr);
  loop_.advance(100);
  ASSERT_NE(metadata_.find("written"), nullptr);
  EXPECT_EQ(metadata_.find("written")->partitions.at(0).leader, 0);
}

TEST_F(ControllerTest, WrongTopicsAreRefusedWithKafkasCodes) {
  EXPECT_EQ(create("made", 1).error, ErrorCode::NONE);
  EXPECT_EQ(create("made", 1).error, ErrorCode::TOPIC_ALREADY_EXISTS);
  EXPECT_EQ(create("zero", 0).error, ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(create("minus", -3).error, ErrorCode::INVALID_PARTITIONS);
  EXPECT_EQ(create("countless", INT32_MAX).error, ErrorCode::POLICY_VIOLATION);
  EXPECT_EQ(create("wide", 1, 2).error, ErrorCode::INVALID_REPLICATION_FACTOR);
  EXPECT_EQ(create("no spaces", 1).error, ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(create("..", 1).error, ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(create("", 1).error, ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(create(std::string(250, 'x'), 1).error, ErrorCode::INVALID_TOPIC_EXCEPTION);
  EXPECT_EQ(create("a.b", 1).error, ErrorCode::NONE);
  EXPECT_EQ(create("a_b", 1).error, ErrorCode::INVALID_TOPIC_EXCEPTION);
  CreateTopicSpec unknown_broker;
  unknown_broker.name = "assigned";
  unknown_broker.assignments = {{0, {9}}};
  EXPECT_EQ(create(unknown_broker).error, ErrorCode::INVALID_REPLICA_ASSIGNMENT);
  EXPECT_EQ(led_.size(), 2u);
}

TEST_F(ControllerTest, PartitionsGrowThroughTheToolAndThroughTheApi) {
  create("t", 1);
  std::optional<TopicOutcome> grown;
  topics_->create_partitions("t", 3, {}, 30000, false, [&](TopicOutcome outcome) { grown = outcome; });
  loop_.run_pending();
  ASSERT_TRUE(grown.has_value());
  EXPECT_EQ(grown->error, ErrorCode::NONE) << grown->message;
  znodes::TopicAssignment assignment = *znodes::decode_topic(data_of("/brokers/topics/t"));
  for (int32_t i = 3; i < 5; ++i) assignment.replicas[i] = {0};
  tool_->set_data("/brokers/topics/t", znodes::encode_topic(assignment), -1, [](const auto&) {});
  loop_.run_pending();
  EXPECT_EQ(metadata_.find("t")->partitions.size(), 5u);
  std::optional<TopicOutcome> shrunk;
  topics_->create_partitions("t", 2, {}, 30000, false, [&](TopicOutcome outcome) { shrunk = outcome; });
  ASSERT_TRUE(shrunk.has_value());
  EXPECT_EQ(shrunk->error, ErrorCode::INVALID_PARTITIONS);
}

TEST_F(ControllerTest, DeletionRemovesTheZnodesAndTheWishLast) {
  create("t", 2);
  std::optional<TopicOutcome> deleted;
  topics_->delete_topic("t", 30000, [&](TopicOutcome outcome) { deleted = outcome; });
  loop_.run_pending();
  ASSERT_TRUE(deleted.has_value());
  EXPECT_EQ(deleted->error, ErrorCode::NONE) << deleted->message;
  EXPECT_THAT(dropped_, ElementsAre("t"));
  EXPECT_EQ(data_of("/brokers/topics/t"), "NoNode");
  EXPECT_EQ(data_of("/config/topics/t"), "NoNode");
  EXPECT_EQ(data_of("/admin/delete_topics/t"), "NoNode");
  EXPECT_EQ(create("t", 1).error, ErrorCode::NONE);
}

TEST_F(ControllerTest, TheToolsWishToDeleteIsGranted) {
  create("t", 1);
  tool_writes("/admin/delete_topics/t", "");
  tool_writes("/admin/delete_topics/never_was", "");
  EXPECT_EQ(metadata_.find("t"), nullptr);
  EXPECT_EQ(data_of("/admin/delete_topics/t"), "NoNode");
  EXPECT_EQ(data_of("/admin/delete_topics/never_was"), "NoNode");
}

TEST_F(ControllerTest, AutoCreationOfOneNameRunsOnce) {
  int answers = 0;
  for (int i = 0; i < 3; ++i) {
    topics_->auto_create(
        "auto", [&](const TopicOutcome& outcome) { answers += outcome.error == ErrorCode::NONE ? 1 : 0; });
  }
  loop_.run_pending();
  EXPECT_EQ(answers, 3);
  EXPECT_THAT(led_, ElementsAre("auto-0"));
}

TEST_F(ControllerTest, TheOffsetsTopicIsCreatedWithItsOwnSettings) {
  topics_->auto_create("__consumer_offsets", [](const TopicOutcome&) {});
  loop_.run_pending();
  ASSERT_NE(metadata_.find("__consumer_offsets"), nullptr);
  EXPECT_EQ(metadata_.find("__consumer_offsets")->partitions.size(), 50u);
  EXPECT_THAT(data_of("/config/topics/__consumer_offsets"), HasSubstr(R"("cleanup.policy":"compact")"));
}

TEST_F(ControllerTest, ProducerIdsAreDrawnInBlocksAndNeverTwice) {
  std::vector<int64_t> ids;
  for (int i = 0; i < 1500; ++i) {
    topics_->next_producer_id([&](ErrorCode, int64_t id) { ids.push_back(id); });
    loop_.run_pending();
  }
  ASSERT_EQ(ids.size(), 1500u);
  EXPECT_EQ(ids.front(), 0);
  EXPECT_EQ(ids.back(), 1499);
  EXPECT_EQ(data_of("/latest_producer_id_block"),
            R"({"version":1,"broker":0,"block_start":"1000","block_end":"1999"})");
}

TEST_F(ControllerTest, D11ASecondBrokerWithTheSameIdIsRefused) {
  BrokerNode other;
  other.id = 0;
  other.endpoints.push_back({"PLAINTEXT", "PLAINTEXT", "elsewhere", 9092});
  const auto refused = run(register_broker(*tool_, other, 1));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("broker.id 0 is taken"));
}

TEST_F(ControllerTest, ARestartFindsItsTopicsAgain) {
  create("t", 2);
  restart_broker();
  EXPECT_THAT(led_, ElementsAre("t-0", "t-1"));
  EXPECT_EQ(data_of("/controller_epoch"), "2");
}

TEST_F(ControllerTest, D1WhatAKilledControllerHadBegunIsFinishedByTheNext) {
  // It has the topic, a setting, and the state of one partition.
  const std::string topic =
      R"({"version":2,"partitions":{"0":[0],"1":[0],"2":[0]},"adding_replicas":{},"removing_replicas":{}})";
  controller_->stop();
  tool_writes("/config/topics/t", R"({"version":1,"config":{}})");
  tool_writes("/brokers/topics/t", topic);
  tool_writes("/brokers/topics/t/partitions", "");
  tool_writes("/brokers/topics/t/partitions/0", "");
  tool_writes(znodes::partition_state_path("t", 0),
              R"({"controller_epoch":1,"leader":0,"version":1,"leader_epoch":0,"isr":[0]})");
  restart_broker();
  EXPECT_THAT(led_, testing::UnorderedElementsAre("t-0", "t-1", "t-2"));
  EXPECT_THAT(data_of(znodes::partition_state_path("t", 2)), HasSubstr(R"("leader":0)"));
  EXPECT_THAT(data_of("/brokers/topics/t"), HasSubstr("topic_id"));
}

TEST_F(ControllerTest, D2AControllerThatWasSucceededChangesNoPartitionsAnyMore) {
  tool_->set_data("/controller_epoch", "2", -1, [](const auto&) {});
  loop_.run_pending();
  tool_writes("/config/topics/t", R"({"version":1,"config":{}})");
  tool_writes("/brokers/topics/t", R"({"version":1,"partitions":{"0":[0]}})");
  EXPECT_EQ(data_of(znodes::partition_state_path("t", 0)), "NoNode");
  EXPECT_THAT(led_, testing::IsEmpty());
}

TEST_F(ControllerTest, AReplicaInSyncIsElectedWhereKafkaStoppedInGoodOrder) {
  create("t", 3);
  const auto leave = [&](int partition, const std::string& state) {
    tool_->set_data(znodes::partition_state_path("t", partition), state, -1, [](const auto&) {});
  };
  leave(0, R"({"controller_epoch":1,"leader":-1,"version":1,"leader_epoch":4,"isr":[0]})");
  leave(1, R"({"controller_epoch":1,"leader":7,"version":1,"leader_epoch":2,"isr":[7,0]})");
  // What broker 7 alone has is not here.
  leave(2, R"({"controller_epoch":1,"leader":-1,"version":1,"leader_epoch":2,"isr":[7]})");
  restart_broker();
  EXPECT_THAT(led_, ElementsAre("t-0", "t-1"));
  EXPECT_EQ(data_of(znodes::partition_state_path("t", 0)),
            R"({"controller_epoch":2,"leader":0,"version":1,"leader_epoch":5,"isr":[0]})");
  EXPECT_EQ(data_of(znodes::partition_state_path("t", 1)),
            R"({"controller_epoch":2,"leader":0,"version":1,"leader_epoch":3,"isr":[0]})");
  EXPECT_EQ(metadata_.find("t")->partitions[2].leader, -1);
  EXPECT_EQ(data_of(znodes::partition_state_path("t", 2)),
            R"({"controller_epoch":1,"leader":-1,"version":1,"leader_epoch":2,"isr":[7]})");
}

}  // namespace
}  // namespace ottla
