// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/alter_partition.h"

#include <algorithm>
#include <vector>

#include "broker/apis/partition_lookup.h"
#include "broker/apis/services.h"
#include "broker/controller/cluster_control.h"
#include "protocol/generated/alter_partition_request.h"
#include "protocol/generated/alter_partition_response.h"

namespace ottla {
namespace {

using protocol::AlterPartitionRequest;
using protocol::AlterPartitionResponse;

constexpr int16_t kFirstByTopicId = 2;
constexpr int16_t kFirstWithBrokerEpochs = 3;

// One partition of the request: what is to be asked, or why not.
struct Wish {
  ErrorCode error = ErrorCode::NONE;
  PartitionChange change;
};

// A replica whose broker has registered anew since the leader heard of it may have lost what it had.
bool are_eligible(const Services& services, const AlterPartitionRequest::PartitionData& asked) {
  return std::all_of(asked.new_isr_with_epochs.begin(), asked.new_isr_with_epochs.end(),
                     [&](const auto& one) {
                       const auto broker = services.metadata.brokers.find(one.broker_id);
                       if (broker == services.metadata.brokers.end()) return false;
                       return one.broker_epoch < 0 || one.broker_epoch == broker->second.epoch;
                     });
}

Wish wish_of(const Request& request, const AlterPartitionRequest& asked,
             const AlterPartitionRequest::TopicData& topic,
             const AlterPartitionRequest::PartitionData& partition) {
  Wish wish;
  const auto name = request.version >= kFirstByTopicId ? topic_name_of(request.services, topic.topic_id)
                                                       : std::optional(topic.topic_name);
  wish.change.topic = name.value_or("");
  wish.change.topic_id = topic.topic_id;
  wish.change.index = partition.partition_index;
  wish.change.state.leader = asked.broker_id;
  wish.change.state.leader_epoch = partition.leader_epoch;
  wish.change.state.zk_version = partition.partition_epoch;
  wish.change.state.isr = partition.new_isr;
  if (request.version >= kFirstWithBrokerEpochs) {
    for (const auto& one : partition.new_isr_with_epochs) wish.change.state.isr.push_back(one.broker_id);
    if (!are_eligible(request.services, partition)) wish.error = ErrorCode::INELIGIBLE_REPLICA;
  }
  if (!name) wish.error = ErrorCode::UNKNOWN_TOPIC_ID;
  return wish;
}

void respond(Responder& responder, ErrorCode error, const std::vector<Wish>& wishes,
             const std::vector<ClusterControl::Altered>& altered) {
  AlterPartitionResponse response;
  response.error_code = static_cast<int16_t>(error);
  size_t next = 0;
  for (const Wish& wish : wishes) {
    if (error != ErrorCode::NONE) break;
    if (response.topics.empty() || response.topics.back().topic_name != wish.change.topic ||
        response.topics.back().topic_id != wish.change.topic_id) {
      auto& topic = response.topics.emplace_back();
      topic.topic_name = wish.change.topic;
      topic.topic_id = wish.change.topic_id;
    }
    auto& partition = response.topics.back().partitions.emplace_back();
    partition.partition_index = wish.change.index;
    partition.error_code = static_cast<int16_t>(wish.error);
    if (wish.error != ErrorCode::NONE) continue;
    const ClusterControl::Altered& verdict = altered[next++];
    partition.error_code = static_cast<int16_t>(verdict.error);
    if (verdict.error != ErrorCode::NONE) continue;
    partition.leader_id = verdict.state.leader;
    partition.leader_epoch = verdict.state.leader_epoch;
    partition.isr = verdict.state.isr;
    partition.partition_epoch = verdict.state.zk_version;
  }
  responder.send(response);
}

}  // namespace

void handle_alter_partition(Request& request) {
  AlterPartitionRequest asked;
  if (!request.decode(asked)) return;
  auto wishes = std::make_shared<std::vector<Wish>>();
  std::vector<PartitionChange> changes;
  for (const auto& topic : asked.topics) {
    for (const auto& partition : topic.partitions) {
      wishes->push_back(wish_of(request, asked, topic, partition));
      if (wishes->back().error == ErrorCode::NONE) changes.push_back(wishes->back().change);
    }
  }
  request.services.cluster.alter_partitions(
      asked.broker_id, asked.broker_epoch, std::move(changes),
      [wishes, responder = std::move(request.responder).share()](
          ErrorCode error, const std::vector<ClusterControl::Altered>& altered) {
        respond(*responder, error, *wishes, altered);
      });
}

}  // namespace ottla
