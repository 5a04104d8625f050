// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/partition_lookup.h"

namespace ottla {

FoundPartition find_partition(Services& services, std::string_view topic, int32_t partition,
                              int32_t current_leader_epoch) {
  Partition* found = services.partitions.find(topic, partition);
  if (found == nullptr) {
    const TopicMetadata* known = services.metadata.find(topic);
    const bool exists =
        known != nullptr && partition >= 0 && static_cast<size_t>(partition) < known->partitions.size();
    return {exists ? ErrorCode::NOT_LEADER_OR_FOLLOWER : ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, nullptr};
  }
  if (current_leader_epoch >= 0 && current_leader_epoch < found->leader_epoch())
    return {ErrorCode::FENCED_LEADER_EPOCH, nullptr};
  if (current_leader_epoch > found->leader_epoch()) return {ErrorCode::UNKNOWN_LEADER_EPOCH, nullptr};
  if (!found->is_leader()) return {ErrorCode::NOT_LEADER_OR_FOLLOWER, nullptr};
  return {ErrorCode::NONE, found};
}

std::optional<std::string_view> topic_name_of(const Services& services, const Uuid& id) {
  const TopicMetadata* topic = services.metadata.find(id);
  if (topic == nullptr) return std::nullopt;
  return topic->name;
}

}  // namespace ottla
