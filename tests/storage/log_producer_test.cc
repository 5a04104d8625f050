// SPDX-License-Identifier: Apache-2.0
// Idempotent producers and aborted transactions over a log's life.
#include "protocol/records/control_records.h"
#include "tests/storage/log_fixture.h"

namespace ottla::storage {
namespace {

class LogProducerTest : public LogTest {
 protected:
  void end_transaction(int64_t producer, bool commit) {
    records::BatchBuilder builder;
    const auto marker = records::build_end_transaction_marker(builder, producer, 0, kNow, {commit, 0});
    ASSERT_TRUE(marker.ok());
    const AppendInfo info = log_->append_as_leader(*marker, 0, AppendOrigin::kCoordinator, 9, kNow);
    ASSERT_EQ(info.error, ErrorCode::NONE) << info.message;
  }
  void expect_duplicate(int32_t sequence, int count, int64_t first_offset) {
    const int64_t end = log_->log_end_offset();
    const AppendInfo again = append_from(7, sequence, count);
    EXPECT_EQ(again.error, ErrorCode::NONE) << again.message;
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.first_offset, first_offset);
    EXPECT_EQ(again.last_offset, first_offset + count - 1);
    EXPECT_EQ(log_->log_end_offset(), end);
  }
};

TEST_F(LogProducerTest, ARetriedBatchIsNotAppendedTwice) {
  open();
  ASSERT_EQ(append_from(7, 0, 3).error, ErrorCode::NONE);
  ASSERT_EQ(append_from(7, 3, 2).error, ErrorCode::NONE);
  expect_duplicate(3, 2, 3);
  expect_duplicate(0, 3, 0);
  EXPECT_EQ(append_from(7, 7, 1).error, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append_from(7, 0, 1, 1).error, ErrorCode::NONE);
  EXPECT_EQ(append_from(7, 5, 1).error, ErrorCode::INVALID_PRODUCER_EPOCH);
}

TEST_F(LogProducerTest, ACleanRestartRemembersTheLastBatch) {
  open();
  for (int32_t i = 0; i < 4; ++i) ASSERT_EQ(append_from(7, i * 2, 2).error, ErrorCode::NONE);
  restart_clean();
  expect_duplicate(6, 2, 6);
  EXPECT_EQ(append_from(7, 9, 1).error, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append_from(7, 8, 1).first_offset, 8);
}

TEST_F(LogProducerTest, AKilledProcessRemembersAllFive) {
  open();
  for (int32_t i = 0; i < 8; ++i) ASSERT_EQ(append_from(7, i, 1).error, ErrorCode::NONE);
  restart_killed();
  for (int32_t i = 3; i < 8; ++i) expect_duplicate(i, 1, i);
  EXPECT_EQ(append_from(7, 2, 1).error, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
}

TEST_F(LogProducerTest, AKilledProcessRemembersProducersWhoseRecordsWereDeleted) {
  open();
  for (int32_t i = 0; i < 4; ++i) ASSERT_EQ(append_from(7, i, 1).error, ErrorCode::NONE);
  ASSERT_TRUE(log_->delete_records(4).ok());
  log_.reset();
  open(false, 0, 4);
  expect_duplicate(3, 1, 3);
  EXPECT_EQ(append_from(7, 5, 1).error, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append_from(7, 4, 1).first_offset, 4);
}

TEST_F(LogProducerTest, TheStableOffsetIsNeverBelowTheStart) {
  open();
  ASSERT_EQ(append_from(7, 0, 1, 0, true).error, ErrorCode::NONE);
  for (int32_t i = 1; i < 4; ++i) ASSERT_EQ(append_from(7, i, 1, 0, true).error, ErrorCode::NONE);
  EXPECT_EQ(log_->last_stable_offset(), 0);
  ASSERT_TRUE(log_->delete_records(2).ok());
  EXPECT_EQ(log_->last_stable_offset(), 2);
}

TEST_F(LogProducerTest, WithoutAnySnapshotTheBatchesTellAlsoAfterACleanStop) {
  config_.segment_bytes = 300;
  open();
  for (int32_t i = 0; i < 20; ++i) ASSERT_EQ(append_from(7, i, 1).error, ErrorCode::NONE);
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  for (const std::string& name : names()) {
    if (!name.ends_with(kProducerSnapshotSuffix)) continue;
    ASSERT_TRUE(files_.remove_file(kDirectory + ("/" + name)).ok());
  }
  open(true);
  expect_duplicate(19, 1, 19);
  EXPECT_EQ(append_from(7, 20, 1).error, ErrorCode::NONE);
}

TEST_F(LogProducerTest, ADamagedSnapshotIsPassedOver) {
  config_.segment_bytes = 300;
  open();
  for (int32_t i = 0; i < 20; ++i) ASSERT_EQ(append_from(7, i, 1).error, ErrorCode::NONE);
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  files_.contents(path(20, kProducerSnapshotSuffix))[8] ^= 1;
  open(true);
  expect_duplicate(19, 1, 19);
}

TEST_F(LogProducerTest, TruncationForgetsWhatItCut) {
  open();
  for (int32_t i = 0; i < 6; ++i) ASSERT_EQ(append_from(7, i, 1).error, ErrorCode::NONE);
  ASSERT_TRUE(log_->truncate_to(3).ok());
  EXPECT_EQ(append_from(7, 3, 1).first_offset, 3);
}

TEST_F(LogProducerTest, ExpiredProducersMayBeginAnywhere) {
  open();
  ASSERT_EQ(append_from(7, 0, 1).error, ErrorCode::NONE);
  log_->expire_producers(kNow + config_.producer_id_expiration_ms);
  EXPECT_EQ(append_from(7, 9, 1).error, ErrorCode::NONE);
}

TEST_F(LogProducerTest, AnOpenTransactionHoldsTheStableOffset) {
  open();
  append_many(2);
  ASSERT_EQ(append_from(7, 0, 2, 0, true).error, ErrorCode::NONE);
  append_many(1);
  EXPECT_EQ(log_->last_stable_offset(), 2);
  EXPECT_EQ(log_->high_watermark(), 5);
  end_transaction(7, true);
  EXPECT_EQ(log_->last_stable_offset(), 6);
  EXPECT_TRUE(log_->read(0, kAll, 6, true, true)->aborted.empty());
}

TEST_F(LogProducerTest, AbortedTransactionsComeWithTheReadAndSurviveRestarts) {
  config_.segment_bytes = 400;
  open();
  for (int64_t producer = 7; producer < 12; ++producer) {
    ASSERT_EQ(append_from(producer, 0, 2, 0, true).error, ErrorCode::NONE);
    append_many(1);
    end_transaction(producer, producer == 9);
  }
  const auto check = [&] {
    const auto read = log_->read(0, kAll, log_->last_stable_offset(), true, true);
    ASSERT_TRUE(read.ok());
    std::vector<int64_t> producers;
    for (const AbortedTransaction& aborted : read->aborted) {
      producers.push_back(aborted.producer_id);
      EXPECT_EQ(aborted.first_offset, (aborted.producer_id - 7) * 4);
      EXPECT_EQ(aborted.last_offset, aborted.first_offset + 3);
    }
    EXPECT_EQ(producers, (std::vector<int64_t>{7, 8, 10, 11}));
    const auto later = log_->read(17, kAll, log_->last_stable_offset(), true, true);
    ASSERT_EQ(later->aborted.size(), 1u);
    EXPECT_EQ(later->aborted[0].producer_id, 11);
  };
  check();
  restart_clean();
  check();
  restart_killed();
  check();
  // The middle of the log is trusted, the rest is walked again.
  restart_killed(9);
  check();
}

}  // namespace
}  // namespace ottla::storage
