// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/api_table.h"

#include <map>

#include "protocol/generated/api_versions_request.h"
#include "protocol/generated/api_versions_response.h"
#include "protocol/generated/create_partitions_request.h"
#include "protocol/generated/create_partitions_response.h"
#include "protocol/generated/create_topics_request.h"
#include "protocol/generated/create_topics_response.h"
#include "protocol/generated/delete_groups_request.h"
#include "protocol/generated/delete_groups_response.h"
#include "protocol/generated/delete_topics_request.h"
#include "protocol/generated/delete_topics_response.h"
#include "protocol/generated/describe_cluster_request.h"
#include "protocol/generated/describe_cluster_response.h"
#include "protocol/generated/describe_configs_request.h"
#include "protocol/generated/describe_configs_response.h"
#include "protocol/generated/describe_groups_request.h"
#include "protocol/generated/describe_groups_response.h"
#include "protocol/generated/describe_topic_partitions_request.h"
#include "protocol/generated/describe_topic_partitions_response.h"
#include "protocol/generated/end_txn_response.h"
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
#include "protocol/generated/metadata_request.h"
#include "protocol/generated/metadata_response.h"
#include "protocol/generated/offset_commit_request.h"
#include "protocol/generated/offset_commit_response.h"
#include "protocol/generated/offset_delete_request.h"
#include "protocol/generated/offset_delete_response.h"
#include "protocol/generated/offset_fetch_request.h"
#include "protocol/generated/offset_fetch_response.h"
#include "protocol/generated/sasl_handshake_response.h"
#include "protocol/generated/sync_group_request.h"
#include "protocol/generated/sync_group_response.h"
#include "tests/broker_apis/api_fixture.h"

