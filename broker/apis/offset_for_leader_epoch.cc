// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/offset_for_leader_epoch.h"

#include "broker/apis/partition_lookup.h"
#include "protocol/generated/offset_for_leader_epoch_request.h"
#include "protocol/generated/offset_for_leader_epoch_response.h"

namespace ottla {

void handle_offset_for_leader_epoch(Request& request) {
  protocol::OffsetForLeaderEpochRequest asked;
  if (!request.decode(asked)) return;
  protocol::OffsetForLeaderEpochResponse response;
  for (const auto& topic : asked.topics) {
    auto& answered = response.topics.emplace_back();
    answered.topic = topic.topic;
    for (const auto& partition : topic.partitions) {
      auto& result = answered.partitions.emplace_back();
      result.partition = partition.partition;
      const FoundPartition found =
          find_partition(request.services, topic.topic, partition.partition, partition.current_leader_epoch);
      result.error_code = static_cast<int16_t>(found.error);
      if (found.error != ErrorCode::NONE) continue;
      const auto end = found.partition->log().end_of_epoch(partition.leader_epoch);
      result.leader_epoch = end.epoch;
      result.end_offset = end.end_offset;
    }
  }
  request.responder.send(response);
}

}  // namespace ottla
