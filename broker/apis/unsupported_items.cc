// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/unsupported_items.h"

#include <array>

#include "protocol/base/error_code.h"
#include "protocol/generated/add_partitions_to_txn_request.h"
#include "protocol/generated/add_partitions_to_txn_response.h"
#include "protocol/generated/alter_client_quotas_request.h"
#include "protocol/generated/alter_client_quotas_response.h"
#include "protocol/generated/alter_configs_request.h"
#include "protocol/generated/alter_configs_response.h"
#include "protocol/generated/alter_replica_log_dirs_request.h"
#include "protocol/generated/alter_replica_log_dirs_response.h"
#include "protocol/generated/alter_user_scram_credentials_request.h"
#include "protocol/generated/alter_user_scram_credentials_response.h"
#include "protocol/generated/consumer_group_describe_request.h"
#include "protocol/generated/consumer_group_describe_response.h"
#include "protocol/generated/create_acls_request.h"
#include "protocol/generated/create_acls_response.h"
#include "protocol/generated/delete_acls_request.h"
#include "protocol/generated/delete_acls_response.h"
#include "protocol/generated/delete_share_group_state_request.h"
#include "protocol/generated/delete_share_group_state_response.h"
#include "protocol/generated/describe_producers_request.h"
#include "protocol/generated/describe_producers_response.h"
#include "protocol/generated/describe_share_group_offsets_request.h"
#include "protocol/generated/describe_share_group_offsets_response.h"
#include "protocol/generated/describe_topic_partitions_request.h"
#include "protocol/generated/describe_topic_partitions_response.h"
#include "protocol/generated/describe_transactions_request.h"
#include "protocol/generated/describe_transactions_response.h"
#include "protocol/generated/elect_leaders_request.h"
#include "protocol/generated/elect_leaders_response.h"
#include "protocol/generated/incremental_alter_configs_request.h"
#include "protocol/generated/incremental_alter_configs_response.h"
#include "protocol/generated/initialize_share_group_state_request.h"
#include "protocol/generated/initialize_share_group_state_response.h"
#include "protocol/generated/read_share_group_state_request.h"
#include "protocol/generated/read_share_group_state_response.h"
#include "protocol/generated/read_share_group_state_summary_request.h"
#include "protocol/generated/read_share_group_state_summary_response.h"
#include "protocol/generated/share_group_describe_request.h"
#include "protocol/generated/share_group_describe_response.h"
#include "protocol/generated/streams_group_describe_request.h"
#include "protocol/generated/streams_group_describe_response.h"
#include "protocol/generated/txn_offset_commit_request.h"
#include "protocol/generated/txn_offset_commit_response.h"
#include "protocol/generated/write_share_group_state_request.h"
#include "protocol/generated/write_share_group_state_response.h"
#include "protocol/generated/write_txn_markers_request.h"
#include "protocol/generated/write_txn_markers_response.h"

