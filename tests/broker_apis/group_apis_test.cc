// SPDX-License-Identifier: Apache-2.0
#include "protocol/generated/delete_groups_request.h"
#include "protocol/generated/delete_groups_response.h"
#include "protocol/generated/describe_groups_request.h"
#include "protocol/generated/describe_groups_response.h"
#include "protocol/generated/find_coordinator_request.h"
#include "protocol/generated/find_coordinator_response.h"
#include "protocol/generated/heartbeat_request.h"
#include "protocol/generated/heartbeat_response.h"
#include "protocol/generated/join_group_request.h"
#include "protocol/generated/join_group_response.h"
#include "protocol/generated/leave_group_request.h"
#include "protocol/generated/leave_group_response.h"
#include "protocol/generated/list_groups_request.h"
#include "protocol/generated/list_groups_response.h"
#include "protocol/generated/sync_group_request.h"
#include "protocol/generated/sync_group_response.h"
#include "tests/broker_apis/api_fixture.h"

namespace ottla {
namespace {

using namespace protocol;
using testing::ElementsAre;
using testing::IsEmpty;

std::string text(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

class FindCoordinatorTest : public ApiTest {
 protected:
  static FindCoordinatorRequest of(std::string_view key, int8_t type = 0) {
    FindCoordinatorRequest request;
    request.key = key;
    request.key_type = type;
    request.coordinator_keys = {key};
    return request;
  }
  int16_t error_of(const FindCoordinatorRequest& request, int16_t version) {
    const auto response = call<FindCoordinatorResponse>(request, version);
    return version < 4 ? response.error_code : response.coordinators.at(0).error_code;
  }
};

TEST_F(FindCoordinatorTest, TheLeaderOfTheGroupsPartitionIsIt) {
  for (int16_t version = 0; version <= 3; ++version) {
    const auto response = call<FindCoordinatorResponse>(of("g"), version);
    EXPECT_EQ(response.error_code, 0);
    EXPECT_EQ(response.node_id, 0);
    EXPECT_EQ(response.host, "host0");
    EXPECT_EQ(response.port, 9092);
    // behaviours.md 4.
    if (version >= 1) {
      EXPECT_EQ(response.error_message, "NONE");
    }
  }
}

TEST_F(FindCoordinatorTest, SeveralKeysAreAnsweredTogether) {
  FindCoordinatorRequest request = of("g");
  request.coordinator_keys = {"g", "h", "g"};
  for (int16_t version = 4; version <= 6; ++version) {
    const auto response = call<FindCoordinatorResponse>(request, version);
    ASSERT_EQ(response.coordinators.size(), 3u);
    EXPECT_EQ(response.coordinators[1].key, "h");
    EXPECT_EQ(response.coordinators[1].error_code, 0);
    EXPECT_EQ(response.coordinators[1].host, "host0");
  }
}

TEST_F(FindCoordinatorTest, TheOffsetsTopicIsCreatedAtTheFirstUse) {
  metadata.remove("__consumer_offsets");
  topics.hold = true;
  for (int16_t version = 0; version <= 6; ++version) {
    EXPECT_EQ(error_of(of("g"), version), wire(ErrorCode::COORDINATOR_NOT_AVAILABLE));
  }
  EXPECT_THAT(topics.auto_created, testing::Each("__consumer_offsets"));
  const auto response = call<FindCoordinatorResponse>(of("g"), 1);
  EXPECT_EQ(response.node_id, -1);
  EXPECT_EQ(response.host, "");
  EXPECT_EQ(response.port, -1);
  EXPECT_EQ(response.error_message, "The coordinator is not available.");
}

TEST_F(FindCoordinatorTest, WithoutALiveLeaderThereIsNone) {
  metadata.remove("__consumer_offsets");
  topics.add("__consumer_offsets", 50, -1);
  EXPECT_EQ(error_of(of("g"), 3), wire(ErrorCode::COORDINATOR_NOT_AVAILABLE));
  metadata.remove("__consumer_offsets");
  topics.add("__consumer_offsets", 50, 7);
  EXPECT_EQ(error_of(of("g"), 4), wire(ErrorCode::COORDINATOR_NOT_AVAILABLE));
  EXPECT_THAT(topics.auto_created, IsEmpty());
}

TEST_F(FindCoordinatorTest, TransactionsHaveNoCoordinatorYet) {
  EXPECT_EQ(error_of(of("tx", 1), 1), wire(ErrorCode::COORDINATOR_NOT_AVAILABLE));
  EXPECT_EQ(error_of(of("tx", 1), 6), wire(ErrorCode::COORDINATOR_NOT_AVAILABLE));
  EXPECT_THAT(topics.auto_created, IsEmpty());
}

TEST_F(FindCoordinatorTest, OtherTypesOfKeysAreRefused) {
  for (const int8_t type : {2, 3, -1}) {
    EXPECT_EQ(error_of(of("x", type), 3), wire(ErrorCode::INVALID_REQUEST));
    EXPECT_EQ(error_of(of("x", type), 6), wire(ErrorCode::INVALID_REQUEST));
  }
  EXPECT_FALSE(closed());
}

class GroupApisTest : public ApiTest {
 protected:
  struct Member {
    std::string id;
    int32_t generation = -1;
  };

  static JoinGroupRequest joining(std::string_view member_id = "") {
    JoinGroupRequest request;
    request.group_id = "g";
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 20'000;
    request.member_id = member_id;
    request.protocol_type = "consumer";
    auto& protocol = request.protocols.emplace_back();
    protocol.name = "range";
    static constexpr uint8_t kMetadata[] = {'m', 'd'};
    protocol.metadata = kMetadata;
    return request;
  }
  // Joins at a version without MEMBER_ID_REQUIRED, and syncs as the leader.
  Member join_and_sync() {
    const auto joined = call<JoinGroupResponse>(joining(), 3);
    EXPECT_EQ(joined.error_code, 0);
    Member member{std::string(joined.member_id), joined.generation_id};
    const auto synced = call<SyncGroupResponse>(syncing(member), 3);
    EXPECT_EQ(synced.error_code, 0);
    return member;
  }
  static SyncGroupRequest syncing(const Member& member) {
    SyncGroupRequest request;
    request.group_id = "g";
    request.generation_id = member.generation;
    request.member_id = member.id;
    auto& assignment = request.assignments.emplace_back();
    assignment.member_id = member.id;
    static constexpr uint8_t kAssignment[] = {'a', 's'};
    assignment.assignment = kAssignment;
    return request;
  }
  HeartbeatRequest heartbeat_of(const Member& member) {
    HeartbeatRequest request;
    request.group_id = "g";
    request.generation_id = member.generation;
    request.member_id = member.id;
    return request;
  }
};

TEST_F(GroupApisTest, AFirstJoinIsToldItsIdFromVersion4On) {
  // pitfalls.md 106.
  const auto first = call<JoinGroupResponse>(joining(), 9);
  EXPECT_EQ(first.error_code, wire(ErrorCode::MEMBER_ID_REQUIRED));
  EXPECT_TRUE(first.member_id.starts_with("tester-")) << first.member_id;
  EXPECT_FALSE(first.protocol_type.has_value());
  EXPECT_FALSE(first.protocol_name.has_value());
  const auto second = call<JoinGroupResponse>(joining(first.member_id), 9);
  EXPECT_EQ(second.error_code, 0);
  EXPECT_EQ(second.member_id, first.member_id);
  EXPECT_EQ(second.leader, first.member_id);
  EXPECT_EQ(second.protocol_type, "consumer");
  EXPECT_EQ(second.protocol_name, "range");
  ASSERT_EQ(second.members.size(), 1u);
  EXPECT_EQ(text(second.members[0].metadata), "md");
}

TEST_F(GroupApisTest, ANullProtocolNameIsEmptyBeforeVersion7) {
  for (int16_t version = 0; version <= 9; ++version) {
    const auto response = call<JoinGroupResponse>(joining("unknown"), version);
    EXPECT_EQ(response.error_code, wire(ErrorCode::UNKNOWN_MEMBER_ID));
    EXPECT_EQ(response.generation_id, -1);
    if (version < 7) {
      EXPECT_EQ(response.protocol_name, "");
    }
    if (version >= 7) {
      EXPECT_FALSE(response.protocol_name.has_value());
    }
  }
}

TEST_F(GroupApisTest, EveryMemberGetsItsAssignment) {
  const auto joined = call<JoinGroupResponse>(joining(), 3);
  const Member member{std::string(joined.member_id), joined.generation_id};
  SyncGroupRequest request = syncing(member);
  request.protocol_type = "consumer";
  request.protocol_name = "range";
  const auto synced = call<SyncGroupResponse>(request, 5);
  EXPECT_EQ(synced.error_code, 0);
  EXPECT_EQ(synced.protocol_type, "consumer");
  EXPECT_EQ(synced.protocol_name, "range");
  EXPECT_EQ(text(synced.assignment), "as");
}

TEST_F(GroupApisTest, ASyncWithoutProtocolIsRefusedFromVersion5On) {
  const Member member = join_and_sync();
  SyncGroupRequest request = syncing(member);
  EXPECT_EQ(call<SyncGroupResponse>(request, 4).error_code, 0);
  EXPECT_EQ(call<SyncGroupResponse>(request, 5).error_code, wire(ErrorCode::INCONSISTENT_GROUP_PROTOCOL));
  request.protocol_type = "consumer";
  EXPECT_EQ(call<SyncGroupResponse>(request, 5).error_code, wire(ErrorCode::INCONSISTENT_GROUP_PROTOCOL));
}

TEST_F(GroupApisTest, AJoinThatWaitsIsAnsweredWhenTheGroupIsComplete) {
  const Member first = join_and_sync();
  const int32_t waiting = send(joining(), 3);
  EXPECT_FALSE(next_frame().has_value());
  // On a connection requests are answered in their order: the first member rejoins on another.
  const auto waiting_connection = connection;
  groups::JoinGroup rejoin;
  rejoin.version = 3;
  rejoin.group_id = "g";
  rejoin.member_id = first.id;
  rejoin.session_timeout_ms = 10'000;
  rejoin.rebalance_timeout_ms = 20'000;
  rejoin.protocol_type = "consumer";
  rejoin.protocols = {{"range", {}}};
  coordinator->join_group(rejoin, [](const groups::JoinGroupResult&) {});
  loop.run_pending();
  const auto joined = answer<JoinGroupResponse>(waiting, 3);
  EXPECT_EQ(joined.error_code, 0);
  EXPECT_EQ(joined.generation_id, first.generation + 1);
}

TEST_F(GroupApisTest, AJoinWhoseConnectionGoesAwayHarmsNobody) {
  const Member first = join_and_sync();
  send(joining(), 3);
  connection->close();
  loop.advance(60'000);
  connect();
  EXPECT_EQ(call<HeartbeatResponse>(heartbeat_of(first), 4).error_code, wire(ErrorCode::UNKNOWN_MEMBER_ID));
}

TEST_F(GroupApisTest, HeartbeatsKnowTheirMembers) {
  Member member = join_and_sync();
  EXPECT_EQ(call<HeartbeatResponse>(heartbeat_of(member), 4).error_code, 0);
  member.generation += 1;
  EXPECT_EQ(call<HeartbeatResponse>(heartbeat_of(member), 0).error_code, wire(ErrorCode::ILLEGAL_GENERATION));
  member.id = "other";
  EXPECT_EQ(call<HeartbeatResponse>(heartbeat_of(member), 3).error_code, wire(ErrorCode::UNKNOWN_MEMBER_ID));
}

TEST_F(GroupApisTest, LeavingHasItsErrorOnTheWholeBeforeVersion3) {
  const Member member = join_and_sync();
  LeaveGroupRequest request;
  request.group_id = "g";
  request.member_id = "other";
  request.members.emplace_back().member_id = "other";
  for (int16_t version = 0; version <= 5; ++version) {
    const auto response = call<LeaveGroupResponse>(request, version);
    EXPECT_EQ(response.error_code, version < 3 ? wire(ErrorCode::UNKNOWN_MEMBER_ID) : 0);
    EXPECT_EQ(response.members.size(), version < 3 ? 0u : 1u);
    if (version >= 3) {
      EXPECT_EQ(response.members[0].error_code, wire(ErrorCode::UNKNOWN_MEMBER_ID));
    }
  }
  request.members[0].member_id = member.id;
  request.members[0].reason = "the test is over";
  EXPECT_EQ(call<LeaveGroupResponse>(request, 5).members.at(0).error_code, 0);
  EXPECT_EQ(call<HeartbeatResponse>(heartbeat_of(member), 4).error_code, wire(ErrorCode::UNKNOWN_MEMBER_ID));
}

TEST_F(GroupApisTest, AStaticMemberIsRemovedByItsInstance) {
  JoinGroupRequest join = joining();
  join.group_instance_id = "instance";
  ASSERT_EQ(call<JoinGroupResponse>(join, 9).error_code, 0);
  LeaveGroupRequest request;
  request.group_id = "g";
  request.members.emplace_back().group_instance_id = "instance";
  request.members.emplace_back().group_instance_id = "nobody";
  const auto response = call<LeaveGroupResponse>(request, 3);
  ASSERT_EQ(response.members.size(), 2u);
  EXPECT_EQ(response.members[0].error_code, 0);
  EXPECT_EQ(response.members[0].group_instance_id, "instance");
  EXPECT_EQ(response.members[1].error_code, wire(ErrorCode::UNKNOWN_MEMBER_ID));
}

TEST_F(GroupApisTest, AnEmptyGroupIdIsRefused) {
  JoinGroupRequest request = joining();
  request.group_id = "";
  EXPECT_EQ(call<JoinGroupResponse>(request, 9).error_code, wire(ErrorCode::INVALID_GROUP_ID));
}

TEST_F(GroupApisTest, GroupsAreDescribedWithTheirMembers) {
  const Member member = join_and_sync();
  DescribeGroupsRequest request;
  request.groups = {"g"};
  request.include_authorized_operations = true;
  for (int16_t version = 0; version <= 6; ++version) {
    const auto group = call<DescribeGroupsResponse>(request, version).groups.at(0);
    EXPECT_EQ(group.error_code, 0);
    EXPECT_EQ(group.group_id, "g");
    EXPECT_EQ(group.group_state, "Stable");
    EXPECT_EQ(group.protocol_type, "consumer");
    EXPECT_EQ(group.protocol_data, "range");
    ASSERT_EQ(group.members.size(), 1u);
    EXPECT_EQ(group.members[0].member_id, member.id);
    EXPECT_EQ(group.members[0].client_id, "tester");
    EXPECT_EQ(group.members[0].client_host, "/127.0.0.1");
    EXPECT_EQ(text(group.members[0].member_metadata), "md");
    EXPECT_EQ(text(group.members[0].member_assignment), "as");
    if (version >= 3) {
      EXPECT_EQ(group.authorized_operations, 328);
    }
  }
  request.include_authorized_operations = false;
  EXPECT_EQ(call<DescribeGroupsResponse>(request, 6).groups.at(0).authorized_operations,
            std::numeric_limits<int32_t>::min());
}

TEST_F(GroupApisTest, AnUnknownGroupIsDead) {
  // pitfalls.md 115.
  DescribeGroupsRequest request;
  request.groups = {"nobody"};
  for (int16_t version = 0; version <= 6; ++version) {
    const auto group = call<DescribeGroupsResponse>(request, version).groups.at(0);
    EXPECT_EQ(group.group_state, "Dead");
    EXPECT_EQ(group.error_code, version < 6 ? 0 : wire(ErrorCode::GROUP_ID_NOT_FOUND));
    if (version >= 6) {
      EXPECT_TRUE(group.error_message.has_value());
    }
  }
}

TEST_F(GroupApisTest, GroupsAreListedByStateAndType) {
  join_and_sync();
  ListGroupsRequest request;
  auto group = call<ListGroupsResponse>(request, 5).groups.at(0);
  EXPECT_EQ(group.group_id, "g");
  EXPECT_EQ(group.protocol_type, "consumer");
  EXPECT_EQ(group.group_state, "Stable");
  // pitfalls.md 116.
  EXPECT_EQ(group.group_type, "classic");
  request.states_filter = {"Empty"};
  EXPECT_THAT(call<ListGroupsResponse>(request, 4).groups, IsEmpty());
  request.states_filter = {"stable"};
  request.types_filter = {"Classic"};
  EXPECT_EQ(call<ListGroupsResponse>(request, 5).groups.size(), 1u);
  request.types_filter = {"consumer"};
  EXPECT_THAT(call<ListGroupsResponse>(request, 5).groups, IsEmpty());
}

TEST_F(GroupApisTest, OnlyEmptyGroupsAreDeleted) {
  const Member member = join_and_sync();
  DeleteGroupsRequest request;
  request.groups_names = {"g", "nobody", "g"};
  auto response = call<DeleteGroupsResponse>(request, 3);
  ASSERT_EQ(response.results.size(), 2u);
  EXPECT_EQ(response.results[0].error_code, wire(ErrorCode::NON_EMPTY_GROUP));
  EXPECT_EQ(response.results[1].group_id, "nobody");
  EXPECT_EQ(response.results[1].error_code, wire(ErrorCode::GROUP_ID_NOT_FOUND));
  LeaveGroupRequest leave;
  leave.group_id = "g";
  leave.member_id = member.id;
  ASSERT_EQ(call<LeaveGroupResponse>(leave, 0).error_code, 0);
  EXPECT_EQ(call<DeleteGroupsResponse>(request, 0).results.at(0).error_code, 0);
}

TEST_F(GroupApisTest, ABrokerThatIsNotTheCoordinatorSaysSo) {
  for (int32_t i = 0; i < 50; ++i) coordinator->on_partition_resigned(i);
  EXPECT_EQ(call<JoinGroupResponse>(joining(), 9).error_code, wire(ErrorCode::NOT_COORDINATOR));
  LeaveGroupRequest leave;
  leave.group_id = "g";
  leave.members.emplace_back().member_id = "m";
  const auto left = call<LeaveGroupResponse>(leave, 3);
  EXPECT_EQ(left.error_code, wire(ErrorCode::NOT_COORDINATOR));
  EXPECT_THAT(left.members, IsEmpty());
  DescribeGroupsRequest describe;
  describe.groups = {"g"};
  EXPECT_EQ(call<DescribeGroupsResponse>(describe, 5).groups.at(0).error_code,
            wire(ErrorCode::NOT_COORDINATOR));
}

}  // namespace
}  // namespace ottla
