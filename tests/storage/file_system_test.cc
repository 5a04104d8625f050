// SPDX-License-Identifier: Apache-2.0
// Both bodies of the file-system seam behave alike; the faulty one also forgets and fails when told to.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>

#include "storage/io/faulty_file_system.h"
#include "storage/io/file_system.h"

namespace ottla::storage {
namespace {

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class FileSystemTest : public testing::TestWithParam<bool> {
 protected:
  FileSystemTest() {
    if (GetParam()) {
      root_ = testing::TempDir() + "ottla-files-" + std::to_string(::getpid()) + "-" +
              testing::UnitTest::GetInstance()->current_test_info()->name();
      std::replace(root_.begin() + static_cast<ptrdiff_t>(testing::TempDir().size()), root_.end(), '/', '_');
      files_ = posix_file_system();
    } else {
      root_ = "/data";
      files_ = std::make_unique<FaultyFileSystem>();
    }
    EXPECT_TRUE(files_->make_directories(root_).ok());
  }
  ~FileSystemTest() override { EXPECT_TRUE(files_->remove_all(root_).ok()); }

  std::string at(const std::string& name) const { return root_ + "/" + name; }
  void put(const std::string& name, const std::string& text) {
    auto file = files_->open(at(name), true);
    ASSERT_TRUE(file.ok()) << file.status().message();
    ASSERT_TRUE((*file)->truncate(0).ok());
    ASSERT_TRUE((*file)->write_at(bytes_of(text), 0).ok());
  }

  std::string root_;
  std::unique_ptr<FileSystem> files_;
};

TEST_P(FileSystemTest, ReadsWhatWasWritten) {
  put("a", "hello");
  EXPECT_EQ(*files_->read_text(at("a")), "hello");
  auto file = files_->open(at("a"), false);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->write_at(bytes_of("LLO!"), 2).ok());
  EXPECT_EQ(*files_->read_text(at("a")), "heLLO!");
  EXPECT_EQ(*(*file)->size(), 6u);
}

TEST_P(FileSystemTest, FillsAHoleWithZeros) {
  auto file = files_->open(at("a"), true);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->write_at(bytes_of("x"), 3).ok());
  EXPECT_EQ(*files_->read_text(at("a")), std::string("\0\0\0x", 4));
}

TEST_P(FileSystemTest, ReadAtTheEndGivesNothingAndReadExactlyFailsThere) {
  put("a", "abc");
  auto file = files_->open(at("a"), false);
  ASSERT_TRUE(file.ok());
  uint8_t buffer[4];
  EXPECT_EQ((*file)->read_at(buffer, 3), 0);
  EXPECT_EQ((*file)->read_at(buffer, 1), 2);
  const Status status = (*file)->read_exactly_at(buffer, 0);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find(at("a")), std::string::npos);
}

TEST_P(FileSystemTest, TruncateCutsAndReserveKeepsTheSize) {
  put("a", "abcdef");
  auto file = files_->open(at("a"), false);
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE((*file)->reserve(1 << 16).ok());
  EXPECT_EQ(*(*file)->size(), 6u);
  EXPECT_TRUE((*file)->truncate(2).ok());
  EXPECT_EQ(*files_->read_text(at("a")), "ab");
}

TEST_P(FileSystemTest, AMissingFileNamesItsPathAndErrno) {
  const auto file = files_->open(at("missing"), false);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.status().error_number(), ENOENT);
  EXPECT_EQ(file.status().code(), ErrorCode::KAFKA_STORAGE_ERROR);
  EXPECT_NE(file.status().message().find(at("missing")), std::string::npos);
}

TEST_P(FileSystemTest, AFileThatIsOpenedEmptyIsEmpty) {
  put("a", "old");
  for (const char* name : {"a", "b"}) {
    const auto file = files_->open_empty(at(name));
    ASSERT_TRUE(file.ok()) << name;
    EXPECT_EQ(*(*file)->size(), 0u);
    const uint8_t byte = 'x';
    EXPECT_TRUE((*file)->write_at({&byte, 1}, 0).ok());
    EXPECT_EQ(*files_->read_text(at(name)), "x");
  }
  EXPECT_EQ(files_->open_empty(at("missing/a")).status().error_number(), ENOENT);
}

