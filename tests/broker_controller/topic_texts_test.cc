// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/topic_texts.h"

#include <gtest/gtest.h>

namespace ottla {
namespace {

// behaviours.md 31; what the tools of both releases print is in compat/lib/texts.py.
TEST(TopicTexts, AreThoseOf28) {
  const TopicTexts texts(false);
  EXPECT_EQ(texts.invalid_name("a-B_9.c"), "");
  EXPECT_EQ(texts.invalid_name(""), "Topic name is illegal, it can't be empty");
  EXPECT_EQ(texts.invalid_name(".."), "Topic name cannot be \".\" or \"..\"");
  EXPECT_EQ(
      texts.invalid_name("a b"),
      "Topic name \"a b\" is illegal, it contains a character other than ASCII alphanumerics, '.', '_' and "
      "'-'");
  EXPECT_EQ(texts.invalid_name(std::string(249, 'x')), "");
  EXPECT_TRUE(
      texts.invalid_name(std::string(250, 'x')).starts_with("Topic name is illegal, it can't be longer"));
  EXPECT_EQ(texts.collision("a.b", "a_b"), "Topic 'a.b' collides with existing topics: a_b");
  EXPECT_EQ(texts.too_many_replicas(2, 1), "Replication factor: 2 larger than available brokers: 1.");
  EXPECT_EQ(texts.no_increase("t", 3, 3), "Topic already has 3 partitions.");
  EXPECT_EQ(texts.no_increase("t", 3, 2),
            "Topic currently has 3 partitions, which is higher than the requested 2.");
}

TEST(TopicTexts, AreThoseOf4) {
  const TopicTexts texts(true);
  EXPECT_EQ(texts.invalid_name("a-B_9.c"), "");
  EXPECT_EQ(texts.invalid_name(""), "Topic name is invalid: the empty string is not allowed");
  EXPECT_EQ(texts.invalid_name("."), "Topic name is invalid: '.' is not allowed");
  EXPECT_TRUE(texts.invalid_name("a b").starts_with("Topic name is invalid: 'a b' contains one or more"));
  EXPECT_TRUE(texts.invalid_name(std::string(250, 'x')).ends_with("longer than the max allowed length 249"));
  EXPECT_EQ(texts.collision("a.b", "a_b"), "Topic 'a.b' collides with existing topic: a_b");
  EXPECT_TRUE(texts.too_many_replicas(2, 1).starts_with("Unable to replicate the partition 2 time(s): "));
  EXPECT_EQ(texts.no_increase("t", 3, 3), "Topic already has 3 partition(s).");
  EXPECT_EQ(texts.no_increase("t", 3, 2),
            "The topic t currently has 3 partition(s); 2 would not be an increase.");
}

}  // namespace
}  // namespace ottla
