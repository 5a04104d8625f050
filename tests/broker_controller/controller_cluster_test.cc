// SPDX-License-Identifier: Apache-2.0
// The controller of a cluster: brokers 1 and 2 are played by the test, which registers and removes them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/controller/controller.h"
#include "broker/controller/zk_isr_store.h"
#include "protocol/generated/leader_and_isr_request.h"
#include "protocol/generated/leader_and_isr_response.h"
#include "protocol/generated/stop_replica_request.h"
#include "protocol/generated/stop_replica_response.h"
#include "protocol/generated/update_metadata_request.h"
#include "protocol/generated/update_metadata_response.h"
#include "tests/broker_controller/coordination_fixture.h"
#include "tests/broker_controller/fake_peers.h"

namespace ottla {
namespace {

using protocol::ApiKey;
using protocol::LeaderAndIsrRequest;
using protocol::LeaderAndIsrResponse;
using protocol::StopReplicaRequest;
using protocol::StopReplicaResponse;
using protocol::UpdateMetadataRequest;
using protocol::UpdateMetadataResponse;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

int port_of(int32_t broker) { return 9092 + broker; }

class ControllerClusterTest : public CoordinationTest, public ControllerActions {
 protected:
  void SetUp() override {
    CoordinationTest::SetUp();
    add_broker(0, *client_);
    Controller::Settings settings;
    settings.rebalance_interval_ms = 300'000;
    controller_ = std::make_unique<Controller>(settings, loop_, *client_, metadata_, *this, peers_,
                                               [this] { return std::array<uint8_t, 16>{++random_}; });
    controller_->start([](const Status& status) { ASSERT_TRUE(status.ok()) << status.message(); });
    loop_.run_pending();
    for (const int32_t id : {1, 2}) come(id);
  }
  void TearDown() override {
    controller_.reset();
    sessions_.clear();
    CoordinationTest::TearDown();
  }
  void on_watch_event(const coordination::WatchEvent& event) override {
    if (controller_) controller_->on_watch_event(event);
  }
  ErrorCode apply(const PartitionChange& change) override {
    own_.push_back(
        told(change.topic, change.index, change.state.leader, change.state.leader_epoch, change.state.isr));
    return ErrorCode::NONE;
  }
  void set_topic_overrides(const std::string&, std::map<std::string, std::string>) override {}
  void drop_topic(const std::string& topic) override { dropped_.push_back(topic); }
  void brokers_changed() override {}
  bool unclean_election(const std::string&) override { return unclean_; }

