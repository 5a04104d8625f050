// SPDX-License-Identifier: Apache-2.0
// Rows B of the faults at the seam of the file system: disks that are full, that fail, that are not there.
#include <cerrno>

#include "protocol/base/manual_loop.h"
#include "storage/log/log_manager.h"
#include "tests/storage/log_fixture.h"

namespace ottla::storage {
namespace {

class DiskErrorTest : public LogTest {
 protected:
  using Call = FaultyFileSystem::Call;

  DiskErrorTest() {
    config_.segment_bytes = 500;
    config_.index_interval_bytes = 100;
  }
  void open_watched() {
    open();
    log_->set_failure_handler([this](const Status&) {
      ++failures_;
      log_->set_offline();
    });
  }

  int failures_ = 0;
};

TEST_F(DiskErrorTest, B1AFullDiskRefusesAppendsKeepsReadsAndTakesAppendsWhenThereIsRoomAgain) {
  open_watched();
  append_many(10);
  files_.fail_calls_from(Call::kWrite, 1, ENOSPC);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(append().error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 10));
  EXPECT_FALSE(log_->offline());
  files_.clear_failures();
  append_many(10);
  EXPECT_EQ(failures_, 0);
  restart_clean();
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 20));
}

// B2: nothing is mapped, so that an index without room is a shortage as any other. B13 is the same for a disk
// without inodes (open), B12 for a process without descriptors.
TEST_F(DiskErrorTest, B1B2B12B13AShortageAtAnyCallLosesNothingAndPasses) {
  int refused = 0;
  for (const int error : {ENOSPC, EMFILE}) {
    for (const Call call : {Call::kOpen, Call::kWrite, Call::kTruncate, Call::kRename}) {
      // Descriptors are what open asks for, room is what the others do.
      if (error == EMFILE && call != Call::kOpen) continue;
      for (int n = 1; n <= 40; ++n) {
        SCOPED_TRACE("call " + std::to_string(static_cast<int>(call)) + " number " + std::to_string(n));
        ASSERT_TRUE(files_.remove_all(kDirectory).ok());
        ASSERT_TRUE(files_.make_directories(kDirectory).ok());
        open_watched();
        files_.fail_call(call, n, error);
        int64_t acknowledged = 0;
        for (int i = 0; acknowledged < 20 && i < 30; ++i) {
          const AppendInfo info = append_from(7, static_cast<int32_t>(acknowledged), 1, 0, i % 5 == 0);
          refused += info.error != ErrorCode::NONE;
          if (info.error == ErrorCode::NONE) acknowledged = info.last_offset + 1;
        }
        files_.clear_failures();
        ASSERT_EQ(acknowledged, 20);
        ASSERT_EQ(failures_, 0);
        ASSERT_EQ(offsets_of(read_all()), offsets_between(0, 20));
        n % 2 == 0 ? restart_clean() : restart_killed();
        ASSERT_EQ(offsets_of(read_all()), offsets_between(0, 20));
        ASSERT_EQ(append_from(7, 20, 1).error, ErrorCode::NONE);
      }
    }
  }
  EXPECT_GT(refused, 30);
}

TEST_F(DiskErrorTest, B4AFlushThatFailsForWantOfRoomIsAFailureAllTheSame) {
  config_.durable = true;
  open_watched();
  files_.fail_call(Call::kSync, 1, ENOSPC);
  append();
  EXPECT_EQ(log_->high_watermark(), 0);
  EXPECT_EQ(failures_, 1);
  EXPECT_TRUE(log_->offline());
}

TEST_F(DiskErrorTest, B7AReadOnlyDiskTakesTheDirectoryOfflineWithoutAnAnswer) {
  open_watched();
  append_many(3);
  files_.fail_calls_from(Call::kWrite, 1, EROFS);
  EXPECT_EQ(append().error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(failures_, 1);
  EXPECT_TRUE(log_->offline());
}

// Two directories under a manager.
class DirectoriesTest : public testing::Test {
 protected:
  using Call = FaultyFileSystem::Call;

  void make(bool second_fails = false) {
    LogManagerSettings settings;
    settings.directories = {"/d1", "/d2"};
    logs_ = std::make_unique<LogManager>(
        files_, loop_, settings, [] { return std::array<uint8_t, 16>{}; },
        [this](const std::string& directory, const Status&) { failed_.push_back(directory); });
    // The second directory's probe is the second file that is opened.
    if (second_fails) files_.fail_call(Call::kOpen, 2, EIO);
    ASSERT_TRUE(logs_->lock_directories().ok());
    ASSERT_TRUE(logs_->take_identity(1, "c").ok());
    logs_->load([](const std::string&) { return LogConfig(); },
                [](const Status& status) { ASSERT_TRUE(status.ok()) << status.message(); });
    loop_.run_pending();
  }
  Log& log(int32_t partition) { return **logs_->get_or_create("t", partition, Uuid{}, LogConfig()); }
  AppendInfo append(Log& log) {
    records::BatchBuilder builder;
    builder.begin({});
    builder.append(loop_.wall_ms(), std::nullopt, Bytes(reinterpret_cast<const uint8_t*>("value"), 5));
    return log.append_as_leader(*builder.finish(), 0, AppendOrigin::kClient, 9, loop_.wall_ms());
  }

  FaultyFileSystem files_;
  ManualLoop loop_;
  std::vector<std::string> failed_;
  std::unique_ptr<LogManager> logs_;
};

TEST_F(DirectoriesTest, B1CheckpointsThatFindNoRoomAreWrittenLater) {
  make();
  append(log(0));
  files_.fail_calls_from(Call::kWrite, 1, ENOSPC);
  loop_.advance(120'000);
  EXPECT_TRUE(failed_.empty());
  EXPECT_EQ(append(log(0)).error, ErrorCode::KAFKA_STORAGE_ERROR);
  files_.clear_failures();
  EXPECT_EQ(append(log(0)).error, ErrorCode::NONE);
  loop_.advance(120'000);
  const auto written =
      read_offset_checkpoint(files_, parent_directory(log(0).directory()) + "/" + kHighWatermarkCheckpoint);
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(written->at({"t", 0}), 2);
}

TEST_F(DirectoriesTest, B8OneDirectoryFailsAndTheOtherServesOn) {
  make();
  Log& one = log(0);
  Log& other = log(1);
  ASSERT_NE(parent_directory(one.directory()), parent_directory(other.directory()));
  files_.fail_call(Call::kWrite, 1, EIO);
  EXPECT_EQ(append(one).error, ErrorCode::KAFKA_STORAGE_ERROR);
  loop_.run_pending();
  EXPECT_EQ(failed_, std::vector<std::string>{parent_directory(one.directory())});
  EXPECT_EQ(append(one).error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(append(other).error, ErrorCode::NONE);
}

TEST_F(DirectoriesTest, B8ALogThatMayBeOnADirectoryThatIsOfflineIsNotMadeAnewElsewhere) {
  make();
  log(0);
  log(1);
  logs_.reset();
  files_.kill();
  make(true);
  ASSERT_EQ(logs_->online_directories(), 1u);
  int missing = 0;
  for (const int32_t partition : {0, 1}) {
    if (logs_->find("t", partition) != nullptr) continue;
    ++missing;
    const auto made = logs_->get_or_create("t", partition, Uuid{}, LogConfig(), false);
    EXPECT_EQ(made.status().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  }
  EXPECT_EQ(missing, 1);
  EXPECT_TRUE(logs_->get_or_create("new", 0, Uuid{}, LogConfig(), true).ok());
}

}  // namespace
}  // namespace ottla::storage
