// SPDX-License-Identifier: Apache-2.0
// SyncGroup, versions 0 to 5: the leader hands out the assignment, every member gets its own.
//
//   0   assignments    1   throttle time    2   throttling after the answer (KIP-219)    3   static members
//   (KIP-345) 4   flexible    5   the protocol's type and name, both ways (KIP-559)
//
// From version 5 on INCONSISTENT_GROUP_PROTOCOL where the request lacks the type or the name. The other rules
// are groups::GroupCoordinator's. The answer waits for the leader.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_sync_group(Request& request);

}  // namespace ottla
