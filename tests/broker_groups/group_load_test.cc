// SPDX-License-Identifier: Apache-2.0
#include "tests/broker_groups/group_fixture.h"

namespace ottla::groups {
namespace {

class GroupLoad : public GroupTest {};

TEST_F(GroupLoad, AfterARestartContinuesWithTheSameGenerationAndMembers) {
  Client a("a"), b("b", "instance-b");
  make_stable({&a, &b});
  commit(a, "t", 5);
  const DescribedGroup before = described();
  start_broker();
  const DescribedGroup after = described();
  EXPECT_EQ(after.state, "Stable");
  EXPECT_EQ(after.protocol, "range");
  ASSERT_EQ(after.members.size(), 2U);
  EXPECT_EQ(after.members[1].group_instance_id, "instance-b");
  EXPECT_EQ(after.members[0].metadata, before.members[0].metadata);
  EXPECT_EQ(after.members[0].assignment, before.members[0].assignment);
  EXPECT_EQ(heartbeat(a), ErrorCode::NONE);
  EXPECT_EQ(sync(b)->assignment, bytes("for b"));
  EXPECT_EQ(commit(b, "t", 6), ErrorCode::NONE);
  EXPECT_EQ(fetch("t"), 6);
  Client c("c");
  const auto join_c = join(c);
  const auto join_a = join(a);
  const auto join_b = join(b);
  finish_rebalance({&a, &b, &c}, {join_a, join_b, join_c});
  EXPECT_EQ(c.generation, 2);
}

TEST_F(GroupLoad, AfterARestartStartsSessionsAnew) {
  Client a("a");
  make_stable({&a});
  start_broker();
  loop.advance(9'999);
  EXPECT_EQ(state(), "Stable");
  loop.advance(1);
  EXPECT_EQ(state(), "Empty");
}

TEST_F(GroupLoad, KeepsTheGenerationOfAGroupThatEmptied) {
  Client a("a");
  make_stable({&a});
  leave(a);
  start_broker();
  EXPECT_EQ(state(), "Empty");
  EXPECT_EQ(described().protocol_type, "consumer");
  Client b("b");
  make_stable({&b});
  EXPECT_EQ(b.generation, 3) << "1 with a member, 2 without, 3 again";
}

TEST_F(GroupLoad, RefusesRequestsUntilItIsDone) {
  Client a("a");
  make_stable({&a});
  log.hold_reads = true;
  start_broker();
  EXPECT_EQ(send_join(a)->error, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  EXPECT_EQ(heartbeat(a), ErrorCode::NONE);
  EXPECT_EQ(sync(a)->error, ErrorCode::REBALANCE_IN_PROGRESS);
  EXPECT_EQ(leave(a), ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  EXPECT_EQ(commit(a, "t", 1), ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  EXPECT_EQ(coordinator->fetch_all_offsets(group, false).error, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  EXPECT_EQ(described().error, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  EXPECT_EQ(delete_group(), ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  EXPECT_EQ(coordinator->list_groups({}, {}).error, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
  log.finish_reads();
  EXPECT_EQ(heartbeat(a), ErrorCode::NONE);
  EXPECT_EQ(commit(a, "t", 1), ErrorCode::NONE);
}

TEST_F(GroupLoad, ThatFailsLeavesThePartitionUnserved) {
  log.fail_read = true;
  start_broker();
  EXPECT_EQ(described().error, ErrorCode::NOT_COORDINATOR);
  log.fail_read = false;
  coordinator->on_partition_elected(partition());
  EXPECT_EQ(described().error, ErrorCode::NONE);
}

TEST_F(GroupLoad, ThatEndsAfterTheResignationIsIgnored) {
  log.hold_reads = true;
  start_broker();
  coordinator->on_partition_resigned(partition());
  log.finish_reads();
  EXPECT_EQ(described().error, ErrorCode::NOT_COORDINATOR);
}

TEST_F(GroupLoad, ThatEndsAfterTheCoordinatorIsIgnored) {
  log.hold_reads = true;
  start_broker();
  coordinator.reset();
  log.finish_reads();
}

TEST_F(GroupLoad, SkipsRecordsOfOtherKindsAndBrokenOnes) {
  const int32_t target = partition();
  log.partitions[target].push_back({bytes(std::string("\0\x03\0\0", 4)), bytes("newer protocol")});
  log.partitions[target].push_back({bytes(std::string("\0\x01\0", 3)), bytes("cut")});
  log.partitions[target].push_back({std::nullopt, bytes("no key")});
  log.partitions[target].push_back({encode_group_key(group), bytes(std::string("\0\x09", 2))});
  log.partitions[target].push_back(
      {encode_offset_key(group, {"t", 0}), encode_offset_value({9, -1, "", 1, -1})});
  start_broker();
  EXPECT_EQ(fetch("t"), 9);
  EXPECT_EQ(state(), "Empty");
}

TEST_F(GroupLoad, TakesOffsetsOfCommittedTransactionsOnly) {
  const auto offset = [](int64_t value) { return encode_offset_value({value, -1, "", 1, -1}); };
  auto& target = log.partitions[partition()];
  target.push_back({encode_offset_key(group, {"committed", 0}), offset(1), 7, true});
  target.push_back({encode_offset_key(group, {"aborted", 0}), offset(2), 8, true});
  target.push_back({encode_offset_key(group, {"open", 0}), offset(3), 9, true});
  target.push_back({std::nullopt, std::nullopt, 7, true, StoredRecord::Control::kCommit});
  target.push_back({std::nullopt, std::nullopt, 8, true, StoredRecord::Control::kAbort});
  start_broker();
  EXPECT_EQ(fetch("committed"), 1);
  EXPECT_EQ(fetch("aborted"), -1);
  EXPECT_EQ(fetch("open"), -1);
  EXPECT_EQ(coordinator->fetch_offsets(group, {{"open", 0}}, true).offsets[0].error,
            ErrorCode::UNSTABLE_OFFSET_COMMIT);
}

TEST_F(GroupLoad, OfAGroupLargerThanAllowedRebalancesIt) {
  Client a("a"), b("b"), c("c");
  make_stable({&a, &b, &c});
  config.group_max_size = 2;
  start_broker();
  EXPECT_EQ(state(), "PreparingRebalance");
  const auto join_a = join(a);
  const auto join_b = join(b);
  EXPECT_EQ(join(c)->error, ErrorCode::GROUP_MAX_SIZE_REACHED);
  EXPECT_EQ(join_a->generation_id, 2);
  EXPECT_EQ(join_b->generation_id, 2);
}

TEST_F(GroupLoad, ResignationAnswersWhoWaits) {
  Client a("a"), b("b");
  const auto join_a = join(a);
  coordinator->on_partition_resigned(partition());
  EXPECT_EQ(join_a->error, ErrorCode::NOT_COORDINATOR);
  EXPECT_EQ(heartbeat(a), ErrorCode::NOT_COORDINATOR);
  loop.advance(1'000'000);
}

TEST_F(GroupLoad, ResignationAnswersWaitingSyncsAndLateCommits) {
  Client a("a");
  const auto join_a = join(a);
  loop.advance(3'000);
  take(a, join_a);
  log.hold_commits = true;
  const auto waiting = sync(a, {{a.member_id, bytes("A")}});
  coordinator->on_partition_resigned(partition());
  EXPECT_EQ(waiting->error, ErrorCode::NOT_COORDINATOR);
  log.finish_commits(ErrorCode::NOT_LEADER_OR_FOLLOWER);
  coordinator->on_partition_elected(partition());
  EXPECT_EQ(described().error, ErrorCode::NONE);
}

TEST_F(GroupLoad, CommitsUnderWayAtTheResignationAreAnswered) {
  log.hold_commits = true;
  CommitOffsets request;
  request.partitions.push_back({{"t", 0}, 2, -1, "", -1});
  const auto answer = send_commit(request);
  coordinator.reset();
  log.finish_commits(ErrorCode::NOT_LEADER_OR_FOLLOWER);
  EXPECT_EQ(answer->at(0), ErrorCode::NOT_COORDINATOR);
}

}  // namespace
}  // namespace ottla::groups
