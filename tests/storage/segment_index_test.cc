// SPDX-License-Identifier: Apache-2.0
#include "storage/log/segment_index.h"

#include <gtest/gtest.h>

#include "storage/io/faulty_file_system.h"

namespace ottla::storage {
namespace {

class SegmentIndexTest : public testing::Test {
 protected:
  SegmentIndexTest() { EXPECT_TRUE(files_.make_directories("/d").ok()); }
  FaultyFileSystem files_;
};

TEST_F(SegmentIndexTest, WritesKafkasBytes) {
  OffsetIndex offsets(files_, "/d/0.index");
  offsets.append({10, 4096});
  ASSERT_TRUE(offsets.save().ok());
  EXPECT_EQ(files_.contents("/d/0.index"), (std::vector<uint8_t>{0, 0, 0, 10, 0, 0, 16, 0}));
  TimeIndex times(files_, "/d/0.timeindex");
  times.append({0x0102030405060708, 9});
  ASSERT_TRUE(times.save().ok());
  EXPECT_EQ(files_.contents("/d/0.timeindex"), (std::vector<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9}));
}

TEST_F(SegmentIndexTest, MakesNoFileBeforeItIsSaved) {
  OffsetIndex index(files_, "/d/0.index");
  ASSERT_TRUE(index.load().ok());
  ASSERT_TRUE(index.truncate(0).ok());
  EXPECT_FALSE(files_.exists("/d/0.index"));
  ASSERT_TRUE(index.save().ok());
  EXPECT_TRUE(files_.exists("/d/0.index"));
}

TEST_F(SegmentIndexTest, FindsTheEntryAtOrBefore) {
  OffsetIndex index(files_, "/d/0.index");
  EXPECT_EQ(lookup(index, 100).position, 0);
  for (int32_t i = 1; i <= 100; ++i) index.append({i * 10, i * 4096});
  for (int32_t wanted = 0; wanted < 1100; ++wanted) {
    const int32_t at = std::min(wanted / 10, 100);
    EXPECT_EQ(lookup(index, wanted).relative_offset, at * 10);
    EXPECT_EQ(lookup(index, wanted).position, at * 4096);
  }
  TimeIndex times(files_, "/d/0.timeindex");
  EXPECT_EQ(lookup(times, 5).timestamp, -1);
  times.append({100, 1});
  times.append({200, 2});
  EXPECT_EQ(lookup(times, 99).timestamp, -1);
  EXPECT_EQ(lookup(times, 100).relative_offset, 1);
  EXPECT_EQ(lookup(times, 199).relative_offset, 1);
  EXPECT_EQ(lookup(times, 500).relative_offset, 2);
}

TEST_F(SegmentIndexTest, LoadsWhatWasAppendedAndDropsPreallocatedZeros) {
  {
    OffsetIndex index(files_, "/d/0.index");
    index.append({10, 4096});
    index.append({20, 8192});
    ASSERT_TRUE(index.save().ok());
  }
  files_.contents("/d/0.index").resize(10 << 20);
  OffsetIndex index(files_, "/d/0.index");
  ASSERT_TRUE(index.load().ok());
  ASSERT_EQ(index.entries().size(), 2u);
  // The next entry takes the place of the zeros, and the file can be cut to what is used.
  index.append({30, 12288});
  ASSERT_TRUE(index.save().ok());
  EXPECT_EQ(files_.contents("/d/0.index").size(), 24u);
}

TEST_F(SegmentIndexTest, RefusesWhatCannotBeAnIndex) {
  OffsetIndex writer(files_, "/d/0.index");
  writer.append({10, 4096});
  writer.append({20, 8192});
  ASSERT_TRUE(writer.save().ok());
  files_.contents("/d/0.index").push_back(1);
  OffsetIndex torn(files_, "/d/0.index");
  EXPECT_FALSE(torn.load().ok());
  files_.contents("/d/0.index").resize(16);
  files_.contents("/d/0.index")[11] = 5;
  OffsetIndex descending(files_, "/d/0.index");
  EXPECT_FALSE(descending.load().ok());
  EXPECT_TRUE(descending.entries().empty());
}

TEST_F(SegmentIndexTest, TruncatesFileAndMemory) {
  TimeIndex index(files_, "/d/0.timeindex");
  for (int32_t i = 1; i <= 5; ++i) index.append({i, i});
  ASSERT_TRUE(index.save().ok());
  ASSERT_TRUE(index.truncate(2).ok());
  EXPECT_EQ(files_.contents("/d/0.timeindex").size(), 24u);
  index.append({9, 9});
  ASSERT_TRUE(index.save().ok());
  TimeIndex again(files_, "/d/0.timeindex");
  ASSERT_TRUE(again.load().ok());
  ASSERT_EQ(again.entries().size(), 3u);
  EXPECT_EQ(again.entries()[2].timestamp, 9);
}

TEST_F(SegmentIndexTest, AFailedSaveCanBeTriedAgain) {
  OffsetIndex index(files_, "/d/0.index");
  index.append({10, 4096});
  files_.fail_call(FaultyFileSystem::Call::kWrite, 1, ENOSPC);
  EXPECT_EQ(index.save().status().error_number(), ENOSPC);
  index.append({20, 8192});
  ASSERT_TRUE(index.save().ok());
  EXPECT_EQ(files_.contents("/d/0.index").size(), 16u);
}

}  // namespace
}  // namespace ottla::storage
