// SPDX-License-Identifier: Apache-2.0
// ElectLeaders, API 43, versions 0 to 2: the preferred leaders, or, from version 1 on, leaders for partitions
// that have none (kafka.server.KafkaApis.handleElectReplicaLeader; KIP-183, KIP-460).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_elect_leaders(Request& request);

}  // namespace ottla
