// SPDX-License-Identifier: Apache-2.0
// What a log makes of a directory that a crash, a bad disk or a mad writer left.
#include <cerrno>
#include <functional>

#include "protocol/records/legacy_records.h"
#include "tests/storage/log_fixture.h"

namespace ottla::storage {
namespace {

class LogRecoveryTest : public LogTest {
 protected:
  // A log of 20 batches; the last begins at last_position_ of the last segment.
  void prepare(int64_t segment_bytes = 1 << 20) {
    config_.segment_bytes = segment_bytes;
    config_.index_interval_bytes = 300;
    open();
    append_many(20);
    last_base_ = log_->active_base_offset();
    log_.reset();
    auto& bytes = active();
    scan([&](size_t position) { last_position_ = position; });
    last_size_ = bytes.size() - last_position_;
  }
  std::vector<uint8_t>& active() { return files_.contents(path(last_base_, kLogSuffix)); }
  void scan(const std::function<void(size_t)>& visit) {
    size_t position = 0;
    const auto& bytes = active();
    while (position < bytes.size()) {
      visit(position);
      position += decode_batch_header(Bytes(bytes).subspan(position), bytes.size() - position)->size;
    }
  }
  void expect_all_but_the_last() {
    open();
    ASSERT_EQ(offsets_of(read_all()), offsets_between(0, 19));
    ASSERT_EQ(append().first_offset, 19);
    log_.reset();
  }

  int64_t last_base_ = 0;
  size_t last_position_ = 0;
  size_t last_size_ = 0;
};

TEST_F(LogRecoveryTest, A2ATornLastBatchIsCutAtEveryByte) {
  prepare();
  const std::vector<uint8_t> whole = active();
  for (size_t kept = 0; kept < last_size_; ++kept) {
    active().assign(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(last_position_ + kept));
    SCOPED_TRACE(kept);
    expect_all_but_the_last();
  }
}

TEST_F(LogRecoveryTest, A5ADamagedLastBatchIsCutAndKeptAside) {
  prepare();
  const std::vector<uint8_t> whole = active();
  const std::vector<uint8_t> tail(whole.begin() + static_cast<ptrdiff_t>(last_position_), whole.end());
  for (size_t at = 0; at < last_size_; ++at) {
    // Bytes 12 to 15, the leader epoch, are outside the CRC.
    if (at >= 12 && at < 16) continue;
    active() = whole;
    active()[last_position_ + at] ^= 0x81;
    std::vector<uint8_t> damaged = tail;
    damaged[at] ^= 0x81;
    SCOPED_TRACE(at);
    open();
    // The offset is outside the CRC too: what it says is taken where it is possible in this segment.
    ASSERT_LE(log_->log_end_offset(), int64_t{1} << 32);
    if (at >= 8) {
      ASSERT_EQ(log_->log_end_offset(), 19);
    }
    ASSERT_EQ(offsets_of(read_all(0, 19)), offsets_between(0, 19));
    if (at >= 8) {
      ASSERT_EQ(files_.contents(path(0, kLogSuffix) + ".cut"), damaged);
    }
    log_.reset();
    ASSERT_TRUE(files_.remove_file(path(0, kLogSuffix) + ".cut").ok());
  }
}

TEST_F(LogRecoveryTest, A3AZeroTailIsCutAndNothingOfItKept) {
  prepare();
  active().resize(active().size() + 5000);
  open();
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 20));
  EXPECT_FALSE(files_.exists(path(0, kLogSuffix) + ".cut"));
  EXPECT_EQ(append().first_offset, 20);
}

TEST_F(LogRecoveryTest, A4ATailWithAGarbageLengthIsCut) {
  prepare();
  for (const uint8_t length : {0x00, 0x7f, 0x80, 0xff}) {
    std::vector<uint8_t> garbage(100, 2);
    garbage[8] = garbage[9] = garbage[10] = garbage[11] = length;
    const size_t size = active().size();
    active().insert(active().end(), garbage.begin(), garbage.end());
    open();
    EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 20));
    log_.reset();
    EXPECT_EQ(active().size(), size);
  }
}

