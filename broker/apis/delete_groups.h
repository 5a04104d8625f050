// SPDX-License-Identifier: Apache-2.0
// DeleteGroups, versions 0 to 3 (KIP-229): deletes groups with their offsets.
//
//   0   group ids    1   throttling after the answer (KIP-219)    2   flexible    3   error messages
//
// Each group has its own error (NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND, ...). An id that is there twice is
// answered once. The answer comes when the deletions are committed. Messages are null: the code says it all.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_delete_groups(Request& request);

}  // namespace ottla
