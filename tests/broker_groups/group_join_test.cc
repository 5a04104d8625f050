// SPDX-License-Identifier: Apache-2.0
#include "tests/broker_groups/group_fixture.h"

namespace ottla::groups {
namespace {

class GroupJoin : public GroupTest {};

TEST_F(GroupJoin, GivesANewMemberItsIdFirst) {
  Client a("a");
  const auto first = send_join(a);
  EXPECT_EQ(first->error, ErrorCode::MEMBER_ID_REQUIRED);
  EXPECT_EQ(first->member_id, "a-00000000-0000-4000-8000-000000000001");
  a.member_id = first->member_id;
  const auto second = send_join(a);
  EXPECT_FALSE(second.arrived());
  loop.advance(3'000);
  EXPECT_EQ(second->error, ErrorCode::NONE);
  EXPECT_EQ(second->generation_id, 1);
  EXPECT_EQ(second->leader, a.member_id);
  EXPECT_EQ(second->protocol_type, "consumer");
  EXPECT_EQ(second->protocol_name, "range");
  ASSERT_EQ(second->members.size(), 1U);
  EXPECT_EQ(second->members[0].metadata, subscription({"t"}));
}

TEST_F(GroupJoin, LetsOldClientsInWithoutAskingForAnId) {
  Client a("a");
  a.version = 3;
  const auto answer = send_join(a);
  EXPECT_FALSE(answer.arrived());
  loop.advance(3'000);
  EXPECT_EQ(answer->error, ErrorCode::NONE);
}

TEST_F(GroupJoin, OfVersion0RebalancesWithinTheSessionTimeout) {
  Client a("a");
  a.version = 0;
  a.rebalance_timeout_ms = -1;
  make_stable({&a});
  EXPECT_EQ(coordinator->describe_group(group, 0).members.size(), 1U);
  Client b("b");
  b.version = 0;
  b.rebalance_timeout_ms = -1;
  const auto joined = send_join(b);
  pass_with_heartbeats(9'000, {&a});
  EXPECT_FALSE(joined.arrived());
  pass_with_heartbeats(1'000, {&a});
  EXPECT_EQ(joined->members.size(), 1U);
}

TEST_F(GroupJoin, BringsTwoMembersIntoOneGeneration) {
  Client a("a"), b("b");
  const auto join_a = join(a);
  const auto join_b = join(b);
  loop.advance(3'000);
  EXPECT_FALSE(join_a.arrived()) << "a member came during the delay, which starts again";
  loop.advance(3'000);
  EXPECT_EQ(join_a->generation_id, 1);
  EXPECT_EQ(join_b->generation_id, 1);
  EXPECT_EQ(join_a->leader, join_b->leader);
  EXPECT_EQ(join_a->members.size() + join_b->members.size(), 2U) << "only the leader gets the members";
}

TEST_F(GroupJoin, WaitsForMoreMembersNoLongerThanTheRebalanceTimeout) {
  config.group_initial_rebalance_delay_ms = 3'000;
  Client first("m0");
  first.rebalance_timeout_ms = 7'000;
  const auto joined = join(first);
  int64_t waited = 0;
  for (int i = 1; !joined.arrived() && waited < 60'000; ++i) {
    Client next("m" + std::to_string(i));
    next.rebalance_timeout_ms = 7'000;
    join(next);
    loop.advance(500);
    waited += 500;
  }
  EXPECT_EQ(joined->error, ErrorCode::NONE);
  EXPECT_LE(waited, 10'000);
}

TEST_F(GroupJoin, RebalancesAtOnceWhereTheInitialDelayIs0) {
  config.group_initial_rebalance_delay_ms = 0;
  start_broker();
  Client a("a");
  const auto joined = join(a);
  loop.advance(0);
  EXPECT_EQ(joined->generation_id, 1);
}

TEST_F(GroupJoin, OfAThirdMemberRebalancesTheOthersByTheirHeartbeats) {
  Client a("a"), b("b");
  make_stable({&a, &b});
  Client c("c");
  const auto join_c = join(c);
  EXPECT_FALSE(join_c.arrived());
  EXPECT_EQ(state(), "PreparingRebalance");
  EXPECT_EQ(heartbeat(a), ErrorCode::REBALANCE_IN_PROGRESS);
  EXPECT_EQ(heartbeat(b), ErrorCode::REBALANCE_IN_PROGRESS);
  const auto join_a = join(a);
  const auto join_b = join(b);
  EXPECT_EQ(join_c->generation_id, 2) << "all are there: no more waiting";
  finish_rebalance({&a, &b, &c}, {join_a, join_b, join_c});
}

TEST_F(GroupJoin, OfCooperativeMembersRunsOneRebalanceAfterTheOther) {
  Client a("a"), b("b");
  a.protocols = b.protocols = {{"cooperative-sticky", bytes("owns nothing")}};
  make_stable({&a});
  const auto join_b = join(b);
  a.protocols = {{"cooperative-sticky", bytes("owns p0 p1")}};
  const auto join_a = join(a);
  finish_rebalance({&a, &b}, {join_a, join_b});
  // The member that gave partitions up asks for the second rebalance with what it still owns.
  a.protocols = {{"cooperative-sticky", bytes("owns p0")}};
  const auto again_a = join(a);
  EXPECT_EQ(heartbeat(b), ErrorCode::REBALANCE_IN_PROGRESS);
  const auto again_b = join(b);
  finish_rebalance({&a, &b}, {again_a, again_b});
  EXPECT_EQ(a.generation, 3);
}

TEST_F(GroupJoin, RemovesAMemberThatDoesNotJoinAgain) {
  Client a("a"), b("b");
  make_stable({&a, &b});
  Client c("c");
  const auto join_c = join(c);
  const auto join_b = join(b);
  pass_with_heartbeats(60'000, {&a});
  EXPECT_EQ(join_b->generation_id, 2);
  EXPECT_EQ(join_c->generation_id, 2);
  EXPECT_EQ(described().members.size(), 2U);
  EXPECT_EQ(heartbeat(a), ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupJoin, MovesLeadershipWhenTheLeaderFails) {
  Client a("a"), b("b");
  make_stable({&a, &b});
  pass_with_heartbeats(10'000, {&b});
  EXPECT_EQ(state(), "PreparingRebalance");
  const auto join_b = join(b);
  EXPECT_EQ(join_b->leader, b.member_id);
  EXPECT_EQ(join_b->members.size(), 1U);
}

TEST_F(GroupJoin, EmptiesAGroupWhoseLastMemberFails) {
  Client a("a");
  make_stable({&a});
  loop.advance(9'999);
  EXPECT_EQ(state(), "Stable");
  loop.advance(1);
  EXPECT_EQ(state(), "Empty");
  EXPECT_EQ(heartbeat(a), ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupJoin, ForgetsAnIdThatNobodyJoinsWith) {
  Client a("a"), slow("slow");
  make_stable({&a});
  slow.member_id = send_join(slow)->member_id;
  const auto join_a = join(a);
  EXPECT_FALSE(join_a.arrived()) << "the pending member is waited for";
  loop.advance(10'000);
  EXPECT_EQ(join_a->generation_id, 2);
  EXPECT_EQ(send_join(slow)->error, ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupJoin, LetsAPendingMemberLeave) {
  Client a("a");
  a.member_id = send_join(a)->member_id;
  EXPECT_EQ(leave(a), ErrorCode::NONE);
  EXPECT_EQ(send_join(a)->error, ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupJoin, AnswersAMemberThatMissedItsAnswerWithTheSameGeneration) {
  Client a("a"), b("b");
  make_stable({&a, &b});
  const auto again = send_join(b);
  EXPECT_EQ(again->generation_id, 1);
  EXPECT_EQ(state(), "Stable");
}

TEST_F(GroupJoin, OfTheLeaderRebalancesAStableGroup) {
  Client a("a"), b("b");
  make_stable({&a, &b});
  const auto again = send_join(a);
  EXPECT_FALSE(again.arrived());
  EXPECT_EQ(state(), "PreparingRebalance");
}

TEST_F(GroupJoin, WithOtherMetadataRebalances) {
  Client a("a"), b("b");
  make_stable({&a, &b});
  b.protocols[0].metadata = subscription({"t", "u"});
  EXPECT_FALSE(send_join(b).arrived());
  EXPECT_EQ(state(), "PreparingRebalance");
}

TEST_F(GroupJoin, ChoosesTheProtocolThatMostPreferAmongThoseAllHave) {
  Client a("a"), b("b"), c("c");
  a.protocols = {{"range", {}}, {"sticky", {}}, {"only-a", {}}};
  b.protocols = {{"sticky", {}}, {"range", {}}};
  c.protocols = {{"sticky", {}}, {"range", {}}};
  const auto join_a = join(a);
  join(b);
  join(c);
  loop.advance(6'000);
  EXPECT_EQ(join_a->protocol_name, "sticky");
}

TEST_F(GroupJoin, WithoutACommonProtocolIsInconsistent) {
  Client a("a");
  make_stable({&a});
  Client other("other");
  other.protocols = {{"roundrobin", {}}};
  EXPECT_EQ(send_join(other)->error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  other.protocols = a.protocols;
  other.protocol_type = "connect";
  EXPECT_EQ(send_join(other)->error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
}

TEST_F(GroupJoin, WithoutAnyProtocolIsInconsistent) {
  Client a("a");
  a.protocols.clear();
  EXPECT_EQ(send_join(a)->error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  a.protocols = {{"range", {}}};
  a.protocol_type = "";
  EXPECT_EQ(send_join(a)->error, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
}

TEST_F(GroupJoin, CountsAProtocolThatIsNamedTwiceOnce) {
  Client a("a"), b("b");
  a.protocols = {{"range", bytes("1")}, {"range", bytes("2")}};
  b.protocols = {{"range", bytes("3")}};
  const auto join_a = join(a);
  join(b);
  loop.advance(6'000);
  EXPECT_EQ(join_a->protocol_name, "range");
  EXPECT_EQ(described().members.size(), 2U);
}

TEST_F(GroupJoin, RefusesASessionTimeoutOutOfBounds) {
  Client a("a");
  a.session_timeout_ms = 5'999;
  EXPECT_EQ(send_join(a)->error, ErrorCode::INVALID_SESSION_TIMEOUT);
  a.session_timeout_ms = 1'800'001;
  EXPECT_EQ(send_join(a)->error, ErrorCode::INVALID_SESSION_TIMEOUT);
}

TEST_F(GroupJoin, RefusesAnIdThatTheGroupDoesNotKnow) {
  Client ghost("ghost");
  ghost.member_id = "ghost-1";
  EXPECT_EQ(send_join(ghost)->error, ErrorCode::UNKNOWN_MEMBER_ID);
  Client a("a");
  make_stable({&a});
  EXPECT_EQ(send_join(ghost)->error, ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupJoin, RefusesMembersBeyondGroupMaxSize) {
  config.group_max_size = 2;
  start_broker();
  Client a("a"), b("b"), c("c");
  make_stable({&a, &b});
  const auto refused = send_join(c);
  EXPECT_EQ(refused->error, ErrorCode::GROUP_MAX_SIZE_REACHED);
  EXPECT_EQ(refused->member_id, "");
  EXPECT_EQ(state(), "Stable");
}

TEST_F(GroupJoin, AnswersTheFirstOfTwoJoinsOfOneMember) {
  Client a("a");
  const auto first = join(a);
  const auto second = send_join(a);
  EXPECT_EQ(first->error, ErrorCode::REBALANCE_IN_PROGRESS);
  loop.advance(3'000);
  EXPECT_EQ(second->error, ErrorCode::NONE);
}

TEST_F(GroupJoin, KeepsANewMemberWhoseJoinWaitsNoLongerThanFiveMinutes) {
  Client a("a"), b("b");
  a.rebalance_timeout_ms = b.rebalance_timeout_ms = 1'000'000;
  make_stable({&a});
  const auto waiting = join(b);
  pass_with_heartbeats(299'000, {&a});
  EXPECT_FALSE(waiting.arrived());
  pass_with_heartbeats(2'000, {&a});
  EXPECT_EQ(waiting->error, ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupJoin, DoesNotEndTheSessionOfAMemberThatWaitsForTheOthers) {
  Client a("a"), b("b"), c("c");
  make_stable({&a, &b});
  const auto join_c = join(c);
  const auto join_a = join(a);
  pass_with_heartbeats(30'000, {&b});
  EXPECT_FALSE(join_a.arrived());
  const auto join_b = join(b);
  EXPECT_EQ(join_a->error, ErrorCode::NONE);
  finish_rebalance({&a, &b, &c}, {join_a, join_b, join_c});
}

}  // namespace
}  // namespace ottla::groups
