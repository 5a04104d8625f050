// SPDX-License-Identifier: Apache-2.0
#include "tests/broker_groups/group_fixture.h"

namespace ottla::groups {
namespace {

class GroupOffsets : public GroupTest {};

TEST_F(GroupOffsets, OfASimpleConsumerAreKept) {
  EXPECT_EQ(fetch("t"), -1);
  EXPECT_EQ(commit("t", 42), ErrorCode::NONE);
  EXPECT_EQ(fetch("t"), 42);
  EXPECT_EQ(state(), "Empty");
}

TEST_F(GroupOffsets, ComeBackWithEpochAndMetadata) {
  CommitOffsets request;
  request.partitions.push_back({{"t", 3}, 7, 5, std::string("with\0zero", 9), -1});
  EXPECT_EQ(send_commit(request)->at(0), ErrorCode::NONE);
  const auto all = coordinator->fetch_all_offsets(group, false);
  ASSERT_EQ(all.offsets.size(), 1U);
  EXPECT_EQ(all.offsets[0].topic_partition, (TopicPartition{"t", 3}));
  EXPECT_EQ(all.offsets[0].offset, 7);
  EXPECT_EQ(all.offsets[0].leader_epoch, 5);
  EXPECT_EQ(all.offsets[0].metadata, std::string("with\0zero", 9));
}

TEST_F(GroupOffsets, OfNegativeNumbersAreTakenAsKafkaTakesThem) {
  EXPECT_EQ(commit("t", -5), ErrorCode::NONE);
  EXPECT_EQ(fetch("t"), -5);
}

TEST_F(GroupOffsets, CanBelongToTheEmptyGroupId) {
  group = "";
  coordinator->on_partition_elected(partition());
  EXPECT_EQ(commit("t", 1), ErrorCode::NONE);
  EXPECT_EQ(fetch("t"), 1);
}

TEST_F(GroupOffsets, AreAnsweredAndSeenOnlyWhenCommitted) {
  commit("t", 1);
  log.hold_commits = true;
  CommitOffsets request;
  request.partitions.push_back({{"t", 0}, 2, -1, "", -1});
  const auto answer = send_commit(request);
  EXPECT_FALSE(answer.arrived());
  EXPECT_EQ(fetch("t"), 1);
  EXPECT_EQ(coordinator->fetch_offsets(group, {{"t", 0}}, true).offsets[0].error,
            ErrorCode::UNSTABLE_OFFSET_COMMIT);
  log.finish_commits();
  EXPECT_EQ(answer->at(0), ErrorCode::NONE);
  EXPECT_EQ(fetch("t"), 2);
  EXPECT_EQ(coordinator->fetch_offsets(group, {{"t", 0}}, true).offsets[0].offset, 2);
}

TEST_F(GroupOffsets, ThatCannotBeStoredAreNotSeen) {
  log.fail_with = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
  EXPECT_EQ(commit("t", 1), ErrorCode::COORDINATOR_NOT_AVAILABLE);
  log.fail_with = ErrorCode::NOT_LEADER_OR_FOLLOWER;
  EXPECT_EQ(commit("t", 1), ErrorCode::NOT_COORDINATOR);
  log.fail_with = ErrorCode::MESSAGE_TOO_LARGE;
  EXPECT_EQ(commit("t", 1), ErrorCode::INVALID_COMMIT_OFFSET_SIZE);
  EXPECT_EQ(fetch("t"), -1);
}

TEST_F(GroupOffsets, WithTooMuchMetadataAreRefusedOneByOne) {
  CommitOffsets request;
  request.partitions.push_back({{"t", 0}, 1, -1, std::string(4'096, 'm'), -1});
  request.partitions.push_back({{"t", 1}, 1, -1, std::string(4'097, 'm'), -1});
  const auto answer = send_commit(request);
  EXPECT_EQ(answer->at(0), ErrorCode::NONE);
  EXPECT_EQ(answer->at(1), ErrorCode::OFFSET_METADATA_TOO_LARGE);
}

TEST_F(GroupOffsets, OfAMemberAreTakenWhileStableAndWhileARebalanceIsPrepared) {
  Client a("a"), b("b");
  make_stable({&a});
  EXPECT_EQ(commit(a, "t", 1), ErrorCode::NONE);
  join(b);
  ASSERT_EQ(state(), "PreparingRebalance");
  EXPECT_EQ(commit(a, "t", 2), ErrorCode::NONE);
  join(a);
  ASSERT_EQ(state(), "CompletingRebalance");
  a.generation = 2;
  EXPECT_EQ(commit(a, "t", 3), ErrorCode::REBALANCE_IN_PROGRESS);
  EXPECT_EQ(fetch("t"), 2);
}

TEST_F(GroupOffsets, OfAMemberKeepItsSessionAlive) {
  Client a("a");
  make_stable({&a});
  for (int i = 0; i < 5; ++i) {
    loop.advance(8'000);
    EXPECT_EQ(commit(a, "t", i), ErrorCode::NONE);
  }
  EXPECT_EQ(state(), "Stable");
}

TEST_F(GroupOffsets, OfOthersAreRefusedWhileTheGroupHasMembers) {
  Client a("a");
  make_stable({&a});
  EXPECT_EQ(commit("t", 1), ErrorCode::UNKNOWN_MEMBER_ID);
  Client stale = a;
  stale.generation = 0;
  EXPECT_EQ(commit(stale, "t", 1), ErrorCode::ILLEGAL_GENERATION);
  Client stranger("stranger");
  stranger.member_id = "stranger-1";
  stranger.generation = 1;
  EXPECT_EQ(commit(stranger, "t", 1), ErrorCode::UNKNOWN_MEMBER_ID);
}

TEST_F(GroupOffsets, OfAGenerationOfNoGroupAreIllegal) {
  Client a("a");
  a.member_id = "a-1";
  a.generation = 3;
  EXPECT_EQ(commit(a, "t", 1), ErrorCode::ILLEGAL_GENERATION);
  EXPECT_EQ(state(), "Dead");
}

TEST_F(GroupOffsets, AreWrittenInVersion3OrIn1WithAnExplicitRetention) {
  commit("t", 1);
  CommitOffsets request;
  request.retention_time_ms = 1'000;
  request.partitions.push_back({{"t", 0}, 2, -1, "", -1});
  send_commit(request);
  ASSERT_EQ(records().size(), 2U);
  EXPECT_EQ(records()[0].value->at(1), 3);
  EXPECT_EQ(records()[1].value->at(1), 1);
}

TEST_F(GroupOffsets, GoWithTheirTopic) {
  commit("t", 1);
  commit("u", 2);
  coordinator->on_topics_deleted({"t"});
  EXPECT_EQ(fetch("t"), -1);
  EXPECT_EQ(fetch("u"), 2);
  EXPECT_FALSE(records().back().value.has_value()) << "a tombstone";
  coordinator->on_topics_deleted({"u"});
  EXPECT_EQ(state(), "Dead") << "nothing is left of the group";
}

TEST_F(GroupOffsets, OfManyPartitionsGoInSeveralBatches) {
  CommitOffsets request;
  for (int i = 0; i < 2'500; ++i) request.partitions.push_back({{"t", i}, 1, -1, "", -1});
  send_commit(request);
  const int before = log.batches;
  EXPECT_EQ(delete_group(), ErrorCode::NONE);
  EXPECT_EQ(log.batches - before, 3);
  EXPECT_EQ(records().size(), 5'000U);
}

TEST_F(GroupOffsets, CanBeDeletedWhereNoMemberReadsTheTopic) {
  Client a("a");
  make_stable({&a});
  commit(a, "t", 1);
  commit(a, "old", 2);
  Answer<DeleteOffsetsResult> answer;
  coordinator->delete_offsets(group, {{"t", 0}, {"old", 0}, {"never", 0}}, answer.callback());
  EXPECT_EQ(answer->error, ErrorCode::NONE);
  EXPECT_THAT(answer->partitions,
              ::testing::ElementsAre(ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC, ErrorCode::NONE, ErrorCode::NONE));
  EXPECT_EQ(fetch("t"), 1);
  EXPECT_EQ(fetch("old"), -1);
}

TEST_F(GroupOffsets, OfAnUnknownOrForeignGroupCannotBeDeleted) {
  Answer<DeleteOffsetsResult> unknown;
  coordinator->delete_offsets(group, {{"t", 0}}, unknown.callback());
  EXPECT_EQ(unknown->error, ErrorCode::GROUP_ID_NOT_FOUND);
  Client a("a");
  a.protocol_type = "connect";
  make_stable({&a});
  Answer<DeleteOffsetsResult> connect;
  coordinator->delete_offsets(group, {{"t", 0}}, connect.callback());
  EXPECT_EQ(connect->error, ErrorCode::NON_EMPTY_GROUP);
}

TEST_F(GroupOffsets, GoWithTheirGroup) {
  Client a("a");
  make_stable({&a});
  commit(a, "t", 1);
  EXPECT_EQ(delete_group(), ErrorCode::NON_EMPTY_GROUP);
  leave(a);
  EXPECT_EQ(delete_group(), ErrorCode::NONE);
  EXPECT_EQ(fetch("t"), -1);
  EXPECT_EQ(state(), "Dead");
  EXPECT_EQ(delete_group(), ErrorCode::GROUP_ID_NOT_FOUND);
  // One tombstone for the offset, one for the group.
  ASSERT_GE(records().size(), 2U);
  EXPECT_FALSE(records()[records().size() - 2].value.has_value());
  EXPECT_FALSE(records()[records().size() - 1].value.has_value());
  start_broker();
  EXPECT_EQ(state(), "Dead");
}

TEST_F(GroupOffsets, StayWhereTheirGroupCannotBeDeleted) {
  commit("t", 1);
  log.fail_with = ErrorCode::KAFKA_STORAGE_ERROR;
  EXPECT_EQ(delete_group(), ErrorCode::NOT_COORDINATOR);
  EXPECT_EQ(state(), "Empty");
  EXPECT_EQ(fetch("t"), 1);
}

TEST_F(GroupOffsets, InFlightGoWithTheirGroupToo) {
  log.hold_commits = true;
  CommitOffsets request;
  request.partitions.push_back({{"t", 0}, 1, -1, "", -1});
  const auto committed = send_commit(request);
  Answer<std::vector<DeletedGroup>> deleted;
  coordinator->delete_groups({group}, deleted.callback());
  log.finish_commits();
  EXPECT_EQ(committed->at(0), ErrorCode::NONE);
  EXPECT_EQ(deleted->at(0).error, ErrorCode::NONE);
  log.hold_commits = false;
  start_broker();
  EXPECT_EQ(fetch("t"), -1);
}

}  // namespace
}  // namespace ottla::groups
