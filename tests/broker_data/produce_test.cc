// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/produce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker_data/data_fixture.h"

namespace ottla {
namespace {

using testing::ElementsAre;

class ProduceTest : public DataTest {
 protected:
  // A batch as the idempotent producer 7 sends it.
  static OwnedBatch sequenced(int32_t sequence, int count = 1, int16_t epoch = 0) {
    records::BatchOptions options;
    options.producer_id = 7;
    options.producer_epoch = epoch;
    options.base_sequence = sequence;
    return batch_of(Texts(static_cast<size_t>(count), "x"), options);
  }
};

TEST_F(ProduceTest, WhatEveryVersionProducesEveryVersionFetches) {
  int64_t offset = 0;
  for (int16_t produce_version = 0; produce_version <= 13; ++produce_version) {
    const std::string text = "by " + std::to_string(produce_version);
    const OwnedBatch records = produce_version <= 1   ? legacy_set_of(0, {text})
                               : produce_version == 2 ? legacy_set_of(1, {text})
                                                      : batch_of({text});
    const auto answer = produce(records, "t", 0, produce_version);
    ASSERT_EQ(answer.error_code, 0) << "at version " << produce_version;
    EXPECT_EQ(answer.base_offset, offset);
    for (int16_t fetch_version = 0; fetch_version <= 18; ++fetch_version) {
      const auto fetched = fetch_one({.offset = offset}, fetch_version);
      EXPECT_EQ(fetched.error_code, 0) << "at version " << fetch_version;
      EXPECT_EQ(fetched.high_watermark, offset + 1);
      EXPECT_THAT(texts_in(fetched.records), ElementsAre(std::to_string(offset) + ":" + text))
          << "produced at " << produce_version << ", fetched at " << fetch_version;
    }
    ++offset;
  }
}

TEST_F(ProduceTest, TheTopicsCompressionIsWhatIsKeptWhateverCame) {
  storage::LogConfig config;
  config.compression = records::Compression::kGzip;
  make_topic("gzip", 1, config);
  int64_t offset = 0;
  const auto expect_kept = [&](const OwnedBatch& records, int16_t version) {
    ASSERT_EQ(produce(records, "gzip", 0, version).error_code, 0) << "at version " << version;
    const auto fetched = fetch_one({.topic = "gzip", .offset = offset});
    const records::RecordBatchView batch(fetched.records.bytes);
    EXPECT_EQ(batch.magic(), records::kMagicV2);
    EXPECT_EQ(batch.compression(), records::Compression::kGzip);
    EXPECT_TRUE(batch.crc_is_valid());
    EXPECT_THAT(texts_in(fetched.records),
                ElementsAre(std::to_string(offset) + ":a", std::to_string(offset + 1) + ":b"));
    offset += 2;
  };
  expect_kept(legacy_set_of(0, {"a", "b"}), 0);
  expect_kept(legacy_set_of(1, {"a", "b"}), 2);
  for (const auto codec :
       {records::Compression::kNone, records::Compression::kGzip, records::Compression::kSnappy,
        records::Compression::kLz4, records::Compression::kZstd}) {
    const OwnedBatch batch = batch_of({"a", "b"}, {.compression = codec});
    expect_kept(batch, 7);
    if (codec == records::Compression::kZstd) continue;
    for (const int8_t magic : {records::kMagicV0, records::kMagicV1}) {
      Writer old;
      ASSERT_TRUE(records::down_convert(batch, magic, 0, old).ok());
      expect_kept({old.buffer().begin(), old.buffer().end()}, magic == records::kMagicV0 ? 1 : 2);
    }
  }
}

TEST_F(ProduceTest, BatchesCarryTheLeadersEpochWhateverTheClientWrote) {
  records::BatchOptions options;
  options.partition_leader_epoch = 99;
  ASSERT_EQ(produce(batch_of({"a"}, options)).error_code, 0);
  const auto fetched = fetch_one({});
  EXPECT_EQ(records::RecordBatchView(fetched.records.bytes).partition_leader_epoch(), 3);
}

TEST_F(ProduceTest, NoAcknowledgementMeansNoAnswerAndNothingBlocksBehindIt) {
  auto request = produce_request(batch_of({"a"}));
  request.acks = 0;
  send(request, 9);
  EXPECT_FALSE(answered());
  EXPECT_EQ(log_of("t").log_end_offset(), 1);
  EXPECT_EQ(produce(batch_of({"b"})).base_offset, 1);
  EXPECT_FALSE(closed());
}

TEST_F(ProduceTest, AFailureWithoutAcknowledgementClosesTheConnection) {
  auto request = produce_request(batch_of({"a"}), "missing");
  request.acks = 0;
  send(request, 9);
  EXPECT_FALSE(answered());
  EXPECT_TRUE(closed());
}

TEST_F(ProduceTest, AcksOtherThanMinusOneZeroAndOneAreRefused) {
  for (const int16_t acks : {-2, 2, 77}) {
    auto request = produce_request(batch_of({"a"}));
    request.acks = acks;
    EXPECT_EQ(produce(request).error_code, wire(ErrorCode::INVALID_REQUIRED_ACKS));
  }
  EXPECT_EQ(log_of("t").log_end_offset(), 0);
}

TEST_F(ProduceTest, AcksAllAsksForAsManyReplicasAsTheTopicWants) {
  storage::LogConfig config;
  config.min_insync_replicas = 2;
  make_topic("careful", 1, config);
  auto request = produce_request(batch_of({"a"}), "careful");
  request.acks = -1;
  EXPECT_EQ(produce(request).error_code, wire(ErrorCode::NOT_ENOUGH_REPLICAS));
  request = produce_request(batch_of({"a"}), "careful");
  EXPECT_EQ(produce(request).error_code, 0);
  request = produce_request(batch_of({"a"}));
  request.acks = -1;
  EXPECT_EQ(produce(request).error_code, 0);
}

TEST_F(ProduceTest, UnknownTopicsPartitionsAndIdsHaveTheirErrors) {
  EXPECT_EQ(produce(batch_of({"a"}), "missing").error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  EXPECT_EQ(produce(batch_of({"a"}), "t", 2).error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  EXPECT_EQ(produce(batch_of({"a"}), "t", -1).error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  auto request = produce_request(batch_of({"a"}));
  request.topic_data[0].topic_id = id_of(200);
  EXPECT_EQ(produce(request, 13).error_code, wire(ErrorCode::UNKNOWN_TOPIC_ID));
}

TEST_F(ProduceTest, FromVersion10OnAnotherLeaderIsNamedWithItsAddress) {
  metadata.brokers[5] = {5, {{"PLAINTEXT", "PLAINTEXT", "host5", 9095}}, std::nullopt, 1};
  topics.add("elsewhere", 1, 5);
  EXPECT_EQ(produce(batch_of({"a"}), "elsewhere").error_code, wire(ErrorCode::NOT_LEADER_OR_FOLLOWER));
  const auto response = call<ProduceResponse>(produce_request(batch_of({"a"}), "elsewhere"), 10);
  const auto& partition = response.responses[0].partition_responses[0];
  EXPECT_EQ(partition.error_code, wire(ErrorCode::NOT_LEADER_OR_FOLLOWER));
  EXPECT_EQ(partition.current_leader.leader_id, 5);
  EXPECT_EQ(partition.current_leader.leader_epoch, 3);
  ASSERT_EQ(response.node_endpoints.size(), 1u);
  EXPECT_EQ(response.node_endpoints[0].host, "host5");
  // The next answer has nothing left of it.
  EXPECT_TRUE(call<ProduceResponse>(produce_request(batch_of({"a"})), 10).node_endpoints.empty());
}

TEST_F(ProduceTest, EveryPartitionIsAnsweredByItself) {
  const OwnedBatch records = batch_of({"a"});
  auto request = produce_request(records);
  auto& missing = request.topic_data[0].partition_data.emplace_back();
  missing.index = 9;
  missing.records = RecordsField::of(records);
  const auto response = call<ProduceResponse>(request, 9);
  ASSERT_EQ(response.responses[0].partition_responses.size(), 2u);
  EXPECT_EQ(response.responses[0].partition_responses[0].error_code, 0);
  EXPECT_EQ(response.responses[0].partition_responses[1].error_code,
            wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
}

TEST_F(ProduceTest, ARepeatedSequenceIsAnsweredWithTheOffsetsOfTheFirst) {
  EXPECT_EQ(produce(sequenced(0, 3)).base_offset, 0);
  EXPECT_EQ(produce(sequenced(3, 2)).base_offset, 3);
  const auto again = produce(sequenced(0, 3));
  EXPECT_EQ(again.error_code, 0);
  EXPECT_EQ(again.base_offset, 0);
  EXPECT_EQ(log_of("t").log_end_offset(), 5);
}

TEST_F(ProduceTest, SequencesThatDoNotFollowAreOutOfOrder) {
  EXPECT_EQ(produce(sequenced(0)).error_code, 0);
  EXPECT_EQ(produce(sequenced(2)).error_code, wire(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
  for (int32_t i = 1; i < 8; ++i) EXPECT_EQ(produce(sequenced(i)).error_code, 0);
  // A duplicate outside the window of five batches.
  EXPECT_EQ(produce(sequenced(0)).error_code, wire(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
  EXPECT_EQ(produce(sequenced(5, 1, 1)).error_code, wire(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER));
  EXPECT_EQ(produce(sequenced(0, 1, 1)).error_code, 0);
  EXPECT_EQ(produce(sequenced(8, 1, 0)).error_code, wire(ErrorCode::INVALID_PRODUCER_EPOCH));
}

TEST_F(ProduceTest, AnUnknownProducerMayBeginWithAnySequence) {
  EXPECT_EQ(produce(sequenced(4711)).error_code, 0);
}

TEST_F(ProduceTest, ADuplicateIsKnownAfterARestart) {
  EXPECT_EQ(produce(sequenced(0, 3)).base_offset, 0);
  restart();
  EXPECT_EQ(produce(sequenced(0, 3)).base_offset, 0);
  EXPECT_EQ(log_of("t").log_end_offset(), 3);
  EXPECT_EQ(produce(sequenced(3)).base_offset, 3);
}

TEST_F(ProduceTest, RecordsThatNoClientMaySendAreInvalid) {
  OwnedBatch two = batch_of({"a"});
  const OwnedBatch second = batch_of({"b"});
  two.insert(two.end(), second.begin(), second.end());
  records::BatchOptions control;
  control.control = true;
  control.producer_id = 1;
  control.producer_epoch = 0;
  records::BatchOptions shifted;
  shifted.base_offset = 4;
  for (const OwnedBatch& records :
       {two, OwnedBatch(), OwnedBatch(5, 0), batch_of({"a"}, control), batch_of({"a"}, shifted)}) {
    EXPECT_EQ(produce(records).error_code, wire(ErrorCode::INVALID_RECORD));
  }
  auto request = produce_request({});
  request.topic_data[0].partition_data[0].records = RecordsField();
  EXPECT_EQ(produce(request).error_code, wire(ErrorCode::INVALID_RECORD));
  EXPECT_EQ(log_of("t").log_end_offset(), 0);
}

TEST_F(ProduceTest, AnOldMessageSetWithNothingWholeInItAppendsNothing) {
  for (const OwnedBatch& records : {OwnedBatch(), OwnedBatch(5, 0), OwnedBatch(11, 7)}) {
    const auto answer = produce(records, "t", 0, 2);
    EXPECT_EQ(answer.error_code, 0);
    EXPECT_EQ(answer.base_offset, -1);
  }
  EXPECT_EQ(log_of("t").log_end_offset(), 0);
  EXPECT_EQ(produce(OwnedBatch(100, 0), "t", 0, 2).error_code, wire(ErrorCode::CORRUPT_MESSAGE));
}

TEST_F(ProduceTest, DamagedRecordsAreCorrupt) {
  OwnedBatch records = batch_of({"abc"});
  records.back() ^= 0x40;
  EXPECT_EQ(produce(records).error_code, wire(ErrorCode::CORRUPT_MESSAGE));
  records = legacy_set_of(1, {"abc"});
  records.back() ^= 0x40;
  EXPECT_EQ(produce(records, "t", 0, 2).error_code, wire(ErrorCode::CORRUPT_MESSAGE));
}

TEST_F(ProduceTest, ABatchAboveTheTopicsLimitIsTooLarge) {
  storage::LogConfig config;
  config.max_message_bytes = 200;
  make_topic("small", 1, config);
  EXPECT_EQ(produce(batch_of({std::string(300, 'x')}), "small").error_code,
            wire(ErrorCode::MESSAGE_TOO_LARGE));
}

TEST_F(ProduceTest, ACompactedTopicNamesTheRecordsWithoutKeys) {
  storage::LogConfig config;
  config.cleanup_compact = true;
  make_topic("compact", 1, config);
  const auto answer = produce(batch_of({"a", "b"}), "compact");
  EXPECT_EQ(answer.error_code, wire(ErrorCode::INVALID_RECORD));
  ASSERT_EQ(answer.record_errors.size(), 2u);
  EXPECT_EQ(answer.record_errors[1].batch_index, 1);
  EXPECT_TRUE(answer.record_errors[1].batch_index_error_message.has_value());
  EXPECT_TRUE(answer.error_message.has_value());
  // Before version 8 the answer has no room for it.
  EXPECT_TRUE(produce(batch_of({"a", "b"}), "compact", 0, 7).record_errors.empty());
}

TEST_F(ProduceTest, ReleasesJudgeTimesFromClientsDifferently) {
  // behaviours.md 9. Versions that 2.8 knows get what 2.8 says.
  constexpr int64_t kSent = 1'700'000'000'000;
  loop.set_wall_ms(kSent);
  records::BatchOptions options;
  options.log_append_time = kSent;
  EXPECT_EQ(produce(batch_of({"a"}, options), "t", 0, 9).error_code,
            static_cast<int16_t>(ErrorCode::INVALID_TIMESTAMP));
  EXPECT_EQ(produce(batch_of({"a"}, options), "t", 0, 10).error_code, 0);
  loop.set_wall_ms(kSent - 7200 * 1000);
  EXPECT_EQ(produce(batch_of({"a"}), "t", 0, 9).error_code, 0);
  EXPECT_EQ(produce(batch_of({"a"}), "t", 0, 10).error_code,
            static_cast<int16_t>(ErrorCode::INVALID_TIMESTAMP));
}

TEST_F(ProduceTest, LogAppendTimeIsTheWallClocksAndIsAnswered) {
  storage::LogConfig config;
  config.log_append_time = true;
  make_topic("stamped", 1, config);
  loop.set_wall_ms(1'800'000'000'000);
  EXPECT_EQ(produce(batch_of({"a"}), "stamped").log_append_time_ms, 1'800'000'000'000);
  EXPECT_EQ(produce(batch_of({"a"})).log_append_time_ms, -1);
  EXPECT_EQ(produce(OwnedBatch(5, 0), "stamped").log_append_time_ms, -1);
}

TEST_F(ProduceTest, TransactionalBatchesAreRefused) {
  records::BatchOptions options;
  options.transactional = true;
  options.producer_id = 7;
  options.producer_epoch = 0;
  options.base_sequence = 0;
  const OwnedBatch records = batch_of({"a"}, options);
  auto request = produce_request(records);
  EXPECT_EQ(produce(request).error_code, wire(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED));
  request.transactional_id = "me";
  EXPECT_EQ(produce(request).error_code, wire(ErrorCode::INVALID_TXN_STATE));
  EXPECT_EQ(log_of("t").log_end_offset(), 0);
}

TEST_F(ProduceTest, BytesThatAreNoRequestCloseTheConnection) {
  const std::vector<uint8_t> garbage(7, 0x7f);
  send_raw(0, 8, garbage, 1);
  EXPECT_TRUE(closed());
}

}  // namespace
}  // namespace ottla
