// SPDX-License-Identifier: Apache-2.0
#include "tests/broker_groups/group_fixture.h"

namespace ottla::groups {
namespace {

constexpr int64_t kMinute = 60'000;

class GroupExpiry : public GroupTest {
 protected:
  GroupExpiry() {
    config.offsets_retention_minutes = 60;
    start_broker();
  }
};

TEST_F(GroupExpiry, DropsOffsetsOfASimpleConsumerAfterTheLastCommit) {
  commit("t", 1);
  loop.advance(50 * kMinute);
  commit("t", 2);
  loop.advance(50 * kMinute);
  EXPECT_EQ(fetch("t"), 2);
  loop.advance(20 * kMinute);
  EXPECT_EQ(fetch("t"), -1);
  EXPECT_EQ(state(), "Dead");
  EXPECT_FALSE(records().back().value.has_value());
}

TEST_F(GroupExpiry, CountsFromWhenTheGroupBecameEmpty) {
  Client a("a");
  make_stable({&a});
  commit(a, "t", 1);
  pass_with_heartbeats(300 * kMinute, {&a});
  EXPECT_EQ(fetch("t"), 1) << "the topic is read";
  leave(a);
  loop.advance(50 * kMinute);
  EXPECT_EQ(fetch("t"), 1);
  loop.advance(20 * kMinute);
  EXPECT_EQ(fetch("t"), -1);
  EXPECT_EQ(state(), "Dead");
}

TEST_F(GroupExpiry, OfAStableGroupDropsTopicsThatNobodyReadsAnyMore) {
  Client a("a");
  make_stable({&a});
  commit(a, "t", 1);
  commit(a, "old", 2);
  pass_with_heartbeats(80 * kMinute, {&a});
  EXPECT_EQ(fetch("t"), 1);
  EXPECT_EQ(fetch("old"), -1);
  EXPECT_EQ(state(), "Stable");
}

TEST_F(GroupExpiry, LeavesOtherProtocolsAloneWhileTheyHaveMembers) {
  Client a("a");
  a.protocol_type = "connect";
  make_stable({&a});
  commit(a, "t", 1);
  pass_with_heartbeats(80 * kMinute, {&a});
  EXPECT_EQ(fetch("t"), 1);
}

TEST_F(GroupExpiry, FollowsAnExplicitRetention) {
  CommitOffsets request;
  request.retention_time_ms = 15 * kMinute;
  request.partitions.push_back({{"t", 0}, 1, -1, "", -1});
  send_commit(request);
  loop.advance(10 * kMinute);
  EXPECT_EQ(fetch("t"), 1);
  loop.advance(10 * kMinute);
  EXPECT_EQ(fetch("t"), -1);
}

TEST_F(GroupExpiry, DropsAnEmptyGroupWithoutOffsets) {
  Client a("a");
  make_stable({&a});
  leave(a);
  EXPECT_EQ(state(), "Empty");
  loop.advance(10 * kMinute);
  EXPECT_EQ(state(), "Dead");
  EXPECT_FALSE(records().back().value.has_value()) << "the group's tombstone";
}

TEST_F(GroupExpiry, GoesOnAfterARestart) {
  commit("t", 1);
  loop.advance(55 * kMinute);
  start_broker();
  EXPECT_EQ(fetch("t"), 1);
  loop.advance(10 * kMinute);
  EXPECT_EQ(fetch("t"), -1);
}

}  // namespace
}  // namespace ottla::groups
