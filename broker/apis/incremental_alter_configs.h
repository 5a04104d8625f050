// SPDX-License-Identifier: Apache-2.0
// IncrementalAlterConfigs, versions 0 and 1 (KIP-339): overrides of topics and of brokers, set (0), deleted
// (1), or, where the value is a list, appended to (2) and subtracted from (3). What is not named stays.
//
//   0   1   flexible
//
// Resources and errors are AlterConfigs' (alter_configs.h); in addition INVALID_REQUEST for a key that is
// named twice and an operation that nobody knows, and INVALID_CONFIG for an operation on lists with a key
// that is none.
//
// Left out: loggers (8), which this broker does not have: each is one that does not exist; groups (32) and
// client metrics (16).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_incremental_alter_configs(Request& request);

}  // namespace ottla