namespace ottla {
namespace {

using namespace protocol;

class ApiTableTest : public ApiTest {
 protected:
  // Sends `request` at every version of its row and reads the answers whole.
  template <typename Asked, typename Answered>
  void every_version(const Asked& request) {
    const ApiRow* row = ottla::find_api(Asked::kApiKey);
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->min_version, Asked::kLowestVersion);
    EXPECT_EQ(row->max_version, Asked::kHighestVersion);
    for (int16_t version = row->min_version; version <= row->max_version; ++version) {
      SCOPED_TRACE("API " + std::to_string(Asked::kApiKey) + " version " + std::to_string(version));
      call<Answered>(request, version);
      ASSERT_FALSE(closed());
    }
  }
};

TEST_F(ApiTableTest, RowsAreFoundByKey) {
  int16_t previous = -1;
  for (const ApiRow& row : api_table()) {
    EXPECT_LT(previous, static_cast<int16_t>(row.key));
    previous = static_cast<int16_t>(row.key);
    EXPECT_EQ(ottla::find_api(previous), &row);
    EXPECT_LE(row.min_version, row.max_version);
  }
  EXPECT_EQ(ottla::find_api(-1), nullptr);
  EXPECT_EQ(ottla::find_api(17), nullptr);
  EXPECT_EQ(ottla::find_api(1000), nullptr);
}

TEST_F(ApiTableTest, ABrokerThatEmulatesAReleaseOffersWhatBothHave) {
  using config::Release;
  for (const Release release : {Release::k2_8, Release::k3_9, Release::k4_4}) {
    for (const ApiRow& row : api_table(release)) {
      const ApiRow* all = ottla::find_api(static_cast<int16_t>(row.key));
      ASSERT_NE(all, nullptr);
      EXPECT_GE(row.min_version, all->min_version);
      EXPECT_LE(row.max_version, all->max_version);
      EXPECT_EQ(row.handler, all->handler);
      EXPECT_EQ(ottla::find_api(static_cast<int16_t>(row.key), release), &row);
    }
  }
  EXPECT_EQ(ottla::find_api(1, Release::k2_8)->max_version, 12);
  EXPECT_EQ(ottla::find_api(1, Release::k3_9)->max_version, 17);
  EXPECT_EQ(ottla::find_api(1, Release::k4_4)->min_version, 4);
  EXPECT_EQ(ottla::find_api(75, Release::k2_8), nullptr);
  EXPECT_NE(ottla::find_api(75, Release::k4_4), nullptr);
}

TEST_F(ApiTableTest, TopicIdsAreOfferedEverywhere) {
  // A client that learns ids from Metadata uses them in every API that it finds them in.
  const std::map<ApiKey, int16_t> with_ids = {{ApiKey::kProduce, 13},     {ApiKey::kFetch, 13},
                                              {ApiKey::kMetadata, 10},    {ApiKey::kOffsetCommit, 10},
                                              {ApiKey::kOffsetFetch, 10}, {ApiKey::kDeleteTopics, 6}};
  for (const auto& [key, version] : with_ids) {
    EXPECT_GE(ottla::find_api(static_cast<int16_t>(key))->max_version, version) << static_cast<int>(key);
  }
}

TEST_F(ApiTableTest, ABrokerThatEmulates28RefusesWhatItDoesNotOffer) {
  start_with({{"ottla.emulate", "2.8"}});
  connect();
  DescribeTopicPartitionsRequest request;
  request.topics.emplace_back().name = "t";
  const auto response = call<DescribeTopicPartitionsResponse>(request, 0);
  ASSERT_EQ(response.topics.size(), 1u);
  EXPECT_EQ(response.topics[0].error_code, wire(ErrorCode::UNSUPPORTED_VERSION));
  send_raw(3, 12, {}, 2);
  EXPECT_TRUE(closed());
}

TEST_F(ApiTableTest, ProduceIsOfferedFromZeroOn) {
  // pitfalls.md 7: librdkafka drops compressions otherwise.
  EXPECT_EQ(ottla::find_api(0)->min_version, 0);
}

TEST_F(ApiTableTest, TelemetryIsNotOffered) {
  EXPECT_EQ(ottla::find_api(71), nullptr);
  EXPECT_EQ(ottla::find_api(72), nullptr);
}

TEST_F(ApiTableTest, VersionsPastTheBoundsCloseTheConnection) {
  for (const ApiRow& row : api_table()) {
    if (row.key == ApiKey::kApiVersions) continue;
    for (const int version : {row.min_version - 1, row.max_version + 1}) {
      send_raw(static_cast<int16_t>(row.key), static_cast<int16_t>(version), {}, 1);
      EXPECT_TRUE(closed()) << static_cast<int>(row.key) << " version " << version;
      connect();
    }
  }
}

TEST_F(ApiTableTest, AnUnknownKeyClosesTheConnection) {
  send_raw(999, 0, {}, 1);
  EXPECT_TRUE(closed());
}

TEST_F(ApiTableTest, AnApiThatIsNotOfferedIsRefusedInItsOwnResponse) {
  // pitfalls.md 24: the client can go on with its connection.
  for (int16_t version = 0; version <= 5; ++version) {
    const auto response = answer<EndTxnResponse>(send_raw(26, version, {}, 2), version);
    EXPECT_EQ(response.error_code, wire(ErrorCode::UNSUPPORTED_VERSION));
  }
  const auto response = answer<SaslHandshakeResponse>(send_raw(17, 1, {}, 1), 1);
  EXPECT_EQ(response.error_code, wire(ErrorCode::UNSUPPORTED_VERSION));
  EXPECT_FALSE(closed());
  send_raw(17, 2, {}, 1);
  EXPECT_TRUE(closed());
}

TEST_F(ApiTableTest, ABodyThatEndsEarlyClosesTheConnection) {
  for (const ApiRow& row : api_table()) {
    // Requests that may be empty at version 0.
    if (row.key == ApiKey::kApiVersions || row.key == ApiKey::kListGroups) continue;
    const std::vector<uint8_t> body = {0};
    send_raw(static_cast<int16_t>(row.key), row.max_version, body, 2);
    EXPECT_TRUE(closed()) << static_cast<int>(row.key);
    connect();
  }
}

TEST_F(ApiTableTest, EveryVersionOfTheClusterApisIsAnswered) {
  ApiVersionsRequest versions;
  versions.client_software_name = "test";
  versions.client_software_version = "1";
  every_version<ApiVersionsRequest, ApiVersionsResponse>(versions);
  MetadataRequest metadata_request;
  metadata_request.topics->emplace_back().name = "t";
  metadata_request.topics->emplace_back().name = "unknown";
  metadata_request.include_topic_authorized_operations = true;
  metadata_request.include_cluster_authorized_operations = true;
  every_version<MetadataRequest, MetadataResponse>(metadata_request);
  every_version<DescribeClusterRequest, DescribeClusterResponse>({});
  every_version<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>({});
  DescribeConfigsRequest configs_request;
  for (const auto& [type, name] :
       {std::pair<int8_t, std::string_view>{2, "t"}, {4, "0"}, {4, ""}, {8, "0"}, {2, "none"}}) {
    auto& resource = configs_request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = name;
    resource.configuration_keys.reset();
  }
  configs_request.include_synonyms = true;
  configs_request.include_documentation = true;
  every_version<DescribeConfigsRequest, DescribeConfigsResponse>(configs_request);
}

TEST_F(ApiTableTest, EveryVersionOfTheTopicApisIsAnswered) {
  CreateTopicsRequest create;
  auto& topic = create.topics.emplace_back();
  topic.name = "fresh";
  topic.num_partitions = 2;
  topic.replication_factor = 1;
  auto& entry = topic.configs.emplace_back();
  entry.name = "retention.ms";
  entry.value = "1000";
  topics.fails["bad"] = {ErrorCode::INVALID_PARTITIONS, "why", {}};
  create.topics.emplace_back().name = "bad";
  every_version<CreateTopicsRequest, CreateTopicsResponse>(create);
  CreatePartitionsRequest grow;
  grow.topics.emplace_back().name = "t";
  grow.topics.back().assignments.reset();
  grow.topics.emplace_back().name = "bad";
  every_version<CreatePartitionsRequest, CreatePartitionsResponse>(grow);
  DeleteTopicsRequest remove;
  remove.topic_names = {"fresh", "missing"};
  remove.topics.emplace_back().name = "fresh";
  remove.topics.emplace_back().topic_id = id_of(99);
  every_version<DeleteTopicsRequest, DeleteTopicsResponse>(remove);
}

TEST_F(ApiTableTest, EveryVersionOfTheGroupApisIsAnswered) {
  FindCoordinatorRequest find;
  find.key = "g";
  find.coordinator_keys = {"g", "h"};
  every_version<FindCoordinatorRequest, FindCoordinatorResponse>(find);
  JoinGroupRequest join;
  join.group_id = "g";
  join.session_timeout_ms = 10'000;
  join.rebalance_timeout_ms = 10'000;
  join.protocol_type = "consumer";
  join.protocols.emplace_back().name = "range";
  join.member_id = "a member that is not known";
  every_version<JoinGroupRequest, JoinGroupResponse>(join);
  SyncGroupRequest sync;
  sync.group_id = "g";
  every_version<SyncGroupRequest, SyncGroupResponse>(sync);
  HeartbeatRequest heartbeat;
  heartbeat.group_id = "g";
  every_version<HeartbeatRequest, HeartbeatResponse>(heartbeat);
  LeaveGroupRequest leave;
  leave.group_id = "g";
  leave.members.emplace_back().member_id = "m";
  every_version<LeaveGroupRequest, LeaveGroupResponse>(leave);
  DescribeGroupsRequest describe;
  describe.groups = {"g"};
  describe.include_authorized_operations = true;
  every_version<DescribeGroupsRequest, DescribeGroupsResponse>(describe);
  every_version<ListGroupsRequest, ListGroupsResponse>({});
  DeleteGroupsRequest remove;
  remove.groups_names = {"g"};
  every_version<DeleteGroupsRequest, DeleteGroupsResponse>(remove);
}

TEST_F(ApiTableTest, EveryVersionOfTheOffsetApisIsAnswered) {
  OffsetCommitRequest commit;
  commit.group_id = "g";
  auto& topic = commit.topics.emplace_back();
  topic.name = "t";
  topic.topic_id = t_id;
  topic.partitions.emplace_back().committed_offset = 7;
  topic.partitions.emplace_back().partition_index = 99;
  every_version<OffsetCommitRequest, OffsetCommitResponse>(commit);
  OffsetFetchRequest fetch;
  fetch.group_id = "g";
  fetch.topics->emplace_back().name = "t";
  fetch.topics->back().partition_indexes = {0, 1};
  auto& group = fetch.groups.emplace_back();
  group.group_id = "g";
  group.topics->emplace_back().name = "t";
  group.topics->back().topic_id = t_id;
  group.topics->back().partition_indexes = {0, 1};
  every_version<OffsetFetchRequest, OffsetFetchResponse>(fetch);
  OffsetDeleteRequest remove;
  remove.group_id = "g";
  remove.topics.emplace_back().name = "t";
  remove.topics.back().partitions.emplace_back();
  every_version<OffsetDeleteRequest, OffsetDeleteResponse>(remove);
}

}  // namespace
}  // namespace ottla
