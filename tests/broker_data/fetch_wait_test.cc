// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/fetch/delayed_fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker_data/data_fixture.h"

namespace ottla {
namespace {

using testing::ElementsAre;

class FetchWaitTest : public DataTest {
 protected:
  void wait_for(const std::vector<Ask>& asks, int32_t max_wait_ms = 500, int32_t min_bytes = 1,
                int16_t version = 12) {
    auto request = fetch_request(asks);
    request.max_wait_ms = max_wait_ms;
    request.min_bytes = min_bytes;
    asked_ = send(request, version);
    EXPECT_EQ(next_frame(), std::nullopt);
    EXPECT_EQ(partitions->waiting(), 1u);
  }
  std::vector<FetchAnswer> answers(int16_t version = 12) {
    const auto arrived = partitions_of(answer<FetchResponse>(asked_, version));
    EXPECT_EQ(partitions->waiting(), 0u);
    return arrived;
  }
  // Appends behind the broker's back, as another connection would.
  void append(const Texts& values, int32_t partition = 0) {
    Partition* found = partitions->find("t", partition);
    OwnedBatch batch = batch_of(values);
    ASSERT_EQ(
        found->log().append_as_leader(batch, 3, storage::AppendOrigin::kClient, 9, loop.wall_ms()).error,
        ErrorCode::NONE);
    found->notify_waiters();
  }

 private:
  int32_t asked_ = 0;
};

TEST_F(FetchWaitTest, AnAppendAnswersInTheSameTurn) {
  wait_for({{}});
  append({"a"});
  EXPECT_THAT(texts_in(answers().at(0).records), ElementsAre("0:a"));
}

TEST_F(FetchWaitTest, AppendsOfOneTurnLeaveInOneAnswer) {
  wait_for({{.partition = 0}, {.partition = 1}});
  append({"a"}, 0);
  append({"b"}, 1);
  append({"c"}, 0);
  const auto both = answers();
  EXPECT_THAT(texts_in(both.at(0).records), ElementsAre("0:a", "1:c"));
  EXPECT_THAT(texts_in(both.at(1).records), ElementsAre("0:b"));
}

TEST_F(FetchWaitTest, TimeRunsOutToTheMillisecond) {
  wait_for({{}}, 500);
  loop.advance(499);
  EXPECT_FALSE(answered());
  loop.advance(1);
  EXPECT_EQ(answers().at(0).error_code, 0);
}

TEST_F(FetchWaitTest, NothingIsWaitedForWithoutAWishToWait) {
  auto request = fetch_request({{}});
  request.max_wait_ms = 0;
  EXPECT_EQ(fetch(request).at(0).error_code, 0);
  request.max_wait_ms = 500;
  request.min_bytes = 0;
  EXPECT_EQ(fetch(request).at(0).error_code, 0);
  request = fetch_request({});
  request.max_wait_ms = 500;
  EXPECT_TRUE(fetch(request).empty());
}

TEST_F(FetchWaitTest, EnoughIsCountedOverAllPartitions) {
  wait_for({{.partition = 0}, {.partition = 1}}, 500, 1000);
  append({std::string(600, 'x')}, 0);
  EXPECT_FALSE(answered());
  append({std::string(600, 'y')}, 1);
  const auto both = answers();
  EXPECT_EQ(texts_in(both.at(0).records).size(), 1u);
  EXPECT_EQ(texts_in(both.at(1).records).size(), 1u);
}

TEST_F(FetchWaitTest, WhatIsThereLeavesWhenTimeRunsOut) {
  wait_for({{}}, 500, 1000);
  append({"a"});
  EXPECT_FALSE(answered());
  loop.advance(500);
  EXPECT_THAT(texts_in(answers().at(0).records), ElementsAre("0:a"));
}

TEST_F(FetchWaitTest, AWaitLongerThanTheConnectionCheckGoesOn) {
  wait_for({{}}, 100'000);
  loop.advance(99'999);
  EXPECT_FALSE(answered());
  loop.advance(1);
  EXPECT_EQ(answers().at(0).error_code, 0);
}

TEST_F(FetchWaitTest, ADeletedTopicEndsTheWait) {
  wait_for({{.partition = 0}, {.partition = 1}}, INT32_MAX);
  metadata.remove("t");
  partitions->delete_topic("t");
  EXPECT_EQ(answers().at(0).error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
}

TEST_F(FetchWaitTest, ANewLeaderEpochEndsTheWaitOfAClientThatNamedTheOld) {
  wait_for({{.leader_epoch = 3}}, INT32_MAX);
  lead("t", 1, {}, 4);
  EXPECT_EQ(answers().at(0).error_code, wire(ErrorCode::FENCED_LEADER_EPOCH));
}

TEST_F(FetchWaitTest, AClientThatWentAwayIsForgotten) {
  wait_for({{}}, INT32_MAX);
  connection->close();
  append({"a"});
  loop.run_pending();
  EXPECT_EQ(partitions->waiting(), 0u);
}

TEST_F(FetchWaitTest, AClientThatWentAwayIsForgottenEvenIfNothingIsAppended) {
  wait_for({{}}, INT32_MAX);
  connection->close();
  loop.advance(fetch::DelayedFetch::kConnectionCheckMs);
  EXPECT_EQ(partitions->waiting(), 0u);
}

TEST_F(FetchWaitTest, ManyWaitersOfOnePartitionAreAllAnswered) {
  auto request = fetch_request({{}});
  request.max_wait_ms = 500;
  std::vector<int32_t> asked;
  for (int i = 0; i < 20; ++i) asked.push_back(send(request, 12));
  EXPECT_EQ(partitions->waiting(), 20u);
  append({"a"});
  for (const int32_t id : asked) {
    EXPECT_THAT(texts_in(partitions_of(answer<FetchResponse>(id, 12)).at(0).records), ElementsAre("0:a"));
  }
  EXPECT_EQ(partitions->waiting(), 0u);
}

TEST_F(FetchWaitTest, AProduceBehindAWaitingFetchOfTheSameConnectionIsTakenAndEndsTheWait) {
  wait_for({{}}, INT32_MAX);
  const auto records = batch_of({"a"});
  const int32_t produced = send(produce_request(records), 9);
  EXPECT_THAT(texts_in(answers().at(0).records), ElementsAre("0:a"));
  EXPECT_EQ(answer<ProduceResponse>(produced, 9).responses[0].partition_responses[0].error_code, 0);
}

TEST_F(FetchWaitTest, WaitersGoWithThePartitionsWhenTheBrokerStops) {
  wait_for({{}}, INT32_MAX);
  connection->close();
  partitions.reset();
  loop.run_pending();
}

}  // namespace
}  // namespace ottla