namespace ottla {
namespace {

using namespace protocol;

constexpr auto kUnsupported = static_cast<int16_t>(ErrorCode::UNSUPPORTED_VERSION);
constexpr std::string_view kReason = "The broker does not offer this API.";

// Appends an item that says no.
template <typename Items>
auto& refused(Items& items) {
  auto& item = items.emplace_back();
  item.error_code = kUnsupported;
  if constexpr (requires { item.error_message; }) item.error_message = kReason;
  return item;
}

void refuse_resources(const auto& asked, auto& answered) {
  for (const auto& resource : asked.resources) {
    auto& item = refused(answered.responses);
    item.resource_type = resource.resource_type;
    item.resource_name = resource.resource_name;
  }
}

void refuse_groups(const auto& asked, auto& answered) {
  for (const auto id : asked.group_ids) refused(answered.groups).group_id = id;
}

void refuse_states(const auto& asked, auto& answered) {
  for (const auto& topic : asked.topics) {
    auto& result = answered.results.emplace_back();
    result.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) refused(result.partitions).partition = partition.partition;
  }
}

void refuse(const AddPartitionsToTxnRequest& asked, AddPartitionsToTxnResponse& answered) {
  for (const auto& topic : asked.v3_and_below_topics) {
    auto& result = answered.results_by_topic_v3_and_below.emplace_back();
    result.name = topic.name;
    for (const int32_t partition : topic.partitions) {
      auto& item = result.results_by_partition.emplace_back();
      item.partition_index = partition;
      item.partition_error_code = kUnsupported;
    }
  }
}

void refuse(const AlterClientQuotasRequest& asked, AlterClientQuotasResponse& answered) {
  for (const auto& entry : asked.entries) {
    auto& item = refused(answered.entries);
    for (const auto& entity : entry.entity) {
      auto& named = item.entity.emplace_back();
      named.entity_type = entity.entity_type;
      named.entity_name = entity.entity_name;
    }
  }
}

void refuse(const AlterConfigsRequest& asked, AlterConfigsResponse& answered) {
  refuse_resources(asked, answered);
}

void refuse(const AlterReplicaLogDirsRequest& asked, AlterReplicaLogDirsResponse& answered) {
  for (const auto& directory : asked.dirs) {
    for (const auto& topic : directory.topics) {
      auto& result = answered.results.emplace_back();
      result.topic_name = topic.name;
      for (const int32_t partition : topic.partitions) refused(result.partitions).partition_index = partition;
    }
  }
}

void refuse(const AlterUserScramCredentialsRequest& asked, AlterUserScramCredentialsResponse& answered) {
  for (const auto& deletion : asked.deletions) refused(answered.results).user = deletion.name;
  for (const auto& upsertion : asked.upsertions) refused(answered.results).user = upsertion.name;
}

void refuse(const ConsumerGroupDescribeRequest& asked, ConsumerGroupDescribeResponse& answered) {
  refuse_groups(asked, answered);
}

void refuse(const CreateAclsRequest& asked, CreateAclsResponse& answered) {
  for (size_t i = 0; i < asked.creations.size(); ++i) refused(answered.results);
}

void refuse(const DeleteAclsRequest& asked, DeleteAclsResponse& answered) {
  for (size_t i = 0; i < asked.filters.size(); ++i) refused(answered.filter_results);
}

void refuse(const DeleteShareGroupStateRequest& asked, DeleteShareGroupStateResponse& answered) {
  refuse_states(asked, answered);
}

void refuse(const DescribeProducersRequest& asked, DescribeProducersResponse& answered) {
  for (const auto& topic : asked.topics) {
    auto& result = answered.topics.emplace_back();
    result.name = topic.name;
    for (const int32_t partition : topic.partition_indexes)
      refused(result.partitions).partition_index = partition;
  }
}

void refuse(const DescribeShareGroupOffsetsRequest& asked, DescribeShareGroupOffsetsResponse& answered) {
  for (const auto& group : asked.groups) refused(answered.groups).group_id = group.group_id;
}

void refuse(const DescribeTopicPartitionsRequest& asked, DescribeTopicPartitionsResponse& answered) {
  for (const auto& topic : asked.topics) refused(answered.topics).name = topic.name;
}

void refuse(const DescribeTransactionsRequest& asked, DescribeTransactionsResponse& answered) {
  for (const auto id : asked.transactional_ids) refused(answered.transaction_states).transactional_id = id;
}

void refuse(const ElectLeadersRequest& asked, ElectLeadersResponse& answered) {
  // Null asks for every partition: none is named that could carry the error, and none is reported as elected.
  if (!asked.topic_partitions) return;
  for (const auto& topic : *asked.topic_partitions) {
    auto& result = answered.replica_election_results.emplace_back();
    result.topic = topic.topic;
    for (const int32_t partition : topic.partitions)
      refused(result.partition_result).partition_id = partition;
  }
}

void refuse(const IncrementalAlterConfigsRequest& asked, IncrementalAlterConfigsResponse& answered) {
  refuse_resources(asked, answered);
}

void refuse(const InitializeShareGroupStateRequest& asked, InitializeShareGroupStateResponse& answered) {
  refuse_states(asked, answered);
}

void refuse(const ReadShareGroupStateRequest& asked, ReadShareGroupStateResponse& answered) {
  refuse_states(asked, answered);
}

void refuse(const ReadShareGroupStateSummaryRequest& asked, ReadShareGroupStateSummaryResponse& answered) {
  refuse_states(asked, answered);
}

void refuse(const ShareGroupDescribeRequest& asked, ShareGroupDescribeResponse& answered) {
  refuse_groups(asked, answered);
}

void refuse(const StreamsGroupDescribeRequest& asked, StreamsGroupDescribeResponse& answered) {
  refuse_groups(asked, answered);
}

void refuse(const TxnOffsetCommitRequest& asked, TxnOffsetCommitResponse& answered) {
  for (const auto& topic : asked.topics) {
    auto& result = answered.topics.emplace_back();
    result.name = topic.name;
    result.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions)
      refused(result.partitions).partition_index = partition.partition_index;
  }
}

