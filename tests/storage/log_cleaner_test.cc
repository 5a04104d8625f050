// SPDX-License-Identifier: Apache-2.0
#include "storage/log/log_cleaner.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "protocol/base/manual_loop.h"
#include "protocol/records/batch_builder.h"
#include "storage/io/faulty_file_system.h"
#include "storage/log/log_manager.h"

namespace ottla::storage {
namespace {

using testing::Contains;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class LogCleanerTest : public testing::Test {
 protected:
  LogCleanerTest() {
    config_.cleanup_compact = true;
    config_.cleanup_delete = false;
    config_.segment_bytes = 400;
    settings_.directories = {"/d1"};
    settings_.cleaner.backoff_ms = 1000;
  }

  void start() {
    logs_ = std::make_unique<LogManager>(
        files_, loop_, settings_, [this] { return std::array<uint8_t, 16>{++random_}; },
        [this](const std::string& directory, const Status&) { failed_.push_back(directory); });
    ASSERT_TRUE(logs_->lock_directories().ok());
    ASSERT_TRUE(logs_->take_identity(1, "c").ok());
    Status loaded(ErrorCode::UNKNOWN_SERVER_ERROR, "not called");
    logs_->load([this](const std::string&) { return config_; },
                [&](Status status) { loaded = std::move(status); });
    loop_.run_pending();
    ASSERT_TRUE(loaded.ok()) << loaded.message();
  }
  void stop() {
    bool done = false;
    logs_->stop([&](bool) { done = true; });
    loop_.run_pending();
    ASSERT_TRUE(done);
    logs_.reset();
  }
  void kill() {
    logs_.reset();
    files_.kill();
  }
  Log& log(const std::string& topic) { return **logs_->get_or_create(topic, 0, Uuid{}, config_); }
  ErrorCode put(const std::string& topic, const std::string& key, const std::string& value) {
    const auto bytes = [](const std::string& text) {
      return Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    };
    records::BatchBuilder builder;
    builder.begin({});
    builder.append(loop_.wall_ms(), bytes(key), bytes(value));
    return log(topic).append_as_leader(*builder.finish(), 0, AppendOrigin::kClient, 9, loop_.wall_ms()).error;
  }
  // `count` records over `keys` keys.
  void fill(const std::string& topic, int count = 60, int keys = 5) {
    for (int i = 0; i < count; ++i) {
      const int number = filled_[topic]++;
      ASSERT_EQ(put(topic, "k" + std::to_string(number % keys), "v" + std::to_string(number)),
                ErrorCode::NONE);
    }
  }
  std::vector<int64_t> offsets(const std::string& topic) {
    std::vector<int64_t> found;
    Log& log = this->log(topic);
    for (int64_t offset = log.log_start_offset(); offset < log.log_end_offset();) {
      const auto read = log.read(offset, 1, log.log_end_offset(), true);
      EXPECT_TRUE(read.ok()) << read.status().message();
      if (!read.ok() || read->slice.length == 0) break;
      std::vector<uint8_t> bytes(read->slice.length);
      EXPECT_EQ(read->slice.file->read_at(bytes, read->slice.position), std::ssize(bytes));
      const auto header = decode_batch_header(bytes, bytes.size());
      if (header->record_count > 0) found.push_back(header->base_offset);
      offset = header->last_offset + 1;
    }
    return found;
  }
  bool is_clean(const std::string& topic) {
    const Log& log = this->log(topic);
    return log.cleaned_up_to() >= log.active_base_offset() ||
           log.cleaning_plan(loop_.wall_ms()).dirty_bytes == 0;
  }
  std::string checkpoint() {
    return files_.exists("/d1/cleaner-offset-checkpoint") ? *files_.read_text("/d1/cleaner-offset-checkpoint")
                                                          : "none";
  }
  std::vector<std::string> entries(const std::string& directory) {
    std::vector<std::string> found;
    const auto listed = files_.list(directory);
    for (const auto& entry : *listed) found.push_back(entry.name);
    return found;
  }
  // Slow enough that a cleaning takes many steps, a timer's wait apart.
  void throttle() { settings_.cleaner.io_max_bytes_per_second = 1000; }

  FaultyFileSystem files_;
  ManualLoop loop_;
  LogConfig config_;
  LogManagerSettings settings_;
  std::vector<std::string> failed_;
  std::map<std::string, int> filled_;
  std::unique_ptr<LogManager> logs_;
  uint8_t random_ = 0;
};

TEST_F(LogCleanerTest, CompactedLogsAreCleanedAndOthersAreNot) {
  start();
  fill("compacted");
  LogConfig config = config_;
  config_.cleanup_compact = false;
  config_.cleanup_delete = true;
  fill("deleted");
  log("deleted").update_config(config_);
  config_ = config;
  log("compacted").update_config(config_);
  const size_t before = log("compacted").size_in_bytes();
  logs_->find("deleted", 0)->update_config([&] {
    LogConfig other = config_;
    other.cleanup_compact = false;
    return other;
  }());
  loop_.advance(1000);
  EXPECT_EQ(logs_->find("compacted", 0)->cleaned_up_to(), logs_->find("compacted", 0)->active_base_offset());
  EXPECT_LT(logs_->find("compacted", 0)->size_in_bytes(), before / 3);
  EXPECT_EQ(logs_->find("deleted", 0)->cleaned_up_to(), 0);
  EXPECT_EQ(offsets("compacted").back(), 59);
}

TEST_F(LogCleanerTest, TheCheckpointIsKafkasAndIsReadAgain) {
  start();
  EXPECT_EQ(checkpoint(), "none");
  fill("t");
  loop_.advance(1000);
  const int64_t clean = log("t").cleaned_up_to();
  EXPECT_EQ(checkpoint(), "0\n1\nt 0 " + std::to_string(clean) + "\n");
  kill();
  start();
  EXPECT_EQ(log("t").cleaned_up_to(), clean);
  stop();
  start();
  EXPECT_EQ(log("t").cleaned_up_to(), clean);
}

TEST_F(LogCleanerTest, TheCheckpointForgetsATopicThatIsDeleted) {
  start();
  fill("t");
  fill("u");
  loop_.advance(1000);
  EXPECT_THAT(checkpoint(), HasSubstr("t 0 "));
  ASSERT_TRUE(logs_->remove("t", 0).ok());
  loop_.run_pending();
  EXPECT_THAT(checkpoint(), Not(HasSubstr("t 0 ")));
  EXPECT_THAT(checkpoint(), HasSubstr("u 0 "));
  fill("t");
  EXPECT_EQ(log("t").cleaned_up_to(), 0);
}

TEST_F(LogCleanerTest, TheCheckpointGoesBackWithATruncationBeforeAnythingElseHappens) {
  start();
  fill("t");
  loop_.advance(1000);
  ASSERT_TRUE(log("t").truncate_to(20).ok());
  loop_.run_pending();
  kill();
  start();
  EXPECT_LE(log("t").cleaned_up_to(), 20);
}

TEST_F(LogCleanerTest, ACheckpointThatCannotBeReadMeansThatAllIsDirty) {
  start();
  fill("t");
  loop_.advance(1000);
  kill();
  auto& text = files_.contents("/d1/cleaner-offset-checkpoint");
  text[0] = 'x';
  start();
  EXPECT_EQ(log("t").cleaned_up_to(), 0);
}

TEST_F(LogCleanerTest, PolicyAndRatioActWhileRunning) {
  config_.cleanup_compact = false;
  start();
  fill("t");
  loop_.advance(5000);
  EXPECT_EQ(log("t").cleaned_up_to(), 0);
  config_.cleanup_compact = true;
  config_.min_cleanable_dirty_ratio = 1;
  log("t").update_config(config_);
  loop_.advance(5000);
  EXPECT_EQ(log("t").cleaned_up_to(), 0) << "no more than all can be dirty";
  config_.min_cleanable_dirty_ratio = 0.5;
  log("t").update_config(config_);
  loop_.advance(1000);
  EXPECT_TRUE(is_clean("t"));
}

TEST_F(LogCleanerTest, MaxCompactionLagCleansWhateverTheRatioIs) {
  config_.min_cleanable_dirty_ratio = 1;
  config_.max_compaction_lag_ms = 10'000;
  start();
  fill("t");
  loop_.advance(9000);
  EXPECT_EQ(log("t").cleaned_up_to(), 0);
  loop_.advance(3000);
  EXPECT_TRUE(is_clean("t"));
}

TEST_F(LogCleanerTest, CompactAndDeleteAlsoHasRetention) {
  config_.cleanup_delete = true;
  config_.retention_ms = 100'000;
  start();
  fill("t");
  loop_.advance(1000);
  ASSERT_TRUE(is_clean("t"));
  EXPECT_EQ(log("t").log_start_offset(), 0);
  loop_.advance(700'000);
  EXPECT_EQ(log("t").log_start_offset(), 60);
  fill("t", 20);
  loop_.advance(2000);
  EXPECT_TRUE(is_clean("t"));
}

TEST_F(LogCleanerTest, SwitchedOffNothingIsCleaned) {
  settings_.cleaner.enable = false;
  start();
  fill("t");
  loop_.advance(100'000);
  EXPECT_EQ(log("t").cleaned_up_to(), 0);
}

TEST_F(LogCleanerTest, ReplacedFilesGoAfterFileDeleteDelay) {
  start();
  fill("t");
  loop_.advance(1000);
  EXPECT_THAT(entries("/d1/t-0"), Contains(EndsWith(".log.deleted")));
  loop_.advance(config_.file_delete_delay_ms + 1);
  EXPECT_THAT(entries("/d1/t-0"), Not(Contains(EndsWith(".deleted"))));
}

TEST_F(LogCleanerTest, TheFilthiestLogIsFirstAndThreadsCleanSideBySide) {
  throttle();
  start();
  fill("a");
  fill("b");
  loop_.advance(1000);
  EXPECT_EQ(logs_->cleaner().running(), 1u);
  loop_.advance(100'000);
  ASSERT_TRUE(is_clean("a") && is_clean("b"));
  CleanerSettings faster = settings_.cleaner;
  faster.threads = 2;
  logs_->update_cleaner(faster);
  fill("a", 100);
  fill("b", 300);
  loop_.advance(1000);
  EXPECT_EQ(logs_->cleaner().running(), 2u);
  loop_.advance(200'000);
  EXPECT_EQ(logs_->cleaner().running(), 0u);
  EXPECT_TRUE(is_clean("a") && is_clean("b"));
}

TEST_F(LogCleanerTest, InputAndOutputAreThrottled) {
  start();
  fill("t", 600);
  const auto bytes = static_cast<int64_t>(log("t").size_in_bytes());
  CleanerSettings slow = settings_.cleaner;
  slow.io_max_bytes_per_second = 10'000;
  logs_->update_cleaner(slow);
  // Everything is read twice, once for the map and once to be written again.
  const int64_t least_ms = 2 * bytes * 1000 / 10'000;
  loop_.advance(1000 + least_ms * 8 / 10);
  EXPECT_FALSE(is_clean("t"));
  loop_.advance(least_ms);
  EXPECT_TRUE(is_clean("t"));
}

TEST_F(LogCleanerTest, AppendsGoOnWhileALogIsCleaned) {
  throttle();
  start();
  fill("t");
  loop_.advance(1500);
  ASSERT_EQ(logs_->cleaner().running(), 1u);
  for (int i = 0; i < 50; ++i) {
    fill("t", 1);
    loop_.advance(100);
  }
  loop_.advance(300'000);
  EXPECT_EQ(log("t").log_end_offset(), 110);
  const auto left = offsets("t");
  EXPECT_TRUE(std::is_sorted(left.begin(), left.end()));
  EXPECT_EQ(left.back(), 109);
}

// H6: whatever happens to the log between two steps of its cleaning. Of what was there when it was cut, the
// last record of each key stays. (Of a key whose newer record was cut off after it had replaced an older one,
// nothing is left: that is why only what is below the high watermark is cleaned, and nothing below it is cut
// off.)
TEST_F(LogCleanerTest, H6CompactionRacesTruncationAndPrefixDeletesWithoutLoss) {
  throttle();
  config_.min_cleanable_dirty_ratio = 0;
  constexpr int kKeys = 7;
  for (int wait = 0; wait < 40; ++wait) {
    for (int what = 0; what < 3; ++what) {
      SCOPED_TRACE(fmt::format("waited {}, did {}", wait, what));
      files_.remove_all("/d1").ok();
      filled_.clear();
      start();
      fill("t", 60, kKeys);
      loop_.advance(1000 + wait * 150);
      std::map<int64_t, int64_t> last_of_key;
      for (const int64_t offset : offsets("t")) {
        if (what == 1 || offset < 31) last_of_key[offset % kKeys] = offset;
      }
      ASSERT_TRUE((what == 1 ? log("t").delete_records(31) : log("t").truncate_to(31)).ok());
      if (what == 2) {
        filled_["t"] = 31;
        fill("t", 29, kKeys);
        for (int64_t offset = 31; offset < 60; ++offset) last_of_key[offset % kKeys] = offset;
      }
      loop_.advance(300'000);
      ASSERT_TRUE(is_clean("t"));
      EXPECT_EQ(log("t").log_end_offset(), what == 0 ? 31 : 60);
      const auto left = offsets("t");
      EXPECT_TRUE(std::is_sorted(left.begin(), left.end()));
      for (const auto& [key, offset] : last_of_key) EXPECT_THAT(left, Contains(offset));
      for (const std::string& name : entries("/d1/t-0")) EXPECT_THAT(name, Not(HasSubstr(".cleaned")));
      EXPECT_TRUE(failed_.empty());
      EXPECT_FALSE(logs_->cleaner().is_uncleanable({"t", 0}));
      kill();
    }
  }
}

TEST_F(LogCleanerTest, ATopicDeletedWhileItIsCleanedIsGone) {
  throttle();
  start();
  fill("t");
  loop_.advance(1500);
  ASSERT_EQ(logs_->cleaner().running(), 1u);
  ASSERT_TRUE(logs_->remove("t", 0).ok());
  fill("t", 10);
  loop_.advance(100'000);
  EXPECT_EQ(logs_->cleaner().running(), 0u);
  EXPECT_TRUE(failed_.empty());
  EXPECT_EQ(log("t").log_end_offset(), 10);
}

TEST_F(LogCleanerTest, AStopGivesUpAndLeavesNothingBehind) {
  throttle();
  start();
  fill("t");
  loop_.advance(8000);
  ASSERT_EQ(logs_->cleaner().running(), 1u);
  stop();
  for (const std::string& name : entries("/d1/t-0")) {
    EXPECT_THAT(name, Not(HasSubstr(".cleaned")));
    EXPECT_THAT(name, Not(HasSubstr(".swap")));
  }
  start();
  loop_.advance(300'000);
  EXPECT_TRUE(is_clean("t"));
}

TEST_F(LogCleanerTest, ADamagedPartitionIsLeftAloneAndOthersGoOn) {
  start();
  fill("bad");
  fill("good");
  const Log& bad = log("bad");
  files_.contents(bad.directory() + "/00000000000000000000.log")[90] ^= 1;
  loop_.advance(1000);
  EXPECT_TRUE(logs_->cleaner().is_uncleanable({"bad", 0}));
  EXPECT_TRUE(is_clean("good"));
  EXPECT_TRUE(failed_.empty());
  EXPECT_EQ(put("bad", "k", "v"), ErrorCode::NONE);
  const int opens = files_.count(FaultyFileSystem::Call::kOpen);
  loop_.advance(3000);
  EXPECT_EQ(files_.count(FaultyFileSystem::Call::kOpen), opens) << "it is not tried again";
  ASSERT_TRUE(logs_->remove("bad", 0).ok());
  fill("bad");
  loop_.advance(2000);
  EXPECT_TRUE(is_clean("bad")) << "a new topic of that name is another";
}

TEST_F(LogCleanerTest, ADiskThatFailsTakesItsDirectoryOffline) {
  settings_.directories = {"/d1", "/d2"};
  start();
  fill("a");
  fill("b");
  files_.fail_call(FaultyFileSystem::Call::kSync, 1, EIO);
  loop_.advance(1000);
  ASSERT_EQ(failed_.size(), 1u);
  EXPECT_EQ(logs_->online_directories(), 1u);
  loop_.advance(2000);
  EXPECT_EQ(logs_->size(), 1u);
  logs_->for_each(
      [](const TopicPartitionName&, Log& log) { EXPECT_EQ(log.cleaned_up_to(), log.active_base_offset()); });
}

TEST_F(LogCleanerTest, B3AFullDiskIsTriedAgainWhenThereIsRoom) {
  start();
  fill("t");
  files_.fail_calls_from(FaultyFileSystem::Call::kWrite, 1, ENOSPC);
  loop_.advance(1000);
  EXPECT_EQ(log("t").cleaned_up_to(), 0);
  EXPECT_TRUE(failed_.empty());
  EXPECT_THAT(entries("/d1/t-0"), Not(Contains(HasSubstr(".cleaned"))));
  files_.clear_failures();
  loop_.advance(3000);
  EXPECT_TRUE(is_clean("t"));
}

}  // namespace
}  // namespace ottla::storage
