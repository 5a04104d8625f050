// SPDX-License-Identifier: Apache-2.0
#include "storage/log/log_cleaning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "cleaning_fixture.h"
#include "protocol/records/legacy_records.h"

namespace ottla::storage {
namespace {

using records::Compression;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// H7, by example; log_cleaning_random_test.cc has it by the thousand.
TEST_F(CleaningTest, H7TheLatestRecordOfEachKeyStaysAtItsOffsetWithItsTime) {
  open();
  put_batch({{"a", "1"}, {"b", "1"}, {"c", "1"}}, {}, Compression::kNone, kNow);
  put_batch({{"a", "2"}, {"d", "1"}}, {}, Compression::kNone, kNow + 100);
  put_batch({{"b", "2"}}, {}, Compression::kNone, kNow + 200);
  new_segment();
  must_clean();
  const auto found = keyed();
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0], (KeyedRecord{2, "c", "1", kNow + 2}));
  EXPECT_EQ(found[1], (KeyedRecord{3, "a", "2", kNow + 100}));
  EXPECT_EQ(found[2], (KeyedRecord{4, "d", "1", kNow + 101}));
  EXPECT_EQ(found[3], (KeyedRecord{5, "b", "2", kNow + 200}));
  EXPECT_EQ(log_->cleaned_up_to(), 6);
  EXPECT_EQ(log_->log_start_offset(), 0);
  EXPECT_EQ(log_->log_end_offset(), 7);
}

TEST_F(CleaningTest, TheActiveSegmentAndWhatIsBehindTheMapStayAsTheyAre) {
  open();
  put("a", "1");
  new_segment();
  put("a", "2");
  put("a", "3");
  must_clean();
  EXPECT_EQ(seen(), "a=1 a=2 a=3");
}

TEST_F(CleaningTest, BatchesKeepTheirRangeCodecEpochAndHeaders) {
  for (const Compression codec : {Compression::kNone, Compression::kGzip, Compression::kSnappy,
                                  Compression::kLz4, Compression::kZstd}) {
    open();
    const int64_t base = log_->log_end_offset();
    put_batch({{"a", "1"}, {"b", "1"}, {"a", "2"}, {"c", "1"}, {"c", "2"}, {"b", "2"}, {"c", "3"}}, {},
              codec);
    new_segment();
    must_clean();
    const auto all = batches();
    const records::RecordBatchView view(all[all.size() - 2]);
    EXPECT_EQ(view.base_offset(), base);
    EXPECT_EQ(view.last_offset(), base + 6);
    EXPECT_EQ(view.record_count(), 3);
    EXPECT_EQ(view.compression(), codec);
    EXPECT_EQ(view.partition_leader_epoch(), 0);
    EXPECT_EQ(view.max_timestamp(), kNow + 6);
    records::RecordReader reader;
    ASSERT_TRUE(reader.open(view.bytes()).ok());
    std::vector<records::RecordHeader> headers;
    const auto first = reader.next();
    EXPECT_EQ(first->offset, base + 2);
    records::read_headers(*first, headers);
    ASSERT_EQ(headers.size(), 1u);
    EXPECT_EQ(headers[0].key, "of");
    log_.reset();
  }
}

// Longer than what a reader of records keeps in memory at once.
TEST_F(CleaningTest, RecordsOfLongCompressedBatchesStayAsTheyAre) {
  config_.max_message_bytes = 8 << 20;
  config_.segment_bytes = 64 << 20;
  for (const Compression codec : {Compression::kNone, Compression::kGzip, Compression::kSnappy,
                                  Compression::kLz4, Compression::kZstd}) {
    open();
    Pairs pairs(3000);
    std::mt19937_64 random(11);
    std::map<std::string, std::string> expected;
    for (size_t i = 0; i < pairs.size(); ++i) {
      std::string value;
      while (value.size() < 800) value += std::to_string(random());
      pairs[i] = {"key" + std::to_string(i % 2000), value};
      expected[pairs[i].first] = value;
    }
    put_batch(pairs, {}, codec);
    new_segment();
    must_clean();
    expected["filler"] = keyed().back().value.value();
    std::map<std::string, std::string> found;
    for (const KeyedRecord& record : keyed()) {
      EXPECT_TRUE(found.emplace(record.key, record.value.value()).second);
    }
    EXPECT_TRUE(found == expected) << "codec " << static_cast<int>(codec);
    log_.reset();
    ASSERT_TRUE(files_.remove_all(kDirectory).ok());
    ASSERT_TRUE(files_.make_directories(kDirectory).ok());
    cleaned_up_to_ = 0;
  }
}

