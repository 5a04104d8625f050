// SPDX-License-Identifier: Apache-2.0
// What a LogManager deletes: rows H4 and H8, and the cap on all logs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "protocol/base/manual_loop.h"
#include "protocol/records/batch_builder.h"
#include "storage/io/faulty_file_system.h"
#include "storage/log/log_manager.h"

namespace ottla::storage {
namespace {

using testing::ElementsAre;

class LogManagerRetentionTest : public testing::Test {
 protected:
  static constexpr int64_t kDayMs = 24 * 3600 * 1000;
  static constexpr int64_t kTenYearsMs = 3652 * kDayMs;

  LogManagerRetentionTest() {
    config_.segment_bytes = 500;
    config_.retention_ms = 7 * kDayMs;
    settings_.directories = {"/d1"};
  }

  void start() {
    logs_ = std::make_unique<LogManager>(
        files_, loop_, settings_, [this] { return std::array<uint8_t, 16>{++last_random_}; },
        [this](const std::string& directory, const Status&) { failed_.push_back(directory); });
    ASSERT_TRUE(logs_->lock_directories().ok());
    ASSERT_TRUE(logs_->take_identity(1, "c").ok());
    Status loaded(ErrorCode::UNKNOWN_SERVER_ERROR, "not called");
    logs_->load([this](const std::string&) { return config_; },
                [&](Status status) { loaded = std::move(status); });
    loop_.run_pending();
    ASSERT_TRUE(loaded.ok()) << loaded.message();
  }
  void end(bool power_cut) {
    logs_.reset();
    power_cut ? files_.crash() : files_.kill();
    files_.clear_failures();
  }
  void start_on_an_empty_disk() {
    ASSERT_TRUE(files_.remove_all("/d1").ok());
    start();
  }
  Log& log(const std::string& topic) {
    const auto log = logs_->get_or_create(topic, 0, Uuid{}, config_);
    EXPECT_TRUE(log.ok()) << log.status().message();
    return **log;
  }
  void append(const std::string& topic, int count) {
    for (int i = 0; i < count; ++i) {
      records::BatchBuilder builder;
      builder.begin({});
      builder.append(loop_.wall_ms(), Bytes(reinterpret_cast<const uint8_t*>("key"), 3),
                     Bytes(reinterpret_cast<const uint8_t*>("value"), 5));
      const AppendInfo info =
          log(topic).append_as_leader(*builder.finish(), 0, AppendOrigin::kClient, 9, loop_.wall_ms());
      ASSERT_EQ(info.error, ErrorCode::NONE);
    }
  }
  uint64_t total() {
    uint64_t bytes = 0;
    logs_->for_each([&](const TopicPartitionName&, Log& log) { bytes += log.size_in_bytes(); });
    return bytes;
  }
  // DeleteRecords as its handler does it; whether it was acknowledged.
  bool delete_records(int64_t offset) {
    bool saved = false;
    if (!log("t").delete_records(offset).ok()) return false;
    logs_->save_log_starts({{"t", 0}}, [&] { saved = true; });
    loop_.run_pending();
    return saved && logs_->find("t", 0) != nullptr;
  }

