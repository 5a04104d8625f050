// SPDX-License-Identifier: Apache-2.0
// What somebody else did to the files of a log: other programs, other releases, a disk that lies, a hand on
// the keyboard.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "protocol/records/record_batch.h"
#include "tests/storage/log_fixture.h"

namespace ottla::storage {
namespace {

class LogDamageTest : public LogTest {
 protected:
  // Twenty batches of one record in segments of a few, a millisecond between them.
  void prepare() {
    config_.segment_bytes = 500;
    config_.index_interval_bytes = 100;
    open();
    append_many(20);
    for (const SegmentStart& start : log_->segment_starts()) bases_.push_back(start.offset);
    ASSERT_GT(bases_.size(), 3u);
  }
  void expect_times_are_found() {
    for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(log_->find_timestamp(kNow + i)->offset, i);
    EXPECT_EQ(log_->find_timestamp(kNow + 20)->offset, -1);
  }
  std::vector<int64_t> bases_;
};

TEST_F(LogDamageTest, A6ABatchThatRotsAfterItWasFlushedIsNeverTakenForAGoodOne) {
  prepare();
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  files_.contents(path(0, kLogSuffix))[kV2HeaderBytes + 10] ^= 1;
  open(true, 20);
  for (int64_t offset = 0; offset < 20; ++offset) {
    const std::vector<uint8_t> sent = bytes_of(log_->read(offset, 1, 20, true)->slice);
    // Sent as it is: the checksum of the producer tells the consumer.
    EXPECT_EQ(records::RecordBatchView(sent).crc_is_valid(), offset != 0) << offset;
  }
}

TEST_F(LogDamageTest, A10WrongTimeIndexesAreMadeAnewAfterACrashAndTimesAreExact) {
  prepare();
  log_.reset();
  for (const int64_t base : bases_) {
    // Plausible: it ascends, and says that everything is old.
    const std::shared_ptr<File> index = *files_.open(path(base, kTimeIndexSuffix), true);
    ASSERT_TRUE(index->truncate(0).ok());
    uint8_t entry[TimeEntry::kBytes];
    TimeEntry{kNow - 1000, 1}.encode(entry);
    ASSERT_TRUE(index->write_at(entry, 0).ok());
  }
  open();
  expect_times_are_found();
  restart_clean();
  expect_times_are_found();
}

TEST_F(LogDamageTest, A19LeftoversInAllCombinationsLoseNothingAndBringNothingBack) {
  prepare();
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  const std::string segment = path(bases_[1], "");
  const std::vector<std::string> leftovers = {".log.swap",      ".index.swap",      ".timeindex.swap",
                                              ".log.cleaned",   ".index.cleaned",   ".log.deleted",
                                              ".index.deleted", ".txnindex.deleted"};
  for (unsigned mask = 0; mask < 1U << leftovers.size(); ++mask) {
    SCOPED_TRACE(mask);
    for (size_t i = 0; i < leftovers.size(); ++i) {
      if ((mask & 1U << i) == 0) continue;
      const auto file = files_.open(segment + leftovers[i], true);
      ASSERT_TRUE(file.ok());
      // As a cleaner leaves it that found nothing to take out.
      const std::string original = segment + leftovers[i].substr(0, leftovers[i].rfind('.'));
      if (!files_.exists(original)) continue;
      ASSERT_TRUE((*file)->write_at(files_.contents(original), 0).ok());
    }
    open(mask % 2 == 0, mask % 2 == 0 ? 20 : 0);
    ASSERT_EQ(offsets_of(read_all()), offsets_between(0, 20));
    for (const std::string& name : names()) {
      ASSERT_FALSE(name.ends_with(".swap") || name.ends_with(".cleaned") || name.ends_with(".deleted"))
          << name;
    }
    ASSERT_TRUE(log_->close_clean().ok());
    log_.reset();
  }
}

TEST_F(LogDamageTest, A22BehindAHoleNothingIsServedAfterACrashAndNothingIsDeleted) {
  prepare();
  log_.reset();
  ASSERT_TRUE(files_.remove_file(path(bases_[2], kLogSuffix)).ok());
  open();
  EXPECT_EQ(log_->log_end_offset(), bases_[2]);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, bases_[2]));
  EXPECT_TRUE(files_.exists(path(bases_[3], kLogSuffix) + ".cut"));
}

TEST_F(LogDamageTest, A22AHoleThatACleanStopDidNotLeaveIsSaidAndNeitherSideIsLost) {
  prepare();
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  ASSERT_TRUE(files_.remove_file(path(bases_[2], kLogSuffix)).ok());
  testing::internal::CaptureStderr();
  open(true, 20);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("the next segment begins at"), std::string::npos);
  EXPECT_EQ(log_->log_end_offset(), 20);
  EXPECT_EQ(offsets_of(read_all(0, bases_[2])), offsets_between(0, bases_[2]));
  EXPECT_EQ(offsets_of(read_all(bases_[3], 20)), offsets_between(bases_[3], 20));
  // Nobody comes from the one side to the other without being told, and nothing else is any worse for it.
  log_->set_failure_handler([](const Status& why) { ADD_FAILURE() << why.message(); });
  for (int64_t offset = bases_[2]; offset < bases_[3]; ++offset)
    EXPECT_EQ(log_->read(offset, kAll, 20, true).status().code(), ErrorCode::KAFKA_STORAGE_ERROR) << offset;
  EXPECT_EQ(append().first_offset, 20);
  // Cut in the hole and written anew, those offsets are there again.
  ASSERT_TRUE(log_->truncate_to(bases_[2] + 1).ok());
  EXPECT_EQ(append().first_offset, bases_[2] + 1);
  EXPECT_EQ(offsets_of(read_all(bases_[2] + 1, bases_[2] + 2)), std::vector<int64_t>{bases_[2] + 1});
}

