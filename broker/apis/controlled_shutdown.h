// SPDX-License-Identifier: Apache-2.0
// ControlledShutdown, API 7, versions 0 to 3: a broker that is about to stop asks the controller to give what
// it leads to others (kafka.server.KafkaApis.handleControlledShutdownRequest).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_controlled_shutdown(Request& request);

}  // namespace ottla
