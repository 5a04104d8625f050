// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/offsets_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/records/control_records.h"
#include "tests/broker_data/data_fixture.h"

namespace ottla {
namespace {

using groups::LogRecord;
using groups::StoredRecord;
using testing::ElementsAre;
using testing::IsEmpty;

class OffsetsLogTest : public DataTest {
 protected:
  OffsetsLogTest() {
    lead("__consumer_offsets", 1);
    offsets = std::make_unique<PartitionOffsetsLog>(loop, *partitions, 200);
  }
  static groups::OwnedBytes owned(std::string_view text) { return {text.begin(), text.end()}; }
  // The offset at which they were committed, -1 and `error` where they were not.
  int64_t append(const std::vector<LogRecord>& records, int32_t partition = 0) {
    int64_t at = -2;
    offsets->append(partition, records, [&](ErrorCode code, int64_t offset) {
      error = code;
      at = offset;
    });
    return at;
  }
  Texts read(int32_t partition = 0) {
    Texts texts;
    bool finished = false;
    offsets->read(
        partition,
        [&](const StoredRecord& record) {
          std::string text = std::to_string(record.offset) + ":";
          if (record.control == StoredRecord::Control::kCommit) text += "commit";
          if (record.control == StoredRecord::Control::kAbort) text += "abort";
          if (record.control == StoredRecord::Control::kNone)
            text += text_of(record.key) + "=" + text_of(record.value);
          if (record.transactional) text += " by " + std::to_string(record.producer_id);
          texts.push_back(text);
        },
        [&](Status status) {
          finished = true;
          error = status.code();
        });
    loop.run_pending();
    EXPECT_TRUE(finished);
    return texts;
  }

  std::unique_ptr<PartitionOffsetsLog> offsets;
  ErrorCode error = ErrorCode::NONE;
};

TEST_F(OffsetsLogTest, RecordsAreCommittedAndReadBackInOrder) {
  EXPECT_THAT(read(), IsEmpty());
  EXPECT_EQ(append({{owned("k1"), owned("v1")}, {owned("k2"), std::nullopt}}), 0);
  EXPECT_EQ(append({{owned("k3"), owned("")}}), 2);
  EXPECT_THAT(read(), ElementsAre("0:k1=v1", "1:k2=null", "2:k3="));
  EXPECT_EQ(error, ErrorCode::NONE);
}

TEST_F(OffsetsLogTest, WhatIsLargerThanTheBufferIsReadInSeveralTurns) {
  Texts expected;
  for (int i = 0; i < 40; ++i) {
    append({{owned("k"), owned(std::string(30 + 10 * i, 'v'))}});
    expected.push_back(std::to_string(i) + ":k=" + std::string(30 + 10 * i, 'v'));
  }
  EXPECT_EQ(read(), expected);
}

TEST_F(OffsetsLogTest, CompressedBatchesAndTransactionsOfKafkasOwnAreUnderstood) {
  storage::Log& log = log_of("__consumer_offsets");
  records::BatchOptions options;
  options.compression = records::Compression::kZstd;
  options.transactional = true;
  options.producer_id = 9;
  options.producer_epoch = 0;
  options.base_sequence = 0;
  OwnedBatch batch = batch_of({"packed", "twice"}, options);
  ASSERT_EQ(log.append_as_leader(batch, 3, storage::AppendOrigin::kCoordinator, 9, 1).error, ErrorCode::NONE);
  records::BatchBuilder builder;
  auto marker = records::build_end_transaction_marker(builder, 9, 0, 1, {true, 0}).value();
  ASSERT_EQ(log.append_as_leader(marker, 3, storage::AppendOrigin::kCoordinator, 9, 1).error,
            ErrorCode::NONE);
  EXPECT_THAT(read(), ElementsAre("0:null=packed by 9", "1:null=twice by 9", "2:commit by 9"));
}

TEST_F(OffsetsLogTest, ReadingBeginsAtTheLogStart) {
  append({{owned("a"), std::nullopt}, {owned("b"), std::nullopt}});
  ASSERT_TRUE(log_of("__consumer_offsets").delete_records(1).ok());
  EXPECT_THAT(read(), ElementsAre("1:b=null"));
}

TEST_F(OffsetsLogTest, APartitionThatIsNotHereIsAnError) {
  EXPECT_EQ(append({{owned("k"), std::nullopt}}, 7), -1);
  EXPECT_EQ(error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_THAT(read(7), IsEmpty());
  EXPECT_EQ(error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
}

TEST_F(OffsetsLogTest, B10WhereOthersMayLeadNothingIsAppendedOrAnswered) {
  bool may_lead = false;
  int asked = 0;
  // The second append hangs until it is over.
  offsets->set_may_lead([&] { return may_lead && ++asked != 4; });
  EXPECT_EQ(append({{owned("k1"), owned("v")}}), -1);
  EXPECT_EQ(error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  may_lead = true;
  EXPECT_EQ(append({{owned("k2"), owned("v")}}), 0);
  EXPECT_EQ(error, ErrorCode::NONE);
  EXPECT_EQ(append({{owned("k3"), owned("v")}}), -1);
  EXPECT_EQ(error, ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_THAT(read(), ElementsAre("0:k2=v", "1:k3=v"));
}

TEST_F(OffsetsLogTest, APartitionThatGoesAwayWhileItIsReadIsAnError) {
  for (int i = 0; i < 10; ++i) append({{owned("k"), owned(std::string(100, 'v'))}});
  int visited = 0;
  Status end;
  offsets->read(
      0,
      [&](const StoredRecord&) {
        if (++visited == 2) partitions->delete_topic("__consumer_offsets");
      },
      [&](Status status) { end = std::move(status); });
  loop.run_pending();
  EXPECT_EQ(end.code(), ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_LT(visited, 10);
}

TEST_F(OffsetsLogTest, AReadUnderWayGoesWithTheLog) {
  append({{owned("k"), std::nullopt}});
  bool called = false;
  offsets->read(
      0, [&](const StoredRecord&) { called = true; }, [&](Status) { called = true; });
  offsets.reset();
  loop.run_pending();
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace ottla
