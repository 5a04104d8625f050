// SPDX-License-Identifier: Apache-2.0
// Append, read, roll, truncate, time lookups and epochs of one log.
#include "storage/log/log.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/storage/log_fixture.h"

namespace ottla::storage {
namespace {

using testing::Contains;
using testing::Not;

TEST_F(LogTest, BeginsEmpty) {
  open();
  EXPECT_EQ(log_->log_start_offset(), 0);
  EXPECT_EQ(log_->log_end_offset(), 0);
  EXPECT_EQ(log_->read(0, kAll, 0, true)->slice.length, 0u);
  EXPECT_EQ(log_->read(1, kAll, 0, true).status().code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(log_->max_timestamp()->offset, -1);
}

TEST_F(LogTest, GivesBackWhatWasAppended) {
  open();
  const AppendInfo first = append(3, kNow, 5);
  EXPECT_EQ(first.first_offset, 0);
  EXPECT_EQ(first.last_offset, 2);
  EXPECT_EQ(first.log_append_time_ms, -1);
  EXPECT_EQ(append(2, kNow, 5).first_offset, 3);
  EXPECT_EQ(log_->log_end_offset(), 5);
  EXPECT_EQ(log_->high_watermark(), 5);
  const auto seen = read_all();
  EXPECT_EQ(offsets_of(seen), offsets_between(0, 5));
  EXPECT_EQ(seen[4].value.substr(0, 2), "v4");
  const auto bytes = bytes_of(log_->read(0, kAll, 5, true)->slice);
  EXPECT_EQ(records::RecordBatchView(bytes).partition_leader_epoch(), 5);
}

TEST_F(LogTest, RefusesABadBatchWithoutTouchingTheLog) {
  open();
  std::vector<uint8_t> bytes = batch_of({{kNow, "x"}});
  bytes.back() ^= 1;
  EXPECT_EQ(append_bytes(bytes).error, ErrorCode::CORRUPT_MESSAGE);
  EXPECT_EQ(log_->log_end_offset(), 0);
  config_.max_message_bytes = 100;
  log_->update_config(config_);
  EXPECT_EQ(append(1, kNow, 0, 200).error, ErrorCode::MESSAGE_TOO_LARGE);
  config_.max_message_bytes = 100000;
  config_.segment_bytes = 1000;
  log_->update_config(config_);
  EXPECT_EQ(append(1, kNow, 0, 2000).error, ErrorCode::RECORD_LIST_TOO_LARGE);
  EXPECT_EQ(log_->log_end_offset(), 0);
}

TEST_F(LogTest, LogAppendTimeReplacesTheProducersTime) {
  config_.log_append_time = true;
  open();
  EXPECT_EQ(append(2, 1000).log_append_time_ms, kNow);
  EXPECT_EQ(read_all()[1].timestamp, kNow);
}

TEST_F(LogTest, TheTopicsCompressionIsWhatIsStored) {
  config_.compression = records::Compression::kZstd;
  open();
  ASSERT_EQ(append(3).error, ErrorCode::NONE);
  const auto bytes = bytes_of(log_->read(0, kAll, 3, true)->slice);
  EXPECT_EQ(records::RecordBatchView(bytes).compression(), records::Compression::kZstd);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 3));
}

TEST_F(LogTest, H4AKillBeforeANewStartIsKeptLeavesTheEpochsOfWhatIsThereAgain) {
  open();
  for (int32_t epoch : {1, 2}) {
    for (int i = 0; i < 10; ++i) ASSERT_EQ(append(1, kNow, epoch).error, ErrorCode::NONE);
  }
  ASSERT_TRUE(log_->delete_records(15).ok());
  EXPECT_EQ(log_->epoch_at(12), std::nullopt);
  restart_killed();
  EXPECT_EQ(log_->log_start_offset(), 0);
  EXPECT_EQ(log_->epoch_at(5), 1);
  EXPECT_EQ(log_->epoch_at(12), 2);
  ASSERT_TRUE(log_->delete_records(15).ok());
  ASSERT_TRUE(log_->close_clean().ok());
  EXPECT_EQ(*files_.read_text(std::string(kDirectory) + "/leader-epoch-checkpoint"), "0\n1\n2 15\n");
}

TEST_F(LogTest, TheLevelOfTheTopicsCodecDecidesHowSmallItIsStored) {
  // Words in no order: the codecs find more the harder they look.
  std::string text;
  for (uint32_t i = 0, word = 1; i < 8000; ++i, word = word * 1664525 + 1013904223)
    text += "word" + std::to_string((word >> 16) % 500) + " ";
  const auto stored = [&](records::Compression codec, records::CompressionLevel level) {
    config_.compression = codec;
    config_.compression_level = level;
    log_->update_config(config_);
    const int64_t offset = log_->log_end_offset();
    EXPECT_EQ(append_bytes(batch_of({{kNow, text}})).error, ErrorCode::NONE);
    EXPECT_EQ(read_all(offset, offset + 1).at(0).value, text);
    return bytes_of(log_->read(offset, kAll, offset + 1, true)->slice).size();
  };
  open();
  using enum records::Compression;
  EXPECT_LT(stored(kGzip, 9), stored(kGzip, 1));
  EXPECT_LT(stored(kZstd, 19), stored(kZstd, -5));
  EXPECT_LT(stored(kLz4, 12), stored(kLz4, 9));
  EXPECT_EQ(stored(kGzip, -1), stored(kGzip, std::nullopt));
  EXPECT_EQ(stored(kZstd, 3), stored(kZstd, std::nullopt));
  EXPECT_EQ(stored(kLz4, 9), stored(kLz4, std::nullopt));
}

TEST_F(LogTest, ReadsWholeBatchesWithinTheLimits) {
  config_.index_interval_bytes = 200;
  open();
  append_many(50, 4);
  for (int64_t offset = 0; offset < 200; offset += 3) {
    for (const uint32_t max_bytes : {1u, 100u, 500u, 2000u, 1u << 20}) {
      const auto seen = read_all(offset, 200, max_bytes);
      ASSERT_EQ(offsets_of(seen), offsets_between(offset, 200)) << offset << " " << max_bytes;
      const auto read = log_->read(offset, max_bytes, 200, false);
      ASSERT_LE(read->slice.length, max_bytes);
    }
  }
}

TEST_F(LogTest, OneBatchComesEvenAboveTheLimitWhereAsked) {
  open();
  append_many(2, 10);
  EXPECT_EQ(log_->read(0, 10, 20, false)->slice.length, 0u);
  EXPECT_EQ(offsets_of(read_all(0, 10, 10)), offsets_between(0, 10));
}

TEST_F(LogTest, NeverReadsPastTheUpperBound) {
  open();
  append_many(10, 2);
  for (int64_t bound = 0; bound <= 20; bound += 2)
    EXPECT_EQ(offsets_of(read_all(0, bound)), offsets_between(0, bound));
  EXPECT_EQ(log_->read(20, kAll, 20, true)->slice.length, 0u);
  EXPECT_EQ(log_->read(21, kAll, 20, true).status().code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(log_->read(-1, kAll, 20, true).status().code(), ErrorCode::OFFSET_OUT_OF_RANGE);
}

TEST_F(LogTest, RollsBySizeAndReadsAcrossSegments) {
  config_.segment_bytes = 1000;
  config_.index_interval_bytes = 200;
  open();
  append_many(100, 2);
  EXPECT_GT(log_->segment_count(), 10u);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 200));
  for (int64_t offset = 0; offset < 200; ++offset) ASSERT_EQ(read_all(offset, 200).front().offset, offset);
  for (const auto& segment : log_->segment_starts())
    EXPECT_TRUE(files_.exists(path(segment.offset, kLogSuffix)));
  EXPECT_LE(log_->size_in_bytes() / log_->segment_count(), 1000u);
}

