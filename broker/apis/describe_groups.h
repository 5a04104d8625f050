// SPDX-License-Identifier: Apache-2.0
// DescribeGroups, versions 0 to 6: state, protocol and members of groups.
//
//   0   the groups    1   throttle time    2   throttling after the answer (KIP-219)    3   authorized
//   operations (KIP-430) 4   static members (KIP-345)    5   flexible    6   error messages;
//   GROUP_ID_NOT_FOUND (KIP-1043)
//
// Each group has its own error. A group that does not exist is "Dead" without an error up to version 5, and
// GROUP_ID_NOT_FOUND as well from 6 on. Groups come in the order asked for.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_describe_groups(Request& request);

}  // namespace ottla
