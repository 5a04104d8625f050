// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/stop_replica.h"

#include <string>

#include "broker/apis/services.h"
#include "broker/controller/cluster_control.h"
#include "protocol/generated/stop_replica_request.h"
#include "protocol/generated/stop_replica_response.h"

namespace ottla {
namespace {

using protocol::StopReplicaRequest;
using protocol::StopReplicaResponse;

}  // namespace

void handle_stop_replica(Request& request) {
  StopReplicaRequest asked;
  if (!request.decode(asked)) return;
  ClusterControl& cluster = request.services.cluster;
  StopReplicaResponse response;
  response.error_code = static_cast<int16_t>(
      cluster.take_word_of(asked.controller_id, asked.controller_epoch, asked.broker_epoch));
  if (response.error_code != 0) return request.responder.send(response);
  const auto stop = [&](std::string_view topic, int32_t index, int32_t epoch, bool delete_log) {
    const ErrorCode stopped = cluster.stop_replica(std::string(topic), index, epoch, delete_log);
    auto& error = response.partition_errors.emplace_back();
    error.topic_name = topic;
    error.partition_index = index;
    error.error_code = static_cast<int16_t>(stopped);
  };
  for (const auto& one : asked.ungrouped_partitions)
    stop(one.topic_name, one.partition_index, -1, asked.delete_partitions);
  for (const auto& topic : asked.topics) {
    for (const int32_t index : topic.partition_indexes) stop(topic.name, index, -1, asked.delete_partitions);
  }
  for (const auto& topic : asked.topic_states) {
    for (const auto& one : topic.partition_states)
      stop(topic.topic_name, one.partition_index, one.leader_epoch, one.delete_partition);
  }
  request.responder.send(response);
}

}  // namespace ottla
