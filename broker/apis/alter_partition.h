// SPDX-License-Identifier: Apache-2.0
// AlterPartition (AlterIsr in 2.8), API 56, versions 0 to 3: a leader asks the controller for other in-sync
// replicas (kafka.controller.KafkaController.processAlterIsr; KIP-497, KIP-903).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_alter_partition(Request& request);

}  // namespace ottla
