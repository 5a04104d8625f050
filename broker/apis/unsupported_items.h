// SPDX-License-Identifier: Apache-2.0
// The part of unsupported.h for responses that have no error for the whole request: the request is read, and
// each item in it gets UNSUPPORTED_VERSION.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

// As answer_unsupported. A request without items is answered without items. REQUIRES: the version is one that
// the specs know.
bool answer_unsupported_items(Request& request);

}  // namespace ottla