TEST_F(LogTest, RollsByTheRecordsTimeByIndexAndByOffset) {
  config_.segment_ms = 1000;
  open();
  ASSERT_EQ(append(1, kNow).error, ErrorCode::NONE);
  ASSERT_EQ(append(1, kNow + 1000).error, ErrorCode::NONE);
  EXPECT_EQ(log_->segment_count(), 1u);
  ASSERT_EQ(append(1, kNow + 1001).error, ErrorCode::NONE);
  EXPECT_EQ(log_->segment_count(), 2u);
  config_.segment_index_bytes = 24;
  config_.index_interval_bytes = 1;
  log_.reset();
  open();
  append_many(20);
  EXPECT_GE(log_->segment_count(), 8u);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 23));
}

TEST_F(LogTest, JitterEndsSegmentsUpToThatMuchEarlierEachAtATimeOfItsOwn) {
  config_.segment_ms = 1000;
  config_.segment_jitter_ms = 600;
  open();
  std::set<int64_t> ages;
  int64_t now = kNow;
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(append(1, now).error, ErrorCode::NONE);
    const size_t segments = log_->segment_count();
    const int64_t began = now;
    while (log_->segment_count() == segments) ASSERT_EQ(append(1, now += 20).error, ErrorCode::NONE);
    ages.insert(now - began);
  }
  EXPECT_GE(*ages.begin(), 380);
  EXPECT_LE(*ages.rbegin(), 1020);
  EXPECT_GT(ages.size(), 5u);
}

