// SPDX-License-Identifier: Apache-2.0
#include "storage/log/leader_epoch_cache.h"

#include <gtest/gtest.h>

#include "storage/io/faulty_file_system.h"

namespace ottla::storage {
namespace {

class LeaderEpochCacheTest : public testing::Test {
 protected:
  LeaderEpochCacheTest() : cache_(files_, kPath) { EXPECT_TRUE(files_.make_directories("/d").ok()); }
  void assign(int32_t epoch, int64_t offset) { ASSERT_TRUE(cache_.assign(epoch, offset).ok()); }
  std::pair<int32_t, int64_t> end_of(int32_t epoch, int64_t log_end) const {
    const auto end = cache_.end_of(epoch, log_end);
    return {end.epoch, end.end_offset};
  }

  static constexpr const char* kPath = "/d/leader-epoch-checkpoint";
  FaultyFileSystem files_;
  LeaderEpochCache cache_;
};

TEST_F(LeaderEpochCacheTest, AnEpochEndsWhereTheNextBegins) {
  assign(2, 0);
  assign(4, 10);
  assign(7, 30);
  EXPECT_EQ(cache_.latest_epoch(), 7);
  EXPECT_EQ(end_of(2, 50), std::pair(2, int64_t{10}));
  EXPECT_EQ(end_of(3, 50), std::pair(2, int64_t{10}));
  EXPECT_EQ(end_of(4, 50), std::pair(4, int64_t{30}));
  EXPECT_EQ(end_of(6, 50), std::pair(4, int64_t{30}));
  EXPECT_EQ(end_of(7, 50), std::pair(7, int64_t{50}));
}

TEST_F(LeaderEpochCacheTest, UnknownEpochsHaveNoEnd) {
  EXPECT_EQ(end_of(0, 50), std::pair(-1, int64_t{-1}));
  assign(2, 5);
  EXPECT_EQ(end_of(3, 50), std::pair(-1, int64_t{-1}));
  EXPECT_EQ(end_of(-1, 50), std::pair(-1, int64_t{-1}));
  // Older than all that is known: it ends where the first known one begins.
  EXPECT_EQ(end_of(1, 50), std::pair(1, int64_t{5}));
}

TEST_F(LeaderEpochCacheTest, TheSameOrAnOlderEpochChangesNothing) {
  assign(3, 10);
  assign(3, 20);
  assign(2, 30);
  assign(-1, 40);
  EXPECT_EQ(cache_.entries(), (std::vector<EpochEntry>{{3, 10}}));
}

TEST_F(LeaderEpochCacheTest, AnEpochThatBeginsEarlierReplacesWhatItCovers) {
  assign(1, 0);
  assign(2, 10);
  assign(3, 20);
  assign(4, 10);
  EXPECT_EQ(cache_.entries(), (std::vector<EpochEntry>{{1, 0}, {4, 10}}));
}

TEST_F(LeaderEpochCacheTest, TruncatesFromBothEnds) {
  for (int32_t epoch = 1; epoch <= 4; ++epoch) assign(epoch, epoch * 10);
  ASSERT_TRUE(cache_.truncate_from_end(40).ok());
  EXPECT_EQ(cache_.latest_epoch(), 3);
  cache_.truncate_from_start(25);
  EXPECT_EQ(cache_.entries(), (std::vector<EpochEntry>{{2, 25}, {3, 30}}));
  cache_.truncate_from_start(100);
  EXPECT_EQ(cache_.entries(), (std::vector<EpochEntry>{{3, 100}}));
  ASSERT_TRUE(cache_.truncate_from_end(0).ok());
  EXPECT_TRUE(cache_.entries().empty());
  cache_.truncate_from_start(5);
}

TEST_F(LeaderEpochCacheTest, WhatLiesBelowANewStartGoesFromTheFileWhenItIsSaved) {
  assign(1, 0);
  assign(2, 10);
  cache_.truncate_from_start(15);
  EXPECT_EQ(*files_.read_text(kPath), "0\n2\n1 0\n2 10\n");
  ASSERT_TRUE(cache_.save().ok());
  EXPECT_EQ(*files_.read_text(kPath), "0\n1\n2 15\n");
}

TEST_F(LeaderEpochCacheTest, KeepsKafkasFileAndReadsItBack) {
  assign(1, 0);
  assign(2, 10);
  EXPECT_EQ(*files_.read_text(kPath), "0\n2\n1 0\n2 10\n");
  LeaderEpochCache again(files_, kPath);
  ASSERT_TRUE(again.load().ok());
  EXPECT_EQ(again.entries(), cache_.entries());
  EXPECT_EQ(again.epoch_at(9), 1);
  EXPECT_EQ(again.epoch_at(10), 2);
}

}  // namespace
}  // namespace ottla::storage
