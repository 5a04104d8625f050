// SPDX-License-Identifier: Apache-2.0
// Rows H1, H2, H3 and H9: reading while segments roll and go.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>

#include "log_fixture.h"

namespace ottla::storage {
namespace {

class LogRetentionTest : public LogTest {
 protected:
  LogRetentionTest() { config_.segment_bytes = 1000; }

  // Whole batches from `offset` on, or that it is out of range; nothing else.
  void expect_whole_or_out_of_range(int64_t offset) {
    const auto read = log_->read(offset, 4000, log_->log_end_offset(), true);
    if (!read.ok()) {
      EXPECT_EQ(read.status().code(), ErrorCode::OFFSET_OUT_OF_RANGE) << read.status().message();
      EXPECT_TRUE(offset < log_->log_start_offset() || offset > log_->log_end_offset());
      return;
    }
    EXPECT_GE(offset, log_->log_start_offset());
    EXPECT_EQ(read->slice.length == 0, offset == log_->log_end_offset());
    if (read->slice.length == 0) return;
    const std::vector<uint8_t> bytes = bytes_of(read->slice);
    records::BatchWalker walker(bytes);
    while (const auto batch = walker.next()) EXPECT_TRUE(records::RecordBatchView(*batch).crc_is_valid());
    EXPECT_EQ(walker.position(), bytes.size());
  }
};

// On the machine's own files: the slice is read when its file has no name any more.
TEST(SegmentDeletion, H1ASegmentThatIsDeletedWhileItIsSentIsSentWhole) {
  char name[] = "/tmp/ottla-retention-XXXXXX";
  const std::string directory = std::string(::mkdtemp(name)) + "/t-0";
  const auto files = posix_file_system();
  ASSERT_TRUE(files->make_directories(directory).ok());
  Log::OpenOptions options;
  options.directory = directory;
  options.config.segment_bytes = 1000;
  options.config.retention_bytes = 1000;
  auto log = *Log::open(*files, options);
  std::vector<std::vector<uint8_t>> sent;
  for (int i = 0; i < 50; ++i) {
    records::BatchBuilder builder;
    builder.begin({});
    const std::string value(200, static_cast<char>('a' + i % 26));
    builder.append(1, std::nullopt, Bytes(reinterpret_cast<const uint8_t*>(value.data()), value.size()));
    auto batch = *builder.finish();
    ASSERT_EQ(log->append_as_leader(batch, 0, AppendOrigin::kClient, 9, 1).error, ErrorCode::NONE);
    sent.emplace_back(batch.begin(), batch.end());
  }
  // Every batch is on its way to somebody.
  std::vector<FileSlice> slices;
  for (int64_t offset = 0; offset < 50; ++offset) {
    slices.push_back(log->read(offset, 1, 50, true)->slice);
  }
  ASSERT_GT(*log->apply_retention(2), 5);
  for (const std::string& path : log->take_deleted_files()) ASSERT_TRUE(files->remove_all(path).ok());
  EXPECT_EQ(log->read(0, 1, 50, true).status().code(), ErrorCode::OFFSET_OUT_OF_RANGE);
  for (size_t i = 0; i < slices.size(); ++i) {
    std::vector<uint8_t> bytes(slices[i].length);
    EXPECT_EQ(slices[i].file->read_at(bytes, slices[i].position), std::ssize(bytes));
    EXPECT_EQ(bytes, sent[i]) << "batch " << i;
  }
  log.reset();
  std::filesystem::remove_all(parent_directory(directory));
}

TEST(SegmentSpace, PreallocateTakesItWithTheSegmentAndShowsNothingOfIt) {
  char name[] = "/tmp/ottla-preallocate-XXXXXX";
  const std::string directory = std::string(::mkdtemp(name)) + "/t-0";
  const auto files = posix_file_system();
  ASSERT_TRUE(files->make_directories(directory).ok());
  Log::OpenOptions options;
  options.directory = directory;
  options.config.segment_bytes = 1 << 20;
  options.config.preallocate = true;
  const auto log = *Log::open(*files, options);
  struct stat info {};
  ASSERT_EQ(::stat((directory + "/00000000000000000000.log").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 0);
  EXPECT_GE(info.st_blocks * 512, 1 << 20);
  std::filesystem::remove_all(parent_directory(directory));
}

TEST_F(LogRetentionTest, H2TheStartIsRaisedBeforeSegmentsGo) {
  config_.retention_bytes = 3000;
  open();
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(append().error, ErrorCode::NONE);
    const int64_t before = log_->log_start_offset();
    ASSERT_TRUE(log_->apply_retention(kNow).ok());
    EXPECT_GE(log_->log_start_offset(), before);
    EXPECT_EQ(log_->first_base_offset(), log_->log_start_offset());
    for (const int64_t offset : {int64_t{0}, before - 1, before, log_->log_start_offset(),
                                 log_->log_start_offset() + 1, log_->log_end_offset()})
      expect_whole_or_out_of_range(offset);
  }
  EXPECT_GT(log_->log_start_offset(), 100);
}

TEST_F(LogRetentionTest, H2WhereASegmentCannotBeRemovedTheStartIsAboveItAlready) {
  open();
  append_many(40);
  files_.fail_call(FaultyFileSystem::Call::kRename, 1, EIO);
  EXPECT_FALSE(log_->delete_records(35).ok());
  EXPECT_EQ(log_->log_start_offset(), 35);
  expect_whole_or_out_of_range(0);
  expect_whole_or_out_of_range(35);
}

TEST_F(LogRetentionTest, H3AFetchAtTheEndWhileASegmentRollsIsNeverOutOfRange) {
  open();
  size_t rolls = 0;
  for (int i = 0; i < 2000; ++i) {
    const int64_t end = log_->log_end_offset();
    const size_t segments = log_->segment_count();
    expect_whole_or_out_of_range(end);
    ASSERT_EQ(append(1 + i % 3, kNow, i / 500).error, ErrorCode::NONE);
    const auto read = log_->read(end, kAll, log_->log_end_offset(), true);
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_GT(read->slice.length, 0u);
    rolls += log_->segment_count() - segments;
    // From the last record of the segment before, too.
    EXPECT_TRUE(end == 0 || log_->read(end - 1, kAll, log_->log_end_offset(), true)->slice.length > 0);
    EXPECT_EQ(log_->read(log_->log_end_offset() + 1, kAll, log_->log_end_offset(), true).status().code(),
              ErrorCode::OFFSET_OUT_OF_RANGE);
  }
  EXPECT_GT(rolls, 100u);
}

TEST_F(LogRetentionTest, H9RecordTimesFarInTheFutureOrPastDoNotStopRetentionBySize) {
  constexpr int64_t kTenYears = int64_t{10} * 365 * 24 * 3600 * 1000;
  config_.retention_ms = 3600'000;
  config_.retention_bytes = 3000;
  for (const int64_t timestamp : {kNow + kTenYears, kNow - kTenYears, int64_t{0}}) {
    open();
    for (int i = 0; i < 60; ++i) ASSERT_EQ(append(1, timestamp).error, ErrorCode::NONE);
    ASSERT_GT(*log_->apply_retention(kNow), 0);
    EXPECT_LE(log_->size_in_bytes(), 4000u);
    // Old records are old; those of the future stay as long as there is room.
    EXPECT_EQ(log_->log_start_offset() == log_->log_end_offset(), timestamp < kNow);
    const int64_t end = log_->log_end_offset();
    ASSERT_EQ(append(1, kNow).first_offset, end);
    ASSERT_TRUE(log_->truncate_fully_and_start_at(end).ok());
  }
}

TEST_F(LogRetentionTest, H9TheTopicsLimitsKeepSuchTimesOut) {
  config_.timestamp_before_max_ms = 1000;
  config_.timestamp_after_max_ms = 2000;
  open();
  EXPECT_EQ(append(1, kNow + 2001).error, ErrorCode::INVALID_TIMESTAMP);
  EXPECT_EQ(append(1, kNow - 1001).error, ErrorCode::INVALID_TIMESTAMP);
  EXPECT_EQ(append(1, kNow + 2000).error, ErrorCode::NONE);
  EXPECT_EQ(append(1, kNow - 1000).error, ErrorCode::NONE);
  EXPECT_EQ(log_->log_end_offset(), 2);
}

}  // namespace
}  // namespace ottla::storage
