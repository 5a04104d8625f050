// SPDX-License-Identifier: Apache-2.0
#include "storage/log/checkpoint_file.h"

#include <gtest/gtest.h>

#include "storage/io/faulty_file_system.h"

namespace ottla::storage {
namespace {

class CheckpointFileTest : public testing::Test {
 protected:
  CheckpointFileTest() { EXPECT_TRUE(files_.make_directories("/d").ok()); }
  void put(const std::string& text) {
    ASSERT_TRUE(
        files_.write_atomically("/d/c", {reinterpret_cast<const uint8_t*>(text.data()), text.size()}).ok());
  }
  FaultyFileSystem files_;
};

TEST_F(CheckpointFileTest, ReadsBackOffsets) {
  const OffsetCheckpoint offsets{{{"a", 0}, 5}, {{"a", 10}, 0}, {{"b-c", 1}, INT64_MAX}};
  ASSERT_TRUE(write_offset_checkpoint(files_, "/d/c", offsets).ok());
  EXPECT_EQ(*files_.read_text("/d/c"), "0\n3\na 0 5\na 10 0\nb-c 1 9223372036854775807\n");
  EXPECT_EQ(*read_offset_checkpoint(files_, "/d/c"), offsets);
}

TEST_F(CheckpointFileTest, AMissingOrEmptyFileHasNoEntries) {
  EXPECT_TRUE(read_offset_checkpoint(files_, "/d/c")->empty());
  put("");
  EXPECT_TRUE(read_offset_checkpoint(files_, "/d/c")->empty());
  put("0\n0\n");
  EXPECT_TRUE(read_offset_checkpoint(files_, "/d/c")->empty());
}

TEST_F(CheckpointFileTest, DamageIsAnErrorThatNamesTheFile) {
  for (const char* text :
       {"1\n0\n", "0\n", "0\nx\n", "0\n1\n", "0\n1\na 0\n", "0\n1\na 0 5 6\n", "0\n1\na x 5\n",
        "0\n1\na 0 5x\n", "0\n2\na 0 5\n", "\0\0\0\0", "junk", "0\n-1\n"}) {
    put(text);
    const auto read = read_offset_checkpoint(files_, "/d/c");
    if (std::string(text).empty()) continue;
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_NE(read.status().message().find("/d/c"), std::string::npos);
  }
}

TEST_F(CheckpointFileTest, ReadsBackEpochs) {
  const std::vector<EpochEntry> epochs{{0, 0}, {3, 100}};
  ASSERT_TRUE(write_epoch_checkpoint(files_, "/d/c", epochs).ok());
  EXPECT_EQ(*files_.read_text("/d/c"), "0\n2\n0 0\n3 100\n");
  EXPECT_EQ(*read_epoch_checkpoint(files_, "/d/c"), epochs);
  put("0\n1\n0 0 0\n");
  EXPECT_FALSE(read_epoch_checkpoint(files_, "/d/c").ok());
}

TEST_F(CheckpointFileTest, WhatWasWrittenSurvivesACrash) {
  ASSERT_TRUE(write_offset_checkpoint(files_, "/d/c", {{{"a", 0}, 5}}).ok());
  files_.crash();
  EXPECT_EQ(read_offset_checkpoint(files_, "/d/c")->size(), 1u);
}

}  // namespace
}  // namespace ottla::storage
