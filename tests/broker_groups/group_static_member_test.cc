// SPDX-License-Identifier: Apache-2.0
#include "tests/broker_groups/group_fixture.h"

namespace ottla::groups {
namespace {

class GroupStaticMember : public GroupTest {
 protected:
  // The process of `client` starts again: it has its instance id, and no member id.
  static Client restarted(const Client& client) {
    Client fresh = client;
    fresh.member_id.clear();
    fresh.generation = -1;
    return fresh;
  }
  Client a{"a", "instance-a"}, b{"b", "instance-b"};
};

TEST_F(GroupStaticMember, JoinsWithoutBeingAskedForAnId) {
  const auto joined = send_join(a);
  EXPECT_FALSE(joined.arrived());
  loop.advance(3'000);
  EXPECT_EQ(joined->member_id, "instance-a-00000000-0000-4000-8000-000000000001");
  EXPECT_EQ(joined->members.at(0).group_instance_id, "instance-a");
}

TEST_F(GroupStaticMember, ThatRestartsKeepsItsAssignmentWithoutARebalance) {
  make_stable({&a, &b});
  Client again = restarted(b);
  const auto joined = join(again);
  take(again, joined);
  EXPECT_NE(again.member_id, b.member_id);
  EXPECT_EQ(again.generation, b.generation);
  EXPECT_EQ(sync(again)->assignment, bytes("for b"));
  EXPECT_EQ(heartbeat(a), ErrorCode::NONE);
  EXPECT_EQ(state(), "Stable");
}

TEST_F(GroupStaticMember, ThatLeadsIsToldToSkipTheAssignment) {
  make_stable({&a, &b});
  Client again = restarted(a);
  const auto joined = join(again);
  EXPECT_TRUE(joined->skip_assignment);
  EXPECT_EQ(joined->leader, joined->member_id);
  EXPECT_EQ(joined->members.size(), 2U);
}

TEST_F(GroupStaticMember, ThatLeadsAndIsOldIsNotToldThatItLeads) {
  make_stable({&a, &b});
  Client again = restarted(a);
  again.version = 8;
  const auto joined = join(again);
  EXPECT_FALSE(joined->skip_assignment);
  EXPECT_EQ(joined->leader, a.member_id);
  EXPECT_TRUE(joined->members.empty());
}

TEST_F(GroupStaticMember, IsFencedByItsSuccessor) {
  make_stable({&a, &b});
  Client again = restarted(b);
  take(again, join(again));
  EXPECT_EQ(heartbeat(b), ErrorCode::FENCED_INSTANCE_ID);
  EXPECT_EQ(sync(b)->error, ErrorCode::FENCED_INSTANCE_ID);
  EXPECT_EQ(send_join(b)->error, ErrorCode::FENCED_INSTANCE_ID);
  EXPECT_EQ(leave(b), ErrorCode::FENCED_INSTANCE_ID);
  EXPECT_EQ(commit(b, "t", 1), ErrorCode::FENCED_INSTANCE_ID);
}

TEST_F(GroupStaticMember, IsFencedWhileItWaits) {
  const auto first = send_join(a);
  Client again = restarted(a);
  const auto second = send_join(again);
  EXPECT_EQ(first->error, ErrorCode::FENCED_INSTANCE_ID);
  loop.advance(3'000);
  EXPECT_EQ(second->error, ErrorCode::NONE);
  EXPECT_EQ(described().members.size(), 1U);
}

TEST_F(GroupStaticMember, ThatRestartsWithAnotherProtocolRebalances) {
  a.protocols = b.protocols = {{"range", {}}, {"sticky", {}}};
  make_stable({&a, &b});
  Client again = restarted(b);
  again.protocols = {{"sticky", {}}};
  EXPECT_FALSE(join(again).arrived());
  EXPECT_EQ(state(), "PreparingRebalance");
}

TEST_F(GroupStaticMember, ThatRestartsBeforeTheAssignmentRebalances) {
  const auto join_a = join(a);
  const auto join_b = join(b);
  loop.advance(6'000);
  take(a, join_a);
  take(b, join_b);
  const auto sync_b = sync(b);
  Client again = restarted(b);
  const auto join_again = join(again);
  EXPECT_EQ(sync_b->error, ErrorCode::FENCED_INSTANCE_ID);
  EXPECT_FALSE(join_again.arrived());
  EXPECT_EQ(state(), "PreparingRebalance");
}

TEST_F(GroupStaticMember, ThatCannotBeStoredKeepsItsOldId) {
  make_stable({&a, &b});
  log.fail_with = ErrorCode::NOT_ENOUGH_REPLICAS;
  Client again = restarted(b);
  const auto refused = join(again);
  EXPECT_EQ(refused->error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
  EXPECT_EQ(refused->member_id, "");
  EXPECT_EQ(heartbeat(b), ErrorCode::NONE);
}

TEST_F(GroupStaticMember, KeepsItsPlaceThroughARebalanceThatItMisses) {
  make_stable({&a, &b});
  b.session_timeout_ms = 10'000;
  Client c("c");
  const auto join_c = join(c);
  const auto join_a = join(a);
  pass_with_heartbeats(9'000, {&b});
  EXPECT_EQ(heartbeat(b), ErrorCode::REBALANCE_IN_PROGRESS);
  pass_with_heartbeats(51'000, {&b});
  EXPECT_EQ(join_a->generation_id, 2);
  EXPECT_EQ(described().members.size(), 3U);
}

TEST_F(GroupStaticMember, IsRemovedByItsInstanceIdAlone) {
  make_stable({&a, &b});
  const auto result = coordinator->leave_group({group, {{"", "instance-b"}, {"", "instance-x"}}});
  EXPECT_EQ(result.members.at(0).error, ErrorCode::NONE);
  EXPECT_EQ(result.members.at(1).error, ErrorCode::UNKNOWN_MEMBER_ID);
  EXPECT_EQ(described().members.size(), 1U);
}

TEST_F(GroupStaticMember, IsUnknownWithAnInstanceIdThatNobodyHas) {
  make_stable({&a});
  a.instance_id = "instance-x";
  EXPECT_EQ(heartbeat(a), ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupStaticMember, StartsItsSessionAnewUnderItsNewId) {
  make_stable({&a, &b});
  loop.advance(9'000);
  EXPECT_EQ(heartbeat(a), ErrorCode::NONE);
  Client again = restarted(b);
  take(again, join(again));
  loop.advance(9'000);
  EXPECT_EQ(heartbeat(again), ErrorCode::NONE);
  EXPECT_EQ(heartbeat(a), ErrorCode::NONE);
  pass_with_heartbeats(10'000, {&a});
  EXPECT_EQ(state(), "PreparingRebalance");
}

}  // namespace
}  // namespace ottla::groups
