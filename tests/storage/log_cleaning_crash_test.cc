// SPDX-License-Identifier: Apache-2.0
// A cleaning that ends at every call it makes of the file system: by a process that dies there, or a machine
// that loses power.
#include <cerrno>

#include "cleaning_fixture.h"

namespace ottla::storage {
namespace {

using Call = FaultyFileSystem::Call;

constexpr Call kCalls[] = {Call::kOpen,   Call::kWrite,  Call::kSync,         Call::kTruncate,
                           Call::kRename, Call::kRemove, Call::kSyncDirectory};

class CleaningCrashTest : public CleaningTest {
 protected:
  CleaningCrashTest() { config_.segment_bytes = 700; }

  // Five segments of which groups become one each, a key that was deleted, producers, an aborted transaction.
  void fill() {
    log_.reset();
    ASSERT_TRUE(files_.remove_all(kDirectory).ok());
    ASSERT_TRUE(files_.make_directories(kDirectory).ok());
    cleaned_up_to_ = 0;
    open();
    put_batch({{"a", "1"}, {"b", "1"}, {"gone", "1"}, {"c", "1"}});
    put_batch({{"gone", "2"}, {"p", "1"}}, {5, 0, 0});
    new_segment();
    put_batch({{"a", "2"}, {"aborted", "1"}}, {6, 0, 0, true});
    end_transaction(6, false);
    remove("gone");
    new_segment();
    put("b", "2");
    put_batch({{"p", "2"}}, {5, 0, 2});
    new_segment();
    put_batch({{"b", "3"}, {"d", "1"}}, {6, 0, 2, true});
    end_transaction(6, true);
    put("p", "3");
    new_segment();
    ASSERT_TRUE(log_->flush().ok());
  }
  void end_here(bool power_cut) {
    log_.reset();
    power_cut ? files_.crash() : files_.kill();
    files_.clear_failures();
  }
  int calls_of(Call kind, int64_t now_ms) {
    const int before = files_.count(kind);
    must_clean(now_ms);
    return files_.count(kind) - before;
  }
  void expect_no_leftovers() {
    for (const std::string& name : names()) {
      EXPECT_FALSE(name.ends_with(".swap") || name.ends_with(".cleaned") || name.ends_with(".deleted"))
          << name;
    }
  }
  // Fills, and cleans once where it is the cleaning after which the tombstone goes that counts.
  void prepare(bool second) {
    fill();
    if (second) must_clean(kNow);
    cleaned_up_to_ = log_->cleaned_up_to();
  }
  void crash_at_each_call(bool second, bool power_cut, int at_least) {
    const int64_t now_ms = second ? kNow + config_.delete_retention_ms : kNow;
    int crashes = 0;
    for (const Call kind : kCalls) {
      prepare(second);
      const int calls = calls_of(kind, now_ms);
      for (int n = 1; n <= calls; ++n) {
        prepare(second);
        const auto expected = latest();
        const int64_t end = log_->log_end_offset();
        const int64_t recovery_point = n % 2 == 0 ? log_->recovery_point() : 0;
        files_.fail_call(kind, n, EIO);
        ASSERT_FALSE(clean(now_ms).ok()) << "call " << n << " of kind " << static_cast<int>(kind);
        end_here(power_cut);
        open(false, recovery_point);
        EXPECT_EQ(latest(), expected) << "call " << n << " of kind " << static_cast<int>(kind);
        EXPECT_EQ(log_->log_end_offset(), end);
        EXPECT_EQ(log_->last_stable_offset(), end);
        expect_no_leftovers();
        must_clean(now_ms);
        EXPECT_EQ(latest(), expected);
        ASSERT_EQ(append_bytes(keyed_batch({{"p", "4"}}, {5, 0, 3})).error, ErrorCode::NONE);
        ++crashes;
      }
    }
    EXPECT_GE(crashes, at_least);
  }
};

TEST_F(CleaningCrashTest, H5CompactionKilledAtEachCallLeavesTheOldSetOrTheNewAndNoHole) {
  crash_at_each_call(false, false, 60);
}

TEST_F(CleaningCrashTest, H5CompactionCutOffFromPowerAtEachCallLeavesTheOldSetOrTheNewAndNoHole) {
  crash_at_each_call(false, true, 60);
}

TEST_F(CleaningCrashTest, H5ACrashWhileATombstoneGoesBringsNoDeletedKeyBack) {
  crash_at_each_call(true, false, 30);
  crash_at_each_call(true, true, 30);
}

TEST_F(CleaningCrashTest, H5AStartAfterACrashMayCrashToo) {
  fill();
  const int renames = calls_of(Call::kRename, kNow);
  int crashes = 0;
  for (int n = 1; n <= renames; ++n) {
    for (const Call kind : {Call::kRename, Call::kRemove, Call::kTruncate, Call::kWrite, Call::kOpen}) {
      for (int m = 1;; ++m) {
        fill();
        const auto expected = latest();
        files_.fail_call(Call::kRename, n, EIO);
        ASSERT_FALSE(clean().ok());
        end_here(false);
        files_.fail_call(kind, m, EIO);
        Log::OpenOptions options;
        options.directory = kDirectory;
        options.config = config_;
        const bool opened = Log::open(files_, options).ok();
        end_here(m % 2 == 0);
        open();
        EXPECT_EQ(latest(), expected)
            << "rename " << n << ", then call " << m << " of kind " << static_cast<int>(kind);
        expect_no_leftovers();
        if (opened) break;
        ++crashes;
      }
    }
  }
  EXPECT_GT(crashes, 100);
}

TEST_F(CleaningCrashTest, ASplitThatAnOldKafkaDidNotFinishIsUndone) {
  open();
  put("a", "1");
  new_segment();
  put("b", "1");
  log_.reset();
  // KAFKA-6264: the later half is .swap already, the earlier one still .cleaned; the segment is whole.
  for (const std::string& name : {path(0, kLogSuffix) + ".cleaned", path(1, kLogSuffix) + ".swap",
                                  path(1, kOffsetIndexSuffix) + ".swap"})
    ASSERT_TRUE(files_.open(name, true).ok());
  open();
  EXPECT_EQ(seen(), "a=1 b=1");
  expect_no_leftovers();
}

}  // namespace
}  // namespace ottla::storage