TEST_F(LogTest, KafkaFindsTheIndexFilesOfASegmentThatWasRolledAfterAKill) {
  config_.segment_bytes = 500;
  open();
  append_many(20);
  ASSERT_GT(log_->segment_count(), 3u);
  for (const SegmentStart& start : log_->segment_starts()) {
    if (start.offset == 0) continue;  // a new log's: LogManager
    for (const char* kind : {kOffsetIndexSuffix, kTimeIndexSuffix})
      EXPECT_TRUE(files_.exists(path(start.offset, kind))) << start.offset << kind;
  }
}

TEST_F(LogTest, WritesIndexesThatKafkaAccepts) {
  config_.segment_bytes = 2000;
  config_.index_interval_bytes = 300;
  open();
  append_many(60);
  ASSERT_TRUE(log_->close_clean().ok());
  for (const auto& segment : log_->segment_starts()) {
    OffsetIndex offsets(files_, path(segment.offset, kOffsetIndexSuffix));
    TimeIndex times(files_, path(segment.offset, kTimeIndexSuffix));
    ASSERT_TRUE(files_.exists(offsets.path()));
    ASSERT_TRUE(files_.exists(times.path()));
    ASSERT_TRUE(offsets.load().ok());
    ASSERT_TRUE(times.load().ok());
    EXPECT_EQ(files_.contents(offsets.path()).size(), offsets.size_in_bytes());
    // The last entry of the time index is the segment's largest timestamp.
    if (!times.entries().empty()) {
      EXPECT_EQ(times.entries().back().timestamp, segment.max_timestamp);
    }
    const auto& log = files_.contents(path(segment.offset, kLogSuffix));
    for (const OffsetEntry& entry : offsets.entries()) {
      const auto header =
          decode_batch_header(Bytes(log).subspan(static_cast<size_t>(entry.position)), log.size());
      ASSERT_TRUE(header.has_value());
      EXPECT_EQ(header->last_offset, segment.offset + entry.relative_offset);
    }
  }
}

TEST_F(LogTest, FindsTimestampsAsALinearSearchDoes) {
  std::mt19937 random(7);
  config_.segment_bytes = 3000;
  config_.index_interval_bytes = 250;
  open();
  std::vector<SeenRecord> model;
  for (int i = 0; i < 150; ++i) {
    std::vector<std::pair<int64_t, std::string>> records;
    for (uint32_t n = 0; n < 1 + random() % 4; ++n) {
      records.emplace_back(kNow + i * 10 + static_cast<int64_t>(random() % 100), "v");
    }
    const auto codec = static_cast<records::Compression>(random() % 5);
    const AppendInfo info = append_bytes(batch_of(records, {}, codec));
    ASSERT_EQ(info.error, ErrorCode::NONE) << info.message;
    for (size_t n = 0; n < records.size(); ++n) {
      model.push_back({info.first_offset + static_cast<int64_t>(n), records[n].first, "v"});
    }
  }
  const auto check_all = [&] {
    for (int64_t timestamp = kNow - 5; timestamp < kNow + 1650; timestamp += 3) {
      TimestampOffset expected;
      for (const SeenRecord& record : model) {
        if (record.offset < log_->log_start_offset() || record.timestamp < timestamp) continue;
        expected = {record.timestamp, record.offset, 0};
        break;
      }
      const auto found = log_->find_timestamp(timestamp);
      ASSERT_TRUE(found.ok());
      ASSERT_EQ(found->offset, expected.offset) << timestamp - kNow;
      ASSERT_EQ(found->timestamp, expected.timestamp);
    }
  };
  check_all();
  const auto largest = std::max_element(
      model.begin(), model.end(), [](const auto& a, const auto& b) { return a.timestamp < b.timestamp; });
  EXPECT_EQ(log_->max_timestamp()->offset, largest->offset);
  restart_clean();
  check_all();
  restart_killed();
  check_all();
  ASSERT_TRUE(log_->delete_records(101).ok());
  check_all();
}

