// SPDX-License-Identifier: Apache-2.0
// What a client may do with a resource, as responses carry it (KIP-430): bit n stands for AclOperation n.
// Without an authorizer everything that the kind of resource supports is allowed
// (kafka.security.authorizer.AclEntry).
#pragma once

#include <cstdint>
#include <limits>

namespace ottla {

constexpr int32_t kOperationsNotAsked = std::numeric_limits<int32_t>::min();
// Read, write, create, delete, alter, describe, describe configs, alter configs.
constexpr int32_t kTopicOperations = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
// Read, delete, describe.
constexpr int32_t kGroupOperations = 1 << 3 | 1 << 6 | 1 << 8;
// Create, alter, describe, cluster action, describe configs, alter configs, idempotent write.
constexpr int32_t kClusterOperations = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

}  // namespace ottla