TEST_F(LogRecoveryTest, A5BehindACutInTheMiddleNothingIsServedAndNothingDeleted) {
  prepare(500);
  open();
  const auto starts = log_->segment_starts();
  ASSERT_GT(starts.size(), 3u);
  log_.reset();
  const int64_t damaged = starts[1].offset;
  files_.contents(path(damaged, kLogSuffix)).back() ^= 1;
  open();
  EXPECT_EQ(log_->log_end_offset(), starts[2].offset - 1);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, log_->log_end_offset()));
  EXPECT_TRUE(files_.exists(path(damaged, kLogSuffix) + ".cut"));
  EXPECT_TRUE(files_.exists(path(starts[3].offset, kLogSuffix) + ".cut"));
  EXPECT_FALSE(files_.exists(path(starts[3].offset, kLogSuffix)));
  const int64_t end = log_->log_end_offset();
  append_many(10);
  restart_killed();
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, end + 10));
}

TEST_F(LogRecoveryTest, A14ASegmentWhoseEndIsMissingEndsTheLogThoughLaterOnesReachedTheDisk) {
  prepare(500);
  open();
  const auto starts = log_->segment_starts();
  ASSERT_GT(starts.size(), 3u);
  log_.reset();
  // Whole batches are left of it: nothing in the file says that there was more.
  auto& second = files_.contents(path(starts[1].offset, kLogSuffix));
  const auto first_batch = decode_batch_header(second, second.size());
  second.resize(first_batch->size);
  open();
  EXPECT_EQ(log_->log_end_offset(), first_batch->last_offset + 1);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, log_->log_end_offset()));
  EXPECT_TRUE(files_.exists(path(starts[2].offset, kLogSuffix) + ".cut"));
}

TEST_F(LogRecoveryTest, A7A8DamagedAndMissingIndexesAreRebuilt) {
  prepare(1500);
  open();
  ASSERT_TRUE(log_->close_clean().ok());
  const auto starts = log_->segment_starts();
  ASSERT_GT(starts.size(), 1u);
  log_.reset();
  const std::vector<std::function<void(std::vector<uint8_t>&)>> damages = {
      [](auto& bytes) { bytes.push_back(1); },
      [](auto& bytes) { std::fill(bytes.begin(), bytes.end(), uint8_t{0x7f}); },
      [](auto& bytes) { bytes[bytes.size() - 1] = bytes[bytes.size() - 2] = bytes[bytes.size() - 3] = 0xff; },
      [](auto& bytes) { bytes.clear(); },
      [](auto& bytes) { bytes.resize(10 << 20); },
  };
  for (const char* kind : {kOffsetIndexSuffix, kTimeIndexSuffix}) {
    for (size_t i = 0; i < damages.size(); ++i) {
      SCOPED_TRACE(std::string(kind) + " " + std::to_string(i));
      const std::string index = path(0, kind);
      const std::vector<uint8_t> good = files_.contents(index);
      ASSERT_FALSE(good.empty());
      damages[i](files_.contents(index));
      open(true);
      ASSERT_EQ(offsets_of(read_all()), offsets_between(0, 20));
      for (int64_t offset = 0; offset < 20; ++offset) {
        ASSERT_EQ(read_all(offset, 20).front().offset, offset);
        ASSERT_EQ(log_->find_timestamp(kNow + offset)->offset, offset);
      }
      ASSERT_TRUE(log_->close_clean().ok());
      log_.reset();
      files_.contents(index) = good;
    }
    ASSERT_TRUE(files_.remove_file(path(0, kind)).ok());
    open(true);
    ASSERT_EQ(offsets_of(read_all()), offsets_between(0, 20));
    ASSERT_TRUE(log_->close_clean().ok());
    log_.reset();
    EXPECT_FALSE(files_.contents(path(0, kind)).empty());
  }
}

