// SPDX-License-Identifier: Apache-2.0
// Durable mode (ottla.durability=flush): what is acknowledged and shown is on the disk.
#include <cerrno>

#include "protocol/base/manual_loop.h"
#include "storage/log/group_commit.h"
#include "storage/log/log_manager.h"
#include "tests/storage/log_fixture.h"

namespace ottla::storage {
namespace {

using Call = FaultyFileSystem::Call;

class DurabilityTest : public LogTest {
 protected:
  DurabilityTest() { config_.durable = true; }

  // The log with a commit that the test does when it wants to.
  void open_waiting() {
    open();
    log_->set_commit_handler([this] { ++asked_; });
  }
  void commit() {
    const Log::Commit commit = log_->begin_commit();
    ASSERT_TRUE(files_.sync_all(commit.unsynced).ok());
    log_->end_commit(commit);
  }
  void cut_power() {
    log_.reset();
    files_.crash();
    open();
  }

  int asked_ = 0;
};

TEST_F(DurabilityTest, OnlyWhatIsFlushedCountsTowardTheHighWatermark) {
  open_waiting();
  const AppendInfo first = append(3);
  EXPECT_EQ(first.flush_offset, 3);
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(log_->log_end_offset(), 3);
  EXPECT_EQ(log_->high_watermark(), 0);
  EXPECT_EQ(log_->last_stable_offset(), 0);
  commit();
  EXPECT_EQ(log_->high_watermark(), 3);
  EXPECT_EQ(log_->flushed_offset(), 3);
}

TEST_F(DurabilityTest, ACommitCoversWhatWasAppendedWhenItBeganAndNoMore) {
  open_waiting();
  append(2);
  const Log::Commit under_way = log_->begin_commit();
  append(2);
  EXPECT_EQ(asked_, 2);
  ASSERT_TRUE(files_.sync_all(under_way.unsynced).ok());
  log_->end_commit(under_way);
  EXPECT_EQ(log_->high_watermark(), 2);
  commit();
  EXPECT_EQ(log_->high_watermark(), 4);
}

TEST_F(DurabilityTest, ACommitOfWhatWasCutOffMeanwhileSaysNothingOfWhatStandsThereNow) {
  open_waiting();
  append(5);
  const Log::Commit under_way = log_->begin_commit();
  ASSERT_TRUE(files_.sync_all(under_way.unsynced).ok());
  ASSERT_TRUE(log_->truncate_to(2).ok());
  append(5);
  log_->end_commit(under_way);
  EXPECT_LE(log_->high_watermark(), 2);
}

TEST_F(DurabilityTest, WhatWasCommittedSurvivesAPowerCutOverRollsToo) {
  config_.segment_bytes = 500;
  open_waiting();
  append_many(20);
  commit();
  append_many(20);
  cut_power();
  EXPECT_GE(log_->log_end_offset(), 20);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, log_->log_end_offset()));
}

TEST_F(DurabilityTest, ACommitSyncsTheNamesOfNewSegmentsOnceAndTheFilesThatGrew) {
  open_waiting();
  append();
  commit();
  const int directories = files_.count(Call::kSyncDirectory);
  const int syncs = files_.count(Call::kSync);
  append();
  commit();
  EXPECT_EQ(files_.count(Call::kSyncDirectory), directories);
  EXPECT_EQ(files_.count(Call::kSync), syncs + 1);
}

TEST_F(DurabilityTest, ADuplicateIsAnsweredNoEarlierThanTheFirst) {
  open_waiting();
  append_from(7, 0, 2);
  const AppendInfo again = append_from(7, 0, 2);
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.flush_offset, 2);
  commit();
  EXPECT_EQ(append_from(7, 0, 2).flush_offset, -1);
}

TEST_F(DurabilityTest, FlushMessagesAsksForAFlushWhenSoManyAreThere) {
  config_.durable = false;
  config_.flush_messages = 3;
  open_waiting();
  EXPECT_EQ(append(2).flush_offset, -1);
  EXPECT_EQ(append(1).flush_offset, 3);
  EXPECT_EQ(log_->high_watermark(), 3) << "only durable mode holds the high watermark back";
  commit();
  EXPECT_EQ(append(2).flush_offset, -1);
}

// Logs in two directories, under a manager.
class GroupCommitTest : public testing::Test {
 protected:
  GroupCommitTest() {
    config_.durable = true;
    start();
  }
  void start() {
    LogManagerSettings settings;
    settings.directories = {"/d1", "/d2"};
    logs_ = std::make_unique<LogManager>(
        files_, loop_, settings, [] { return std::array<uint8_t, 16>{}; },
        [this](const std::string& directory, const Status&) { failed_.push_back(directory); });
    ASSERT_TRUE(logs_->lock_directories().ok());
    ASSERT_TRUE(logs_->take_identity(1, "c").ok());
    logs_->load([this](const std::string&) { return config_; },
                [](const Status& status) { ASSERT_TRUE(status.ok()) << status.message(); });
    loop_.run_pending();
  }
  Log& log(int32_t partition) { return **logs_->get_or_create("t", partition, Uuid{}, config_); }
  AppendInfo append(Log& log) {
    records::BatchBuilder builder;
    builder.begin({});
    builder.append(loop_.wall_ms(), std::nullopt, Bytes(reinterpret_cast<const uint8_t*>("value"), 5));
    return log.append_as_leader(*builder.finish(), 0, AppendOrigin::kClient, 9, loop_.wall_ms());
  }

