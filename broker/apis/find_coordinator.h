// SPDX-License-Identifier: Apache-2.0
// FindCoordinator, versions 0 to 6: which broker coordinates a group.
//
//   0   a group    1   key types, error message, throttle time (KIP-98)    2   throttling after the answer
//   (KIP-219) 3   flexible    4   several keys at once (KIP-699)    5   the same    6   share groups' keys
//   (KIP-932)
//
// The coordinator leads the group's partition of __consumer_offsets. Where that topic is missing it is
// created, and the answer is COORDINATOR_NOT_AVAILABLE, as it is while the partition has no live leader on
// the request's listener. Before version 4 the answer carries a message also where there is no error: "NONE".
//
// Left out: transactions (key type 1) are COORDINATOR_NOT_AVAILABLE, since none are coordinated here; share
// groups (2), as every unknown type, INVALID_REQUEST.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_find_coordinator(Request& request);

}  // namespace ottla