// Entries that ascend and lie inside the file, and are wrong.
TEST_F(LogRecoveryTest, A7APlausibleIndexThatIsWrongIsFoundOutWhereItIsUsed) {
  prepare();
  open();
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  const std::string index = path(0, kOffsetIndexSuffix);
  const std::vector<uint8_t> good = files_.contents(index);
  ASSERT_GE(good.size(), 3 * OffsetEntry::kBytes);
  for (const auto& [offsets, positions] : {std::pair{-2, 0}, {0, 7}, {0, -7}, {-1, 13}, {1, 0}, {0, 60}}) {
    SCOPED_TRACE(std::to_string(offsets) + " " + std::to_string(positions));
    auto& bytes = files_.contents(index);
    bytes = good;
    // The last stays: it is looked at when the log is opened.
    for (size_t at = 0; at + OffsetEntry::kBytes < bytes.size(); at += OffsetEntry::kBytes) {
      OffsetEntry entry = OffsetEntry::decode(bytes.data() + at);
      entry.relative_offset += offsets;
      entry.position += positions;
      entry.encode(bytes.data() + at);
    }
    open(true);
    for (int64_t offset = 0; offset < 20; ++offset) {
      for (const uint32_t max_bytes : {1u, 200u, 500u, 1u << 20})
        ASSERT_EQ(offsets_of(read_all(offset, 20, max_bytes)), offsets_between(offset, 20)) << max_bytes;
      ASSERT_EQ(log_->find_timestamp(kNow + offset)->offset, offset);
    }
    log_.reset();
  }
}

TEST_F(LogRecoveryTest, A9AnIndexWithoutASegmentGoes) {
  prepare();
  ASSERT_TRUE(files_.open(path(7, kOffsetIndexSuffix), true).ok());
  ASSERT_TRUE(files_.open(path(7, kTransactionIndexSuffix), true).ok());
  open();
  EXPECT_FALSE(files_.exists(path(7, kOffsetIndexSuffix)));
  EXPECT_FALSE(files_.exists(path(7, kTransactionIndexSuffix)));
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 20));
}

TEST_F(LogRecoveryTest, A18ASnapshotThatIsCutShortAnywhereCostsNoSequence) {
  config_.segment_bytes = 600;
  open();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(append_from(7, i, 1).error, ErrorCode::NONE);
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  const std::string newest = path(20, kProducerSnapshotSuffix);
  const std::vector<uint8_t> good = files_.contents(newest);
  for (size_t kept = 0; kept < good.size(); ++kept) {
    files_.contents(newest).assign(good.begin(), good.begin() + static_cast<ptrdiff_t>(kept));
    open(true);
    ASSERT_TRUE(append_from(7, 19, 1).duplicate) << kept;
    log_.reset();
    const auto file = files_.open(newest, true);
    ASSERT_TRUE(file.ok());
  }
}

// Ten times, at any call.
TEST_F(LogRecoveryTest, A21ACrashWhileItRecoversIsRecoveredFrom) {
  for (const auto call : {FaultyFileSystem::Call::kOpen, FaultyFileSystem::Call::kWrite,
                          FaultyFileSystem::Call::kTruncate, FaultyFileSystem::Call::kSync,
                          FaultyFileSystem::Call::kRename, FaultyFileSystem::Call::kSyncDirectory}) {
    ASSERT_TRUE(files_.remove_all(kDirectory).ok());
    ASSERT_TRUE(files_.make_directories(kDirectory).ok());
    prepare(500);
    active().back() ^= 1;
    for (int n = 1; n <= 10; ++n) {
      files_.fail_call(call, n, EIO);
      Log::OpenOptions options;
      options.directory = kDirectory;
      options.config = config_;
      static_cast<void>(Log::open(files_, options));
      files_.kill();
      files_.clear_failures();
    }
    open();
    EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 19));
    log_.reset();
  }
}

TEST_F(LogRecoveryTest, A11ADamagedEpochFileIsRebuiltFromTheBatches) {
  open();
  ASSERT_EQ(append(3, kNow, 2).error, ErrorCode::NONE);
  ASSERT_EQ(append(3, kNow, 4).error, ErrorCode::NONE);
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  files_.contents(std::string(kDirectory) + "/leader-epoch-checkpoint") = {'x'};
  open(true);
  EXPECT_EQ(log_->end_of_epoch(2).end_offset, 3);
  EXPECT_EQ(log_->latest_epoch(), 4);
}

