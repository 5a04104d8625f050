// SPDX-License-Identifier: Apache-2.0
// Finding the partition that a request names, with the errors that Kafka's ReplicaManager.getPartitionOrError
// gives.
#pragma once

#include <optional>
#include <string_view>

#include "broker/apis/services.h"
#include "broker/partitions/partition_manager.h"
#include "protocol/base/error_code.h"

namespace ottla {

struct FoundPartition {
  ErrorCode error = ErrorCode::NONE;
  Partition* partition = nullptr;  // set where error is NONE; valid until the turn ends
};

// UNKNOWN_TOPIC_OR_PARTITION where nobody has it, NOT_LEADER_OR_FOLLOWER where another broker leads it; with
// `current_leader_epoch` >= 0 FENCED_LEADER_EPOCH for an older epoch than ours and UNKNOWN_LEADER_EPOCH for a
// newer (KIP-320).
FoundPartition find_partition(Services& services, std::string_view topic, int32_t partition,
                              int32_t current_leader_epoch = -1);

// The name of the topic with that id, nothing where no such topic exists (UNKNOWN_TOPIC_ID).
std::optional<std::string_view> topic_name_of(const Services& services, const Uuid& id);

}  // namespace ottla