TEST_F(CleaningTest, ABatchWithLogAppendTimeKeepsIt) {
  config_.log_append_time = true;
  open();
  put_batch({{"a", "1"}, {"b", "1"}, {"a", "2"}}, {}, Compression::kNone, 5);
  new_segment();
  must_clean();
  for (const KeyedRecord& record : keyed()) EXPECT_EQ(record.timestamp, kNow);
  EXPECT_TRUE(records::RecordBatchView(batches()[0]).is_log_append_time());
  EXPECT_EQ(seen(), "b=1 a=2");
}

TEST_F(CleaningTest, ATombstoneStaysForDeleteRetentionFromItsFirstCleaningOn) {
  open();
  put("a", "1");
  remove("a");
  put("b", "1");
  new_segment();
  must_clean(kNow + 10);
  EXPECT_EQ(seen(), "a=- b=1");
  const auto marked = batches();
  const records::RecordBatchView view(marked[0]);
  EXPECT_TRUE(view.has_delete_horizon());
  EXPECT_EQ(view.base_timestamp(), kNow + 10 + config_.delete_retention_ms);
  EXPECT_EQ(keyed()[0].timestamp, kNow) << "the record's own time does not change";
  must_clean(kNow + 10 + config_.delete_retention_ms - 1);
  EXPECT_EQ(seen(), "a=- b=1");
  EXPECT_EQ(batches()[0], marked[0]) << "the horizon is set once";
  must_clean(kNow + 10 + config_.delete_retention_ms);
  EXPECT_EQ(seen(), "b=1");
}

TEST_F(CleaningTest, RecordsWithoutAKeyGo) {
  config_.cleanup_compact = false;
  open();
  append_many(3);
  put("a", "1");
  config_.cleanup_compact = true;
  log_->update_config(config_);
  new_segment();
  must_clean();
  EXPECT_EQ(seen(), "a=1");
}

TEST_F(CleaningTest, DataOfAbortedTransactionsGoesAndTheirMarkersLater) {
  open();
  put("a", "0");
  put_batch({{"a", "1"}, {"b", "1"}}, {7, 0, 0, true});
  end_transaction(7, false);
  put_batch({{"b", "2"}}, {8, 0, 0, true});
  end_transaction(8, true);
  // Their last batches are others, so that nothing has to stay for their sequences.
  put_batch({{"x", "1"}}, {7, 0, 2, true});
  end_transaction(7, true);
  put_batch({{"y", "1"}}, {8, 0, 1, true});
  end_transaction(8, true);
  new_segment();
  const auto markers = [&] {
    int count = 0;
    for (const auto& batch : batches()) count += records::RecordBatchView(batch).is_control() ? 1 : 0;
    return count;
  };
  must_clean();
  EXPECT_EQ(seen(), "a=0 b=2 x=1 y=1") << "an aborted record is no newer one";
  EXPECT_EQ(markers(), 4);
  const auto read = log_->read(0, kAll, log_->log_end_offset(), true, true);
  EXPECT_EQ(read->aborted.size(), 1u) << "until the marker is the transaction's only rest";
  must_clean();
  EXPECT_EQ(markers(), 4) << "the marker of the empty transaction gets its horizon";
  EXPECT_TRUE(log_->read(0, kAll, log_->log_end_offset(), true, true)->aborted.empty());
  must_clean(kNow + config_.delete_retention_ms);
  EXPECT_EQ(markers(), 3);
  EXPECT_EQ(seen(), "a=0 b=2 x=1 y=1");
  restart_killed();
  EXPECT_EQ(log_->last_stable_offset(), log_->log_end_offset());
}

TEST_F(CleaningTest, AnOpenTransactionIsNotCleaned) {
  open();
  put("a", "1");
  put("a", "2");
  new_segment();
  put_batch({{"a", "3"}}, {7, 0, 0, true});
  new_segment();
  new_segment();
  EXPECT_EQ(log_->cleaning_plan(kNow).uncleanable_offset, 2);
  must_clean();
  EXPECT_EQ(seen(), "a=2 a=3");
}

