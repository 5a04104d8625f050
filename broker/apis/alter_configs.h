// SPDX-License-Identifier: Apache-2.0
// AlterConfigs, versions 0 to 2 (KIP-133): the overrides of topics and of brokers, replaced as a whole; what
// is not named goes.
//
//   0   1   throttling after the answer (KIP-219)    2   flexible
//
// Resources: topic (2) and broker (4; this broker's id, or the empty name for what is set for all of them).
// Each has its own error. As 2.8: UNKNOWN_TOPIC_OR_PARTITION; INVALID_CONFIG for a key that topics do not
// have; INVALID_REQUEST for a value that is no good (INVALID_CONFIG in 4.x), a null value, a broker key that
// cannot change at run time, and the id of another broker. The answer comes when this broker acts on the
// change.
//
// A resource that is in the request twice is INVALID_REQUEST, as in 4.x; 2.8 takes the last. Left out: groups
// (32) and client metrics (16).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_alter_configs(Request& request);

}  // namespace ottla
