// SPDX-License-Identifier: Apache-2.0
// StopReplica, API 5, versions 0 to 4: the controller takes partitions away from this broker, with or without
// their logs (kafka.server.KafkaApis.handleStopReplicaRequest).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_stop_replica(Request& request);

}  // namespace ottla