TEST_F(CleaningTest, TheLastBatchOfEachProducerStaysEmptyIfNeedBeSoThatSequencesGoOn) {
  open();
  put_batch({{"a", "1"}, {"b", "1"}}, {7, 0, 0});
  put_batch({{"a", "2"}, {"b", "2"}, {"c", "2"}}, {7, 0, 2});
  put_batch({{"a", "3"}, {"b", "3"}, {"c", "3"}});
  new_segment();
  must_clean();
  EXPECT_EQ(seen(), "a=3 b=3 c=3");
  const auto all = batches();
  EXPECT_EQ(records::RecordBatchView(all[0]).record_count(), 0);
  EXPECT_EQ(records::RecordBatchView(all[0]).base_sequence(), 2);
  EXPECT_EQ(records::RecordBatchView(all[0]).last_sequence(), 4);
  // Everything that is known of the producer comes from the batches now.
  const auto snapshots = names();
  log_.reset();
  for (const std::string& name : snapshots) {
    if (name.ends_with(kProducerSnapshotSuffix)) {
      ASSERT_TRUE(files_.remove_file(std::string(kDirectory) + "/" + name).ok());
    }
  }
  open();
  const AppendInfo again = append_bytes(keyed_batch({{"a", "2"}, {"b", "2"}, {"c", "2"}}, {7, 0, 2}));
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(append_bytes(keyed_batch({{"d", "1"}}, {7, 0, 6})).error,
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append_bytes(keyed_batch({{"d", "1"}}, {7, 0, 5})).error, ErrorCode::NONE);
}

TEST_F(CleaningTest, ABatchOfWhichRecordsAreGoneStillHasItsLastSequence) {
  open();
  put_batch({{"a", "1"}, {"b", "1"}, {"c", "1"}}, {7, 0, 0});
  put("a", "2");
  put("b", "2");
  new_segment();
  must_clean();
  EXPECT_EQ(records::RecordBatchView(batches()[0]).record_count(), 1);
  log_.reset();
  for (const std::string& name : names()) {
    if (name.ends_with(kProducerSnapshotSuffix)) {
      ASSERT_TRUE(files_.remove_file(std::string(kDirectory) + "/" + name).ok());
    }
  }
  open();
  EXPECT_EQ(append_bytes(keyed_batch({{"d", "1"}}, {7, 0, 3})).error, ErrorCode::NONE);
}

TEST_F(CleaningTest, SmallSegmentsBecomeOneAsFarAsSegmentBytesAllows) {
  open();
  for (int i = 0; i < 9; ++i) {
    put("k" + std::to_string(i), "v");
    new_segment();
  }
  ASSERT_EQ(log_->segment_count(), 10u);
  must_clean();
  EXPECT_EQ(log_->segment_count(), 2u);
  EXPECT_EQ(keyed().size(), 11u)
      << "nine keys, the last filler that is behind the active segment, and the one in it";
  config_.segment_bytes = 300;
  log_->update_config(config_);
  for (int i = 0; i < 20; ++i) put("k" + std::to_string(i % 4), std::string(50, 'w'));
  must_clean();
  EXPECT_GT(log_->segment_count(), 2u);
  EXPECT_EQ(latest().size(), 10u);
}