TEST_F(LogRecoveryTest, A26AStartBehindTheEndStartsOverThere) {
  prepare();
  open(false, 0, 50);
  EXPECT_EQ(log_->log_start_offset(), 50);
  EXPECT_EQ(append().first_offset, 50);
}

TEST_F(LogRecoveryTest, WhatWasFlushedSurvivesAPowerCut) {
  config_.segment_bytes = 700;
  config_.index_interval_bytes = 150;
  for (size_t torn : {size_t{0}, size_t{1}, size_t{50}, size_t{100000}}) {
    for (int flushed = 0; flushed <= 30; flushed += 5) {
      SCOPED_TRACE(flushed);
      ASSERT_TRUE(files_.remove_all(kDirectory).ok());
      ASSERT_TRUE(files_.make_directories(kDirectory).ok());
      open();
      append_many(flushed);
      ASSERT_TRUE(log_->flush().ok());
      EXPECT_EQ(log_->recovery_point(), flushed);
      const int64_t recovery_point = log_->recovery_point();
      append_many(7);
      log_.reset();
      files_.crash(torn);
      open(false, recovery_point);
      ASSERT_GE(log_->log_end_offset(), flushed);
      ASSERT_EQ(offsets_of(read_all()), offsets_between(0, log_->log_end_offset()));
      append_many(3);
    }
  }
}

TEST_F(LogRecoveryTest, FlushMessagesMakesEveryAppendDurable) {
  config_.flush_messages = 1;
  config_.segment_bytes = 500;
  open();
  append_many(25);
  log_.reset();
  files_.crash();
  open();
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 25));
}

// The n-th call of each kind fails once, for every n: what was acknowledged before, and what is acknowledged
// after, is there.
TEST_F(LogRecoveryTest, A1AFailureAtAnyCallLosesNothingThatWasAcknowledged) {
  using Call = FaultyFileSystem::Call;
  config_.flush_messages = 1;
  config_.segment_bytes = 400;
  config_.index_interval_bytes = 100;
  for (const Call call :
       {Call::kOpen, Call::kWrite, Call::kSync, Call::kTruncate, Call::kRename, Call::kSyncDirectory}) {
    for (int n = 1; n <= 60; ++n) {
      SCOPED_TRACE("call " + std::to_string(static_cast<int>(call)) + " number " + std::to_string(n));
      ASSERT_TRUE(files_.remove_all(kDirectory).ok());
      ASSERT_TRUE(files_.make_directories(kDirectory).ok());
      open();
      log_->set_failure_handler([this](const Status&) { log_->set_offline(); });
      files_.fail_call(call, n, EIO);
      int64_t acknowledged = 0;
      for (int i = 0; i < 15; ++i) {
        const AppendInfo info = append_from(7, i, 1);
        if (info.error != ErrorCode::NONE) break;
        acknowledged = info.last_offset + 1;
      }
      log_.reset();
      files_.crash();
      open(false, acknowledged);
      ASSERT_GE(log_->log_end_offset(), acknowledged);
      ASSERT_EQ(offsets_of(read_all()), offsets_between(0, log_->log_end_offset()));
      const auto sequence = static_cast<int32_t>(log_->log_end_offset());
      ASSERT_EQ(append_from(7, sequence, 1).error, ErrorCode::NONE);
    }
  }
}