  void add_broker(int32_t id, Client& session) {
    BrokerNode node;
    node.id = id;
    node.endpoints.push_back({"PLAINTEXT", "PLAINTEXT", "localhost", port_of(id)});
    const auto registered = run(register_broker(session, node, loop_.wall_ms()));
    ASSERT_TRUE(registered.ok()) << registered.status().message();
    epochs_[id] = *registered;
  }
  void come(int32_t id) {
    sessions_[id] = connect();
    add_broker(id, *sessions_[id]);
    settle();
  }
  void go(int32_t id) {
    sessions_[id]->close([] {});
    loop_.run_pending();
    sessions_.erase(id);
    settle();
  }
  void make_topic(const std::string& name, const std::string& partitions) {
    tool_->create(
        "/brokers/topics/" + name,
        R"({"version":2,"partitions":)" + partitions + R"(,"adding_replicas":{},"removing_replicas":{}})",
        coordination::open_acl(), coordination::CreateMode::kPersistent, [](const auto&) {});
    settle();
  }
  static std::string told(std::string_view topic, int32_t index, int32_t leader, int32_t epoch,
                          const std::vector<int32_t>& isr) {
    std::string text = std::string(topic) + "-" + std::to_string(index) + " led by " +
                       std::to_string(leader) + " in " + std::to_string(epoch) + " with";
    for (const int32_t id : isr) text += " " + std::to_string(id);
    return text;
  }
  // Brokers 1 and 2 answer all that they are asked.
  void settle() {
    loop_.run_pending();
    for (bool any = true; any;) {
      any = false;
      for (const int32_t id : {1, 2}) any = (answers_ && peers_.asked(port_of(id)) && answer(id)) || any;
      loop_.run_pending();
    }
  }
  bool answer(int32_t id) {
    const FakePeers::Sent& sent = peers_.next(port_of(id));
    switch (sent.key) {
      case ApiKey::kLeaderAndIsr:
        return answer_leader_and_isr(id, sent.as<LeaderAndIsrRequest>());
      case ApiKey::kStopReplica:
        for (const auto& topic : sent.as<StopReplicaRequest>().topic_states) {
          for (const auto& one : topic.partition_states)
            told_[id].push_back(std::string(topic.topic_name) + "-" + std::to_string(one.partition_index) +
                                (one.delete_partition ? " deleted" : " stopped"));
        }
        peers_.answer(port_of(id), StopReplicaResponse());
        return true;
      default:
        for (const auto& topic : sent.as<UpdateMetadataRequest>().topic_states) {
          for (const auto& one : topic.partition_states)
            shown_[id][std::string(topic.topic_name)] =
                told(topic.topic_name, one.partition_index, one.leader, one.leader_epoch, one.isr);
        }
        live_[id] = sent.as<UpdateMetadataRequest>().live_brokers.size();
        peers_.answer(port_of(id), UpdateMetadataResponse());
        return true;
    }
  }
  bool answer_leader_and_isr(int32_t id, const LeaderAndIsrRequest& asked) {
    EXPECT_EQ(asked.broker_epoch, epochs_[id]);
    LeaderAndIsrResponse response;
    for (const auto& topic : asked.topic_states) {
      auto& out = response.topics.emplace_back();
      out.topic_id = topic.topic_id;
      for (const auto& one : topic.partition_states) {
        told_[id].push_back(
            told(topic.topic_name, one.partition_index, one.leader, one.leader_epoch, one.isr));
        auto& error = out.partition_errors.emplace_back();
        error.partition_index = one.partition_index;
        const bool in_sync = std::count(one.isr.begin(), one.isr.end(), id) != 0;
        const bool fails = broken_disks_.contains(id) || (in_sync && lost_logs_.contains(id));
        error.error_code = static_cast<int16_t>(fails ? ErrorCode::KAFKA_STORAGE_ERROR : ErrorCode::NONE);
      }
    }
    peers_.answer(port_of(id), response);
    return true;
  }
  // The leader finds these in sync.
  void take_in(const std::string& topic, int32_t leader, int32_t epoch, std::vector<int32_t> isr) {
    std::optional<int32_t> version;
    tool_->exists(znodes::partition_state_path(topic, 0), false,
                  [&](const coordination::StatReply& reply) { version = reply.stat.version; });
    loop_.run_pending();
    ZkIsrStore store(loop_, *tool_);
    PartitionChange change{topic, {}, 0, {1, leader, epoch, std::move(isr), version.value_or(0), {}, false}};
    bool written = false;
    store.write(change, [&](const IsrStore::Result& result) { written = result.still_leader; });
    loop_.advance(1000);
    settle();
    store.stop();
    EXPECT_TRUE(written);
  }
  std::string state_of(const std::string& topic, int32_t index = 0) {
    const auto state = znodes::decode_partition_state(data_of(znodes::partition_state_path(topic, index)));
    return state.ok() ? told(topic, index, state->leader, state->leader_epoch, state->isr) : "none";
  }