  FaultyFileSystem files_;
  ManualLoop loop_;
  LogConfig config_;
  std::vector<std::string> failed_;
  std::unique_ptr<LogManager> logs_;
};

TEST_F(GroupCommitTest, AppendsOfATurnShareOneFlushOfTheirFile) {
  Log& one = log(0);
  append(one);
  loop_.run_pending();
  const int syncs = files_.count(Call::kSync);
  for (int i = 0; i < 10; ++i) append(one);
  EXPECT_EQ(one.high_watermark(), 1);
  loop_.run_pending();
  EXPECT_EQ(one.high_watermark(), 11);
  EXPECT_EQ(files_.count(Call::kSync), syncs + 1);
}

TEST_F(GroupCommitTest, ProgressIsTold) {
  Log& one = log(0);
  int told = 0;
  one.set_progress_handler([&] { ++told; });
  append(one);
  EXPECT_EQ(told, 0);
  loop_.run_pending();
  EXPECT_EQ(told, 1);
}

TEST_F(GroupCommitTest, B9WhileADiskTakesItsTimeOtherPartitionsAreServed) {
  append(log(0));
  loop_.run_pending();
  append(log(0));
  loop_.hold_background(true);
  loop_.run_pending();
  // Of the same directory, and of another.
  for (const int32_t partition : {0, 1, 2}) {
    append(log(partition));
    loop_.run_pending();
    EXPECT_EQ(log(partition).log_end_offset(), partition == 0 ? 3 : 1);
  }
  EXPECT_TRUE(log(0).read(0, 1 << 20, 1, true).ok());
  EXPECT_EQ(log(0).high_watermark(), 1);
  loop_.hold_background(false);
  loop_.run_pending();
  EXPECT_EQ(log(0).high_watermark(), 3);
}

TEST_F(GroupCommitTest, B4AFailedFlushTakesTheDirectoryOfflineAndIsNotTriedAgain) {
  Log& one = log(0);
  Log& other = log(1);
  ASSERT_NE(parent_directory(one.directory()), parent_directory(other.directory()));
  append(one);
  append(other);
  loop_.run_pending();
  append(one);
  files_.fail_call(Call::kSync, 1, EIO);
  loop_.run_pending();
  EXPECT_TRUE(one.offline());
  EXPECT_EQ(one.high_watermark(), 1);
  EXPECT_EQ(append(one).error, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(failed_.size(), 1u);
  append(other);
  loop_.run_pending();
  EXPECT_EQ(other.high_watermark(), 2);
}

TEST_F(GroupCommitTest, B4AFlushThatFailsWhileTheBrokerStopsKeepsItsDirectoryFromBeingCalledClean) {
  append(log(0));
  append(log(1));
  const std::string directory = parent_directory(log(0).directory());
  files_.fail_call(Call::kSync, 1, EIO);
  // The turn ends, the flush is given to the pool, and the stop comes before it is done.
  bool clean = true;
  loop_.defer([&] { logs_->stop([&](bool was_clean) { clean = was_clean; }); });
  loop_.run_pending();
  EXPECT_FALSE(files_.exists(directory + "/" + kCleanShutdownMarker));
}

TEST_F(GroupCommitTest, A21WhatIsRecoveredIsOnTheDiskBeforeItIsServed) {
  append(log(0));
  loop_.run_pending();
  // Written, not flushed, and the process dies.
  append(log(0));
  logs_.reset();
  files_.kill();
  start();
  Log& again = log(0);
  const int64_t shown = again.high_watermark();
  EXPECT_EQ(shown, 2);
  EXPECT_EQ(again.flushed_offset(), 2);
  logs_.reset();
  files_.crash();
  start();
  EXPECT_EQ(log(0).log_end_offset(), shown);
}

TEST_F(GroupCommitTest, A21WhatIsRecoveredWithoutDurableModeIsOnTheDiskBeforeItIsServedToo) {
  config_.durable = false;
  append(log(0));
  logs_.reset();
  files_.kill();
  start();
  EXPECT_EQ(log(0).high_watermark(), 1);
  logs_.reset();
  files_.crash();
  start();
  EXPECT_EQ(log(0).log_end_offset(), 1);
}

}  // namespace
}  // namespace ottla::storage
