// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/apis/fetch/read.h"
#include "protocol/records/control_records.h"
#include "tests/broker_data/data_fixture.h"

namespace ottla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FetchTest : public DataTest {
 protected:
  void append_as_coordinator(OwnedBatch batch) {
    const auto info =
        log_of("t").append_as_leader(batch, 3, storage::AppendOrigin::kCoordinator, 9, loop.wall_ms());
    ASSERT_EQ(info.error, ErrorCode::NONE) << info.message;
  }
  void begin_transaction(int64_t producer, const Texts& values) {
    records::BatchOptions options;
    options.transactional = true;
    options.producer_id = producer;
    options.producer_epoch = 0;
    options.base_sequence = 0;
    append_as_coordinator(batch_of(values, options));
  }
  void end_transaction(int64_t producer, bool commit) {
    records::BatchBuilder builder;
    const auto marker =
        records::build_end_transaction_marker(builder, producer, 0, loop.wall_ms(), {commit, 0}).value();
    append_as_coordinator({marker.begin(), marker.end()});
  }
  FetchAnswer fetch_committed(int64_t offset, int8_t isolation = 1) {
    auto request = fetch_request({{.offset = offset}});
    request.isolation_level = isolation;
    const auto answers = fetch(request);
    EXPECT_EQ(answers.size(), 1u);
    return answers.at(0);
  }
};

TEST_F(FetchTest, AnOffsetInsideABatchGetsTheWholeBatch) {
  put({"a", "b", "c"});
  EXPECT_THAT(texts_in(fetch_one({.offset = 1}).records), ElementsAre("0:a", "1:b", "2:c"));
}

TEST_F(FetchTest, TheEndIsEmptyAndBeyondItIsOutOfRange) {
  put({"a", "b"});
  auto answer = fetch_one({.offset = 2});
  EXPECT_EQ(answer.error_code, 0);
  EXPECT_EQ(answer.records.size(), 0u);
  EXPECT_EQ(answer.high_watermark, 2);
  EXPECT_EQ(answer.log_start_offset, 0);
  auto request = fetch_request({{.offset = 3}});
  request.max_wait_ms = 60'000;
  answer = fetch(request).at(0);
  EXPECT_EQ(answer.error_code, wire(ErrorCode::OFFSET_OUT_OF_RANGE));
  EXPECT_EQ(answer.high_watermark, -1);
  EXPECT_EQ(answer.log_start_offset, -1);
  EXPECT_EQ(fetch_one({.offset = -1}).error_code, wire(ErrorCode::OFFSET_OUT_OF_RANGE));
}

TEST_F(FetchTest, RecordsAreEmptyNeverNullAtAnyVersion) {
  for (int16_t version = 0; version <= 18; ++version) {
    EXPECT_EQ(fetch_one({}, version).error_code, 0);
    // The fixture fails where they are null.
    EXPECT_NE(fetch_one({.partition = 7}, version).error_code, 0);
  }
}

TEST_F(FetchTest, UnknownTopicsAreAnsweredAtOnce) {
  auto request = fetch_request({{.topic = "missing"}, {}});
  request.max_wait_ms = 60'000;
  auto answers = fetch(request);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  EXPECT_EQ(answers[1].error_code, 0);
  request = fetch_request({{}});
  request.topics[0].topic_id = id_of(200);
  request.max_wait_ms = 60'000;
  EXPECT_EQ(fetch(request, 13).at(0).error_code, wire(ErrorCode::UNKNOWN_TOPIC_ID));
}

TEST_F(FetchTest, TheFirstPartitionWithRecordsGetsABatchWhateverTheLimits) {
  put({std::string(500, 'a')}, "t", 0);
  put({std::string(500, 'b')}, "t", 1);
  auto request = fetch_request({{.partition = 0, .max_bytes = 10}, {.partition = 1, .max_bytes = 10}});
  auto answers = fetch(request, 3);
  EXPECT_THAT(texts_in(answers.at(0).records), ElementsAre("0:" + std::string(500, 'a')));
  EXPECT_THAT(texts_in(answers.at(1).records), IsEmpty());
  request = fetch_request({{.partition = 0}, {.partition = 1}});
  request.max_bytes = 100;
  answers = fetch(request);
  EXPECT_EQ(texts_in(answers.at(0).records).size(), 1u);
  EXPECT_THAT(texts_in(answers.at(1).records), IsEmpty());
  // Versions 0 to 2 have no way to say that a batch is too large: each partition gets one.
  answers = fetch(fetch_request({{.partition = 0, .max_bytes = 10}, {.partition = 1, .max_bytes = 10}}), 2);
  EXPECT_EQ(texts_in(answers.at(0).records).size(), 1u);
  EXPECT_EQ(texts_in(answers.at(1).records).size(), 1u);
}

