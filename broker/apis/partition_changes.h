// SPDX-License-Identifier: Apache-2.0
// What the controller's requests say of partitions: LeaderAndIsr and UpdateMetadata list them alike, on their
// own in old versions and below their topics in later ones.
#pragma once

#include <vector>

#include "broker/metadata/partition_state.h"

namespace ottla {

// `fill(state, change.state)` takes what only this kind of request has.
template <typename Request, typename Fill>
std::vector<PartitionChange> partition_changes_of(const Request& asked, Fill fill) {
  std::vector<PartitionChange> changes;
  const auto add = [&](std::string_view topic, const Uuid& id, const auto& state) {
    PartitionChange& change = changes.emplace_back();
    change.topic = topic;
    change.topic_id = id;
    change.index = state.partition_index;
    change.state.controller_epoch = state.controller_epoch;
    change.state.leader = state.leader;
    change.state.leader_epoch = state.leader_epoch;
    change.state.isr = state.isr;
    change.state.replicas = state.replicas;
    fill(state, change.state);
  };
  for (const auto& state : asked.ungrouped_partition_states) add(state.topic_name, Uuid(), state);
  for (const auto& topic : asked.topic_states) {
    for (const auto& state : topic.partition_states) add(topic.topic_name, topic.topic_id, state);
  }
  return changes;
}

}  // namespace ottla
