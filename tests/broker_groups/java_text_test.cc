// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/java_text.h"

#include <gtest/gtest.h>

namespace ottla::groups {
namespace {

TEST(JavaText, HashesAsJavaDoes) {
  EXPECT_EQ(java_hash_code(""), 0);
  EXPECT_EQ(java_hash_code("hello"), 99162322);
  EXPECT_EQ(java_hash_code("polygenelubricants"), INT32_MIN);
  EXPECT_EQ(java_hash_code("\u00e9"), 0xE9);
  EXPECT_EQ(java_hash_code("\U0001F600"), 0xD83D * 31 + 0xDE00);
}

TEST(JavaText, CountsUtf16Units) {
  EXPECT_EQ(java_length("abc"), 3);
  EXPECT_EQ(java_length("\u00e9\u4e2d"), 2);
  EXPECT_EQ(java_length("\U0001F600"), 2);
}

TEST(JavaText, CountsBytesThatAreNotUtf8AsReplacements) {
  EXPECT_EQ(java_length("\xFF\xFE"), 2);
  EXPECT_EQ(java_length("\xE4\xB8"), 1);
  EXPECT_EQ(java_hash_code("\xC3"), 0xFFFD);
}

TEST(JavaText, NeverNamesANegativePartition) {
  EXPECT_EQ(partition_of_group("polygenelubricants", 50), 0);
  EXPECT_EQ(partition_of_group("hello", 50), 22);
}

}  // namespace
}  // namespace ottla::groups
