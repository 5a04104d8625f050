// SPDX-License-Identifier: Apache-2.0
// Produce and Fetch in durable mode: an answer, and a record that a consumer sees, is on the disk. The pool's
// work runs when the test says so (ManualLoop), which is when the flush happens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "broker/partitions/offsets_log.h"
#include "tests/broker_data/data_fixture.h"

namespace ottla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DurableProduceTest : public DataTest {
 protected:
  DurableProduceTest() {
    storage::LogConfig config;
    config.durable = true;
    make_topic("d", 2, config);
    loop.run_pending();
  }
  // Sends a Produce; the disk hangs from then on.
  void send_produce(const Texts& values, int16_t acks = -1, int32_t timeout_ms = 1000) {
    loop.hold_background(true);
    auto request = produce_request(batch_of(values), "d");
    request.acks = acks;
    request.timeout_ms = timeout_ms;
    asked = send(request, 9);
  }
  ProduceAnswer the_answer() {
    const auto response = answer<ProduceResponse>(asked, 9);
    return response.responses.at(0).partition_responses.at(0);
  }
  void flush() { loop.hold_background(false); }

  int32_t asked = 0;
};

TEST_F(DurableProduceTest, AcksAllIsAnsweredWhenTheRecordsAreFlushed) {
  send_produce({"a", "b"}, -1);
  EXPECT_FALSE(answered());
  flush();
  const auto answer = the_answer();
  EXPECT_EQ(answer.error_code, 0);
  EXPECT_EQ(answer.base_offset, 0);
  EXPECT_EQ(partitions->waiting(), 0u);
}

TEST_F(DurableProduceTest, AcksOneIsToo) {
  send_produce({"a"}, 1);
  EXPECT_FALSE(answered());
  flush();
  EXPECT_EQ(the_answer().error_code, 0);
}

TEST_F(DurableProduceTest, OtherPartitionsAreAnsweredMeanwhile) {
  send_produce({"a"});
  connect();
  EXPECT_EQ(produce(batch_of({"x"}), "t").error_code, 0);
}

TEST_F(DurableProduceTest, ARetryOfWhatIsNotFlushedWaitsToo) {
  records::BatchOptions options;
  options.producer_id = 7;
  options.producer_epoch = 0;
  options.base_sequence = 0;
  loop.hold_background(true);
  send(produce_request(batch_of({"a"}, options), "d"), 9);
  connect();
  asked = send(produce_request(batch_of({"a"}, options), "d"), 9);
  EXPECT_FALSE(answered());
  flush();
  EXPECT_EQ(the_answer().base_offset, 0);
}

TEST_F(DurableProduceTest, AConsumerSeesNothingThatIsNotFlushed) {
  send_produce({"a"});
  connect();
  const auto empty = fetch_one({.topic = "d"});
  EXPECT_EQ(empty.high_watermark, 0);
  EXPECT_THAT(texts_in(empty.records), IsEmpty());
  auto request = fetch_request({{.topic = "d"}});
  request.max_wait_ms = 500;
  const int32_t waiting = send(request, 12);
  EXPECT_FALSE(answered());
  flush();
  const auto seen = partitions_of(answer<FetchResponse>(waiting, 12));
  EXPECT_EQ(seen.at(0).high_watermark, 1);
  EXPECT_THAT(texts_in(seen.at(0).records), ElementsAre("0:a"));
}

TEST_F(DurableProduceTest, ADiskThatDoesNotAnswerInTimeIsATimeout) {
  send_produce({"a"}, -1, 300);
  loop.advance(299);
  EXPECT_FALSE(answered());
  loop.advance(1);
  const auto answer = the_answer();
  EXPECT_EQ(answer.error_code, wire(ErrorCode::REQUEST_TIMED_OUT));
  EXPECT_EQ(answer.base_offset, -1);
}

TEST_F(DurableProduceTest, ADirectoryThatFailsIsAStorageError) {
  send_produce({"a"});
  log_of("d").report_failure(Status::from_errno(EIO, "fdatasync"));
  EXPECT_EQ(the_answer().error_code, wire(ErrorCode::KAFKA_STORAGE_ERROR));
}

