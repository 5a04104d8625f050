// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/in_sync_replicas.h"

#include <gtest/gtest.h>

namespace ottla {
namespace {

using Ids = std::vector<int32_t>;

constexpr int64_t kLagMs = 1000;

InSyncReplicas leader_of(const Ids& replicas, const Ids& isr, int64_t epoch_start = 10) {
  return {0, replicas, isr, epoch_start, kLagMs, 0};
}

TEST(InSyncReplicasTest, WhatIsCommittedIsOnAllThatAreInSync) {
  InSyncReplicas replicas = leader_of({0, 1, 2}, {0, 1, 2});
  EXPECT_EQ(replicas.watermark(20, 0), -1);  // nobody has said how far it is
  replicas.on_fetch(1, 15, 20, 10);
  replicas.on_fetch(2, 12, 20, 10);
  EXPECT_EQ(replicas.watermark(20, 10), 12);
  replicas.on_fetch(2, 20, 20, 20);
  EXPECT_EQ(replicas.watermark(20, 20), 15);
}

TEST(InSyncReplicasTest, AReplicaThatIsNotInSyncHoldsNothingUpUnlessItHasJustCaughtUp) {
  InSyncReplicas replicas = leader_of({0, 1}, {0});
  EXPECT_EQ(replicas.watermark(20, 5000), 20);
  replicas.on_fetch(1, 3, 20, 5000);
  EXPECT_EQ(replicas.watermark(20, 5000), 20);
  replicas.on_fetch(1, 20, 20, 5100);
  EXPECT_EQ(replicas.watermark(30, 5100), 20);
  EXPECT_EQ(replicas.watermark(30, 5100 + kLagMs + 1), 30);
}

TEST(InSyncReplicasTest, AFollowerJoinsWhenItHasWhatIsCommittedAndWhatTheLeaderBeganWith) {
  InSyncReplicas replicas = leader_of({0, 1, 2}, {0}, 10);
  replicas.on_fetch(1, 9, 20, 10);
  EXPECT_FALSE(replicas.grown(1, 5).has_value());  // not yet where the epoch began
  replicas.on_fetch(1, 15, 20, 20);
  EXPECT_FALSE(replicas.grown(1, 16).has_value());  // not yet where others are committed
  EXPECT_EQ(replicas.grown(1, 15), (Ids{0, 1}));
  EXPECT_FALSE(replicas.grown(7, 0).has_value());  // no replica
}

TEST(InSyncReplicasTest, AFollowerThatKeepsUpWithWhatWasThereAtItsLastFetchStays) {
  InSyncReplicas replicas = leader_of({0, 1}, {0, 1});
  // Always one fetch behind a busy leader.
  for (int64_t i = 1; i < 100; ++i) replicas.on_fetch(1, i * 10, (i + 1) * 10, i * 100);
  EXPECT_FALSE(replicas.shrunk(1000, 9900).has_value());
}

TEST(InSyncReplicasTest, AFollowerThatFallsBehindOrSaysNothingLeaves) {
  InSyncReplicas replicas = leader_of({0, 1, 2}, {0, 1, 2});
  for (int64_t i = 1; i < 20; ++i) replicas.on_fetch(1, 10, 20 + i, i * 100);
  replicas.on_fetch(2, 39, 39, 1900);
  EXPECT_EQ(replicas.shrunk(40, 1950), (Ids{0, 2}));
  // What has all of it may be silent.
  InSyncReplicas idle = leader_of({0, 1, 2}, {0, 1, 2});
  idle.on_fetch(1, 20, 20, 100);
  EXPECT_EQ(idle.shrunk(20, 100000), (Ids{0, 1}));
}

TEST(InSyncReplicasTest, WhileAChangeIsUnderWayBothCount) {
  InSyncReplicas replicas = leader_of({0, 1, 2}, {0, 1});
  replicas.on_fetch(1, 20, 20, 0);
  replicas.on_fetch(2, 15, 20, 0);
  replicas.begin_change({0, 1, 2});
  EXPECT_EQ(replicas.watermark(20, 50000), 15);
  EXPECT_FALSE(replicas.grown(2, 0).has_value());
  EXPECT_FALSE(replicas.shrunk(20, 50000).has_value());
  replicas.end_change({0, 1, 2});
  EXPECT_EQ(replicas.members(), (Ids{0, 1, 2}));
  replicas.begin_change({0, 1});
  replicas.on_fetch(2, 16, 20, 0);
  // Whether 2 is out is not known.
  EXPECT_EQ(replicas.watermark(20, 50000), 16);
  replicas.end_change({0, 1});
  EXPECT_EQ(replicas.watermark(20, 50000), 20);
}

}  // namespace
}  // namespace ottla
