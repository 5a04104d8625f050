// SPDX-License-Identifier: Apache-2.0
// LeaderAndIsr, StopReplica, UpdateMetadata, ControlledShutdown and AlterPartition at every version.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/generated/alter_partition_request.h"
#include "protocol/generated/alter_partition_response.h"
#include "protocol/generated/controlled_shutdown_request.h"
#include "protocol/generated/controlled_shutdown_response.h"
#include "protocol/generated/elect_leaders_request.h"
#include "protocol/generated/elect_leaders_response.h"
#include "protocol/generated/leader_and_isr_request.h"
#include "protocol/generated/leader_and_isr_response.h"
#include "protocol/generated/stop_replica_request.h"
#include "protocol/generated/stop_replica_response.h"
#include "protocol/generated/update_metadata_request.h"
#include "protocol/generated/update_metadata_response.h"
#include "tests/broker_apis/api_fixture.h"

namespace ottla {
namespace {

using namespace protocol;  // NOLINT: five APIs, two messages each
using ::testing::ElementsAre;

class ClusterApisTest : public ApiTest {};

LeaderAndIsrRequest lead(int16_t version, const Uuid& id) {
  LeaderAndIsrRequest request;
  request.controller_id = 3;
  request.controller_epoch = 5;
  LeaderAndIsrRequest::LeaderAndIsrPartitionState state;
  if (version < 2) state.topic_name = "t";
  state.partition_index = 1;
  state.leader = 3;
  state.leader_epoch = 8;
  state.isr = {3, 0};
  state.replicas = {0, 3};
  state.partition_epoch = 4;
  if (version < 2) {
    request.ungrouped_partition_states.push_back(state);
  } else {
    auto& topic = request.topic_states.emplace_back();
    topic.topic_name = "t";
    if (version >= 5) topic.topic_id = id;
    topic.partition_states.push_back(state);
  }
  auto& live = request.live_leaders.emplace_back();
  live.broker_id = 3;
  live.host_name = "three";
  live.port = 9095;
  return request;
}

TEST_F(ClusterApisTest, LeaderAndIsrIsTakenAndAnsweredForEachPartition) {
  for (int16_t version = 0; version <= 7; ++version) {
    cluster.result = version == 3 ? ErrorCode::KAFKA_STORAGE_ERROR : ErrorCode::NONE;
    const auto response = call<LeaderAndIsrResponse>(lead(version, t_id), version);
    EXPECT_EQ(response.error_code, 0);
    ASSERT_EQ(cluster.changes.size(), 1u);
    const PartitionChange& change = cluster.changes[0];
    EXPECT_EQ(change.topic, "t");
    EXPECT_EQ(change.index, 1);
    EXPECT_EQ(change.state.leader, 3);
    EXPECT_EQ(change.state.leader_epoch, 8);
    EXPECT_EQ(change.state.zk_version, 4);
    EXPECT_THAT(change.state.isr, ElementsAre(3, 0));
    EXPECT_EQ(cluster.live_leaders.at(3).port, 9095);
    const auto& errors = version < 5 ? response.partition_errors : response.topics.at(0).partition_errors;
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_EQ(errors[0].partition_index, 1);
    EXPECT_EQ(errors[0].error_code, static_cast<int16_t>(cluster.result));
    if (version >= 5) {
      EXPECT_EQ(response.topics[0].topic_id, t_id);
    } else {
      EXPECT_EQ(errors[0].topic_name, "t");
    }
  }
}

TEST_F(ClusterApisTest, AnOldControllerAndAWordToAnEarlierSelfAreRefused) {
  LeaderAndIsrRequest request = lead(5, t_id);
  request.controller_epoch = 4;
  EXPECT_EQ(call<LeaderAndIsrResponse>(request, 5).error_code,
            static_cast<int16_t>(ErrorCode::STALE_CONTROLLER_EPOCH));
  request.controller_epoch = 5;
  request.broker_epoch = 69;
  EXPECT_EQ(call<LeaderAndIsrResponse>(request, 5).error_code,
            static_cast<int16_t>(ErrorCode::STALE_BROKER_EPOCH));
  UpdateMetadataRequest metadata_request;
  EXPECT_EQ(call<UpdateMetadataResponse>(metadata_request, 7).error_code,
            static_cast<int16_t>(ErrorCode::STALE_CONTROLLER_EPOCH));
  StopReplicaRequest stop;
  EXPECT_EQ(call<StopReplicaResponse>(stop, 3).error_code,
            static_cast<int16_t>(ErrorCode::STALE_CONTROLLER_EPOCH));
  EXPECT_TRUE(cluster.changes.empty());
}

TEST_F(ClusterApisTest, StopReplicaStopsEachPartition) {
  for (int16_t version = 0; version <= 4; ++version) {
    cluster.stopped.clear();
    StopReplicaRequest request;
    request.controller_epoch = 5;
    if (version < 3) request.delete_partitions = true;
    if (version == 0) {
      auto& one = request.ungrouped_partitions.emplace_back();
      one.topic_name = "t";
      one.partition_index = 2;
    } else if (version < 3) {
      auto& topic = request.topics.emplace_back();
      topic.name = "t";
      topic.partition_indexes = {2};
    } else {
      auto& topic = request.topic_states.emplace_back();
      topic.topic_name = "t";
      auto& one = topic.partition_states.emplace_back();
      one.partition_index = 2;
      one.leader_epoch = 6;
      one.delete_partition = true;
    }
    const auto response = call<StopReplicaResponse>(request, version);
    EXPECT_THAT(cluster.stopped, ElementsAre(version < 3 ? "t-2 -1 deleted" : "t-2 6 deleted"));
    ASSERT_EQ(response.partition_errors.size(), 1u);
    EXPECT_EQ(response.partition_errors[0].topic_name, "t");
    EXPECT_EQ(response.partition_errors[0].partition_index, 2);
  }
}

TEST_F(ClusterApisTest, UpdateMetadataShowsPartitionsAndBrokers) {
  for (int16_t version = 0; version <= 8; ++version) {
    UpdateMetadataRequest request;
    request.controller_epoch = 5;
    UpdateMetadataRequest::UpdateMetadataPartitionState state;
    if (version < 5) state.topic_name = "t";
    state.partition_index = 1;
    state.leader = 3;
    state.isr = {3};
    state.replicas = {3, 0};
    if (version < 5) {
      request.ungrouped_partition_states.push_back(state);
    } else {
      auto& topic = request.topic_states.emplace_back();
      topic.topic_name = "t";
      if (version >= 7) topic.topic_id = t_id;
      topic.partition_states.push_back(state);
    }
    auto& broker = request.live_brokers.emplace_back();
    broker.id = 3;
    if (version == 0) {
      broker.v0_host = "three";
      broker.v0_port = 9095;
    } else {
      auto& endpoint = broker.endpoints.emplace_back();
      endpoint.host = "three";
      endpoint.port = 9095;
      if (version >= 3) endpoint.listener = "INTERNAL";
    }
    if (version >= 2) broker.rack = "r1";
    EXPECT_EQ(call<UpdateMetadataResponse>(request, version).error_code, 0);
    ASSERT_EQ(cluster.changes.size(), 1u) << version;
    EXPECT_EQ(cluster.changes[0].topic, "t");
    EXPECT_EQ(cluster.changes[0].state.leader, 3);
    const BrokerNode& three = cluster.brokers.at(3);
    const Endpoint* endpoint = three.endpoint(version < 3 ? "PLAINTEXT" : "INTERNAL");
    ASSERT_NE(endpoint, nullptr) << version;
    EXPECT_EQ(endpoint->host, "three");
    EXPECT_EQ(endpoint->port, 9095);
    EXPECT_EQ(three.rack.value_or("none"), version >= 2 ? "r1" : "none");
  }
}

TEST_F(ClusterApisTest, ControlledShutdownTellsWhatIsLeft) {
  cluster.remaining = {{"t", 1}};
  for (int16_t version = 0; version <= 3; ++version) {
    ControlledShutdownRequest request;
    request.broker_id = 2;
    const auto response = call<ControlledShutdownResponse>(request, version);
    EXPECT_EQ(cluster.speaker, 2);
    ASSERT_EQ(response.remaining_partitions.size(), 1u);
    EXPECT_EQ(response.remaining_partitions[0].topic_name, "t");
  }
}

TEST_F(ClusterApisTest, ElectLeadersTellsOfEachPartition) {
  cluster.all = {{"t", 0, ErrorCode::ELECTION_NOT_NEEDED, ""}, {"t", 1, ErrorCode::NONE, ""}};
  for (int16_t version = 0; version <= 2; ++version) {
    ElectLeadersRequest request;
    if (version >= 1) request.election_type = 1;
    request.topic_partitions->push_back({"t", {1}, {}});
    cluster.result = ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE;
    auto response = call<ElectLeadersResponse>(request, version);
    EXPECT_EQ(cluster.unclean_asked, version >= 1);
    const auto& result = response.replica_election_results.at(0).partition_result.at(0);
    EXPECT_EQ(result.partition_id, 1);
    EXPECT_EQ(result.error_code, static_cast<int16_t>(cluster.result));
    EXPECT_EQ(result.error_message, "why");
    request.topic_partitions.reset();
    response = call<ElectLeadersResponse>(request, version);
    ASSERT_EQ(response.replica_election_results.at(0).partition_result.size(), 1u);
    EXPECT_EQ(response.replica_election_results[0].partition_result[0].error_code, 0);
  }
}

TEST_F(ClusterApisTest, AlterPartitionAsksForInSyncReplicasOfBrokersAsTheyAreNow) {
  metadata.brokers[2] = {2, {}, std::nullopt, 77};
  for (int16_t version = 0; version <= 3; ++version) {
    AlterPartitionRequest request;
    request.broker_id = 2;
    auto& topic = request.topics.emplace_back();
    if (version < 2) {
      topic.topic_name = "t";
    } else {
      topic.topic_id = t_id;
    }
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = 1;
    partition.leader_epoch = 4;
    partition.partition_epoch = 9;
    if (version < 3) {
      partition.new_isr = {2};
    } else {
      partition.new_isr_with_epochs.push_back({2, 77, {}});
    }
    const auto response = call<AlterPartitionResponse>(request, version);
    EXPECT_EQ(response.error_code, 0);
    const auto& answer = response.topics.at(0).partitions.at(0);
    EXPECT_EQ(answer.error_code, 0);
    EXPECT_EQ(answer.leader_id, 2);
    EXPECT_EQ(answer.partition_epoch, 9);
    EXPECT_THAT(answer.isr, ElementsAre(2));
    EXPECT_EQ(cluster.changes.at(0).topic, "t");
    if (version < 3) continue;
    request.topics[0].partitions[0].new_isr_with_epochs[0].broker_epoch = 70;
    EXPECT_EQ(call<AlterPartitionResponse>(request, version).topics.at(0).partitions.at(0).error_code,
              static_cast<int16_t>(ErrorCode::INELIGIBLE_REPLICA));
  }
}

}  // namespace
}  // namespace ottla
