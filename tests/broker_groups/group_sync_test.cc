// SPDX-License-Identifier: Apache-2.0
#include "tests/broker_groups/group_fixture.h"

namespace ottla::groups {
namespace {

class GroupSync : public GroupTest {
 protected:
  // Two members that have joined, `a` the leader.
  void join_two() {
    const auto join_a = join(a);
    const auto join_b = join(b);
    loop.advance(6'000);
    take(a, join_a);
    take(b, join_b);
    ASSERT_EQ(state(), "CompletingRebalance");
    ASSERT_TRUE(leads(a, join_a));
  }
  Client a{"a"}, b{"b"};
};

TEST_F(GroupSync, OfFollowersWaitsForTheLeaders) {
  join_two();
  const auto sync_b = sync(b);
  EXPECT_FALSE(sync_b.arrived());
  const auto sync_a = sync(a, {{a.member_id, bytes("A")}, {b.member_id, bytes("B")}});
  EXPECT_EQ(sync_a->assignment, bytes("A"));
  EXPECT_EQ(sync_b->assignment, bytes("B"));
  EXPECT_EQ(sync_b->protocol_type, "consumer");
  EXPECT_EQ(sync_b->protocol_name, "range");
  EXPECT_EQ(state(), "Stable");
}

TEST_F(GroupSync, IsAnsweredOnlyWhenTheAssignmentIsCommitted) {
  log.hold_commits = true;
  join_two();
  const auto sync_a = sync(a, {{a.member_id, bytes("A")}});
  const auto sync_b = sync(b);
  EXPECT_FALSE(sync_a.arrived());
  EXPECT_EQ(state(), "CompletingRebalance");
  log.finish_commits();
  EXPECT_EQ(sync_a->assignment, bytes("A"));
  EXPECT_EQ(sync_b->error, ErrorCode::NONE);
  EXPECT_TRUE(sync_b->assignment.empty()) << "the leader forgot this member";
}

TEST_F(GroupSync, ThatCannotBeStoredFailsForAllAndRebalances) {
  join_two();
  log.fail_with = ErrorCode::NOT_ENOUGH_REPLICAS;
  const auto sync_b = sync(b);
  const auto sync_a = sync(a, {{a.member_id, bytes("A")}});
  EXPECT_EQ(sync_a->error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
  EXPECT_EQ(sync_b->error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
  EXPECT_EQ(state(), "PreparingRebalance");
}

TEST_F(GroupSync, OvertakenByANewMemberIsToldToRejoin) {
  log.hold_commits = true;
  join_two();
  const auto sync_a = sync(a, {{a.member_id, bytes("A")}, {b.member_id, bytes("B")}});
  Client c("c");
  join(c);
  EXPECT_EQ(sync_a->error, ErrorCode::REBALANCE_IN_PROGRESS);
  log.finish_commits();
  EXPECT_EQ(state(), "PreparingRebalance");
  EXPECT_EQ(sync(b)->error, ErrorCode::REBALANCE_IN_PROGRESS);
}

TEST_F(GroupSync, OfAnotherGenerationIsIllegal) {
  join_two();
  b.generation = 7;
  EXPECT_EQ(sync(b)->error, ErrorCode::ILLEGAL_GENERATION);
}

TEST_F(GroupSync, OfAStrangerIsUnknown) {
  join_two();
  b.member_id = "stranger";
  EXPECT_EQ(sync(b)->error, ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupSync, WithAnotherProtocolIsInconsistent) {
  join_two();
  const auto sync_with = [&](std::optional<std::string> type, std::optional<std::string> name) {
    Answer<SyncGroupResult> answer;
    coordinator->sync_group({group, b.generation, b.member_id, std::nullopt, type, name, {}},
                            answer.callback());
    return answer;
  };
  EXPECT_EQ(sync_with("connect", "range")->error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  EXPECT_EQ(sync_with("consumer", "sticky")->error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  EXPECT_FALSE(sync_with("consumer", "range").arrived());
}

TEST_F(GroupSync, InAStableGroupReturnsTheAssignmentAgain) {
  make_stable({&a, &b});
  EXPECT_EQ(sync(b)->assignment, bytes("for b"));
}

TEST_F(GroupSync, ThatDoesNotComeCostsTheMemberItsPlace) {
  join_two();
  const auto sync_a = sync(a, {{a.member_id, bytes("A")}, {b.member_id, bytes("B")}});
  EXPECT_EQ(state(), "Stable");
  pass_with_heartbeats(59'000, {&a, &b});
  EXPECT_EQ(state(), "Stable");
  pass_with_heartbeats(1'000, {&a, &b});
  EXPECT_EQ(state(), "PreparingRebalance") << "b sends heartbeats but never asked for its assignment";
  EXPECT_EQ(heartbeat(b), ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupSync, OfTheLeaderThatDoesNotComeRebalancesTheRest) {
  join_two();
  const auto sync_b = sync(b);
  pass_with_heartbeats(60'000, {&a});
  EXPECT_EQ(sync_b->error, ErrorCode::REBALANCE_IN_PROGRESS);
  const auto join_b = join(b);
  EXPECT_EQ(join_b->leader, b.member_id);
}

TEST_F(GroupSync, WaitsInVainWhereTheMemberLeaves) {
  join_two();
  const auto sync_b = sync(b);
  EXPECT_EQ(leave(b), ErrorCode::NONE);
  EXPECT_EQ(sync_b->error, ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupSync, StartsSessionsAnew) {
  log.hold_commits = true;
  join_two();
  const auto sync_a = sync(a, {{a.member_id, bytes("A")}});
  const auto sync_b = sync(b);
  loop.advance(30'000);
  log.finish_commits();
  EXPECT_EQ(sync_b->error, ErrorCode::NONE);
  loop.advance(9'000);
  EXPECT_EQ(heartbeat(b), ErrorCode::NONE);
  loop.advance(2'000);
  EXPECT_EQ(described().members.size(), 1U) << "a has sent no heartbeat since";
  EXPECT_EQ(heartbeat(b), ErrorCode::REBALANCE_IN_PROGRESS);
}

TEST_F(GroupSync, HeartbeatsKeepMembersIn) {
  make_stable({&a, &b});
  pass_with_heartbeats(120'000, {&a, &b});
  EXPECT_EQ(state(), "Stable");
  EXPECT_EQ(described().members.size(), 2U);
}

TEST_F(GroupSync, HeartbeatsOfAnotherGenerationAreIllegal) {
  make_stable({&a});
  a.generation = 0;
  EXPECT_EQ(heartbeat(a), ErrorCode::ILLEGAL_GENERATION);
}

TEST_F(GroupSync, HeartbeatsWhileTheAssignmentIsMadeAreFine) {
  join_two();
  EXPECT_EQ(heartbeat(a), ErrorCode::NONE);
}

TEST_F(GroupSync, LeavingRebalancesTheOthers) {
  make_stable({&a, &b});
  EXPECT_EQ(leave(a), ErrorCode::NONE);
  EXPECT_EQ(heartbeat(b), ErrorCode::REBALANCE_IN_PROGRESS);
  const auto join_b = join(b);
  EXPECT_EQ(join_b->generation_id, 2);
  EXPECT_EQ(leave(a), ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupSync, LeavingInABatchAnswersEachMember) {
  make_stable({&a, &b});
  const auto result = coordinator->leave_group(
      {group, {{a.member_id, std::nullopt}, {"stranger", std::nullopt}, {b.member_id, std::nullopt}}});
  EXPECT_EQ(result.error, ErrorCode::NONE);
  ASSERT_EQ(result.members.size(), 3U);
  EXPECT_EQ(result.members[0].error, ErrorCode::NONE);
  EXPECT_EQ(result.members[1].error, ErrorCode::UNKNOWN_MEMBER_ID);
  EXPECT_EQ(result.members[2].error, ErrorCode::NONE);
  EXPECT_EQ(state(), "Empty");
}

TEST_F(GroupSync, DescribesMembersWithMetadataOnlyWhileStable) {
  join_two();
  EXPECT_TRUE(described().members.at(0).metadata.empty());
  EXPECT_EQ(described().protocol, "");
  sync(a, {{a.member_id, bytes("A")}, {b.member_id, bytes("B")}});
  const DescribedGroup stable = described();
  EXPECT_EQ(stable.protocol, "range");
  EXPECT_EQ(stable.protocol_type, "consumer");
  EXPECT_EQ(stable.members.at(0).metadata, subscription({"t"}));
  EXPECT_EQ(stable.members.at(0).assignment, bytes("A"));
  EXPECT_EQ(stable.members.at(0).client_host, "/127.0.0.1");
}

}  // namespace
}  // namespace ottla::groups