TEST_F(LogDamageTest, A22AGapOfALogThatWasCompactedOnceIsReadAcross) {
  open();
  append_many(6);
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  // 0, 2 and 3 are there, then 7: a copy of a compacted log, in which no batch says of itself that others
  // went.
  auto& log = files_.contents(path(0, kLogSuffix));
  const size_t one = log.size() / 6;
  ASSERT_TRUE(files_.open(path(7, kLogSuffix), true).ok());
  auto& later = files_.contents(path(7, kLogSuffix));
  later.assign(log.end() - static_cast<ptrdiff_t>(one), log.end());
  records::RecordBatchEditor(later).set_base_offset(7);
  log.erase(log.begin() + static_cast<ptrdiff_t>(4 * one), log.end());
  log.erase(log.begin() + static_cast<ptrdiff_t>(one), log.begin() + static_cast<ptrdiff_t>(2 * one));
  open(true, 8);
  EXPECT_EQ(offsets_of(read_all(0, 8)), (std::vector<int64_t>{0, 2, 3, 7}));
}

TEST_F(LogDamageTest, A22AHoleBelowTheStartOfTheLogIsNone) {
  prepare();
  ASSERT_TRUE(log_->close_clean().ok());
  log_.reset();
  ASSERT_TRUE(files_.remove_file(path(bases_[2], kLogSuffix)).ok());
  open(true, 20, bases_[3]);
  EXPECT_EQ(offsets_of(read_all()), offsets_between(bases_[3], 20));
}

TEST_F(LogDamageTest, B5AReadThatFailsIsTheDisksAndIsNotTakenForTheEnd) {
  prepare();
  int told = 0;
  log_->set_failure_handler([&](const Status& why) {
    told += why.error_number() == EIO;
    log_->set_offline();
  });
  files_.fail_call(FaultyFileSystem::Call::kRead, 1, EIO);
  EXPECT_EQ(log_->read(0, kAll, 20, true).status().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(told, 1);
}

// On the machine's own files.
class RealDamageTest : public testing::Test {
 protected:
  RealDamageTest() : root_(testing::TempDir() + "ottla-damage-" + std::to_string(::getpid())) {
    EXPECT_TRUE(files_->make_directories(root_ + "/t-0").ok());
    open();
  }
  ~RealDamageTest() override { EXPECT_TRUE(files_->remove_all(root_).ok()); }
  void open() {
    log_.reset();
    Log::OpenOptions options;
    options.directory = root_ + "/t-0";
    auto opened = Log::open(*files_, std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    log_ = std::move(*opened);
  }
  ErrorCode append() {
    const std::string value(1000, 'v');
    records::BatchBuilder builder;
    builder.begin({});
    builder.append(1, std::nullopt, Bytes(reinterpret_cast<const uint8_t*>(value.data()), value.size()));
    return log_->append_as_leader(*builder.finish(), 0, AppendOrigin::kClient, 9, 1).error;
  }

  std::unique_ptr<FileSystem> files_ = posix_file_system();
  std::string root_;
  std::unique_ptr<Log> log_;
};

TEST_F(RealDamageTest, B6AWriteThatTheKernelCutsShortLeavesNoTornBatch) {
  for (int i = 0; i < 3; ++i) ASSERT_EQ(append(), ErrorCode::NONE);
  const uint64_t size = log_->size_in_bytes();
  // The kernel takes the first 100 bytes of the next batch and refuses the rest.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit narrow{size + 100, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &narrow), 0);
  const ErrorCode refused = append();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(refused, ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(std::filesystem::file_size(root_ + "/t-0/" + offset_file_name(0, kLogSuffix)), size);
  ASSERT_EQ(append(), ErrorCode::NONE);
  open();
  EXPECT_EQ(log_->log_end_offset(), 4);
  EXPECT_FALSE(files_->exists(root_ + "/t-0/" + offset_file_name(0, kLogSuffix) + ".cut"));
}

TEST_F(RealDamageTest, B11ADirectoryThatIsRemovedIsAnErrorAndNoCrash) {
  ASSERT_EQ(append(), ErrorCode::NONE);
  std::filesystem::remove_all(root_ + "/t-0");
  // Its open file takes records on; whatever needs a name says what is the matter.
  EXPECT_TRUE(log_->read(0, 1 << 20, 1, true).ok());
  EXPECT_EQ(append(), ErrorCode::NONE);
  EXPECT_EQ(log_->flush().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_EQ(log_->close_clean().code(), ErrorCode::KAFKA_STORAGE_ERROR);
}

}  // namespace
}  // namespace ottla::storage
