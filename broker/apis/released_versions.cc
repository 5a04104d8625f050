// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/released_versions.h"

#include <algorithm>
#include <array>

namespace ottla {
namespace {

using protocol::ApiKey;

constexpr VersionRange kNone = {0, -1};

struct Row {
  ApiKey key;
  VersionRange in_2_8;
  VersionRange in_3_9;
  VersionRange in_4_4;
};

// Read from running brokers with ApiVersions: 2.8.0 and 3.9.1 with ZooKeeper, 4.4.0.
constexpr std::array kRows = std::to_array<Row>({
    {ApiKey::kProduce, {0, 9}, {0, 11}, {0, 13}},
    {ApiKey::kFetch, {0, 12}, {0, 17}, {4, 18}},
    {ApiKey::kListOffsets, {0, 6}, {0, 9}, {1, 11}},
    {ApiKey::kMetadata, {0, 11}, {0, 12}, {0, 13}},
    {ApiKey::kLeaderAndIsr, {0, 5}, {0, 7}, kNone},
    {ApiKey::kStopReplica, {0, 3}, {0, 4}, kNone},
    {ApiKey::kUpdateMetadata, {0, 7}, {0, 8}, kNone},
    {ApiKey::kControlledShutdown, {0, 3}, {0, 3}, kNone},
    {ApiKey::kOffsetCommit, {0, 8}, {0, 9}, {2, 10}},
    {ApiKey::kOffsetFetch, {0, 7}, {0, 9}, {1, 10}},
    {ApiKey::kFindCoordinator, {0, 3}, {0, 6}, {0, 6}},
    {ApiKey::kJoinGroup, {0, 7}, {0, 9}, {0, 9}},
    {ApiKey::kHeartbeat, {0, 4}, {0, 4}, {0, 4}},
    {ApiKey::kLeaveGroup, {0, 4}, {0, 5}, {0, 5}},
    {ApiKey::kSyncGroup, {0, 5}, {0, 5}, {0, 5}},
    {ApiKey::kDescribeGroups, {0, 5}, {0, 5}, {0, 6}},
    {ApiKey::kListGroups, {0, 4}, {0, 5}, {0, 5}},
    {ApiKey::kSaslHandshake, {0, 1}, {0, 1}, {0, 1}},
    {ApiKey::kApiVersions, {0, 3}, {0, 4}, {0, 5}},
    {ApiKey::kCreateTopics, {0, 7}, {0, 7}, {2, 7}},
    {ApiKey::kDeleteTopics, {0, 6}, {0, 6}, {1, 6}},
    {ApiKey::kDeleteRecords, {0, 2}, {0, 2}, {0, 2}},
    {ApiKey::kInitProducerId, {0, 4}, {0, 5}, {0, 5}},
    {ApiKey::kOffsetForLeaderEpoch, {0, 4}, {0, 4}, {2, 4}},
    {ApiKey::kAddPartitionsToTxn, {0, 3}, {0, 5}, {0, 5}},
    {ApiKey::kAddOffsetsToTxn, {0, 3}, {0, 4}, {0, 4}},
    {ApiKey::kEndTxn, {0, 3}, {0, 4}, {0, 5}},
    {ApiKey::kWriteTxnMarkers, {0, 1}, {0, 1}, {1, 2}},
    {ApiKey::kTxnOffsetCommit, {0, 3}, {0, 4}, {0, 6}},
    {ApiKey::kDescribeAcls, {0, 2}, {0, 3}, {1, 3}},
    {ApiKey::kCreateAcls, {0, 2}, {0, 3}, {1, 3}},
    {ApiKey::kDeleteAcls, {0, 2}, {0, 3}, {1, 3}},
    {ApiKey::kDescribeConfigs, {0, 4}, {0, 4}, {1, 4}},
    {ApiKey::kAlterConfigs, {0, 2}, {0, 2}, {0, 2}},
    {ApiKey::kAlterReplicaLogDirs, {0, 2}, {0, 2}, {1, 2}},
    {ApiKey::kDescribeLogDirs, {0, 2}, {0, 4}, {1, 5}},
    {ApiKey::kSaslAuthenticate, {0, 2}, {0, 2}, {0, 2}},
    {ApiKey::kCreatePartitions, {0, 3}, {0, 3}, {0, 3}},
    {ApiKey::kCreateDelegationToken, {0, 2}, {0, 3}, {1, 3}},
    {ApiKey::kRenewDelegationToken, {0, 2}, {0, 2}, {1, 2}},
    {ApiKey::kExpireDelegationToken, {0, 2}, {0, 2}, {1, 2}},
    {ApiKey::kDescribeDelegationToken, {0, 2}, {0, 3}, {1, 3}},
    {ApiKey::kDeleteGroups, {0, 2}, {0, 2}, {0, 3}},
    {ApiKey::kElectLeaders, {0, 2}, {0, 2}, {0, 2}},
    {ApiKey::kIncrementalAlterConfigs, {0, 1}, {0, 1}, {0, 1}},
    {ApiKey::kAlterPartitionReassignments, {0, 0}, {0, 0}, {0, 1}},
    {ApiKey::kListPartitionReassignments, {0, 0}, {0, 0}, {0, 0}},
    {ApiKey::kOffsetDelete, {0, 0}, {0, 0}, {0, 0}},
    {ApiKey::kDescribeClientQuotas, {0, 1}, {0, 1}, {0, 1}},
    {ApiKey::kAlterClientQuotas, {0, 1}, {0, 1}, {0, 1}},
    {ApiKey::kDescribeUserScramCredentials, {0, 0}, {0, 0}, {0, 0}},
    {ApiKey::kAlterUserScramCredentials, {0, 0}, {0, 0}, {0, 0}},
    {ApiKey::kDescribeQuorum, kNone, kNone, {0, 2}},
    {ApiKey::kAlterPartition, {0, 0}, {0, 3}, kNone},
    {ApiKey::kUpdateFeatures, {0, 0}, {0, 1}, {0, 2}},
    {ApiKey::kEnvelope, kNone, {0, 0}, kNone},
    {ApiKey::kDescribeCluster, {0, 0}, {0, 1}, {0, 2}},
    {ApiKey::kDescribeProducers, {0, 0}, {0, 0}, {0, 0}},
    {ApiKey::kUnregisterBroker, kNone, kNone, {0, 0}},
    {ApiKey::kDescribeTransactions, kNone, {0, 0}, {0, 0}},
    {ApiKey::kListTransactions, kNone, {0, 1}, {0, 2}},
    {ApiKey::kAllocateProducerIds, kNone, {0, 0}, kNone},
    {ApiKey::kConsumerGroupHeartbeat, kNone, {0, 0}, {0, 1}},
    {ApiKey::kConsumerGroupDescribe, kNone, {0, 0}, {0, 1}},
    {ApiKey::kListConfigResources, kNone, kNone, {0, 1}},
    {ApiKey::kDescribeTopicPartitions, kNone, kNone, {0, 0}},
    {ApiKey::kShareGroupHeartbeat, kNone, kNone, {1, 1}},
    {ApiKey::kShareGroupDescribe, kNone, kNone, {1, 1}},
    {ApiKey::kShareFetch, kNone, kNone, {1, 2}},
    {ApiKey::kShareAcknowledge, kNone, kNone, {1, 2}},
    {ApiKey::kAddRaftVoter, kNone, kNone, {0, 1}},
    {ApiKey::kRemoveRaftVoter, kNone, kNone, {0, 0}},
    {ApiKey::kInitializeShareGroupState, kNone, kNone, {0, 0}},
    {ApiKey::kReadShareGroupState, kNone, kNone, {0, 0}},
    {ApiKey::kWriteShareGroupState, kNone, kNone, {0, 1}},
    {ApiKey::kDeleteShareGroupState, kNone, kNone, {0, 0}},
    {ApiKey::kReadShareGroupStateSummary, kNone, kNone, {0, 1}},
    {ApiKey::kStreamsGroupHeartbeat, kNone, kNone, {0, 1}},
    {ApiKey::kStreamsGroupDescribe, kNone, kNone, {0, 1}},
    {ApiKey::kDescribeShareGroupOffsets, kNone, kNone, {0, 1}},
    {ApiKey::kAlterShareGroupOffsets, kNone, kNone, {0, 0}},
    {ApiKey::kDeleteShareGroupOffsets, kNone, kNone, {0, 0}},
    {ApiKey::kStreamsGroupTopologyDescriptionUpdate, kNone, kNone, {0, 0}},
    {ApiKey::kUnregisterController, kNone, kNone, {0, 0}},
});

constexpr VersionRange in_release(const Row& row, config::Release release) {
  switch (release) {
    case config::Release::k2_8:
      return row.in_2_8;
    case config::Release::k3_9:
      return row.in_3_9;
    case config::Release::k4_4:
      return row.in_4_4;
    case config::Release::kAny:
      break;
  }
  return {0, INT16_MAX};
}

}  // namespace

VersionRange released_versions(config::Release release, ApiKey key) {
  if (release == config::Release::kAny) return {0, INT16_MAX};
  const auto* const row =
      std::find_if(kRows.begin(), kRows.end(), [key](const Row& one) { return one.key == key; });
  return row == kRows.end() ? kNone : in_release(*row, release);
}

}  // namespace ottla
