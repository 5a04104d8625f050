// SPDX-License-Identifier: Apache-2.0
#include "storage/log/file_names.h"

#include <gtest/gtest.h>

namespace ottla::storage {
namespace {

TEST(FileNames, SegmentsAreNamedByTwentyDigits) {
  EXPECT_EQ(offset_file_name(42, kLogSuffix), "00000000000000000042.log");
  EXPECT_EQ(offset_of_file_name("00000000000000000042.log", kLogSuffix), 42);
  EXPECT_EQ(offset_of_file_name("09223372036854775807.index", kOffsetIndexSuffix), INT64_MAX);
}

TEST(FileNames, RefusesWhatIsNoSegmentName) {
  EXPECT_EQ(offset_of_file_name("42.log", kLogSuffix), std::nullopt);
  EXPECT_EQ(offset_of_file_name("0000000000000000004x.log", kLogSuffix), std::nullopt);
  EXPECT_EQ(offset_of_file_name("99999999999999999999.log", kLogSuffix), std::nullopt);
  EXPECT_EQ(offset_of_file_name("00000000000000000042.index", kLogSuffix), std::nullopt);
  EXPECT_EQ(offset_of_file_name("00000000000000000042.log.deleted", kLogSuffix), std::nullopt);
}

TEST(FileNames, ParsesPartitionDirectories) {
  EXPECT_EQ(partition_directory("a-b", 3), "a-b-3");
  EXPECT_EQ(parse_partition_directory("a-b-3"), (TopicPartitionName{"a-b", 3}));
  EXPECT_EQ(parse_partition_directory("__consumer_offsets-49"),
            (TopicPartitionName{"__consumer_offsets", 49}));
  for (const char* name :
       {"lost+found", "-3", "topic-", "topic", "topic-x", "topic--1x", "topic-99999999999"}) {
    EXPECT_EQ(parse_partition_directory(name), std::nullopt) << name;
  }
}

TEST(FileNames, DeletedDirectoriesStayWithinTheLongestName) {
  const std::string id(32, 'f');
  EXPECT_EQ(delete_directory("t", 1, id), "t-1." + id + "-delete");
  EXPECT_TRUE(is_delete_directory(delete_directory("t", 1, id)));
  EXPECT_FALSE(is_delete_directory("t-1"));
  EXPECT_FALSE(is_delete_directory("topic-delete"));
  const std::string longest = delete_directory(std::string(249, 't'), 12345, id);
  EXPECT_EQ(longest.size(), 255u);
  EXPECT_TRUE(longest.ends_with("-12345." + id + "-delete"));
  EXPECT_EQ(parse_partition_directory(longest), std::nullopt);
}

TEST(FileNames, AMoveThatKafkaDidNotFinishIsNoPartition) {
  const std::string future = "t-1." + std::string(32, 'f') + "-future";
  EXPECT_TRUE(is_future_directory(future));
  EXPECT_FALSE(is_future_directory("topic-future"));
  EXPECT_EQ(parse_partition_directory(future), std::nullopt);
}

}  // namespace
}  // namespace ottla::storage
