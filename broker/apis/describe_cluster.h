// SPDX-License-Identifier: Apache-2.0
// DescribeCluster, versions 0 to 2 (KIP-700): cluster id, controller, and the brokers that have the request's
// listener.
//
//   0   flexible from the start    1   the kind of endpoint (KIP-919)    2   fenced brokers (KIP-1073)
//
// This is a broker's endpoint (type 1): MISMATCHED_ENDPOINT_TYPE for controllers (2),
// UNSUPPORTED_ENDPOINT_TYPE for any other number. A controller that the listed brokers do not include is -1.
// No broker here is ever fenced: one that does not live is not listed.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_describe_cluster(Request& request);

}  // namespace ottla
