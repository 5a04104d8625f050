// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/unsupported.h"

#include <algorithm>
#include <array>

#include "broker/apis/unsupported_items.h"
#include "protocol/base/error_code.h"
#include "protocol/generated/add_offsets_to_txn_response.h"
#include "protocol/generated/add_partitions_to_txn_response.h"
#include "protocol/generated/add_raft_voter_response.h"
#include "protocol/generated/allocate_producer_ids_response.h"
#include "protocol/generated/alter_partition_reassignments_response.h"
#include "protocol/generated/alter_partition_response.h"
#include "protocol/generated/alter_share_group_offsets_response.h"
#include "protocol/generated/assign_replicas_to_dirs_response.h"
#include "protocol/generated/begin_quorum_epoch_response.h"
#include "protocol/generated/broker_heartbeat_response.h"
#include "protocol/generated/broker_registration_response.h"
#include "protocol/generated/consumer_group_heartbeat_response.h"
#include "protocol/generated/controlled_shutdown_response.h"
#include "protocol/generated/controller_registration_response.h"
#include "protocol/generated/create_delegation_token_response.h"
#include "protocol/generated/delete_share_group_offsets_response.h"
#include "protocol/generated/describe_acls_response.h"
#include "protocol/generated/describe_client_quotas_response.h"
#include "protocol/generated/describe_delegation_token_response.h"
#include "protocol/generated/describe_quorum_response.h"
#include "protocol/generated/describe_user_scram_credentials_response.h"
#include "protocol/generated/elect_leaders_response.h"
#include "protocol/generated/end_quorum_epoch_response.h"
#include "protocol/generated/end_txn_response.h"
#include "protocol/generated/envelope_response.h"
#include "protocol/generated/expire_delegation_token_response.h"
#include "protocol/generated/fetch_snapshot_response.h"
#include "protocol/generated/get_telemetry_subscriptions_response.h"
#include "protocol/generated/leader_and_isr_response.h"
#include "protocol/generated/list_config_resources_response.h"
#include "protocol/generated/list_partition_reassignments_response.h"
#include "protocol/generated/list_transactions_response.h"
#include "protocol/generated/push_telemetry_response.h"
#include "protocol/generated/remove_raft_voter_response.h"
#include "protocol/generated/renew_delegation_token_response.h"
#include "protocol/generated/sasl_authenticate_response.h"
#include "protocol/generated/sasl_handshake_response.h"
#include "protocol/generated/share_acknowledge_response.h"
#include "protocol/generated/share_fetch_response.h"
#include "protocol/generated/share_group_heartbeat_response.h"
#include "protocol/generated/stop_replica_response.h"
#include "protocol/generated/streams_group_heartbeat_response.h"
#include "protocol/generated/streams_group_topology_description_update_response.h"
#include "protocol/generated/unregister_broker_response.h"
#include "protocol/generated/unregister_controller_response.h"
#include "protocol/generated/update_features_response.h"
#include "protocol/generated/update_metadata_response.h"
#include "protocol/generated/update_raft_voter_response.h"
#include "protocol/generated/vote_response.h"

