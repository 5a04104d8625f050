// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/current_leader.h"

#include "broker/partitions/partition_manager.h"

namespace ottla {

CurrentLeader current_leader(Services& services, std::string_view topic, int32_t partition,
                             std::string_view listener) {
  CurrentLeader leader;
  const TopicMetadata* known = services.metadata.find(topic);
  if (known == nullptr || partition < 0 || static_cast<size_t>(partition) >= known->partitions.size())
    return leader;
  const PartitionMetadata& metadata = known->partitions[static_cast<size_t>(partition)];
  leader.id = metadata.leader;
  leader.epoch = metadata.leader_epoch;
  // What is led here may be newer than the cache.
  if (const Partition* here = services.partitions.find(topic, partition)) leader.epoch = here->leader_epoch();
  const auto broker = services.metadata.brokers.find(leader.id);
  if (broker == services.metadata.brokers.end()) return leader;
  leader.endpoint = broker->second.endpoint(listener);
  leader.rack = &broker->second.rack;
  return leader;
}

}  // namespace ottla