TEST_F(FetchTest, OldClientsPageThroughABatchThatGrowsWhenItIsConverted) {
  const Texts values(100, "x");
  const size_t batch = batch_of(values).size();
  put(values);
  for (int16_t version = 0; version <= 3; ++version) {
    int64_t offset = 0;
    while (offset < 100) {
      const auto answer = fetch_one({.offset = offset}, version);
      ASSERT_EQ(answer.error_code, 0);
      // No larger than what was read, but for the message that does not fit whole.
      EXPECT_LE(answer.records.size(), batch + 100);
      const Texts texts = texts_in(answer.records);
      ASSERT_FALSE(texts.empty()) << "version " << version << " at " << offset;
      for (const std::string& text : texts) ASSERT_EQ(text, std::to_string(offset++) + ":x");
    }
    EXPECT_EQ(offset, 100);
  }
}

TEST_F(FetchTest, LimitsHold) {
  for (int i = 0; i < 5; ++i) put({std::string(100, 'x')});
  const size_t batch = fetch_one({.max_bytes = 1}).records.size();
  EXPECT_EQ(fetch_one({.max_bytes = static_cast<int32_t>(2 * batch)}).records.size(), 2 * batch);
  auto request = fetch_request({{}});
  request.max_bytes = static_cast<int32_t>(3 * batch);
  EXPECT_EQ(fetch(request).at(0).records.size(), 3 * batch);
  serve_with({{"fetch.max.bytes", std::to_string(2048)}});
  for (int i = 0; i < 5; ++i) put({std::string(1000, 'x')});
  EXPECT_LE(fetch_one({.offset = 5}).records.size(), 2048u);
}

