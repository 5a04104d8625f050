// SPDX-License-Identifier: Apache-2.0
// Who leads a partition, for answers that tell a client where to turn (KIP-951).
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "broker/apis/services.h"

namespace ottla {

// Pointers are valid until the turn ends.
struct CurrentLeader {
  int32_t id = -1;
  int32_t epoch = -1;
  const Endpoint* endpoint =
      nullptr;  // null where the leader is not known, not alive, or has no such listener
  const std::optional<std::string>* rack = nullptr;
};

CurrentLeader current_leader(Services& services, std::string_view topic, int32_t partition,
                             std::string_view listener);

// Tells in `out`, a partition of `response`, who leads, and in `response` once where that broker is.
template <typename Response, typename PartitionResponse>
void name_leader(const CurrentLeader& leader, Response& response, PartitionResponse& out) {
  out.current_leader.leader_id = leader.id;
  out.current_leader.leader_epoch = leader.epoch;
  const bool named = std::any_of(response.node_endpoints.begin(), response.node_endpoints.end(),
                                 [&](const auto& node) { return node.node_id == leader.id; });
  if (leader.endpoint == nullptr || named) return;
  auto& node = response.node_endpoints.emplace_back();
  node.node_id = leader.id;
  node.host = leader.endpoint->host;
  node.port = leader.endpoint->port;
  if (leader.rack != nullptr && leader.rack->has_value()) node.rack = **leader.rack;
}

}  // namespace ottla
