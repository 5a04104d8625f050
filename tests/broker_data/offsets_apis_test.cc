// SPDX-License-Identifier: Apache-2.0
// ListOffsets, OffsetForLeaderEpoch, DeleteRecords, InitProducerId and DescribeLogDirs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/generated/delete_records_request.h"
#include "protocol/generated/delete_records_response.h"
#include "protocol/generated/describe_log_dirs_request.h"
#include "protocol/generated/describe_log_dirs_response.h"
#include "protocol/generated/init_producer_id_request.h"
#include "protocol/generated/init_producer_id_response.h"
#include "protocol/generated/list_offsets_request.h"
#include "protocol/generated/list_offsets_response.h"
#include "protocol/generated/offset_for_leader_epoch_request.h"
#include "protocol/generated/offset_for_leader_epoch_response.h"
#include "tests/broker_data/data_fixture.h"

namespace ottla {
namespace {

using namespace protocol;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kTime = 1'700'000'000'000;

class OffsetsApisTest : public DataTest {
 protected:
  using Listed = ListOffsetsResponse::ListOffsetsPartitionResponse;

  static ListOffsetsRequest list_request(int64_t timestamp, std::string_view topic = "t",
                                         int32_t partition = 0) {
    ListOffsetsRequest request;
    request.replica_id = -1;
    auto& one = request.topics.emplace_back();
    one.name = topic;
    auto& asked = one.partitions.emplace_back();
    asked.partition_index = partition;
    asked.timestamp = timestamp;
    return request;
  }
  Listed list(const ListOffsetsRequest& request, int16_t version) {
    const auto response = call<ListOffsetsResponse>(request, version);
    return response.topics.at(0).partitions.at(0);
  }
  Listed list(int64_t timestamp, int16_t version = 11) { return list(list_request(timestamp), version); }

  void put_at(int64_t timestamp, const Texts& values) {
    ASSERT_EQ(produce(batch_of(values, {}, timestamp)).error_code, 0);
  }
  DeleteRecordsResponse::DeleteRecordsPartitionResult delete_before(int64_t offset,
                                                                    std::string_view name = "t",
                                                                    int16_t version = 2) {
    DeleteRecordsRequest request;
    request.timeout_ms = 1000;
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.partitions.emplace_back().offset = offset;
    return call<DeleteRecordsResponse>(request, version).topics.at(0).partitions.at(0);
  }
  std::pair<int32_t, int64_t> end_of_epoch(int32_t epoch, int32_t current = -1, int16_t version = 4) {
    OffsetForLeaderEpochRequest request;
    request.replica_id = -2;
    auto& topic = request.topics.emplace_back();
    topic.topic = "t";
    auto& partition = topic.partitions.emplace_back();
    partition.leader_epoch = epoch;
    partition.current_leader_epoch = current;
    const auto response = call<OffsetForLeaderEpochResponse>(request, version);
    const auto& answer = response.topics.at(0).partitions.at(0);
    error = answer.error_code;
    return {answer.leader_epoch, answer.end_offset};
  }

