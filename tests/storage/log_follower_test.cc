// SPDX-License-Identifier: Apache-2.0
// The log of a partition with copies elsewhere.
#include <gmock/gmock.h>

#include "protocol/records/record_batch.h"
#include "tests/storage/log_fixture.h"

namespace ottla::storage {
namespace {

using Records = std::vector<std::pair<int64_t, std::string>>;

class LogFollowerTest : public LogTest {
 protected:
  void SetUp() override { open(); }

  // As a leader has it.
  static std::vector<uint8_t> led(int64_t offset, int32_t epoch, int count = 1, TestProducer producer = {}) {
    Records records;
    for (int i = 0; i < count; ++i) records.emplace_back(kNow, "v" + std::to_string(offset + i));
    std::vector<uint8_t> batch = batch_of(records, producer);
    records::RecordBatchEditor editor(batch);
    editor.set_base_offset(offset);
    editor.set_partition_leader_epoch(epoch);
    return batch;
  }
  static std::vector<uint8_t> joined(const std::vector<std::vector<uint8_t>>& batches) {
    std::vector<uint8_t> all;
    for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
    return all;
  }
  Status follow(const std::vector<std::vector<uint8_t>>& batches) {
    return log_->append_as_follower(joined(batches), kNow);
  }
};

TEST_F(LogFollowerTest, OffsetsEpochsAndProducersAreTheLeaders) {
  ASSERT_TRUE(follow({led(0, 2, 3), led(3, 2, 1, {7, 0, 0}), led(10, 4, 2)}).ok());
  EXPECT_EQ(log_->log_end_offset(), 12);
  EXPECT_EQ(log_->latest_epoch(), 4);
  EXPECT_EQ(log_->epoch_at(3), 2);
  EXPECT_EQ(log_->end_of_epoch(2).end_offset, 10);
  EXPECT_EQ(read_all().size(), 6u);
  EXPECT_EQ(read_all()[4].offset, 10);
  // The producer's next batch continues its sequence where this broker leads.
  EXPECT_EQ(append_from(7, 5, 1).error, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append_from(7, 1, 1).error, ErrorCode::NONE);
  restart_killed();
  EXPECT_EQ(log_->log_end_offset(), 13);
  EXPECT_EQ(log_->epoch_at(11), 4);
}

TEST_F(LogFollowerTest, WhatIsThereAlreadyIsPassedOverAndABatchCutInTwoIsNot) {
  ASSERT_TRUE(follow({led(0, 1, 3)}).ok());
  ASSERT_TRUE(follow({led(0, 1, 3), led(3, 1)}).ok());
  EXPECT_EQ(log_->log_end_offset(), 4);
  EXPECT_FALSE(follow({led(2, 1, 5)}).ok());
  EXPECT_EQ(log_->log_end_offset(), 4);
}

TEST_F(LogFollowerTest, ADamagedBatchEndsTheAppendBeforeIt) {
  auto bad = led(2, 1);
  bad.back() ^= 1;
  EXPECT_EQ(follow({led(0, 1, 2), bad, led(3, 1)}).code(), ErrorCode::CORRUPT_MESSAGE);
  EXPECT_EQ(log_->log_end_offset(), 2);
  EXPECT_TRUE(follow({led(2, 1), led(3, 1)}).ok());
  // A batch that has not come whole comes again.
  auto cut = led(4, 1);
  cut.resize(cut.size() - 1);
  EXPECT_TRUE(log_->append_as_follower(cut, kNow).ok());
  EXPECT_EQ(log_->log_end_offset(), 4);
}

TEST_F(LogFollowerTest, SegmentsRollWhereTheyAreFull) {
  config_.segment_bytes = 300;
  log_->update_config(config_);
  std::vector<std::vector<uint8_t>> batches;
  for (int64_t offset = 0; offset < 20; ++offset) batches.push_back(led(offset, 1));
  ASSERT_TRUE(follow(batches).ok());
  EXPECT_EQ(log_->log_end_offset(), 20);
  EXPECT_GT(log_->segment_count(), 4u);
  EXPECT_EQ(read_all().size(), 20u);
}

TEST_F(LogFollowerTest, OffsetsTooFarForOneSegmentBeginAnotherWithinOneFetch) {
  config_.cleanup_compact = true;
  log_->update_config(config_);
  const int64_t far = int64_t{INT32_MAX} + 10;
  ASSERT_TRUE(follow({led(0, 1), led(5, 1), led(far, 1)}).ok());
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_EQ(read_all().back().offset, far);
  restart_killed();
  EXPECT_EQ(log_->log_end_offset(), far + 1);
}

TEST_F(LogFollowerTest, TheHighWatermarkIsHeldUntilItIsAdvanced) {
  log_->hold_high_watermark();
  append_many(3);
  EXPECT_EQ(log_->high_watermark(), 0);
  EXPECT_TRUE(log_->advance_high_watermark(2));
  EXPECT_FALSE(log_->advance_high_watermark(1));
  EXPECT_EQ(log_->high_watermark(), 2);
  EXPECT_TRUE(log_->advance_high_watermark(100));
  EXPECT_EQ(log_->high_watermark(), 3);
  append_many(1);
  EXPECT_EQ(log_->high_watermark(), 3);
  log_->release_high_watermark();
  EXPECT_EQ(log_->high_watermark(), 4);
  append_many(1);
  EXPECT_EQ(log_->high_watermark(), 5);
  // What was committed by this copy alone stays so.
  log_->hold_high_watermark();
  EXPECT_EQ(log_->high_watermark(), 5);
}

TEST_F(LogFollowerTest, InDurableModeOnlyWhatIsFlushedIsCommitted) {
  config_.durable = true;
  log_->update_config(config_);
  log_->set_commit_handler([] {});
  log_->hold_high_watermark();
  append_many(2);
  EXPECT_FALSE(log_->advance_high_watermark(2));
  ASSERT_TRUE(log_->flush().ok());
  EXPECT_EQ(log_->high_watermark(), 0);
  EXPECT_TRUE(log_->advance_high_watermark(2));
}

TEST_F(LogFollowerTest, TruncationTakesTheWatermarkBack) {
  log_->hold_high_watermark();
  ASSERT_TRUE(follow({led(0, 1, 2), led(2, 2, 2)}).ok());
  log_->advance_high_watermark(4);
  ASSERT_TRUE(log_->truncate_to(2).ok());
  EXPECT_EQ(log_->high_watermark(), 2);
  EXPECT_EQ(log_->latest_epoch(), 1);
  ASSERT_TRUE(follow({led(2, 3)}).ok());
  EXPECT_EQ(log_->latest_epoch(), 3);
}

TEST_F(LogFollowerTest, AnEpochWithoutRecordsIsForgottenWhereTheLogIsCutToItsEnd) {
  ASSERT_TRUE(follow({led(0, 2, 3)}).ok());
  ASSERT_TRUE(log_->begin_epoch(5).ok());
  EXPECT_EQ(log_->latest_epoch(), 5);
  ASSERT_TRUE(log_->truncate_to(3).ok());
  EXPECT_EQ(log_->latest_epoch(), 2);
  EXPECT_EQ(log_->log_end_offset(), 3);
}

}  // namespace
}  // namespace ottla::storage
