// SPDX-License-Identifier: Apache-2.0
// Old records that are not in memory: the pool reads them, the loop only what is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker_data/data_fixture.h"

namespace ottla {
namespace {

using testing::_;
using testing::ElementsAre;

// How often a cold file was read, by the size of the piece: headers are read in small ones.
struct Disk {
  bool cold = false;
  int small_reads = 0;
  int large_reads = 0;
};

// A file whose pages are all in memory, or none until somebody reads a large piece.
class ColdFile : public storage::File {
 public:
  ColdFile(std::shared_ptr<storage::File> file, Disk& disk) : file_(std::move(file)), disk_(disk) {}
  const std::string& path() const override { return file_->path(); }
  int descriptor() const override { return -1; }
  ssize_t read_at(std::span<uint8_t> out, uint64_t position) const override {
    if (disk_.cold) ++(out.size() > 4096 ? disk_.large_reads : disk_.small_reads);
    if (out.size() > 4096) disk_.cold = false;
    return file_->read_at(out, position);
  }
  bool in_memory(uint64_t, uint32_t) const override { return !disk_.cold; }
  Status write_at(Bytes bytes, uint64_t position) override { return file_->write_at(bytes, position); }
  Result<uint64_t> size() const override { return file_->size(); }
  Status truncate(uint64_t size) override { return file_->truncate(size); }
  Status sync() override { return file_->sync(); }
  Status reserve(uint64_t size) override { return file_->reserve(size); }

 private:
  std::shared_ptr<storage::File> file_;
  Disk& disk_;
};

class ColdFileSystem : public storage::FileSystem {
 public:
  ColdFileSystem(std::unique_ptr<storage::FileSystem> files, Disk& disk)
      : files_(std::move(files)), disk_(disk) {}
  Result<std::shared_ptr<storage::File>> open(const std::string& path, bool create) override {
    auto file = files_->open(path, create);
    if (!file.ok()) return file;
    return std::shared_ptr<storage::File>(std::make_shared<ColdFile>(std::move(*file), disk_));
  }
  bool exists(const std::string& path) override { return files_->exists(path); }
  Status make_directories(const std::string& path) override { return files_->make_directories(path); }
  Result<std::vector<storage::DirectoryEntry>> list(const std::string& path) override {
    return files_->list(path);
  }
  Status rename(const std::string& from, const std::string& to) override { return files_->rename(from, to); }
  Status remove_file(const std::string& path) override { return files_->remove_file(path); }
  Status remove_all(const std::string& path) override { return files_->remove_all(path); }
  Status sync_directory(const std::string& path) override { return files_->sync_directory(path); }
  Result<std::unique_ptr<storage::FileLock>> lock(const std::string& path) override {
    return files_->lock(path);
  }
  Result<int64_t> modified_ms(const std::string& path) override { return files_->modified_ms(path); }
  Result<storage::DiskSpace> space(const std::string& path) override { return files_->space(path); }

 private:
  std::unique_ptr<storage::FileSystem> files_;
  Disk& disk_;
};

class ColdFetchTest : public DataTest {
 protected:
  // Four records that were written by the process before, and forgotten by the page cache.
  ColdFetchTest() {
    put({"a", "b", std::string(8000, 'x')});
    put({"c"});
    partitions.reset();
    logs->stop([](bool) {});
    loop.run_pending();
    logs.reset();
    files = std::make_unique<ColdFileSystem>(std::move(files), disk_);
    open_logs();
    lead("t", 2);
    disk_.cold = true;
  }

  Disk disk_;
};

TEST_F(ColdFetchTest, ThePoolReadsAndTheLoopDoesNot) {
  EXPECT_THAT(texts_in(fetch_one({.offset = 1}).records), ElementsAre("0:a", "1:b", _, "3:c"));
  EXPECT_EQ(disk_.small_reads, 0);
  EXPECT_EQ(disk_.large_reads, 1);
}

TEST_F(ColdFetchTest, WhatIsAppendedNowIsInMemory) {
  put({std::string(8000, 'd')});
  put({"e"});
  EXPECT_THAT(texts_in(fetch_one({.offset = 5}).records), ElementsAre("5:e"));
  EXPECT_EQ(disk_.large_reads, 0);
}

TEST_F(ColdFetchTest, ATopicThatIsDeletedMeanwhileIsAnError) {
  loop.post([&] { partitions->delete_topic("t"); });
  const int32_t asked = send(fetch_request({{}}), 12);
  EXPECT_NE(partitions_of(answer<FetchResponse>(asked, 12)).at(0).error_code, 0);
  EXPECT_EQ(partitions->waiting(), 0u);
}

TEST_F(ColdFetchTest, TooLittleIsWaitedForAsAlways) {
  auto request = fetch_request({{}});
  request.min_bytes = 100'000;
  request.max_wait_ms = 500;
  const int32_t asked = send(request, 12);
  EXPECT_EQ(partitions->waiting(), 1u);
  EXPECT_EQ(next_frame(), std::nullopt);
  loop.advance(500);
  EXPECT_EQ(texts_in(partitions_of(answer<FetchResponse>(asked, 12)).at(0).records).size(), 4u);
}

TEST_F(ColdFetchTest, AClientThatLeavesIsForgotten) {
  loop.post([&] { connection->close(); });
  send(fetch_request({{}}), 12);
  EXPECT_EQ(partitions->waiting(), 0u);
}

}  // namespace
}  // namespace ottla