  int16_t error = 0;
};

TEST_F(OffsetsApisTest, TheEndsAreKnownAtEveryVersion) {
  put({"a", "b", "c"});
  ASSERT_TRUE(log_of("t").delete_records(1).ok());
  for (int16_t version = 1; version <= 11; ++version) {
    EXPECT_EQ(list(-1, version).offset, 3) << version;
    EXPECT_EQ(list(-2, version).offset, 1) << version;
    EXPECT_EQ(list(-1, version).timestamp, -1);
    EXPECT_EQ(list(-1, version).leader_epoch, version >= 4 ? 3 : -1);
  }
}

TEST_F(OffsetsApisTest, ATimestampFindsTheFirstRecordAtOrAfterIt) {
  put_at(kTime, {"a", "b"});
  put_at(kTime + 10, {"c", "d"});
  EXPECT_EQ(list(kTime - 5).offset, 0);
  EXPECT_EQ(list(kTime).offset, 0);
  EXPECT_EQ(list(kTime + 1).offset, 1);
  EXPECT_EQ(list(kTime + 2).offset, 2);
  EXPECT_EQ(list(kTime + 2).timestamp, kTime + 10);
  EXPECT_EQ(list(kTime + 2).leader_epoch, 3);
  EXPECT_EQ(list(kTime + 11).offset, 3);
  const auto none = list(kTime + 12);
  EXPECT_EQ(none.error_code, 0);
  EXPECT_EQ(none.offset, -1);
  EXPECT_EQ(none.timestamp, -1);
}

TEST_F(OffsetsApisTest, TheEpochIsThatOfTheRecordThatWasFound) {
  put_at(kTime, {"a"});
  lead("t", 1, {}, 8);
  put_at(kTime + 10, {"b"});
  EXPECT_EQ(list(kTime).leader_epoch, 3);
  EXPECT_EQ(list(kTime + 5).leader_epoch, 8);
  EXPECT_EQ(list(-1).leader_epoch, 8);
  EXPECT_EQ(list(-2).leader_epoch, 3);
}

TEST_F(OffsetsApisTest, TheLargestTimestampIsFound) {
  EXPECT_EQ(list(-3).offset, -1);
  put_at(kTime + 50, {"a", "b"});
  put_at(kTime, {"c"});
  const auto largest = list(-3);
  EXPECT_EQ(largest.offset, 1);
  EXPECT_EQ(largest.timestamp, kTime + 51);
}

TEST_F(OffsetsApisTest, SpecialTimestampsNeedTheirVersion) {
  put({"a"});
  const std::map<int64_t, int16_t> since = {{-3, 7}, {-4, 8}, {-5, 9}, {-6, 11}};
  for (const auto& [timestamp, first] : since) {
    EXPECT_EQ(list(timestamp, first).error_code, 0) << timestamp;
    EXPECT_EQ(list(timestamp, static_cast<int16_t>(first - 1)).error_code,
              wire(ErrorCode::UNSUPPORTED_VERSION));
  }
  EXPECT_EQ(list(-7).error_code, wire(ErrorCode::UNSUPPORTED_VERSION));
  EXPECT_EQ(list(-4).offset, 0);
  EXPECT_EQ(list(-5).offset, -1);
  EXPECT_EQ(list(-6).offset, -1);
}

TEST_F(OffsetsApisTest, ReadCommittedEndsAtTheLastStableOffset) {
  put({"a"});
  records::BatchOptions options;
  options.transactional = true;
  options.producer_id = 1;
  options.producer_epoch = 0;
  options.base_sequence = 0;
  OwnedBatch open = batch_of({"b"}, options, kTime + 100);
  ASSERT_EQ(
      log_of("t").append_as_leader(open, 3, storage::AppendOrigin::kCoordinator, 9, loop.wall_ms()).error,
      ErrorCode::NONE);
  auto request = list_request(-1);
  EXPECT_EQ(list(request, 5).offset, 2);
  request.isolation_level = 1;
  EXPECT_EQ(list(request, 5).offset, 1);
  request = list_request(kTime + 50);
  EXPECT_EQ(list(request, 5).offset, 1);
  request.isolation_level = 1;
  EXPECT_EQ(list(request, 5).offset, -1);
}

TEST_F(OffsetsApisTest, ListOffsetsErrors) {
  EXPECT_EQ(list(list_request(-1, "missing"), 5).error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  topics.add("elsewhere", 1, 5);
  EXPECT_EQ(list(list_request(-1, "elsewhere"), 5).error_code, wire(ErrorCode::NOT_LEADER_OR_FOLLOWER));
  auto request = list_request(-1);
  request.topics[0].partitions[0].current_leader_epoch = 2;
  EXPECT_EQ(list(request, 5).error_code, wire(ErrorCode::FENCED_LEADER_EPOCH));
  request.topics[0].partitions[0].current_leader_epoch = 4;
  EXPECT_EQ(list(request, 5).error_code, wire(ErrorCode::UNKNOWN_LEADER_EPOCH));
  request = list_request(-1);
  request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
  EXPECT_EQ(list(request, 5).error_code, wire(ErrorCode::INVALID_REQUEST));
}

TEST_F(OffsetsApisTest, Version0ListsTheStartsOfSegments) {
  storage::LogConfig config;
  config.segment_bytes = 150;
  make_topic("rolled", 1, config);
  loop.set_wall_ms(kTime + 1000);
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(produce(batch_of({std::string(60, 'x')}, {}, kTime + i), "rolled").error_code, 0);
  auto request = list_request(-1, "rolled");
  request.topics[0].partitions[0].max_num_offsets = 10;
  EXPECT_THAT(list(request, 0).old_style_offsets, ElementsAre(3, 2, 1, 0));
  request.topics[0].partitions[0].max_num_offsets = 2;
  EXPECT_THAT(list(request, 0).old_style_offsets, ElementsAre(3, 2));
  request.topics[0].partitions[0].max_num_offsets = 10;
  request.topics[0].partitions[0].timestamp = -2;
  EXPECT_THAT(list(request, 0).old_style_offsets, ElementsAre(0));
  request.topics[0].partitions[0].timestamp = kTime + 1;
  EXPECT_THAT(list(request, 0).old_style_offsets, ElementsAre(1, 0));
  request.topics[0].partitions[0].timestamp = kTime - 1;
  EXPECT_THAT(list(request, 0).old_style_offsets, IsEmpty());
  request.topics[0].partitions[0].max_num_offsets = -1;
  EXPECT_THAT(list(request, 0).old_style_offsets, IsEmpty());
  request = list_request(-1);
  EXPECT_THAT(list(request, 0).old_style_offsets, ElementsAre(0)) << "of an empty log";
}

TEST_F(OffsetsApisTest, EpochsEndWhereTheNextBegins) {
  put({"a", "b"});
  lead("t", 1, {}, 6);
  put({"c"});
  EXPECT_EQ(end_of_epoch(3), std::pair(3, int64_t{2}));
  EXPECT_EQ(end_of_epoch(5), std::pair(3, int64_t{2}));
  EXPECT_EQ(end_of_epoch(6), std::pair(6, int64_t{3}));
  EXPECT_EQ(end_of_epoch(7), std::pair(-1, int64_t{-1}));
  EXPECT_EQ(error, 0);
  EXPECT_EQ(end_of_epoch(6, 6, 2).second, 3);
  end_of_epoch(6, 3);
  EXPECT_EQ(error, wire(ErrorCode::FENCED_LEADER_EPOCH));
  end_of_epoch(6, 7);
  EXPECT_EQ(error, wire(ErrorCode::UNKNOWN_LEADER_EPOCH));
  EXPECT_EQ(end_of_epoch(6, -1, 0).second, 3);
}

TEST_F(OffsetsApisTest, DeleteRecordsRaisesTheLogStart) {
  put({"a", "b", "c"});
  for (int16_t version = 0; version <= 2; ++version) {
    const auto deleted = delete_before(version, "t", version);
    EXPECT_EQ(deleted.error_code, 0);
    EXPECT_EQ(deleted.low_watermark, version);
  }
  EXPECT_EQ(delete_before(1).low_watermark, 2) << "below the start nothing happens";
  const auto all = delete_before(-1);
  EXPECT_EQ(all.error_code, 0);
  EXPECT_EQ(all.low_watermark, 3);
  EXPECT_EQ(list(-2).offset, 3);
}

TEST_F(OffsetsApisTest, H4DeleteRecordsIsAnsweredWhenTheStartIsOnTheDisk) {
  put({"a", "b", "c"});
  EXPECT_EQ(delete_before(2).low_watermark, 2);
  EXPECT_EQ(*files->read_text(directory + "/log-start-offset-checkpoint"), "0\n1\nt 0 2\n");
  // The process is killed here.
  partitions.reset();
  logs.reset();
  open_logs();
  lead("t", 2);
  EXPECT_EQ(log_of("t").log_start_offset(), 2);
  EXPECT_EQ(list(-2).offset, 2);
}

TEST_F(OffsetsApisTest, DeleteRecordsErrors) {
  put({"a"});
  EXPECT_EQ(delete_before(2).error_code, wire(ErrorCode::OFFSET_OUT_OF_RANGE));
  EXPECT_EQ(delete_before(-2).error_code, wire(ErrorCode::OFFSET_OUT_OF_RANGE));
  EXPECT_EQ(delete_before(-2).low_watermark, -1);
  EXPECT_EQ(delete_before(0, "missing").error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  EXPECT_EQ(delete_before(0, "__consumer_offsets").error_code, wire(ErrorCode::INVALID_TOPIC_EXCEPTION));
  storage::LogConfig config;
  config.cleanup_delete = false;
  config.cleanup_compact = true;
  make_topic("compact", 1, config);
  EXPECT_EQ(delete_before(0, "compact").error_code, wire(ErrorCode::POLICY_VIOLATION));
}

TEST_F(OffsetsApisTest, IdempotentProducersGetAnId) {
  InitProducerIdRequest request;
  request.transactional_id = std::nullopt;
  for (int16_t version = 0; version <= 6; ++version) {
    const auto response = call<InitProducerIdResponse>(request, version);
    EXPECT_EQ(response.error_code, 0) << version;
    EXPECT_GE(response.producer_id, 0);
    EXPECT_EQ(response.producer_epoch, 0);
  }
  request.producer_id = 12;
  EXPECT_EQ(call<InitProducerIdResponse>(request, 3).error_code, wire(ErrorCode::INVALID_REQUEST));
  request.producer_epoch = 4;
  EXPECT_EQ(call<InitProducerIdResponse>(request, 3).error_code, 0);
}

TEST_F(OffsetsApisTest, TransactionalProducersAreToldThatThereAreNoTransactions) {
  InitProducerIdRequest request;
  request.transactional_id = "me";
  const auto response = call<InitProducerIdResponse>(request, 4);
  EXPECT_EQ(response.error_code, wire(ErrorCode::UNSUPPORTED_VERSION));
  EXPECT_EQ(response.producer_id, -1);
  EXPECT_EQ(response.producer_epoch, -1);
  request.transactional_id = "";
  EXPECT_EQ(call<InitProducerIdResponse>(request, 4).error_code, wire(ErrorCode::INVALID_REQUEST));
}

TEST_F(OffsetsApisTest, LogDirectoriesAreDescribedWithTheirPartitions) {
  put({"a"}, "t", 1);
  DescribeLogDirsRequest request;
  for (int16_t version = 0; version <= 5; ++version) {
    request.topics = std::nullopt;
    auto response = call<DescribeLogDirsResponse>(request, version);
    ASSERT_EQ(response.results.size(), 1u);
    const auto& result = response.results[0];
    EXPECT_EQ(result.log_dir, directory);
    ASSERT_EQ(result.topics.size(), 1u);
    EXPECT_EQ(result.topics[0].name, "t");
    ASSERT_EQ(result.topics[0].partitions.size(), 2u);
    EXPECT_EQ(result.topics[0].partitions[0].partition_size, 0);
    EXPECT_EQ(result.topics[0].partitions[1].partition_size, static_cast<int64_t>(batch_of({"a"}).size()));
    EXPECT_EQ(result.total_bytes > 0, version >= 4);
    EXPECT_EQ(result.usable_bytes > 0, version >= 4);
    auto& topic = request.topics.emplace().emplace_back();
    topic.topic = "t";
    topic.partitions = {1, 5};
    response = call<DescribeLogDirsResponse>(request, version);
    ASSERT_EQ(response.results.at(0).topics.size(), 1u);
    EXPECT_EQ(response.results[0].topics[0].partitions.size(), 1u);
    request.topics->clear();
    EXPECT_THAT(call<DescribeLogDirsResponse>(request, version).results.at(0).topics, IsEmpty());
  }
}

}  // namespace
}  // namespace ottla