  FaultyFileSystem files_;
  ManualLoop loop_;
  LogConfig config_;
  LogManagerSettings settings_;
  std::vector<std::string> failed_;
  std::unique_ptr<LogManager> logs_;
  uint8_t last_random_ = 0;
};

TEST_F(LogManagerRetentionTest, H4AfterDeleteRecordsTheStartNeverGoesBackWhereverTheBrokerDies) {
  using Call = FaultyFileSystem::Call;
  int acknowledged = 0;
  for (const bool power_cut : {false, true}) {
    for (const Call kind : {Call::kOpen, Call::kWrite, Call::kSync, Call::kRename, Call::kSyncDirectory}) {
      for (int n = 1; n < 8; ++n) {
        SCOPED_TRACE(testing::Message()
                     << "call " << n << " of kind " << static_cast<int>(kind) << ", power cut " << power_cut);
        start_on_an_empty_disk();
        append("t", 40);
        ASSERT_TRUE(log("t").flush().ok());
        const bool first = delete_records(13);
        ASSERT_TRUE(first);
        // In the middle of a segment, or where one begins.
        const int64_t wanted = n % 2 == 0 ? 25 : log("t").active_base_offset();
        files_.fail_call(kind, n, EIO);
        const bool second = delete_records(wanted);
        acknowledged += second ? 1 : 0;
        end(power_cut);
        start();
        EXPECT_GE(log("t").log_start_offset(), second ? wanted : 13);
        EXPECT_LE(log("t").log_start_offset(), wanted);
        EXPECT_EQ(log("t").log_end_offset(), 40);
        end(false);
      }
    }
  }
  EXPECT_GT(acknowledged, 20);
  EXPECT_LT(acknowledged, 65);
}

TEST_F(LogManagerRetentionTest, H8AClockThatJumpsTenYearsAheadWhileRunningWipesNothing) {
  start();
  append("t", 30);
  loop_.advance(3600 * 1000);
  loop_.set_wall_ms(loop_.wall_ms() + kTenYearsMs);
  loop_.advance(kDayMs);
  EXPECT_EQ(log("t").log_start_offset(), 0);
  // By the time that passes, retention goes on.
  loop_.advance(7 * kDayMs);
  EXPECT_EQ(log("t").log_start_offset(), 30);
}

TEST_F(LogManagerRetentionTest, H8AClockThatComesBackIsBelievedAgain) {
  start();
  append("t", 30);
  loop_.set_wall_ms(loop_.wall_ms() + kTenYearsMs);
  loop_.advance(3600 * 1000);
  loop_.set_wall_ms(loop_.wall_ms() - kTenYearsMs + 8 * kDayMs);
  loop_.advance(3600 * 1000);
  EXPECT_EQ(log("t").log_start_offset(), 30) << "eight days is no more than may be";
}

TEST_F(LogManagerRetentionTest, H8ABrokerThatStartsWithAClockTenYearsAheadWipesNothing) {
  start();
  append("t", 30);
  files_.set_modified("/d1/replication-offset-checkpoint", loop_.wall_ms());
  end(false);
  loop_.set_wall_ms(loop_.wall_ms() + kTenYearsMs);
  start();
  loop_.advance(kDayMs);
  EXPECT_EQ(log("t").log_start_offset(), 0);
  // Somebody says that the clock is right.
  logs_->update_limits(-1, -1);
  loop_.advance(3600 * 1000);
  EXPECT_EQ(log("t").log_start_offset(), 30);
}

TEST_F(LogManagerRetentionTest, H8ADowntimeThatMayBeIsNoJump) {
  start();
  append("t", 30);
  files_.set_modified("/d1/.kafka_cleanshutdown", loop_.wall_ms());
  end(false);
  loop_.set_wall_ms(loop_.wall_ms() + 20 * kDayMs);
  start();
  loop_.advance(3600 * 1000);
  EXPECT_EQ(log("t").log_start_offset(), 30);
}

TEST_F(LogManagerRetentionTest, H8TombstonesStayToo) {
  config_.cleanup_delete = false;
  config_.cleanup_compact = true;
  config_.min_compaction_lag_ms = 8 * kDayMs;
  start();
  append("t", 30);
  loop_.set_wall_ms(loop_.wall_ms() + kTenYearsMs);
  loop_.advance(kDayMs);
  EXPECT_EQ(log("t").cleaned_up_to(), 0) << "nothing is eight days old";
}

TEST_F(LogManagerRetentionTest, AboveTheCapTheOldestSegmentsOfAllLogsGo) {
  config_.retention_ms = -1;
  settings_.max_bytes = 4000;
  start();
  append("old", 30);
  loop_.advance(1000);
  append("young", 30);
  ASSERT_GT(total(), 4000u);
  loop_.advance(60'000);
  EXPECT_LE(total(), 4000u);
  EXPECT_GT(total(), 3000u) << "no more than needed";
  EXPECT_GT(log("old").log_start_offset(), 0);
  EXPECT_EQ(log("young").log_start_offset(), 0);
  EXPECT_EQ(log("old").log_end_offset(), 30);
  append("young", 60);
  loop_.advance(10'000);
  EXPECT_EQ(log("old").segment_count(), 1u) << "what is written to stays";
  EXPECT_GT(log("young").log_start_offset(), 0);
}

TEST_F(LogManagerRetentionTest, TheCapLeavesTablesAlone) {
  settings_.max_bytes = 1000;
  config_.cleanup_delete = false;
  config_.cleanup_compact = true;
  settings_.cleaner.enable = false;
  start();
  append("table", 30);
  const uint64_t before = total();
  loop_.advance(60'000);
  EXPECT_EQ(total(), before);
}

TEST_F(LogManagerRetentionTest, TheCapComesAndGoesWhileRunning) {
  config_.retention_ms = -1;
  start();
  append("t", 60);
  const uint64_t before = total();
  loop_.advance(60'000);
  EXPECT_EQ(total(), before) << "none unless it is set";
  logs_->update_limits(2000, -1);
  loop_.advance(10'000);
  EXPECT_LE(total(), 2000u);
  logs_->update_limits(-1, -1);
  append("t", 60);
  loop_.advance(60'000);
  EXPECT_GT(total(), 4000u);
}

TEST_F(LogManagerRetentionTest, ADiskThatFailsUnderTheCapTakesItsDirectoryOffline) {
  config_.retention_ms = -1;
  settings_.max_bytes = 1000;
  settings_.directories = {"/d1", "/d2"};
  start();
  append("a", 30);
  append("b", 30);
  files_.fail_call(FaultyFileSystem::Call::kRename, 1, EIO);
  loop_.advance(10'000);
  EXPECT_THAT(failed_, testing::SizeIs(1));
  loop_.advance(60'000);
  EXPECT_EQ(logs_->size(), 1u);
  EXPECT_LE(total(), 1000u);
}

}  // namespace
}  // namespace ottla::storage
