// SPDX-License-Identifier: Apache-2.0
// OffsetForLeaderEpoch, versions 0 to 4 (KIP-101, KIP-279): where an epoch of a partition's leader ends. The
// answer names the largest known epoch at or before the one asked for; an unknown one gets -1 and -1 without
// an error.
//
//   1  the epoch in the answer    2  current leader epoch, fenced (KIP-320)    3  replica id    4  flexible
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_offset_for_leader_epoch(Request& request);

}  // namespace ottla
