// SPDX-License-Identifier: Apache-2.0
// What the controller decides about a partition, as LeaderAndIsr and the znode .../partitions/<n>/state carry
// it (kafka.controller.LeaderIsrAndControllerEpoch).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/base/uuid.h"

namespace ottla {

// Whether `broker` is one of `brokers`.
inline bool contains(const std::vector<int32_t>& brokers, int32_t broker) {
  return std::find(brokers.begin(), brokers.end(), broker) != brokers.end();
}

struct PartitionState {
  int32_t controller_epoch = 0;
  int32_t leader = -1;
  int32_t leader_epoch = 0;
  std::vector<int32_t> isr;
  int32_t zk_version = 0;  // data version of the znode
  std::vector<int32_t> replicas;
  // Created by the controller that says so: nobody can have written to it before.
  bool is_new = false;
};

struct PartitionChange {
  std::string topic;
  Uuid topic_id;
  int32_t index = 0;
  PartitionState state;
};

}  // namespace ottla
