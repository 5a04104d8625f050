// SPDX-License-Identifier: Apache-2.0
// DescribeLogDirs, versions 0 to 5 (KIP-113): the log directories, and the size of each partition in them.
//
//   2  flexible    3  an error for the request    4  size of the disk (KIP-827)    5  cordoned (KIP-1066;
//   never here)
//
// A null list of topics asks for all, an empty one for none.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_describe_log_dirs(Request& request);

}  // namespace ottla
