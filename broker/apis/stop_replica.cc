// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/stop_replica.h"

#include <string>
#include <vector>

#include "broker/apis/services.h"
#include "broker/controller/cluster_control.h"
#include "protocol/generated/stop_replica_request.h"
#include "protocol/generated/stop_replica_response.h"

namespace ottla {
namespace {

using protocol::StopReplicaRequest;
using protocol::StopReplicaResponse;

struct Stop {
  std::string topic;
  int32_t index;
  int32_t leader_epoch;
  bool delete_log;
};

std::vector<Stop> stops_of(const StopReplicaRequest& asked) {
  std::vector<Stop> stops;
  for (const auto& one : asked.ungrouped_partitions)
    stops.push_back({std::string(one.topic_name), one.partition_index, -1, asked.delete_partitions});
  for (const auto& topic : asked.topics) {
    for (const int32_t index : topic.partition_indexes)
      stops.push_back({std::string(topic.name), index, -1, asked.delete_partitions});
  }
  for (const auto& topic : asked.topic_states) {
    for (const auto& one : topic.partition_states)
      stops.push_back(
          {std::string(topic.topic_name), one.partition_index, one.leader_epoch, one.delete_partition});
  }
  return stops;
}

}  // namespace

void handle_stop_replica(Request& request) {
  StopReplicaRequest asked;
  if (!request.decode(asked)) return;
  ClusterControl& cluster = request.services.cluster;
  cluster.take_word_of(
      asked.controller_id, asked.controller_epoch, asked.broker_epoch,
      [&cluster, stops = stops_of(asked), responder = std::move(request.responder).share()](ErrorCode heard) {
        StopReplicaResponse response;
        response.error_code = static_cast<int16_t>(heard);
        for (const Stop& stop : stops) {
          if (heard != ErrorCode::NONE) break;
          const ErrorCode stopped =
              cluster.stop_replica(stop.topic, stop.index, stop.leader_epoch, stop.delete_log);
          auto& error = response.partition_errors.emplace_back();
          error.topic_name = stop.topic;
          error.partition_index = stop.index;
          error.error_code = static_cast<int16_t>(stopped);
        }
        responder->send(response);
      });
}

}  // namespace ottla