TEST_F(FetchTest, H11AThousandPartitionsAskedForTwoGigabytesEachGiveFetchMaxBytes) {
  constexpr int32_t kPartitions = 1000;
  constexpr int64_t kFetchMaxBytes = 57671680;
  make_topic("wide", kPartitions);
  const OwnedBatch batch = batch_of({std::string(80'000, 'x')});
  for (int32_t i = 0; i < kPartitions; ++i) {
    OwnedBatch copy = batch;
    const auto info = log_of("wide", i).append_as_leader(copy, 3, storage::AppendOrigin::kClient, 9, 1);
    ASSERT_EQ(info.error, ErrorCode::NONE);
  }
  ASSERT_GT(kPartitions * static_cast<int64_t>(batch.size()), kFetchMaxBytes);
  for (const int16_t version : {2, 12}) {
    std::vector<FetchTarget> targets;
    for (int32_t i = 0; i < kPartitions; ++i) targets.push_back({"wide", {}, i, 0, INT32_MAX, -1, -1, {}});
    fetch::Parameters parameters;
    parameters.version = version;
    // What the handler makes of 2^31-1.
    parameters.max_bytes = std::min(INT32_MAX, services->config.fetch_max_bytes);
    std::vector<fetch::PartitionRead> reads;
    const auto progress = fetch::read_targets(*services, parameters, targets, reads);
    EXPECT_GT(progress.bytes, kFetchMaxBytes - static_cast<int64_t>(batch.size()));
    EXPECT_LE(progress.bytes, kFetchMaxBytes + static_cast<int64_t>(batch.size()));
    for (const fetch::PartitionRead& read : reads) EXPECT_EQ(read.error, ErrorCode::NONE);
    EXPECT_GT(reads.front().slice.length, 0u);
    EXPECT_EQ(reads.back().slice.length, 0u) << "left for the next request";
  }
}

TEST_F(FetchTest, EpochsOtherThanOursAreFenced) {
  EXPECT_EQ(fetch_one({.leader_epoch = 3}).error_code, 0);
  EXPECT_EQ(fetch_one({.leader_epoch = 2}).error_code, wire(ErrorCode::FENCED_LEADER_EPOCH));
  EXPECT_EQ(fetch_one({.leader_epoch = 4}).error_code, wire(ErrorCode::UNKNOWN_LEADER_EPOCH));
  const auto response = call<FetchResponse>(fetch_request({{.leader_epoch = 2}}), 16);
  EXPECT_EQ(partitions_of(response).at(0).current_leader.leader_id, 0);
  EXPECT_EQ(partitions_of(response).at(0).current_leader.leader_epoch, 3);
  ASSERT_EQ(response.node_endpoints.size(), 1u);
  EXPECT_EQ(response.node_endpoints[0].host, "host0");
  EXPECT_EQ(response.node_endpoints[0].rack, "rack0");
}

TEST_F(FetchTest, ALastFetchedEpochThatPartsFromOurLogIsToldWhere) {
  put({"a", "b"});
  lead("t", 2, {}, 5);
  put({"c"});
  EXPECT_EQ(fetch_one({.offset = 2, .last_epoch = 5}).error_code, 0);
  const auto parted = fetch_one({.offset = 3, .last_epoch = 3});
  EXPECT_EQ(parted.error_code, 0);
  EXPECT_EQ(parted.diverging_epoch.epoch, 3);
  EXPECT_EQ(parted.diverging_epoch.end_offset, 2);
  EXPECT_EQ(parted.records.size(), 0u);
  EXPECT_EQ(fetch_one({.offset = 1, .last_epoch = 9}).error_code, wire(ErrorCode::OFFSET_OUT_OF_RANGE));
}

TEST_F(FetchTest, ReadCommittedEndsBeforeTheOldestOpenTransaction) {
  put({"a"});
  begin_transaction(1, {"open"});
  put({"b"});
  auto answer = fetch_committed(0);
  EXPECT_THAT(texts_in(answer.records), ElementsAre("0:a"));
  EXPECT_EQ(answer.high_watermark, 3);
  EXPECT_EQ(answer.last_stable_offset, 1);
  ASSERT_TRUE(answer.aborted_transactions.has_value());
  EXPECT_THAT(*answer.aborted_transactions, IsEmpty());
  answer = fetch_committed(1);
  EXPECT_EQ(answer.error_code, 0);
  EXPECT_THAT(texts_in(answer.records), IsEmpty());
  answer = fetch_committed(0, 0);
  EXPECT_EQ(texts_in(answer.records).size(), 3u);
  EXPECT_FALSE(answer.aborted_transactions.has_value());
}

TEST_F(FetchTest, AbortedTransactionsComeInTheOrderOfTheirFirstOffsets) {
  begin_transaction(1, {"one"});
  begin_transaction(2, {"two"});
  begin_transaction(3, {"three"});
  end_transaction(3, false);
  end_transaction(2, true);
  end_transaction(1, false);
  const auto answer = fetch_committed(0);
  EXPECT_EQ(answer.last_stable_offset, 6);
  ASSERT_EQ(answer.aborted_transactions->size(), 2u);
  EXPECT_EQ((*answer.aborted_transactions)[0].producer_id, 1);
  EXPECT_EQ((*answer.aborted_transactions)[0].first_offset, 0);
  EXPECT_EQ((*answer.aborted_transactions)[1].producer_id, 3);
  EXPECT_EQ((*answer.aborted_transactions)[1].first_offset, 2);
  EXPECT_FALSE(fetch_committed(0, 0).aborted_transactions.has_value());
  // Old clients do not know control records.
  EXPECT_THAT(texts_in(fetch_one({}, 2).records), ElementsAre("0:one", "1:two", "2:three"));
}

TEST_F(FetchTest, AnUnknownIsolationOrANegativeLimitIsAnUnknownError) {
  auto request = fetch_request({{}});
  request.isolation_level = 5;
  auto response = call<FetchResponse>(request, 12);
  EXPECT_EQ(response.error_code, -1);
  EXPECT_EQ(partitions_of(response).at(0).error_code, -1);
  response = call<FetchResponse>(request, 13);
  EXPECT_EQ(response.error_code, -1);
  EXPECT_THAT(response.responses, IsEmpty());
  put({"a"});
  EXPECT_EQ(fetch_one({.max_bytes = -1}).error_code, -1);
}

TEST_F(FetchTest, AStrangeReplicaIsServedUpToVersion12AndNotAfter) {
  put({"a"});
  auto request = fetch_request({{}});
  request.replica_id = 77;
  EXPECT_EQ(texts_in(fetch(request, 12).at(0).records).size(), 1u);
  EXPECT_EQ(fetch(request, 14).at(0).error_code, wire(ErrorCode::NOT_LEADER_OR_FOLLOWER));
  request = fetch_request({{}});
  request.replica_state.replica_id = 77;
  EXPECT_EQ(fetch(request, 18).at(0).error_code, wire(ErrorCode::NOT_LEADER_OR_FOLLOWER));
}

TEST_F(FetchTest, ATopicMayRefuseToBeConvertedForOldClients) {
  put({"a"});
  configs->set_topic_overrides("t", {{"message.downconversion.enable", "false"}});
  EXPECT_EQ(fetch_one({}, 3).error_code, wire(ErrorCode::UNSUPPORTED_VERSION));
  EXPECT_EQ(fetch_one({}, 4).error_code, 0);
  configs->set_topic_overrides("t", {});
  EXPECT_EQ(fetch_one({}, 3).error_code, 0);
}

TEST_F(FetchTest, ZstdTopicsNeedVersion10) {
  storage::LogConfig config;
  config.compression = records::Compression::kZstd;
  make_topic("packed", 1, config);
  put({"a"}, "packed");
  EXPECT_EQ(fetch_one({.topic = "packed"}, 9).error_code, wire(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE));
  EXPECT_THAT(texts_in(fetch_one({.topic = "packed"}, 10).records), ElementsAre("0:a"));
}

TEST_F(FetchTest, DeletedRecordsAreOutOfRangeAndTheNewStartIsTold) {
  put({"a"});
  put({"b"});
  ASSERT_TRUE(log_of("t").delete_records(1).ok());
  EXPECT_EQ(fetch_one({.offset = 0}).error_code, wire(ErrorCode::OFFSET_OUT_OF_RANGE));
  EXPECT_EQ(fetch_one({.offset = 1}).log_start_offset, 1);
}

}  // namespace
}  // namespace ottla
