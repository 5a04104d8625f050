// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/offset_store.h"

#include <gtest/gtest.h>

namespace ottla::groups {
namespace {

class OffsetStoreTest : public ::testing::Test {
 protected:
  static CommittedOffset at(int64_t offset) { return {offset, -1, "", 1, -1}; }
  int64_t committed() const {
    const CommittedOffset* found = store.find("g", key.topic_partition);
    return found == nullptr ? -1 : found->offset;
  }
  const OffsetKey key{"g", {"t", 0}};
  OffsetStore store;
};

TEST_F(OffsetStoreTest, KeepsTheLastCommitUntilItsTombstone) {
  store.replay(key, at(1), 0);
  store.replay(key, at(2), 1);
  EXPECT_EQ(committed(), 2);
  store.replay(key, std::nullopt, 2);
  EXPECT_EQ(committed(), -1);
  EXPECT_TRUE(store.group_ids().empty());
}

TEST_F(OffsetStoreTest, HoldsATransactionsOffsetUntilItCommits) {
  store.replay_transactional(7, key, at(1), 0);
  EXPECT_EQ(committed(), -1);
  EXPECT_TRUE(store.unstable("g", key.topic_partition));
  EXPECT_TRUE(store.has_unstable("g"));
  store.replay_end_transaction(7, true);
  EXPECT_EQ(committed(), 1);
  EXPECT_FALSE(store.has_unstable("g"));
}

TEST_F(OffsetStoreTest, DropsATransactionsOffsetThatAborts) {
  store.replay_transactional(7, key, at(1), 0);
  store.replay_end_transaction(7, false);
  EXPECT_EQ(committed(), -1);
}

TEST_F(OffsetStoreTest, PrefersAPlainCommitThatCameAfterTheTransactions) {
  store.replay_transactional(7, key, at(1), 0);
  store.replay(key, at(2), 1);
  store.replay_end_transaction(7, true);
  EXPECT_EQ(committed(), 2);
}

TEST_F(OffsetStoreTest, CountsAppendsUnderWay) {
  store.add_in_flight("g", key.topic_partition);
  store.add_in_flight("g", key.topic_partition);
  store.remove_in_flight("g", key.topic_partition);
  EXPECT_TRUE(store.in_flight("g", key.topic_partition));
  store.remove_in_flight("g", key.topic_partition);
  EXPECT_FALSE(store.has_unstable("g"));
}

}  // namespace
}  // namespace ottla::groups