TEST_F(LogTest, DeleteRecordsRaisesTheStartAndDropsWholeSegments) {
  config_.segment_bytes = 500;
  open();
  append_many(50);
  const size_t before = log_->segment_count();
  ASSERT_TRUE(log_->delete_records(23).ok());
  EXPECT_EQ(log_->log_start_offset(), 23);
  EXPECT_LT(log_->segment_count(), before);
  EXPECT_EQ(log_->read(22, kAll, 50, true).status().code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(23, 50));
  EXPECT_EQ(log_->delete_records(51).code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  EXPECT_TRUE(log_->delete_records(10).ok());
  EXPECT_EQ(log_->log_start_offset(), 23);
  EXPECT_FALSE(log_->take_deleted_files().empty());
  // The start comes back from the checkpoint, or from the first segment without it.
  log_.reset();
  open(true, 0, 23);
  EXPECT_EQ(log_->log_start_offset(), 23);
}

TEST_F(LogTest, DeleteRecordsUpToTheEndKeepsTheNextOffset) {
  open();
  append_many(5);
  ASSERT_TRUE(log_->delete_records(5).ok());
  EXPECT_EQ(append().first_offset, 5);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(5, 6));
}

TEST_F(LogTest, TruncatesAtEveryOffset) {
  config_.segment_bytes = 700;
  config_.index_interval_bytes = 150;
  for (int64_t cut = 0; cut <= 40; cut += 2) {
    ASSERT_TRUE(files_.remove_all(kDirectory).ok());
    ASSERT_TRUE(files_.make_directories(kDirectory).ok());
    open();
    append_many(20, 2);
    ASSERT_TRUE(log_->truncate_to(cut).ok());
    ASSERT_EQ(log_->log_end_offset(), cut);
    ASSERT_EQ(offsets_of(read_all()), offsets_between(0, cut));
    append_many(5, 2);
    ASSERT_EQ(offsets_of(read_all()), offsets_between(0, cut + 10));
    restart_killed();
    ASSERT_EQ(offsets_of(read_all()), offsets_between(0, cut + 10));
  }
}

TEST_F(LogTest, TruncatingInsideABatchTakesTheBatch) {
  open();
  append_many(3, 4);
  ASSERT_TRUE(log_->truncate_to(6).ok());
  EXPECT_EQ(log_->log_end_offset(), 4);
}

TEST_F(LogTest, StartsOverAtAnOffset) {
  open();
  ASSERT_EQ(append(1, kNow, 3).error, ErrorCode::NONE);
  ASSERT_TRUE(log_->truncate_fully_and_start_at(100).ok());
  EXPECT_EQ(log_->log_start_offset(), 100);
  EXPECT_EQ(log_->log_end_offset(), 100);
  EXPECT_EQ(log_->latest_epoch(), std::nullopt);
  EXPECT_EQ(append(1, kNow, 3).first_offset, 100);
  restart_killed();
  EXPECT_EQ(offsets_of(read_all()), offsets_between(100, 101));
}

TEST_F(LogTest, KnowsWhereEpochsEnd) {
  open();
  ASSERT_TRUE(log_->begin_epoch(1).ok());
  ASSERT_EQ(append(5, kNow, 1).error, ErrorCode::NONE);
  ASSERT_TRUE(log_->begin_epoch(3).ok());
  ASSERT_EQ(append(5, kNow, 3).error, ErrorCode::NONE);
  EXPECT_EQ(log_->end_of_epoch(1).end_offset, 5);
  EXPECT_EQ(log_->end_of_epoch(2).epoch, 1);
  EXPECT_EQ(log_->end_of_epoch(3).end_offset, 10);
  EXPECT_EQ(log_->end_of_epoch(4).end_offset, -1);
  EXPECT_EQ(log_->epoch_at(4), 1);
  // Without the file the batches tell.
  log_.reset();
  ASSERT_TRUE(files_.remove_file(std::string(kDirectory) + "/leader-epoch-checkpoint").ok());
  open();
  EXPECT_EQ(log_->latest_epoch(), 3);
  EXPECT_EQ(log_->end_of_epoch(1).end_offset, 5);
}

TEST_F(LogTest, KeepsTheTopicId) {
  open();
  const Uuid id = *Uuid::parse("6ujQfKMYQqmQFyuL3dh4pQ");
  ASSERT_TRUE(log_->set_topic_id(id).ok());
  EXPECT_EQ(*files_.read_text(std::string(kDirectory) + "/partition.metadata"),
            "version: 0\ntopic_id: 6ujQfKMYQqmQFyuL3dh4pQ");
  restart_clean();
  EXPECT_EQ(log_->topic_id(), id);
  files_.contents(std::string(kDirectory) + "/partition.metadata").clear();
  restart_killed();
  EXPECT_TRUE(log_->topic_id().is_zero());
}

