// SPDX-License-Identifier: Apache-2.0
// Heartbeat, versions 0 to 4: a member of a group lives.
//
//   0   group, generation, member    1   throttle time    2   throttling after the answer (KIP-219)
//   3   static members (KIP-345)    4   flexible
//
// The rules are groups::GroupCoordinator's: REBALANCE_IN_PROGRESS, ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID,
// FENCED_INSTANCE_ID.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_heartbeat(Request& request);

}  // namespace ottla
