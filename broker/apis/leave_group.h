// SPDX-License-Identifier: Apache-2.0
// LeaveGroup, versions 0 to 5: members leave, or an administrator removes them.
//
//   0   one member    1   throttle time    2   throttling after the answer (KIP-219)
//   3   several members, by id or instance id, each with its own error (KIP-345)    4   flexible    5 reasons
//   (KIP-800)
//
// Before version 3 the error of the one member is the error of the whole.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_leave_group(Request& request);

}  // namespace ottla
