// SPDX-License-Identifier: Apache-2.0
#include "storage/log/producer_state.h"

#include <gtest/gtest.h>

#include <limits>

#include "storage/io/faulty_file_system.h"

namespace ottla::storage {
namespace {

constexpr int32_t kLargest = std::numeric_limits<int32_t>::max();

class ProducerStateTest : public testing::Test {
 protected:
  ProducerStateTest() { EXPECT_TRUE(files_.make_directories("/d").ok()); }

  static ProducerBatch batch(int32_t first_sequence, int32_t count, int16_t epoch = 0) {
    ProducerBatch made;
    made.producer_id = 7;
    made.producer_epoch = epoch;
    made.base_sequence = first_sequence;
    made.last_sequence = sequence_after(first_sequence, count - 1);
    return made;
  }
  // Appends at the end of an imagined log; the error that the check gave.
  ErrorCode append(ProducerBatch made, int64_t count, int64_t timestamp = 100) {
    const auto check = state_.check(made);
    if (check.error != ErrorCode::NONE) return check.error;
    if (check.duplicate) return ErrorCode::DUPLICATE_SEQUENCE_NUMBER;
    made.first_offset = next_offset_;
    made.last_offset = next_offset_ + count - 1;
    made.timestamp = timestamp;
    next_offset_ += count;
    state_.update(made);
    return ErrorCode::NONE;
  }
  ErrorCode append(int32_t first_sequence, int32_t count, int16_t epoch = 0) {
    return append(batch(first_sequence, count, epoch), count);
  }

