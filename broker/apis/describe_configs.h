// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs, versions 0 to 4 (KIP-133): settings of topics, of this broker, of all brokers, of groups.
//
//   0   "is default"    1   source and synonyms (KIP-226)    2   throttling after the answer (KIP-219)
//   3   type and documentation (KIP-569)    4   flexible
//
// Resources: topic (2), broker (4; this broker's id, or the empty name for what is set for all of them) and
// group (32). Each has its own error: UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION; INVALID_REQUEST
// for the id of another broker, for an id that is no number, and for every other type of resource. A list of
// keys lets only those through, an empty one all.
//
// Left out: loggers (8), which this broker does not have, and client metrics (16); both are INVALID_REQUEST.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_describe_configs(Request& request);

}  // namespace ottla
