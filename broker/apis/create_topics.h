// SPDX-License-Identifier: Apache-2.0
// CreateTopics, versions 0 to 7: creates topics and answers when this broker serves all of them, or at the
// timeout.
//
//   0   names, counts or assignments, settings    1   validate only; error messages    2   throttle time
//   3   the same    4   -1 for partitions and replication factor: the broker's defaults (KIP-464; taken at
//   any version) 5   flexible; the resulting settings, counts and factor (KIP-525)    6   quotas (KIP-599) 7
//   topic id (KIP-516)
//
// Each topic has its own error, from TopicAdmin::create_topic; nothing is created for one that has an error,
// save REQUEST_TIMED_OUT, whose creation goes on. A topic that is in the request twice is INVALID_REQUEST
// each time. A topic with an error shows no settings and -1 for both numbers.
//
// Left out: NOT_CONTROLLER. Any broker creates topics, as any broker of 3.9 and later takes the request.
// Quotas.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_create_topics(Request& request);

}  // namespace ottla