TEST_F(LogTest, RetentionByTimeCountsTheNewestRecordOfASegment) {
  config_.segment_bytes = 500;
  config_.retention_ms = 1000;
  open();
  append_many(30);
  const size_t before = log_->segment_count();
  EXPECT_EQ(*log_->apply_retention(kNow + 900), 0);
  EXPECT_GT(*log_->apply_retention(kNow + 1015), 0);
  EXPECT_LT(log_->segment_count(), before);
  EXPECT_GT(log_->log_start_offset(), 0);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(log_->log_start_offset(), 30));
  // In the end the active segment goes too, and an empty one takes its place.
  EXPECT_GT(*log_->apply_retention(kNow + 10000), 0);
  EXPECT_EQ(log_->log_start_offset(), 30);
  EXPECT_EQ(log_->segment_count(), 1u);
  EXPECT_EQ(append().first_offset, 30);
  restart_clean();
  EXPECT_EQ(log_->log_start_offset(), 30);
}

TEST_F(LogTest, RetentionBySizeKeepsAtLeastThatMuch) {
  config_.segment_bytes = 500;
  config_.retention_bytes = 2000;
  open();
  append_many(60);
  EXPECT_GT(*log_->apply_retention(kNow), 0);
  EXPECT_GE(log_->size_in_bytes(), 2000u);
  EXPECT_LT(log_->size_in_bytes(), 2500u);
  EXPECT_EQ(*log_->apply_retention(kNow), 0);
}

TEST_F(LogTest, RetentionLeavesACompactedLogAlone) {
  config_.segment_bytes = 500;
  config_.retention_ms = 1;
  config_.retention_bytes = 1;
  open();
  append_many(30);
  config_.cleanup_delete = false;
  config_.cleanup_compact = true;
  log_->update_config(config_);
  EXPECT_EQ(*log_->apply_retention(kNow + 1'000'000'000), 0);
  EXPECT_EQ(log_->log_start_offset(), 0);
}

TEST_F(LogTest, ASliceOutlivesItsSegment) {
  config_.segment_bytes = 500;
  config_.retention_ms = 1;
  open();
  append_many(30);
  const auto read = log_->read(0, kAll, 30, true);
  const auto before = bytes_of(read->slice);
  ASSERT_GT(*log_->apply_retention(kNow + 10000), 0);
  for (const std::string& file : log_->take_deleted_files()) ASSERT_TRUE(files_.remove_all(file).ok());
  log_.reset();
  EXPECT_EQ(bytes_of(read->slice), before);
}

TEST_F(LogTest, MovesToItsDeleteName) {
  config_.segment_bytes = 500;
  open();
  append_many(30);
  ASSERT_TRUE(log_->rename_directory("/d/t-0.abc-delete").ok());
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 30));
  EXPECT_FALSE(files_.exists(kDirectory));
}

TEST_F(LogTest, A19LeftoversOfACrashAreCleanedUp) {
  config_.segment_bytes = 500;
  open();
  append_many(30);
  log_.reset();
  for (const char* name : {"/00000000000000000099.log.deleted", "/00000000000000000099.index.cleaned",
                           "/x.tmp", "/00000000000000000099.timeindex", "/00000000000000000099.index.swap"}) {
    ASSERT_TRUE(files_.open(kDirectory + std::string(name), true).ok());
  }
  // A segment whose swap was under way.
  ASSERT_TRUE(files_.rename(path(0, kLogSuffix), path(0, kLogSuffix) + ".swap").ok());
  open();
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 30));
  for (const std::string& name : names()) {
    EXPECT_THAT(name, Not(testing::HasSubstr("000099.")));
    EXPECT_FALSE(name.ends_with(".tmp") || name.ends_with(".swap")) << name;
  }
}

TEST_F(LogTest, AnOfflineLogAnswersStorageErrors) {
  open();
  append_many(3);
  std::vector<Status> told;
  log_->set_failure_handler([&](const Status& why) {
    told.push_back(why);
    log_->set_offline();
  });
  files_.fail_call(FaultyFileSystem::Call::kWrite, 1, EIO);
  const AppendInfo info = append();
  EXPECT_EQ(info.error, ErrorCode::KAFKA_STORAGE_ERROR);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].error_number(), EIO);
  EXPECT_EQ(append().error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(log_->read(0, kAll, 3, true).status().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(told.size(), 1u);
}

}  // namespace
}  // namespace ottla::storage
