// SPDX-License-Identifier: Apache-2.0
// A25: a segment whose offsets reach further than an index entry can tell, as Kafka before 1.0 could leave it
// (KAFKA-6264).
#include <cerrno>

#include "protocol/records/record_batch.h"
#include "tests/storage/log_fixture.h"

namespace ottla::storage {
namespace {

using Call = FaultyFileSystem::Call;

constexpr int64_t kFar = int64_t{INT32_MAX} + 10;
constexpr int64_t kFarther = 2 * kFar;

class LogSplitTest : public LogTest {
 protected:
  LogSplitTest() {
    config_.cleanup_compact = true;
    config_.index_interval_bytes = 100;
  }
  // Records without keys, which a compacted topic refuses.
  AppendInfo append_keyless(int32_t sequence) {
    LogConfig config = config_;
    config.cleanup_compact = false;
    log_->update_config(config);
    const AppendInfo info = append_from(7, sequence, 1);
    log_->update_config(config_);
    return info;
  }
  void append_to_file(std::vector<uint8_t> batch, int64_t offset) {
    records::RecordBatchEditor(batch).set_base_offset(offset);
    auto& log = files_.contents(path(0, kLogSuffix));
    log.insert(log.end(), batch.begin(), batch.end());
  }
  // Offsets 0 to 2 by producer 7 and on from there, then far away 2 and 2, with the indexes of nothing but
  // the first three.
  void prepare() {
    log_.reset();
    ASSERT_TRUE(files_.remove_all(kDirectory).ok());
    ASSERT_TRUE(files_.make_directories(kDirectory).ok());
    open();
    for (int i = 0; i < 3; ++i) ASSERT_EQ(append_keyless(i).error, ErrorCode::NONE);
    ASSERT_TRUE(log_->close_clean().ok());
    log_.reset();
    for (int i = 0; i < 4; ++i) {
      append_to_file(batch_of({{kNow + i, "far"}}, {7, 0, 3 + i}), (i < 2 ? kFar : kFarther) + i);
    }
    auto file = files_.open(path(0, kLogSuffix), false);
    ASSERT_TRUE((*file)->sync().ok());
    ASSERT_TRUE(files_.sync_directory(kDirectory).ok());
  }
  const std::vector<int64_t> all_{0, 1, 2, kFar, kFar + 1, kFarther + 2, kFarther + 3};

  void expect_all() {
    EXPECT_EQ(offsets_of(read_all()), all_);
    EXPECT_EQ(log_->segment_count(), 3u);
    EXPECT_EQ(log_->log_end_offset(), kFarther + 4);
    for (int64_t base : {int64_t{0}, kFar, kFarther + 2}) {
      EXPECT_TRUE(files_.exists(path(base, kOffsetIndexSuffix))) << base;
      EXPECT_TRUE(files_.exists(path(base, kTimeIndexSuffix))) << base;
    }
    EXPECT_EQ(offsets_of(read_all(kFar + 1, kFarther + 4)),
              std::vector<int64_t>(all_.begin() + 4, all_.end()));
    EXPECT_EQ(log_->find_timestamp(kNow + 2)->offset, kFarther + 2);
    for (const std::string& name : names()) {
      EXPECT_FALSE(name.ends_with(".swap") || name.ends_with(".cleaned") || name.ends_with(".cut")) << name;
    }
  }
};

TEST_F(LogSplitTest, A25ASegmentThatReachesTooFarIsSplitAndNothingIsLost) {
  for (const bool clean : {false, true}) {
    prepare();
    // Whatever is trusted of the file: all, or nothing.
    open(clean, clean ? kFarther + 4 : 0);
    expect_all();
    EXPECT_TRUE(append_keyless(6).duplicate);
    EXPECT_EQ(append_keyless(7).first_offset, kFarther + 4);
    restart_clean();
    EXPECT_EQ(log_->segment_count(), 3u);
    restart_killed();
    EXPECT_EQ(log_->segment_count(), 3u);
    EXPECT_EQ(read_all().size(), all_.size() + 1);
  }
}

TEST_F(LogSplitTest, A25ASegmentThatBeginsTooFarKeepsItsNameAndStaysEmpty) {
  open();
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  append_to_file(batch_of({{kNow, "far"}}), kFar);
  open();
  EXPECT_EQ(offsets_of(read_all()), std::vector<int64_t>{kFar});
  EXPECT_EQ(log_->log_start_offset(), 0);
  EXPECT_EQ(log_->segment_count(), 2u);
}

TEST_F(LogSplitTest, A25ATornEndBehindWhatIsFarIsCutAndKeptAside) {
  prepare();
  auto torn = batch_of({{kNow, "torn"}});
  torn.resize(torn.size() - 3);
  auto& log = files_.contents(path(0, kLogSuffix));
  log.insert(log.end(), torn.begin(), torn.end());
  open();
  EXPECT_EQ(offsets_of(read_all()), all_);
  EXPECT_EQ(files_.contents(path(kFarther + 2, kLogSuffix) + ".cut"), torn);
}

TEST_F(LogSplitTest, A25AFarOffsetInALogThatWasNeverCompactedIsDamageAndIsCutAndKeptAside) {
  prepare();
  config_.cleanup_compact = false;
  open();
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 3));
  EXPECT_TRUE(files_.exists(path(0, kLogSuffix) + ".cut"));
  EXPECT_EQ(append_keyless(3).first_offset, 3);
  // Compacted before, and no more.
  prepare();
  cleaned_up_to_ = kFarther;
  open();
  expect_all();
}

TEST_F(LogSplitTest, A25OffsetsThatGoUpAndDownAreDamageAndAreCutAndKeptAside) {
  open();
  for (int i = 0; i < 3; ++i) append_keyless(i);
  log_.reset();
  append_to_file(batch_of({{kNow, "far"}}), kFar);
  append_to_file(batch_of({{kNow, "back"}}), 4);
  open();
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 3));
  EXPECT_TRUE(files_.exists(path(0, kLogSuffix) + ".cut"));
  EXPECT_EQ(append_keyless(3).first_offset, 3);
}

TEST_F(LogSplitTest, A25ASplitThatEndsAtAnyCallIsUndoneOrFinished) {
  int crashes = 0;
  for (const bool clean : {false, true}) {
    for (const bool power_cut : {false, true}) {
      for (const Call kind : {Call::kOpen, Call::kRead, Call::kWrite, Call::kSync, Call::kTruncate,
                              Call::kRename, Call::kRemove, Call::kSyncDirectory}) {
        for (int n = 1;; ++n) {
          prepare();
          Log::OpenOptions options;
          options.directory = kDirectory;
          options.config = config_;
          options.clean_shutdown = clean;
          options.recovery_point = clean ? kFarther + 4 : 0;
          files_.fail_call(kind, n, EIO);
          const bool opened = Log::open(files_, options).ok();
          power_cut ? files_.crash() : files_.kill();
          files_.clear_failures();
          open();
          expect_all();
          EXPECT_TRUE(append_keyless(6).duplicate);
          ASSERT_FALSE(HasFailure()) << "call " << n << " of kind " << static_cast<int>(kind);
          if (opened) break;
          ++crashes;
        }
      }
    }
  }
  EXPECT_GT(crashes, 100);
}

}  // namespace
}  // namespace ottla::storage