void refuse(const WriteShareGroupStateRequest& asked, WriteShareGroupStateResponse& answered) {
  refuse_states(asked, answered);
}

void refuse(const WriteTxnMarkersRequest& asked, WriteTxnMarkersResponse& answered) {
  for (const auto& marker : asked.markers) {
    auto& result = answered.markers.emplace_back();
    result.producer_id = marker.producer_id;
    for (const auto& topic : marker.topics) {
      auto& in_topic = result.topics.emplace_back();
      in_topic.name = topic.name;
      for (const int32_t partition : topic.partition_indexes)
        refused(in_topic.partitions).partition_index = partition;
    }
  }
}

template <typename Asked, typename Answered>
void answer(Request& request) {
  Asked asked;
  if (!request.decode(asked)) return;
  Answered answered;
  refuse(asked, answered);
  request.responder.send(answered);
}

struct Row {
  ApiKey key;
  void (*answer)(Request& request);
};

constexpr std::array kRows = {
    Row{ApiKey::kAddPartitionsToTxn, answer<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse>},
    Row{ApiKey::kAlterClientQuotas, answer<AlterClientQuotasRequest, AlterClientQuotasResponse>},
    Row{ApiKey::kAlterConfigs, answer<AlterConfigsRequest, AlterConfigsResponse>},
    Row{ApiKey::kAlterReplicaLogDirs, answer<AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse>},
    Row{ApiKey::kAlterUserScramCredentials,
        answer<AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse>},
    Row{ApiKey::kConsumerGroupDescribe, answer<ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse>},
    Row{ApiKey::kCreateAcls, answer<CreateAclsRequest, CreateAclsResponse>},
    Row{ApiKey::kDeleteAcls, answer<DeleteAclsRequest, DeleteAclsResponse>},
    Row{ApiKey::kDeleteShareGroupState, answer<DeleteShareGroupStateRequest, DeleteShareGroupStateResponse>},
    Row{ApiKey::kDescribeProducers, answer<DescribeProducersRequest, DescribeProducersResponse>},
    Row{ApiKey::kDescribeShareGroupOffsets,
        answer<DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse>},
    Row{ApiKey::kDescribeTopicPartitions,
        answer<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse>},
    Row{ApiKey::kDescribeTransactions, answer<DescribeTransactionsRequest, DescribeTransactionsResponse>},
    Row{ApiKey::kElectLeaders, answer<ElectLeadersRequest, ElectLeadersResponse>},
    Row{ApiKey::kIncrementalAlterConfigs,
        answer<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>},
    Row{ApiKey::kInitializeShareGroupState,
        answer<InitializeShareGroupStateRequest, InitializeShareGroupStateResponse>},
    Row{ApiKey::kReadShareGroupState, answer<ReadShareGroupStateRequest, ReadShareGroupStateResponse>},
    Row{ApiKey::kReadShareGroupStateSummary,
        answer<ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse>},
    Row{ApiKey::kShareGroupDescribe, answer<ShareGroupDescribeRequest, ShareGroupDescribeResponse>},
    Row{ApiKey::kStreamsGroupDescribe, answer<StreamsGroupDescribeRequest, StreamsGroupDescribeResponse>},
    Row{ApiKey::kTxnOffsetCommit, answer<TxnOffsetCommitRequest, TxnOffsetCommitResponse>},
    Row{ApiKey::kWriteShareGroupState, answer<WriteShareGroupStateRequest, WriteShareGroupStateResponse>},
    Row{ApiKey::kWriteTxnMarkers, answer<WriteTxnMarkersRequest, WriteTxnMarkersResponse>},
};

}  // namespace

bool answer_unsupported_items(Request& request) {
  for (const Row& row : kRows) {
    if (row.key != request.api_key) continue;
    row.answer(request);
    return true;
  }
  return false;
}

}  // namespace ottla