  FaultyFileSystem files_;
  ProducerState state_;
  int64_t next_offset_ = 0;
};

TEST_F(ProducerStateTest, AnUnknownProducerMayBeginAnywhere) { EXPECT_EQ(append(1234, 3), ErrorCode::NONE); }

TEST_F(ProducerStateTest, TakesBatchesInSequenceAndRefusesGaps) {
  EXPECT_EQ(append(0, 3), ErrorCode::NONE);
  EXPECT_EQ(append(3, 2), ErrorCode::NONE);
  EXPECT_EQ(append(6, 1), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append(4, 2), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append(5, 1), ErrorCode::NONE);
}

TEST_F(ProducerStateTest, SequencesWrapToZero) {
  EXPECT_EQ(sequence_after(kLargest, 1), 0);
  EXPECT_EQ(append(kLargest - 1, 2), ErrorCode::NONE);
  EXPECT_EQ(append(0, 1), ErrorCode::NONE);
  EXPECT_EQ(append(1, 1), ErrorCode::NONE);
}

TEST_F(ProducerStateTest, ABatchMayWrapInside) {
  EXPECT_EQ(append(kLargest - 1, 5), ErrorCode::NONE);
  EXPECT_EQ(append(3, 1), ErrorCode::NONE);
}

TEST_F(ProducerStateTest, TheLastFiveBatchesAreDuplicatesWithTheirOffsets) {
  for (int32_t i = 0; i < 7; ++i) ASSERT_EQ(append(i * 10, 10), ErrorCode::NONE);
  for (int32_t i = 2; i < 7; ++i) {
    const auto check = state_.check(batch(i * 10, 10));
    ASSERT_TRUE(check.duplicate.has_value()) << i;
    EXPECT_EQ(check.duplicate->first_offset, i * 10);
    EXPECT_EQ(check.duplicate->last_offset, i * 10 + 9);
  }
  // Behaviour 10: outside the window it is out of order, not a duplicate.
  EXPECT_EQ(append(10, 10), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  // A partial overlap is out of order too.
  EXPECT_EQ(append(60, 11), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
}

TEST_F(ProducerStateTest, ANewEpochBeginsAtZeroAndFencesTheOld) {
  ASSERT_EQ(append(0, 5), ErrorCode::NONE);
  EXPECT_EQ(append(5, 1, 1), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append(0, 1, 1), ErrorCode::NONE);
  EXPECT_EQ(append(5, 1, 0), ErrorCode::INVALID_PRODUCER_EPOCH);
  EXPECT_EQ(append(1, 1, 1), ErrorCode::NONE);
}

TEST_F(ProducerStateTest, AProducerKnownByItsMarkerAloneBeginsAtZero) {
  state_.end_transaction({.producer_id = 7,
                          .producer_epoch = 3,
                          .coordinator_epoch = 0,
                          .offset = 0,
                          .timestamp = 1,
                          .commit = true});
  EXPECT_EQ(append(4, 1, 3), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append(4, 1, 4), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append(0, 1, 2), ErrorCode::INVALID_PRODUCER_EPOCH);
  EXPECT_EQ(append(0, 1, 3), ErrorCode::NONE);
}

TEST_F(ProducerStateTest, TheOldestOpenTransactionHoldsTheStableOffset) {
  EXPECT_EQ(state_.first_open_offset(), std::nullopt);
  ASSERT_EQ(append(0, 5), ErrorCode::NONE);
  ProducerBatch made = batch(5, 5);
  made.transactional = true;
  ASSERT_EQ(append(made, 5), ErrorCode::NONE);
  EXPECT_EQ(state_.first_open_offset(), 5);
  const auto began = state_.end_transaction(
      {.producer_id = 7, .producer_epoch = 0, .offset = 10, .timestamp = 2, .commit = false});
  EXPECT_EQ(began, 5);
  EXPECT_EQ(state_.first_open_offset(), std::nullopt);
}

TEST_F(ProducerStateTest, ExpiresTheSilentExceptInsideATransaction) {
  ASSERT_EQ(append(0, 5), ErrorCode::NONE);
  state_.expire(149, 50);
  EXPECT_FALSE(state_.empty());
  state_.expire(150, 50);
  EXPECT_TRUE(state_.empty());
  ProducerBatch made = batch(0, 5);
  made.transactional = true;
  ASSERT_EQ(append(made, 5), ErrorCode::NONE);
  state_.expire(1'000'000, 50);
  EXPECT_FALSE(state_.empty());
}

TEST_F(ProducerStateTest, ASnapshotBringsTheLastBatchAndOpenTransactionsBack) {
  ASSERT_EQ(append(kLargest - 1, 5), ErrorCode::NONE);
  ProducerBatch other = batch(0, 2);
  other.producer_id = 8;
  other.transactional = true;
  ASSERT_EQ(append(other, 2), ErrorCode::NONE);
  ASSERT_TRUE(state_.write_snapshot(files_, "/d/s", true).ok());
  EXPECT_EQ(files_.contents("/d/s").size(), 2u + 4 + 4 + 2 * 46);

  ProducerState again;
  ASSERT_TRUE(again.read_snapshot(files_, "/d/s").ok());
  EXPECT_EQ(again.producers().size(), 2u);
  EXPECT_EQ(again.first_open_offset(), 5);
  const auto check = again.check(batch(kLargest - 1, 5));
  ASSERT_TRUE(check.duplicate.has_value());
  EXPECT_EQ(check.duplicate->first_offset, 0);
  EXPECT_EQ(again.check(batch(3, 1)).error, ErrorCode::NONE);
  EXPECT_EQ(again.check(batch(9, 1)).error, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
}

TEST_F(ProducerStateTest, ADamagedSnapshotIsRefusedAtEveryByte) {
  ASSERT_EQ(append(0, 5), ErrorCode::NONE);
  ASSERT_TRUE(state_.write_snapshot(files_, "/d/s", true).ok());
  const std::vector<uint8_t> good = files_.contents("/d/s");
  for (size_t at = 0; at < good.size(); ++at) {
    files_.contents("/d/s")[at] ^= 0x5a;
    ProducerState again;
    EXPECT_EQ(again.read_snapshot(files_, "/d/s").code(), ErrorCode::CORRUPT_MESSAGE) << at;
    EXPECT_TRUE(again.empty());
    files_.contents("/d/s") = good;
  }
  for (size_t length = 0; length < good.size(); ++length) {
    files_.contents("/d/s").assign(good.begin(), good.begin() + static_cast<ptrdiff_t>(length));
    ProducerState again;
    EXPECT_EQ(again.read_snapshot(files_, "/d/s").code(), ErrorCode::CORRUPT_MESSAGE) << length;
  }
}

}  // namespace
}  // namespace ottla::storage
