// SPDX-License-Identifier: Apache-2.0
// A broker that leads and follows: other brokers are played by the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/generated/list_offsets_request.h"
#include "protocol/generated/list_offsets_response.h"
#include "tests/broker_data/data_fixture.h"

namespace ottla {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using protocol::ProduceRequest;
using protocol::ProduceResponse;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kPortOfOne = 9093;
constexpr int16_t kVersion = 9;

class ReplicationTest : public DataTest {
 protected:
  ReplicationTest() {
    topics.add("r", 1);
    replicas->set_brokers({{1, {"PLAINTEXT", "PLAINTEXT", "localhost", kPortOfOne}},
                           {2, {"PLAINTEXT", "PLAINTEXT", "localhost", kPortOfOne + 1}}});
  }
  PartitionChange change(int32_t leader, int32_t epoch, std::vector<int32_t> isr, bool is_new = true) {
    PartitionChange change;
    change.topic = "r";
    change.topic_id = metadata.find("r")->id;
    change.state = {1, leader, epoch, std::move(isr), 0, {0, 1, 2}, is_new};
    return change;
  }
  ErrorCode apply(int32_t leader, int32_t epoch, std::vector<int32_t> isr, bool is_new = true) {
    const ErrorCode applied = replicas->apply(change(leader, epoch, std::move(isr), is_new));
    loop.run_pending();
    return applied;
  }
  Partition& r() { return *partitions->find("r", 0); }
  // Sends a Produce with acks=all; its answer comes when it may.
  int32_t send_acks_all(const std::string& value) {
    ProduceRequest request = produce_request(batch_of({value}), "r");
    request.acks = -1;
    request.timeout_ms = 60000;
    return send(request, kVersion);
  }
  int16_t error_of(int32_t sent) {
    return answer<ProduceResponse>(sent, kVersion).responses.at(0).partition_responses.at(0).error_code;
  }
  FetchRequest fetch_of_replica(int32_t id, int64_t offset, int32_t last_epoch = -1) {
    FetchRequest request = fetch_request({{"r", 0, offset, 1 << 20, -1, last_epoch}});
    request.replica_id = id;
    return request;
  }
  // Replica `id` has everything before `offset`.
  void has(int32_t id, int64_t offset) {
    replicas->on_follower_fetch(r(), id, offset);
    loop.run_pending();
  }
  FetchAnswer replica_fetches(int32_t id, int64_t offset, int32_t last_epoch = -1) {
    const auto response = call<FetchResponse>(fetch_of_replica(id, offset, last_epoch), 12);
    EXPECT_EQ(response.error_code, 0);
    return response.responses.at(0).partitions.at(0);
  }
  // What the leader, broker 1, answers the Fetch of this broker that waits.
  FetchResponse answer_with(Bytes records, int64_t high_watermark) {
    FetchResponse response;
    auto& topic = response.responses.emplace_back();
    topic.topic = "r";
    auto& partition = topic.partitions.emplace_back();
    partition.high_watermark = high_watermark;
    partition.log_start_offset = 0;
    partition.records = RecordsField::of(records);
    return response;
  }
  OwnedBatch led_batch(const Texts& values, int64_t offset, int32_t epoch) {
    OwnedBatch batch = batch_of(values);
    records::RecordBatchEditor editor(batch);
    editor.set_base_offset(offset);
    editor.set_partition_leader_epoch(epoch);
    return batch;
  }
  void leader_sends(const Texts& values, int64_t offset, int32_t epoch, int64_t high_watermark) {
    const OwnedBatch batch = led_batch(values, offset, epoch);
    peers.answer(kPortOfOne, answer_with(batch, high_watermark));
    loop.run_pending();
  }
  FetchRequest::FetchPartition asked_of_leader() {
    loop.advance(2 * ReplicaSettings().backoff_ms);
    EXPECT_TRUE(peers.asked(kPortOfOne));
    const auto request = peers.next(kPortOfOne).as<FetchRequest>();
    return request.topics.at(0).partitions.at(0);
  }
};

TEST_F(ReplicationTest, AcksAllIsAnsweredWhenAllInSyncHaveTheRecords) {
  ASSERT_EQ(apply(0, 1, {0, 1, 2}), ErrorCode::NONE);
  const int32_t sent = send_acks_all("a");
  has(1, 0);
  has(2, 0);
  has(1, 1);
  EXPECT_EQ(r().log().high_watermark(), 0);
  EXPECT_FALSE(answered());
  has(2, 1);
  EXPECT_EQ(r().log().high_watermark(), 1);
  EXPECT_EQ(error_of(sent), 0);
}

TEST_F(ReplicationTest, AFollowerSaysWhatItHasByAskingForMore) {
  ASSERT_EQ(apply(0, 1, {0, 1, 2}), ErrorCode::NONE);
  put({"a"}, "r");
  EXPECT_THAT(texts_in(replica_fetches(1, 0).records), ElementsAre("0:a"));
  EXPECT_THAT(texts_in(fetch_one({"r", 0, 0}).records), IsEmpty()) << "what is not committed is not shown";
  EXPECT_EQ(replica_fetches(2, 1).high_watermark, 0);
  EXPECT_EQ(replica_fetches(1, 1).high_watermark, 1) << "it learns what it has committed itself";
  EXPECT_THAT(texts_in(fetch_one({"r", 0, 0}).records), ElementsAre("0:a"));
}

TEST_F(ReplicationTest, AFollowerThatFallsBehindIsTakenOutAndTakenInAgain) {
  ASSERT_EQ(apply(0, 1, {0, 1, 2}), ErrorCode::NONE);
  put({"a"}, "r");
  const int32_t sent = send_acks_all("b");
  for (int i = 0; i < 50; ++i) {
    loop.advance(1000);
    has(1, 2);
  }
  ASSERT_EQ(isr_store.asked.size(), 1u);
  EXPECT_THAT(isr_store.asked[0].first.state.isr, ElementsAre(0, 1));
  EXPECT_EQ(r().log().high_watermark(), 0) << "until it is agreed upon";
  isr_store.grant();
  loop.run_pending();
  EXPECT_EQ(r().log().high_watermark(), 2);
  EXPECT_EQ(r().in_sync_count(), 2u);
  EXPECT_EQ(error_of(sent), 0);
  has(2, 2);
  ASSERT_EQ(isr_store.asked.size(), 1u);
  EXPECT_THAT(isr_store.asked[0].first.state.isr, ElementsAre(0, 1, 2));
  EXPECT_EQ(isr_store.asked[0].first.state.zk_version, 1);
}

TEST_F(ReplicationTest, TooFewInSyncRefuseAcksAllBeforeAndAfterTheAppend) {
  storage::LogConfig config;
  config.min_insync_replicas = 2;
  ASSERT_EQ(apply(0, 1, {0, 1}), ErrorCode::NONE);
  partitions->update_config("r", config);
  const int32_t sent = send_acks_all("a");
  loop.advance(31000);
  loop.advance(16000);
  ASSERT_EQ(isr_store.asked.size(), 1u);
  isr_store.grant();
  loop.run_pending();
  EXPECT_EQ(error_of(sent), static_cast<int16_t>(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND));
  EXPECT_EQ(error_of(send_acks_all("b")), static_cast<int16_t>(ErrorCode::NOT_ENOUGH_REPLICAS));
  EXPECT_EQ(produce(batch_of({"c"}), "r").error_code, 0) << "acks=1 is the leader's alone";
}

TEST_F(ReplicationTest, WhoeverWaitsIsToldThatAnotherLeads) {
  ASSERT_EQ(apply(0, 1, {0, 1, 2}), ErrorCode::NONE);
  const int32_t produced = send_acks_all("a");
  FetchRequest waiting = fetch_of_replica(1, 1);
  waiting.max_wait_ms = 60000;
  const int32_t fetched = send(waiting, 12);
  ASSERT_EQ(apply(1, 2, {1, 2}), ErrorCode::NONE);
  EXPECT_EQ(error_of(produced), static_cast<int16_t>(ErrorCode::NOT_LEADER_OR_FOLLOWER));
  EXPECT_EQ(answer<FetchResponse>(fetched, 12).responses.at(0).partitions.at(0).error_code,
            static_cast<int16_t>(ErrorCode::NOT_LEADER_OR_FOLLOWER));
  EXPECT_EQ(produce(batch_of({"b"}), "r").error_code,
            static_cast<int16_t>(ErrorCode::NOT_LEADER_OR_FOLLOWER));
}

TEST_F(ReplicationTest, AFollowerAppendsWhatItsLeaderHasAndFollowsItsWatermark) {
  ASSERT_EQ(apply(1, 4, {1}), ErrorCode::NONE);
  auto asked = asked_of_leader();
  EXPECT_EQ(asked.fetch_offset, 0);
  EXPECT_EQ(asked.current_leader_epoch, 4);
  EXPECT_EQ(asked.last_fetched_epoch, -1);
  leader_sends({"a", "b"}, 0, 3, 1);
  EXPECT_EQ(r().log().log_end_offset(), 2);
  EXPECT_EQ(r().log().high_watermark(), 1);
  asked = asked_of_leader();
  EXPECT_EQ(asked.fetch_offset, 2);
  EXPECT_EQ(asked.last_fetched_epoch, 3);
  leader_sends({"c"}, 2, 4, 3);
  EXPECT_EQ(r().log().high_watermark(), 3);
  ASSERT_EQ(apply(0, 5, {0}), ErrorCode::NONE);
  EXPECT_EQ(r().log().high_watermark(), 3);
  EXPECT_THAT(texts_in(fetch_one({"r", 0, 0}).records), ElementsAre("0:a", "1:b", "2:c"));
}

TEST_F(ReplicationTest, WhereTheLogsPartTheFollowerCutsItsOwn) {
  ASSERT_EQ(apply(0, 1, {0, 1, 2}), ErrorCode::NONE);
  put({"kept"}, "r");
  put({"lost"}, "r");
  ASSERT_EQ(apply(1, 2, {1}), ErrorCode::NONE);
  EXPECT_EQ(asked_of_leader().last_fetched_epoch, 1);
  FetchResponse parting = answer_with({}, 1);
  parting.responses[0].partitions[0].diverging_epoch.epoch = 1;
  parting.responses[0].partitions[0].diverging_epoch.end_offset = 1;
  peers.answer(kPortOfOne, parting);
  loop.run_pending();
  EXPECT_EQ(r().log().log_end_offset(), 1);
  EXPECT_EQ(asked_of_leader().fetch_offset, 1);
  leader_sends({"theirs"}, 1, 2, 2);
  ASSERT_EQ(apply(0, 3, {0}), ErrorCode::NONE);
  EXPECT_THAT(texts_in(fetch_one({"r", 0, 0}).records), ElementsAre("0:kept", "1:theirs"));
}

TEST_F(ReplicationTest, AnEpochThatItLedInAndWroteNothingToDoesNotKeepAFollowerFromFetching) {
  ASSERT_EQ(apply(0, 1, {0, 1, 2}), ErrorCode::NONE);
  put({"a"}, "r");
  ASSERT_EQ(apply(0, 5, {0, 1, 2}), ErrorCode::NONE);
  ASSERT_EQ(apply(1, 6, {1}), ErrorCode::NONE);
  EXPECT_EQ(asked_of_leader().last_fetched_epoch, 5);
  FetchResponse parting = answer_with({}, 1);
  parting.responses[0].partitions[0].diverging_epoch.epoch = 1;
  parting.responses[0].partitions[0].diverging_epoch.end_offset = 1;
  peers.answer(kPortOfOne, parting);
  loop.run_pending();
  EXPECT_EQ(asked_of_leader().last_fetched_epoch, 1);
  EXPECT_EQ(asked_of_leader().fetch_offset, 1);
}

TEST_F(ReplicationTest, ALeaderTellsAFollowerWhereTheLogsPart) {
  ASSERT_EQ(apply(0, 3, {0, 1, 2}), ErrorCode::NONE);
  put({"a"}, "r");
  const FetchAnswer answer = replica_fetches(1, 5, 2);
  EXPECT_EQ(answer.diverging_epoch.end_offset, 0);
  EXPECT_EQ(r().log().high_watermark(), 0) << "a log that parts from ours says nothing about ours";
}

TEST_F(ReplicationTest, BelowTheLeadersStartAFollowerStartsOver) {
  ASSERT_EQ(apply(1, 1, {1}), ErrorCode::NONE);
  asked_of_leader();
  FetchResponse gone = answer_with({}, 100);
  gone.responses[0].partitions[0].error_code = static_cast<int16_t>(ErrorCode::OFFSET_OUT_OF_RANGE);
  peers.answer(kPortOfOne, gone);
  const auto tell = [&](int64_t timestamp, int64_t offset) {
    const auto asked = peers.next(kPortOfOne).as<ListOffsetsRequest>();
    EXPECT_EQ(asked.topics.at(0).partitions.at(0).timestamp, timestamp);
    EXPECT_EQ(asked.replica_id, 0);
    ListOffsetsResponse response;
    auto& topic = response.topics.emplace_back();
    topic.name = "r";
    topic.partitions.emplace_back().offset = offset;
    peers.answer(kPortOfOne, response);
  };
  tell(-1, 100);
  tell(-2, 60);
  loop.run_pending();
  EXPECT_EQ(r().log().log_start_offset(), 60);
  EXPECT_EQ(asked_of_leader().fetch_offset, 60);
}

TEST_F(ReplicationTest, ADamagedBatchIsNotTakenAndAskedForAgain) {
  ASSERT_EQ(apply(1, 1, {1}), ErrorCode::NONE);
  asked_of_leader();
  OwnedBatch batch = led_batch({"a"}, 0, 1);
  batch.back() ^= 1;
  peers.answer(kPortOfOne, answer_with(batch, 1));
  loop.run_pending();
  EXPECT_EQ(r().log().log_end_offset(), 0);
  EXPECT_EQ(asked_of_leader().fetch_offset, 0);
  leader_sends({"a"}, 0, 1, 1);
  EXPECT_EQ(r().log().log_end_offset(), 1);
}

TEST_F(ReplicationTest, ALeaderThatIsNotThereIsTriedAgainAndAgain) {
  ASSERT_EQ(apply(1, 1, {1}), ErrorCode::NONE);
  asked_of_leader();
  peers.break_connection(kPortOfOne);
  EXPECT_FALSE(peers.asked(kPortOfOne));
  loop.advance(ReplicaSettings().backoff_ms);
  ASSERT_TRUE(peers.asked(kPortOfOne));
  EXPECT_EQ(peers.brokers[kPortOfOne].connections, 2);
}

TEST_F(ReplicationTest, WhatIsOlderThanWhatIsKnownChangesNothing) {
  ASSERT_EQ(apply(0, 5, {0, 1, 2}), ErrorCode::NONE);
  EXPECT_EQ(apply(1, 4, {1}), ErrorCode::STALE_CONTROLLER_EPOCH);
  EXPECT_EQ(apply(1, 5, {1}), ErrorCode::NONE);
  EXPECT_TRUE(r().is_leader());
  EXPECT_EQ(replicas->stop_replica("r", 0, 4, true), ErrorCode::FENCED_LEADER_EPOCH);
  EXPECT_EQ(replicas->stop_replica("r", 0, 5, true), ErrorCode::NONE);
  EXPECT_EQ(partitions->find("r", 0), nullptr);
  EXPECT_EQ(logs->find("r", 0), nullptr);
}

// Row D6: told twice to follow, in the same turn, by two controllers; nothing is half one and half the other.
TEST_F(ReplicationTest, D6OneWordAfterTheOtherIsObeyedWholeEachTime) {
  ASSERT_EQ(apply(0, 1, {0, 1, 2}), ErrorCode::NONE);
  const int32_t sent = send_acks_all("a");
  EXPECT_EQ(replicas->apply(change(1, 2, {1, 2})), ErrorCode::NONE);
  EXPECT_EQ(replicas->apply(change(2, 3, {2})), ErrorCode::NONE);
  loop.run_pending();
  EXPECT_FALSE(r().is_leader());
  EXPECT_EQ(r().in_sync(), nullptr);
  EXPECT_EQ(replicas->fetchers(), 1u);
  loop.advance(ReplicaSettings().backoff_ms);
  EXPECT_TRUE(peers.asked(kPortOfOne + 1));
  EXPECT_FALSE(peers.asked(kPortOfOne));
  EXPECT_EQ(error_of(sent), static_cast<int16_t>(ErrorCode::NOT_LEADER_OR_FOLLOWER));
}

// Row A17: the disk was lost while the controller still counts this broker as in sync.
TEST_F(ReplicationTest, A17AnEmptyLogInThePlaceOfALostOneDoesNotLead) {
  EXPECT_EQ(apply(0, 7, {0, 1, 2}, false), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(partitions->find("r", 0), nullptr);
  EXPECT_EQ(logs->find("r", 0), nullptr) << "no empty log is left behind, to be taken for the truth";
  // Nor does it follow while it counts as in sync: it could be elected before it has all again.
  EXPECT_EQ(apply(1, 8, {1, 0}, false), ErrorCode::KAFKA_STORAGE_ERROR);
  // Another leads, and it is out: what the other has is fetched.
  ASSERT_EQ(apply(1, 9, {1}, false), ErrorCode::NONE);
  asked_of_leader();
  leader_sends({"a"}, 0, 7, 1);
  EXPECT_EQ(r().log().log_end_offset(), 1);
}

// Row H12: what was committed before the failover, the new leader does not know of yet.
TEST_F(ReplicationTest, H12AConsumerIsNotTakenBackByALeaderWithALowerWatermark) {
  ASSERT_EQ(apply(1, 1, {0, 1, 2}), ErrorCode::NONE);
  asked_of_leader();
  leader_sends({"a", "b"}, 0, 1, 0);
  ASSERT_EQ(apply(0, 2, {0, 1, 2}), ErrorCode::NONE);
  EXPECT_EQ(r().log().high_watermark(), 0);
  const auto ask_latest = [&](int16_t version) {
    ListOffsetsRequest request;
    request.replica_id = -1;
    auto& topic = request.topics.emplace_back();
    topic.name = "r";
    topic.partitions.emplace_back().timestamp = -1;
    return call<ListOffsetsResponse>(request, version).topics.at(0).partitions.at(0);
  };
  EXPECT_EQ(ask_latest(5).error_code, static_cast<int16_t>(ErrorCode::OFFSET_NOT_AVAILABLE));
  EXPECT_EQ(ask_latest(4).error_code, static_cast<int16_t>(ErrorCode::LEADER_NOT_AVAILABLE));
  // Its position, beyond what is known as committed, is good.
  const FetchAnswer waiting = fetch_one({"r", 0, 2});
  EXPECT_EQ(waiting.error_code, 0);
  EXPECT_TRUE(waiting.records.bytes.empty());
  has(1, 2);
  has(2, 2);
  EXPECT_EQ(ask_latest(5).offset, 2);
}

TEST_F(ReplicationTest, AfterARestartWhatIsCommittedIsWhatTheCheckpointSays) {
  ASSERT_EQ(apply(0, 1, {0, 1, 2}), ErrorCode::NONE);
  put({"a"}, "r");
  has(1, 1);
  has(2, 1);
  put({"b"}, "r");
  EXPECT_EQ(r().log().high_watermark(), 1);
  restart();
  ASSERT_EQ(apply(0, 2, {0, 1, 2}, false), ErrorCode::NONE);
  EXPECT_EQ(r().log().high_watermark(), 1);
  EXPECT_EQ(r().log().log_end_offset(), 2);
}

}  // namespace
}  // namespace ottla