TEST_P(FileSystemTest, SaysWhetherADirectoryIsNew) {
  EXPECT_TRUE(*files_->make_new_directory(at("d")));
  EXPECT_FALSE(*files_->make_new_directory(at("d")));
  EXPECT_TRUE(*files_->make_new_directory(at("p/q"))) << "parents are made, too";
  EXPECT_TRUE(files_->exists(at("p/q")));
}

TEST_P(FileSystemTest, ListsFilesAndDirectories) {
  put("a", "");
  ASSERT_TRUE(files_->make_directories(at("d/e")).ok());
  const auto entries = files_->list(root_);
  ASSERT_TRUE(entries.ok());
  std::map<std::string, bool> found;
  for (const DirectoryEntry& entry : *entries) found[entry.name] = entry.is_directory;
  EXPECT_EQ(found, (std::map<std::string, bool>{{"a", false}, {"d", true}}));
  EXPECT_FALSE(files_->list(at("missing")).ok());
}

TEST_P(FileSystemTest, RenameReplacesAndAnOpenFileStaysReadable) {
  put("a", "new");
  put("b", "old");
  auto old = files_->open(at("b"), false);
  ASSERT_TRUE(files_->rename(at("a"), at("b")).ok());
  EXPECT_FALSE(files_->exists(at("a")));
  EXPECT_EQ(*files_->read_text(at("b")), "new");
  uint8_t buffer[3];
  ASSERT_TRUE((*old)->read_exactly_at(buffer, 0).ok());
  EXPECT_EQ(std::string(buffer, buffer + 3), "old");
}

TEST_P(FileSystemTest, ARenamedDirectoryTakesItsFilesAlong) {
  ASSERT_TRUE(files_->make_directories(at("d")).ok());
  put("d/x", "x");
  ASSERT_TRUE(files_->rename(at("d"), at("e")).ok());
  EXPECT_EQ(*files_->read_text(at("e/x")), "x");
  EXPECT_FALSE(files_->exists(at("d")));
}

TEST_P(FileSystemTest, RemovingWhatIsNotThereIsFine) {
  EXPECT_TRUE(files_->remove_file(at("missing")).ok());
  EXPECT_TRUE(files_->remove_all(at("missing")).ok());
}

TEST_P(FileSystemTest, OnlyOneHoldsALock) {
  auto first = files_->lock(at(".lock"));
  ASSERT_TRUE(first.ok());
  const auto second = files_->lock(at(".lock"));
  ASSERT_FALSE(second.ok());
  EXPECT_TRUE(second.status().error_number() == EWOULDBLOCK || second.status().error_number() == EACCES);
  first->reset();
  EXPECT_TRUE(files_->lock(at(".lock")).ok());
}

TEST_P(FileSystemTest, WritesAtomicallyAndLeavesNoTemporaryFile) {
  ASSERT_TRUE(files_->write_atomically(at("c"), bytes_of("one")).ok());
  ASSERT_TRUE(files_->write_atomically(at("c"), bytes_of("two")).ok());
  EXPECT_EQ(*files_->read_text(at("c")), "two");
  EXPECT_FALSE(files_->exists(at("c.tmp")));
  const auto space = files_->space(root_);
  ASSERT_TRUE(space.ok());
  EXPECT_GE(space->total_bytes, space->usable_bytes);
}

