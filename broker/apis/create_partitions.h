// SPDX-License-Identifier: Apache-2.0
// CreatePartitions, versions 0 to 3 (KIP-195): grows topics and answers when this broker serves the new
// partitions, or at the timeout.
//
//   0   counts, or assignments of the new partitions    1   throttling after the answer (KIP-219)    2
//   flexible 3   quotas (KIP-599)
//
// Each topic has its own error, from TopicAdmin::create_partitions: UNKNOWN_TOPIC_OR_PARTITION,
// INVALID_PARTITIONS where the count is not greater, INVALID_REPLICA_ASSIGNMENT. A topic that is in the
// request twice is INVALID_REQUEST, and is answered once. An empty list of assignments is one that does not
// fit; null leaves the choice to the broker.
//
// Left out: NOT_CONTROLLER, quotas (see create_topics.h).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_create_partitions(Request& request);

}  // namespace ottla
