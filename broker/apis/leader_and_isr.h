// SPDX-License-Identifier: Apache-2.0
// LeaderAndIsr, API 4, versions 0 to 7: the controller says what this broker leads and follows
// (kafka.server.KafkaApis.handleLeaderAndIsrRequest).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_leader_and_isr(Request& request);

}  // namespace ottla
