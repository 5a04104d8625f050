// SPDX-License-Identifier: Apache-2.0
// UpdateMetadata, API 6, versions 0 to 8: the controller shows this broker the cluster
// (kafka.server.KafkaApis.handleUpdateMetadataRequest).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_update_metadata(Request& request);

}  // namespace ottla
