// SPDX-License-Identifier: Apache-2.0
// DeleteTopics, versions 0 to 6: deletes topics and answers when this broker knows none of them any more, or
// at the timeout.
//
//   0   by name    1   throttle time    2   the same    3   TOPIC_DELETION_DISABLED (INVALID_REQUEST before)
//   4   flexible 5   error messages (KIP-599)    6   by id (KIP-516)
//
// Each topic has its own error: UNKNOWN_TOPIC_OR_PARTITION for a name, UNKNOWN_TOPIC_ID (with a null name)
// for an id, and INVALID_REQUEST for an entry with both or with neither. A topic named twice is deleted once,
// and both entries say how that went. Answers show name and id of topics that exist, whichever was asked for.
//
// Left out: NOT_CONTROLLER, quotas (see create_topics.h).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_delete_topics(Request& request);

}  // namespace ottla