namespace ottla {
namespace {

using protocol::ApiKey;

template <typename Response>
bool answer(Responder& responder) {
  const int16_t version = responder.version();
  Response refused;
  refused.error_code = static_cast<int16_t>(ErrorCode::UNSUPPORTED_VERSION);
  // A version that does not carry the error would read as success.
  Writer with_error;
  Writer without;
  refused.encode(with_error, version);
  Response().encode(without, version);
  const Bytes a = with_error.buffer();
  const Bytes b = without.buffer();
  if (std::equal(a.begin(), a.end(), b.begin(), b.end())) return false;
  responder.send(refused);
  return true;
}

struct Row {
  ApiKey key;
  bool (*answer)(Responder& responder);
};

constexpr std::array kRows = {
    Row{ApiKey::kAddOffsetsToTxn, answer<protocol::AddOffsetsToTxnResponse>},
    Row{ApiKey::kAddPartitionsToTxn, answer<protocol::AddPartitionsToTxnResponse>},
    Row{ApiKey::kAddRaftVoter, answer<protocol::AddRaftVoterResponse>},
    Row{ApiKey::kAllocateProducerIds, answer<protocol::AllocateProducerIdsResponse>},
    Row{ApiKey::kAlterPartition, answer<protocol::AlterPartitionResponse>},
    Row{ApiKey::kAlterPartitionReassignments, answer<protocol::AlterPartitionReassignmentsResponse>},
    Row{ApiKey::kAlterShareGroupOffsets, answer<protocol::AlterShareGroupOffsetsResponse>},
    Row{ApiKey::kAssignReplicasToDirs, answer<protocol::AssignReplicasToDirsResponse>},
    Row{ApiKey::kBeginQuorumEpoch, answer<protocol::BeginQuorumEpochResponse>},
    Row{ApiKey::kBrokerHeartbeat, answer<protocol::BrokerHeartbeatResponse>},
    Row{ApiKey::kBrokerRegistration, answer<protocol::BrokerRegistrationResponse>},
    Row{ApiKey::kConsumerGroupHeartbeat, answer<protocol::ConsumerGroupHeartbeatResponse>},
    Row{ApiKey::kControlledShutdown, answer<protocol::ControlledShutdownResponse>},
    Row{ApiKey::kControllerRegistration, answer<protocol::ControllerRegistrationResponse>},
    Row{ApiKey::kCreateDelegationToken, answer<protocol::CreateDelegationTokenResponse>},
    Row{ApiKey::kDeleteShareGroupOffsets, answer<protocol::DeleteShareGroupOffsetsResponse>},
    Row{ApiKey::kDescribeAcls, answer<protocol::DescribeAclsResponse>},
    Row{ApiKey::kDescribeClientQuotas, answer<protocol::DescribeClientQuotasResponse>},
    Row{ApiKey::kDescribeDelegationToken, answer<protocol::DescribeDelegationTokenResponse>},
    Row{ApiKey::kDescribeQuorum, answer<protocol::DescribeQuorumResponse>},
    Row{ApiKey::kDescribeUserScramCredentials, answer<protocol::DescribeUserScramCredentialsResponse>},
    Row{ApiKey::kElectLeaders, answer<protocol::ElectLeadersResponse>},
    Row{ApiKey::kEndQuorumEpoch, answer<protocol::EndQuorumEpochResponse>},
    Row{ApiKey::kEndTxn, answer<protocol::EndTxnResponse>},
    Row{ApiKey::kEnvelope, answer<protocol::EnvelopeResponse>},
    Row{ApiKey::kExpireDelegationToken, answer<protocol::ExpireDelegationTokenResponse>},
    Row{ApiKey::kFetchSnapshot, answer<protocol::FetchSnapshotResponse>},
    Row{ApiKey::kGetTelemetrySubscriptions, answer<protocol::GetTelemetrySubscriptionsResponse>},
    Row{ApiKey::kLeaderAndIsr, answer<protocol::LeaderAndIsrResponse>},
    Row{ApiKey::kListConfigResources, answer<protocol::ListConfigResourcesResponse>},
    Row{ApiKey::kListPartitionReassignments, answer<protocol::ListPartitionReassignmentsResponse>},
    Row{ApiKey::kListTransactions, answer<protocol::ListTransactionsResponse>},
    Row{ApiKey::kPushTelemetry, answer<protocol::PushTelemetryResponse>},
    Row{ApiKey::kRemoveRaftVoter, answer<protocol::RemoveRaftVoterResponse>},
    Row{ApiKey::kRenewDelegationToken, answer<protocol::RenewDelegationTokenResponse>},
    Row{ApiKey::kSaslAuthenticate, answer<protocol::SaslAuthenticateResponse>},
    Row{ApiKey::kSaslHandshake, answer<protocol::SaslHandshakeResponse>},
    Row{ApiKey::kShareAcknowledge, answer<protocol::ShareAcknowledgeResponse>},
    Row{ApiKey::kShareFetch, answer<protocol::ShareFetchResponse>},
    Row{ApiKey::kShareGroupHeartbeat, answer<protocol::ShareGroupHeartbeatResponse>},
    Row{ApiKey::kStopReplica, answer<protocol::StopReplicaResponse>},
    Row{ApiKey::kStreamsGroupHeartbeat, answer<protocol::StreamsGroupHeartbeatResponse>},
    Row{ApiKey::kStreamsGroupTopologyDescriptionUpdate,
        answer<protocol::StreamsGroupTopologyDescriptionUpdateResponse>},
    Row{ApiKey::kUnregisterBroker, answer<protocol::UnregisterBrokerResponse>},
    Row{ApiKey::kUnregisterController, answer<protocol::UnregisterControllerResponse>},
    Row{ApiKey::kUpdateFeatures, answer<protocol::UpdateFeaturesResponse>},
    Row{ApiKey::kUpdateMetadata, answer<protocol::UpdateMetadataResponse>},
    Row{ApiKey::kUpdateRaftVoter, answer<protocol::UpdateRaftVoterResponse>},
    Row{ApiKey::kVote, answer<protocol::VoteResponse>},
};

bool is_known(ApiKey key, int16_t version) {
  const protocol::ApiInfo* info = protocol::find_api(static_cast<int16_t>(key));
  return info != nullptr && version >= info->lowest_version && version <= info->highest_version;
}

}  // namespace

bool answer_unsupported(Request& request) {
  if (!is_known(request.api_key, request.version)) return false;
  for (const Row& row : kRows) {
    if (row.key == request.api_key && row.answer(request.responder)) return true;
  }
  return answer_unsupported_items(request);
}

}  // namespace ottla
