// SPDX-License-Identifier: Apache-2.0
// OffsetDelete, version 0 (KIP-496): forgets positions of a group.
//
// Each partition has its own error: UNKNOWN_TOPIC_OR_PARTITION where it does not exist,
// GROUP_SUBSCRIBED_TO_TOPIC where a living member consumes the topic. An error of the group
// (GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP, ...) is the error of the whole, with no topics. The answer comes when
// the deletion is committed.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_offset_delete(Request& request);

}  // namespace ottla