// The file as it was up to the recovery point, and what it was not.
TEST_F(LogRecoveryTest, OnlyWhatLiesPastTheRecoveryPointIsWalked) {
  config_.index_interval_bytes = 150;
  for (int64_t recovery_point = 0; recovery_point <= 20; ++recovery_point) {
    SCOPED_TRACE(recovery_point);
    ASSERT_TRUE(files_.remove_all(kDirectory).ok());
    ASSERT_TRUE(files_.make_directories(kDirectory).ok());
    open();
    append_many(static_cast<int>(recovery_point));
    ASSERT_TRUE(log_->flush().ok());
    for (int i = 0; i < 10; ++i) ASSERT_EQ(append(1, kNow + 100 + i).error, ErrorCode::NONE);
    log_.reset();
    uint64_t flushed = 0;
    auto& bytes = files_.contents(path(0, kLogSuffix));
    while (decode_batch_header(Bytes(bytes).subspan(flushed), bytes.size() - flushed)->base_offset <
           recovery_point)
      flushed += decode_batch_header(Bytes(bytes).subspan(flushed), bytes.size() - flushed)->size;
    // A flipped bit before it is not looked for; the one behind it is found.
    if (flushed > 0) bytes[flushed - 1] ^= 1;
    bytes[bytes.size() - 1] ^= 1;
    open(false, recovery_point);
    EXPECT_EQ(log_->log_end_offset(), recovery_point + 9);
    EXPECT_EQ(log_->unflushed_bytes() > 0, true);
    if (flushed > 0) files_.contents(path(0, kLogSuffix))[flushed - 1] ^= 1;
    EXPECT_EQ(offsets_of(read_all()), offsets_between(0, recovery_point + 9));
    for (int64_t offset = 0; offset < recovery_point + 9; ++offset)
      ASSERT_EQ(read_all(offset, recovery_point + 9).front().offset, offset);
    EXPECT_EQ(log_->find_timestamp(kNow + 105)->offset, recovery_point + 5);
    ASSERT_TRUE(log_->close_clean().ok());
    log_.reset();
    open(true);
    EXPECT_EQ(offsets_of(read_all()), offsets_between(0, recovery_point + 9));
    log_.reset();
  }
}

TEST_F(LogRecoveryTest, ProducersAreKnownAtTheRecoveryPointWithoutAWalkThroughWhatIsBeforeIt) {
  open();
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(append_bytes(batch_of({{kNow, std::string(900'000, 'x')}}, {7, 0, i, false})).error,
              ErrorCode::NONE);
  }
  ASSERT_TRUE(log_->flush().ok());
  EXPECT_TRUE(files_.exists(path(6, kProducerSnapshotSuffix)));
  ASSERT_EQ(append_from(7, 6, 1).error, ErrorCode::NONE);
  restart_killed(6);
  EXPECT_TRUE(append_from(7, 6, 1).duplicate);
  EXPECT_EQ(append_from(7, 9, 1).error, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
  EXPECT_EQ(append_from(7, 7, 1).error, ErrorCode::NONE);
}

TEST_F(LogRecoveryTest, A5WhatWasCutBeforeIsKeptWhenMoreIsCut) {
  prepare();
  for (int cut = 0; cut < 3; ++cut) {
    active().back() ^= 1;
    open();
    EXPECT_EQ(log_->log_end_offset(), 19);
    append();
    log_.reset();
  }
  for (const char* name : {".cut", ".cut.1", ".cut.2"})
    EXPECT_TRUE(files_.exists(path(0, kLogSuffix) + name));
}

TEST_F(LogRecoveryTest, OldFormatMessagesAreReadAndChecked) {
  open();
  log_.reset();
  Writer out;
  for (int64_t offset = 0; offset < 3; ++offset) {
    records::write_legacy_message(out, records::kMagicV1, offset, kNow + offset, 0, std::nullopt,
                                  Bytes(reinterpret_cast<const uint8_t*>("old"), 3));
  }
  auto& bytes = active();
  bytes.assign(out.buffer().begin(), out.buffer().end());
  open();
  EXPECT_EQ(log_->log_end_offset(), 3);
  EXPECT_EQ(log_->find_timestamp(kNow + 1)->offset, 1);
  EXPECT_EQ(append().first_offset, 3);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 4));
  log_.reset();
  bytes[20] ^= 1;
  open();
  EXPECT_EQ(log_->log_end_offset(), 0);
}

}  // namespace
}  // namespace ottla::storage