TEST_F(CleaningTest, ASegmentThatLosesEverythingStaysAndRetentionPassesOverIt) {
  config_.segment_bytes = 200;
  config_.cleanup_delete = true;
  config_.retention_ms = 5000;
  open();
  put_batch({{"a", std::string(60, '1')}});
  put_batch({{"a", std::string(60, '2')}});
  put_batch({{"a", std::string(60, '3')}});
  put_batch({{"b", std::string(60, '4')}}, {}, Compression::kNone, kNow + 100'000);
  must_clean();
  EXPECT_EQ(log_->log_start_offset(), 0);
  EXPECT_EQ(offsets_of(read_all()), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(*log_->apply_retention(kNow + 10'000), 1);
  EXPECT_EQ(log_->log_start_offset(), 3);
  EXPECT_EQ(log_->first_base_offset(), 3);
}

TEST_F(CleaningTest, WhatDoesNotFitTheMapIsCleanedInSeveralRounds) {
  limits_.map_bytes = 24 * 16;
  open();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i) put("k" + std::to_string(i), std::to_string(round));
  }
  new_segment();
  const auto before = latest();
  int rounds = 0;
  while (log_->cleaned_up_to() < log_->active_base_offset()) {
    const int64_t at = log_->cleaned_up_to();
    must_clean();
    ASSERT_GT(log_->cleaned_up_to(), at) << "a round that gets nowhere never ends";
    EXPECT_EQ(latest(), before);
    ++rounds;
  }
  EXPECT_GT(rounds, 5);
  EXPECT_EQ(keyed().size(), 41u);
}

TEST_F(CleaningTest, TheRatioCountsWhatIsDirtyAndMayBeCleaned) {
  open();
  EXPECT_EQ(log_->cleaning_plan(kNow).dirty_bytes, 0u);
  put("a", "1");
  EXPECT_EQ(log_->cleaning_plan(kNow).dirty_bytes, 0u) << "the active segment is not cleaned";
  new_segment();
  EXPECT_EQ(log_->cleaning_plan(kNow).dirty_ratio(), 1.0);
  must_clean();
  EXPECT_EQ(log_->cleaning_plan(kNow).dirty_ratio(), 0.0);
  new_segment();
  EXPECT_GT(log_->cleaning_plan(kNow).dirty_ratio(), 0.4);
  EXPECT_LT(log_->cleaning_plan(kNow).dirty_ratio(), 0.6);
}

TEST_F(CleaningTest, CompactionLagsHoldCleaningBackAndHurryIt) {
  config_.min_compaction_lag_ms = 1000;
  open();
  put_batch({{"a", "1"}}, {}, Compression::kNone, kNow);
  config_.segment_ms = 500;
  log_->update_config(config_);
  put_batch({{"a", "2"}}, {}, Compression::kNone, kNow + 600);
  put_batch({{"a", "3"}}, {}, Compression::kNone, kNow + 1200);
  ASSERT_EQ(log_->segment_count(), 3u);
  EXPECT_EQ(log_->cleaning_plan(kNow + 500).uncleanable_offset, 0);
  EXPECT_EQ(log_->cleaning_plan(kNow + 1100).uncleanable_offset, 1);
  EXPECT_EQ(log_->cleaning_plan(kNow + 1700).uncleanable_offset, 2);
  EXPECT_FALSE(log_->cleaning_plan(kNow + 1700).overdue);
  config_.max_compaction_lag_ms = 1500;
  log_->update_config(config_);
  EXPECT_FALSE(log_->cleaning_plan(kNow + 1400).overdue);
  EXPECT_TRUE(log_->cleaning_plan(kNow + 1700).overdue);
}

TEST_F(CleaningTest, MaxCompactionLagEndsSegmentsInTimeToBeCleaned) {
  config_.max_compaction_lag_ms = 1000;
  open();
  put_batch({{"a", "1"}}, {}, Compression::kNone, kNow);
  put_batch({{"a", "2"}}, {}, Compression::kNone, kNow + 1001);
  EXPECT_EQ(log_->segment_count(), 2u);
}

TEST_F(CleaningTest, WhatDeleteRecordsPassedIsNotDirty) {
  open();
  put("a", "1");
  put("b", "1");
  put("c", "1");
  new_segment();
  ASSERT_TRUE(log_->delete_records(2).ok());
  EXPECT_EQ(log_->cleaning_plan(kNow).first_dirty_offset, 2);
  must_clean();
  EXPECT_EQ(log_->cleaned_up_to(), 3);
  EXPECT_EQ(log_->log_start_offset(), 2);
  EXPECT_EQ(seen(), "c=1");
}

TEST_F(CleaningTest, TruncationTakesBackWhatWasClean) {
  open();
  for (int i = 0; i < 5; ++i) put("k", std::to_string(i));
  new_segment();
  must_clean();
  ASSERT_EQ(log_->cleaned_up_to(), 5);
  int told = 0;
  log_->set_uncleaned_handler([&] { ++told; });
  ASSERT_TRUE(log_->truncate_to(3).ok());
  EXPECT_LE(log_->cleaned_up_to(), 3);
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(log_->truncate_fully_and_start_at(100).ok());
  EXPECT_EQ(log_->cleaning_plan(kNow).first_dirty_offset, 100);
}

TEST_F(CleaningTest, ACheckpointBeyondTheEndOfTheLogIsNotBelieved) {
  open();
  put("a", "1");
  log_.reset();
  cleaned_up_to_ = 50;
  open();
  EXPECT_EQ(log_->cleaned_up_to(), 0);
}

TEST_F(CleaningTest, ASliceOutlivesTheCleaningOfItsSegment) {
  open();
  put("a", "1");
  put("a", "2");
  new_segment();
  const auto read = log_->read(0, kAll, 2, true);
  const auto before = bytes_of(read->slice);
  must_clean();
  EXPECT_EQ(seen(), "a=2");
  const auto deleted = log_->take_deleted_files();
  EXPECT_THAT(deleted, Contains(path(0, kLogSuffix) + ".deleted"));
  EXPECT_TRUE(files_.exists(path(0, kLogSuffix) + ".deleted")) << "until file.delete.delay.ms is over";
  for (const std::string& file : deleted) ASSERT_TRUE(files_.remove_all(file).ok());
  EXPECT_EQ(bytes_of(read->slice), before);
}

TEST_F(CleaningTest, ATruncationIntoAGapEndsTheLogThereAndAppendsGoOn) {
  open();
  for (int i = 0; i < 10; ++i) put("a", std::to_string(i));
  put("b", "1");
  new_segment();
  must_clean();
  ASSERT_TRUE(log_->truncate_to(5).ok());
  EXPECT_EQ(log_->log_end_offset(), 5);
  EXPECT_EQ(seen(), "");
  put("a", "again");
  EXPECT_EQ(keyed()[0].offset, 5);
}

TEST_F(CleaningTest, ASegmentThatIsCleanAlreadyIsLeftAlone) {
  open();
  put("a", "1");
  put("b", "1");
  new_segment();
  must_clean();
  EXPECT_TRUE(log_->take_deleted_files().empty());
  for (const std::string& name : names()) EXPECT_THAT(name, Not(HasSubstr(".cleaned")));
}

TEST_F(CleaningTest, A6DamageIsFoundAndNotCopied) {
  open();
  put("a", "1");
  const uint64_t second = log_->size_in_bytes();
  put("a", "2");
  new_segment();
  // In the first batch's length, in its records, and in the second one's offset, which no CRC covers.
  for (const uint64_t at : {uint64_t{9}, uint64_t{70}, second + 6, second + 7}) {
    files_.contents(path(0, kLogSuffix))[at] ^= 8;
    const Status cleaned = clean();
    EXPECT_EQ(cleaned.code(), ErrorCode::CORRUPT_MESSAGE) << "byte " << at;
    EXPECT_THAT(cleaned.message(), HasSubstr("00000000000000000000.log"));
    files_.contents(path(0, kLogSuffix))[at] ^= 8;
  }
  files_.contents(path(0, kLogSuffix))[second + 7] ^= 1;
  EXPECT_EQ(clean().code(), ErrorCode::CORRUPT_MESSAGE) << "two batches at one offset";
  files_.contents(path(0, kLogSuffix))[second + 7] ^= 1;
  must_clean();
  EXPECT_EQ(seen(), "a=2");
}

TEST_F(CleaningTest, MessagesOfOldFormatsStayOrGoAsAWhole) {
  open();
  put("z", "1");
  log_.reset();
  Writer old;
  const auto message = [&](int64_t offset, const std::string& key, std::optional<Bytes> value) {
    records::write_legacy_message(old, 1, offset, kNow, 0, bytes(key), value);
  };
  message(0, "a", bytes("1"));
  message(1, "b", bytes("1"));
  message(2, "a", bytes("2"));
  message(3, "b", std::nullopt);
  auto& file = files_.contents(path(0, kLogSuffix));
  file.assign(old.buffer().begin(), old.buffer().end());
  open();
  new_segment();
  must_clean();
  EXPECT_EQ(seen(), "a=2 b=-");
  must_clean(kNow + 1'000'000);
  EXPECT_EQ(seen(), "a=2 b=-") << "nothing says since when";
}

TEST_F(CleaningTest, IndexesAndTimesAreFoundInACleanedSegment) {
  config_.index_interval_bytes = 100;
  open();
  for (int i = 0; i < 50; ++i)
    put_batch({{"k" + std::to_string(i % 20), std::string(40, 'x')}}, {}, Compression::kNone, kNow + i);
  new_segment();
  must_clean();
  for (const bool killed : {false, true}) {
    killed ? restart_killed() : restart_clean();
    EXPECT_EQ(offsets_of(read_all()), offsets_between(30, 51));
    EXPECT_EQ(log_->find_timestamp(kNow)->offset, 30);
    EXPECT_EQ(log_->find_timestamp(kNow + 40)->offset, 40);
    EXPECT_EQ(log_->read(0, 1, 51, true)->slice.length, log_->read(30, 1, 51, true)->slice.length);
  }
}

}  // namespace
}  // namespace ottla::storage
