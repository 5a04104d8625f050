// SPDX-License-Identifier: Apache-2.0
// Who leads a partition, for answers that tell a client where to turn (KIP-951).
#pragma once

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

}  // namespace ottla