TEST_F(DurableProduceTest, ADirectoryThatFailsBetweenTwoPartitionsOfARequestAcknowledgesNeither) {
  log_of("d", 1).set_commit_handler(
      [this] { log_of("d", 1).report_failure(Status::from_errno(EIO, "fdatasync")); });
  auto request = produce_request(batch_of({"a"}), "d");
  const OwnedBatch second = batch_of({"b"});
  auto& other = request.topic_data[0].partition_data.emplace_back();
  other.index = 1;
  other.records = RecordsField::of(second);
  const auto response = call<ProduceResponse>(request, 9);
  for (const auto& partition : response.responses.at(0).partition_responses)
    EXPECT_EQ(partition.error_code, wire(ErrorCode::KAFKA_STORAGE_ERROR));
}

TEST_F(DurableProduceTest, ATopicThatIsDeletedMeanwhileHasNoLeader) {
  send_produce({"a"});
  partitions->delete_topic("d");
  EXPECT_EQ(the_answer().error_code, wire(ErrorCode::NOT_LEADER_OR_FOLLOWER));
}

TEST_F(DurableProduceTest, WhatWasRefusedIsAnsweredWithWhatHadToWait) {
  loop.hold_background(true);
  auto request = produce_request(batch_of({"a"}), "d");
  auto& other = request.topic_data.emplace_back();
  other.name = "nobody-knows-it";
  other.partition_data.emplace_back().records = request.topic_data[0].partition_data[0].records;
  asked = send(request, 9);
  EXPECT_FALSE(answered());
  flush();
  const auto response = answer<ProduceResponse>(asked, 9);
  ASSERT_EQ(response.responses.size(), 2u);
  EXPECT_EQ(response.responses[0].name, "d");
  EXPECT_EQ(response.responses[0].partition_responses.at(0).error_code, 0);
  EXPECT_EQ(response.responses[1].name, "nobody-knows-it");
  EXPECT_EQ(response.responses[1].partition_responses.at(0).error_code,
            wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
}

TEST_F(DurableProduceTest, AClientThatGoesAwayIsForgotten) {
  send_produce({"a"});
  connection->close();
  flush();
  loop.run_pending();
  EXPECT_EQ(partitions->waiting(), 0u);
}

TEST_F(DurableProduceTest, OffsetsAreCommittedWhenTheyAreFlushedInTheirOrder) {
  storage::LogConfig config;
  config.durable = true;
  lead("__consumer_offsets", 1, config);
  PartitionOffsetsLog offsets(loop, *partitions);
  loop.run_pending();
  loop.hold_background(true);
  std::vector<int64_t> committed;
  const auto append = [&](std::string_view key, bool and_again) {
    const groups::LogRecord record{{key.begin(), key.end()}, std::nullopt};
    offsets.append(0, {&record, 1}, [&, and_again](ErrorCode error, int64_t offset) {
      EXPECT_EQ(error, ErrorCode::NONE);
      committed.push_back(offset);
      if (!and_again) return;
      const groups::LogRecord another{{'c'}, std::nullopt};
      offsets.append(0, {&another, 1}, [&](ErrorCode, int64_t at) { committed.push_back(at); });
    });
  };
  append("a", true);
  append("b", false);
  loop.run_pending();
  EXPECT_THAT(committed, IsEmpty());
  flush();
  loop.run_pending();
  EXPECT_THAT(committed, ElementsAre(0, 1, 2));
}

TEST_F(DurableProduceTest, OffsetsThatCanNotBeFlushedAreNotCommitted) {
  storage::LogConfig config;
  config.durable = true;
  lead("__consumer_offsets", 2, config);
  PartitionOffsetsLog offsets(loop, *partitions);
  loop.run_pending();
  loop.hold_background(true);
  std::vector<ErrorCode> errors;
  const groups::LogRecord record{{'k'}, std::nullopt};
  offsets.append(0, {&record, 1}, [&](ErrorCode error, int64_t) { errors.push_back(error); });
  log_of("__consumer_offsets").report_failure(Status::from_errno(EIO, "fdatasync"));
  loop.run_pending();
  EXPECT_THAT(errors, ElementsAre(ErrorCode::KAFKA_STORAGE_ERROR));
}

}  // namespace
}  // namespace ottla
