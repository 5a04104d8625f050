// SPDX-License-Identifier: Apache-2.0
// ListGroups, versions 0 to 5: the groups that this broker coordinates.
//
//   0   ids and protocol types    1   throttle time    2   throttling after the answer (KIP-219)    3
//   flexible 4   states, and a filter by them (KIP-518)    5   types, and a filter by them (KIP-848)
//
// COORDINATOR_LOAD_IN_PROGRESS while partitions are being read back, with the groups that are there already.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_list_groups(Request& request);

}  // namespace ottla
