// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/leader_and_isr.h"

#include <map>
#include <vector>

#include "broker/apis/partition_changes.h"
#include "broker/apis/services.h"
#include "broker/config/broker_config.h"
#include "broker/controller/cluster_control.h"
#include "protocol/generated/leader_and_isr_request.h"
#include "protocol/generated/leader_and_isr_response.h"

namespace ottla {
namespace {

using protocol::LeaderAndIsrRequest;
using protocol::LeaderAndIsrResponse;

constexpr int16_t kFirstByTopicId = 5;

std::vector<PartitionChange> changes_of(const LeaderAndIsrRequest& asked) {
  return partition_changes_of(asked, [](const auto& state, PartitionState& out) {
    out.zk_version = state.partition_epoch;
    out.is_new = state.is_new;
  });
}

LeaderAndIsrResponse answer_of(const std::vector<PartitionChange>& changes,
                               const std::vector<ErrorCode>& codes, int16_t version) {
  LeaderAndIsrResponse response;
  for (size_t i = 0; i < changes.size(); ++i) {
    LeaderAndIsrResponse::LeaderAndIsrPartitionError error;
    error.topic_name = changes[i].topic;
    error.partition_index = changes[i].index;
    error.error_code = static_cast<int16_t>(codes[i]);
    if (version < kFirstByTopicId) {
      response.partition_errors.push_back(std::move(error));
      continue;
    }
    if (response.topics.empty() || response.topics.back().topic_id != changes[i].topic_id)
      response.topics.emplace_back().topic_id = changes[i].topic_id;
    response.topics.back().partition_errors.push_back(std::move(error));
  }
  return response;
}

}  // namespace

void handle_leader_and_isr(Request& request) {
  LeaderAndIsrRequest asked;
  if (!request.decode(asked)) return;
  ClusterControl& cluster = request.services.cluster;
  std::map<int32_t, Endpoint> leaders;
  for (const auto& live : asked.live_leaders) {
    Endpoint& endpoint = leaders[live.broker_id];
    endpoint.listener = request.services.config.inter_broker_listener_name;
    endpoint.host = live.host_name;
    endpoint.port = live.port;
  }
  auto changes = std::make_shared<std::vector<PartitionChange>>(changes_of(asked));
  cluster.take_word_of(
      asked.controller_id, asked.controller_epoch, asked.broker_epoch,
      [&cluster, changes, leaders, responder = std::move(request.responder).share()](ErrorCode heard) {
        if (heard != ErrorCode::NONE) {
          LeaderAndIsrResponse response;
          response.error_code = static_cast<int16_t>(heard);
          return responder->send(response);
        }
        cluster.leader_and_isr(*changes, leaders, [changes, responder](const std::vector<ErrorCode>& codes) {
          responder->send(answer_of(*changes, codes, responder->version()));
        });
      });
}

}  // namespace ottla