TEST(PosixFileTest, KnowsWhatThePageCacheHas) {
  char name[] = "/var/tmp/ottla-pages-XXXXXX";
  const int fd = ::mkstemp(name);
  ASSERT_GE(fd, 0);
  const auto files = posix_file_system();
  const auto file = *files->open(name, false);
  const std::vector<uint8_t> bytes(1 << 20, 7);
  ASSERT_TRUE(file->write_at(bytes, 0).ok());
  EXPECT_TRUE(file->in_memory(0, 1 << 20));
  ASSERT_TRUE(file->sync().ok());
  ASSERT_EQ(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
  const bool forgotten = !file->in_memory(500'000, 1000);
  std::vector<uint8_t> back(1 << 20);
  ASSERT_TRUE(file->read_exactly_at(back, 0).ok());
  EXPECT_TRUE(file->in_memory(0, 1 << 20));
  ::close(fd);
  ::unlink(name);
  if (!forgotten) GTEST_SKIP() << "the file system of /var/tmp keeps its pages";
}

INSTANTIATE_TEST_SUITE_P(Bodies, FileSystemTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Posix" : "Memory"; });

class FaultyFileSystemTest : public testing::Test {
 protected:
  FaultyFileSystemTest() { EXPECT_TRUE(files_.make_directories("/d").ok()); }
  FaultyFileSystem files_;
};

TEST_F(FaultyFileSystemTest, ForgetsAtACrashWhatWasNotSynced) {
  auto file = files_.open("/d/a", true);
  ASSERT_TRUE((*file)->write_at(bytes_of("kept"), 0).ok());
  ASSERT_TRUE((*file)->sync().ok());
  ASSERT_TRUE(files_.sync_directory("/d").ok());
  ASSERT_TRUE((*file)->write_at(bytes_of("+lost"), 4).ok());
  files_.crash();
  EXPECT_EQ(*files_.read_text("/d/a"), "kept");
}

TEST_F(FaultyFileSystemTest, ForgetsANameWhoseDirectoryWasNotSynced) {
  auto file = files_.open("/d/a", true);
  ASSERT_TRUE((*file)->sync().ok());
  files_.crash();
  EXPECT_FALSE(files_.exists("/d/a"));
}

TEST_F(FaultyFileSystemTest, KeepsAsMuchOfATornTailAsAsked) {
  auto file = files_.open("/d/a", true);
  ASSERT_TRUE((*file)->write_at(bytes_of("ab"), 0).ok());
  ASSERT_TRUE((*file)->sync().ok());
  ASSERT_TRUE(files_.sync_directory("/d").ok());
  ASSERT_TRUE((*file)->write_at(bytes_of("cdef"), 2).ok());
  files_.crash(3);
  EXPECT_EQ(*files_.read_text("/d/a"), "abcde");
}

TEST_F(FaultyFileSystemTest, FailsTheCallItIsToldTo) {
  auto file = files_.open("/d/a", true);
  files_.fail_call(FaultyFileSystem::Call::kWrite, 2, ENOSPC);
  EXPECT_TRUE((*file)->write_at(bytes_of("1"), 0).ok());
  EXPECT_EQ((*file)->write_at(bytes_of("2"), 1).error_number(), ENOSPC);
  EXPECT_TRUE((*file)->write_at(bytes_of("3"), 1).ok());
  EXPECT_EQ(files_.count(FaultyFileSystem::Call::kWrite), 3);
  files_.fail_calls_from(FaultyFileSystem::Call::kSync, 1, EIO);
  EXPECT_EQ((*file)->sync().error_number(), EIO);
  EXPECT_EQ((*file)->sync().error_number(), EIO);
  files_.clear_failures();
  EXPECT_TRUE((*file)->sync().ok());
}

TEST_F(FaultyFileSystemTest, A12AnAtomicWriteSurvivesACrashAtEveryCall) {
  ASSERT_TRUE(files_.write_atomically("/d/c", bytes_of("old")).ok());
  using Call = FaultyFileSystem::Call;
  for (const Call call :
       {Call::kOpen, Call::kTruncate, Call::kWrite, Call::kSync, Call::kRename, Call::kSyncDirectory}) {
    files_.fail_call(call, 1, EIO);
    EXPECT_FALSE(files_.write_atomically("/d/c", bytes_of("new")).ok());
    files_.crash();
    const std::string left = *files_.read_text("/d/c");
    EXPECT_TRUE(left == "old" || left == "new") << left;
  }
}

}  // namespace
}  // namespace ottla::storage