  MetadataCache metadata_;
  FakePeers peers_;
  std::unique_ptr<Controller> controller_;
  std::map<int32_t, std::unique_ptr<Client>> sessions_;
  std::map<int32_t, int64_t> epochs_;
  std::vector<std::string> own_;
  std::vector<std::string> dropped_;
  std::map<int32_t, std::vector<std::string>> told_;
  std::map<int32_t, std::map<std::string, std::string>> shown_;
  std::map<int32_t, size_t> live_;
  std::set<int32_t> broken_disks_;
  std::set<int32_t> lost_logs_;  // these brokers can follow, but not be in sync
  bool unclean_ = false;
  bool answers_ = true;
  uint8_t random_ = 0;
};

TEST_F(ControllerClusterTest, EveryReplicaIsToldAndEveryBrokerIsShown) {
  make_topic("t", R"({"0":[1,0]})");
  EXPECT_THAT(own_, ElementsAre("t-0 led by 1 in 0 with 1 0"));
  EXPECT_THAT(told_[1], ElementsAre("t-0 led by 1 in 0 with 1 0"));
  EXPECT_THAT(told_[2], IsEmpty());
  EXPECT_EQ(shown_[2]["t"], "t-0 led by 1 in 0 with 1 0");
  EXPECT_EQ(live_[2], 3u);
  EXPECT_EQ(metadata_.find("t")->partitions[0].leader, 1);
}

TEST_F(ControllerClusterTest, ABrokerThatGoesLeavesTheInSyncReplicasAndAnotherLeads) {
  make_topic("t", R"({"0":[1,2,0]})");
  make_topic("u", R"({"0":[2,1]})");
  go(1);
  EXPECT_EQ(state_of("t"), "t-0 led by 2 in 1 with 2 0");
  EXPECT_EQ(state_of("u"), "u-0 led by 2 in 1 with 2");
  EXPECT_EQ(own_.back(), "t-0 led by 2 in 1 with 2 0");
  EXPECT_THAT(told_[2], Contains("t-0 led by 2 in 1 with 2 0"));
  EXPECT_EQ(shown_[2]["u"], "u-0 led by 2 in 1 with 2");
  EXPECT_EQ(live_[2], 2u);
}

TEST_F(ControllerClusterTest, AllThatStayAreToldWhateverElseHappensMeanwhile) {
  for (const char* name : {"a", "b", "c"}) make_topic(name, R"({"0":[1,2]})");
  told_.clear();
  go(1);
  EXPECT_THAT(told_[2], testing::UnorderedElementsAre("a-0 led by 2 in 1 with 2", "b-0 led by 2 in 1 with 2",
                                                      "c-0 led by 2 in 1 with 2"));
}

TEST_F(ControllerClusterTest, TheLastInSyncReplicaStaysAndLeadsAgainWhenItsBrokerComes) {
  make_topic("t", R"({"0":[1,2]})");
  go(1);
  go(2);
  EXPECT_EQ(state_of("t"), "t-0 led by -1 in 2 with 2");
  EXPECT_EQ(metadata_.find("t")->partitions[0].leader, -1);
  come(1);
  EXPECT_EQ(metadata_.find("t")->partitions[0].leader, -1) << "broker 1 was not in sync";
  told_.clear();
  come(2);
  EXPECT_EQ(state_of("t"), "t-0 led by 2 in 3 with 2");
  EXPECT_EQ(metadata_.find("t")->partitions[0].leader, 2);
  EXPECT_EQ(shown_[1]["t"], shown_[2]["t"]);
  EXPECT_THAT(told_[2], Not(IsEmpty()));
}

TEST_F(ControllerClusterTest, WhereItIsAllowedOneThatWasNotInSyncLeads) {
  make_topic("t", R"({"0":[1,2]})");
  go(1);
  go(2);
  unclean_ = true;
  come(1);
  EXPECT_EQ(state_of("t"), "t-0 led by 1 in 3 with 1");
}

TEST_F(ControllerClusterTest, ABrokerThatComesIsShownAllAndToldWhatItFollows) {
  make_topic("t", R"({"0":[1,2]})");
  make_topic("u", R"({"0":[0]})");
  go(2);
  told_.clear();
  shown_.clear();
  come(2);
  EXPECT_THAT(told_[2], ElementsAre("t-0 led by 1 in 1 with 1"));
  EXPECT_EQ(shown_[2]["t"], "t-0 led by 1 in 1 with 1");
  EXPECT_EQ(shown_[2]["u"], "u-0 led by 0 in 0 with 0");
}

TEST_F(ControllerClusterTest, ABrokerThatRegisteredAnewBetweenTwoLooksWasGone) {
  make_topic("t", R"({"0":[1,2]})");
  // Both within one turn of the controller.
  sessions_[1]->close([] {});
  sessions_[1] = connect();
  add_broker(1, *sessions_[1]);
  settle();
  EXPECT_EQ(state_of("t"), "t-0 led by 2 in 1 with 2");
  EXPECT_EQ(told_[1].back(), "t-0 led by 2 in 1 with 2");
}

TEST_F(ControllerClusterTest, WhatALeaderAnnouncedIsShownToAll) {
  make_topic("t", R"({"0":[1,2]})");
  ZkIsrStore store(loop_, *tool_);
  PartitionChange change{"t", metadata_.find("t")->id, 0, {1, 1, 0, {1}, 0, {1, 2}, false}};
  IsrStore::Result result;
  store.write(change, [&](const IsrStore::Result& written) { result = written; });
  loop_.advance(1000);
  settle();
  EXPECT_TRUE(result.still_leader);
  EXPECT_EQ(result.zk_version, 1);
  EXPECT_EQ(shown_[2]["t"], "t-0 led by 1 in 0 with 1");
  EXPECT_THAT(metadata_.find("t")->partitions[0].isr, ElementsAre(1));
  // An older version does not take what was decided since.
  change.state.isr = {1, 2};
  store.write(change, [&](const IsrStore::Result& written) { result = written; });
  loop_.run_pending();
  EXPECT_TRUE(result.still_leader);
  EXPECT_THAT(result.isr, ElementsAre(1));
  change.state.leader_epoch = -1;
  store.write(change, [&](const IsrStore::Result& written) { result = written; });
  loop_.run_pending();
  EXPECT_FALSE(result.still_leader);
  store.stop();
}

TEST_F(ControllerClusterTest, ALeaderMayAskTheControllerInstead) {
  make_topic("t", R"({"0":[1,2]})");
  PartitionChange change{"t", {}, 0, {1, 1, 0, {1}, 0, {}, false}};
  const auto ask = [&](int32_t broker, int64_t epoch) {
    std::pair<ErrorCode, std::vector<ClusterControl::Altered>> answer;
    controller_->alter_partitions(broker, epoch, {change}, [&](ErrorCode error, const auto& altered) {
      answer = {error, altered};
    });
    settle();
    return answer;
  };
  EXPECT_EQ(ask(1, epochs_[1] - 1).first, ErrorCode::STALE_BROKER_EPOCH);
  EXPECT_EQ(ask(2, epochs_[2]).second.at(0).error, ErrorCode::FENCED_LEADER_EPOCH);
  const auto granted = ask(1, epochs_[1]);
  EXPECT_EQ(granted.second.at(0).error, ErrorCode::NONE);
  EXPECT_EQ(granted.second.at(0).state.zk_version, 1);
  EXPECT_EQ(state_of("t"), "t-0 led by 1 in 0 with 1");
  EXPECT_EQ(shown_[2]["t"], "t-0 led by 1 in 0 with 1");
  change.state.isr = {1, 2};
  EXPECT_EQ(ask(1, epochs_[1]).second.at(0).error, ErrorCode::INVALID_UPDATE_VERSION);
}

TEST_F(ControllerClusterTest, ABrokerThatStopsInGoodOrderHandsOver) {
  make_topic("t", R"({"0":[1,2]})");
  make_topic("alone", R"({"0":[1]})");
  std::optional<size_t> remaining;
  controller_->controlled_shutdown(1, epochs_[1], [&](ErrorCode error, const auto& left) {
    EXPECT_EQ(error, ErrorCode::NONE);
    remaining = left.size();
  });
  settle();
  EXPECT_EQ(remaining, 0u);
  EXPECT_EQ(state_of("t"), "t-0 led by 2 in 1 with 2");
  EXPECT_EQ(state_of("alone"), "alone-0 led by 1 in 0 with 1");
}

TEST_F(ControllerClusterTest, WhereADiskFailsAnotherReplicaLeads) {
  broken_disks_ = {1};
  make_topic("t", R"({"0":[1,2]})");
  settle();
  EXPECT_EQ(state_of("t"), "t-0 led by 2 in 1 with 2");
}

// Row A17: a follower whose disk was lost says so, is out, and may be in sync again when it has all.
TEST_F(ControllerClusterTest, A17AReplicaThatIsOutAndFollowsAgainMayBeInSyncAgain) {
  lost_logs_ = {1};
  make_topic("t", R"({"0":[2,1]})");
  const auto state = *znodes::decode_partition_state(data_of(znodes::partition_state_path("t", 0)));
  ASSERT_EQ(state_of("t"), "t-0 led by 2 in 1 with 2");
  EXPECT_EQ(told_[1].back(), "t-0 led by 2 in 1 with 2");
  lost_logs_ = {};
  take_in("t", 2, state.leader_epoch, {2, 1});
  // Nothing that happens later takes it out again.
  go(2);
  EXPECT_EQ(metadata_.find("t")->partitions[0].leader, 1) << state_of("t");
}

TEST_F(ControllerClusterTest, ATopicIsDeletedOnAllReplicasOrNotYet) {
  make_topic("t", R"({"0":[1,2]})");
  go(2);
  tool_->create("/admin/delete_topics/t", "", coordination::open_acl(), coordination::CreateMode::kPersistent,
                [](const auto&) {});
  settle();
  EXPECT_THAT(data_of("/brokers/topics/t"), HasSubstr("partitions")) << "broker 2 still has a replica";
  come(2);
  settle();
  EXPECT_EQ(data_of("/brokers/topics/t"), "NoNode");
  EXPECT_THAT(told_[1], Contains("t-0 deleted"));
  EXPECT_THAT(told_[2], Contains("t-0 deleted"));
  EXPECT_EQ(shown_[1]["t"], "t-0 led by -2 in 1 with 1");
  EXPECT_THAT(dropped_, ElementsAre("t"));
}

TEST_F(ControllerClusterTest, ThePreferredLeaderLeadsAgainWhenSomebodyAsks) {
  make_topic("t", R"({"0":[1,2]})");
  make_topic("u", R"({"0":[2,1]})");
  const auto ask = [&](std::optional<std::vector<znodes::TopicPartition>> partitions, bool unclean) {
    std::vector<std::string> results;
    controller_->elect_leaders_of(std::move(partitions), unclean, [&](const auto& elected) {
      for (const auto& one : elected) results.push_back(one.topic + " " + std::string(error_name(one.error)));
    });
    settle();
    return results;
  };
  go(1);
  EXPECT_THAT(ask(std::nullopt, false),
              ElementsAre("t PREFERRED_LEADER_NOT_AVAILABLE", "u ELECTION_NOT_NEEDED"));
  come(1);
  EXPECT_THAT(ask({{{"t", 0}}}, false), ElementsAre("t PREFERRED_LEADER_NOT_AVAILABLE")) << "not in sync yet";
  take_in("t", 2, 1, {2, 1});
  EXPECT_THAT(ask({{{"t", 0}, {"gone", 0}}}, false),
              ElementsAre("t NONE", "gone UNKNOWN_TOPIC_OR_PARTITION"));
  EXPECT_EQ(state_of("t"), "t-0 led by 1 in 2 with 2 1");
  EXPECT_THAT(told_[1], Contains("t-0 led by 1 in 2 with 2 1"));
  // Where nobody that was in sync lives, whoever is there leads, if asked so.
  go(1);
  go(2);
  EXPECT_THAT(ask({{{"t", 0}}}, true), ElementsAre("t ELIGIBLE_LEADERS_NOT_AVAILABLE"));
  come(1);
  EXPECT_THAT(ask({{{"t", 0}}}, true), ElementsAre("t NONE"));
  EXPECT_EQ(metadata_.find("t")->partitions[0].leader, 1);
}

TEST_F(ControllerClusterTest, ThePreferredLeadersComeBackByToolAndByTime) {
  make_topic("t", R"({"0":[1,2]})");
  const auto displace = [&] {
    go(1);
    come(1);
    take_in("t", 2, metadata_.find("t")->partitions[0].leader_epoch, {2, 1});
    ASSERT_EQ(metadata_.find("t")->partitions[0].leader, 2);
  };
  displace();
  tool_->create(znodes::kPreferredElection, R"({"version":1,"partitions":[{"topic":"t","partition":0}]})",
                coordination::open_acl(), coordination::CreateMode::kPersistent, [](const auto&) {});
  settle();
  EXPECT_EQ(metadata_.find("t")->partitions[0].leader, 1);
  EXPECT_EQ(data_of(znodes::kPreferredElection), "NoNode");
  displace();
  loop_.advance(300'000);
  settle();
  EXPECT_EQ(metadata_.find("t")->partitions[0].leader, 1);
}

TEST_F(ControllerClusterTest, WhatABrokerDidNotHearIsSaidAgain) {
  answers_ = false;
  make_topic("t", R"({"0":[1]})");
  ASSERT_TRUE(peers_.asked(port_of(1)));
  peers_.break_connection(port_of(1));
  loop_.advance(1000);
  answers_ = true;
  settle();
  EXPECT_THAT(told_[1], ElementsAre("t-0 led by 1 in 0 with 1"));
  EXPECT_EQ(shown_[1]["t"], "t-0 led by 1 in 0 with 1");
}

}  // namespace
}  // namespace ottla
