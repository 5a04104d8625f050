// SPDX-License-Identifier: Apache-2.0
// JoinGroup, versions 0 to 9: a consumer becomes a member, and waits until the group agrees on its members.
//
//   0   session timeout    1   rebalance timeout (KIP-62)    2   throttle time    3   throttling after the
//   answer (KIP-219) 4   MEMBER_ID_REQUIRED for a first join (KIP-394)    5   static members (KIP-345)    6
//   flexible 7   the protocol's type and name in the answer, null on errors (KIP-559)    8   a reason, for
//   logs (KIP-800) 9   skip the assignment (KIP-814)
//
// The rules are groups::GroupCoordinator's. The answer may come minutes later. A null protocol name is ""
// before version 7. Instance ids are not validated, as in 2.8.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_join_group(Request& request);

}  // namespace ottla
