// SPDX-License-Identifier: Apache-2.0
// ListOffsets, versions 0 to 11: the offset for a timestamp, or for a special one.
//
//   0   a list of segment starts (KIP-79 replaced it)   1   one offset and its timestamp   2   isolation
//   level 4   leader epochs (KIP-320)    6   flexible    7   -3: the largest timestamp (KIP-734) 8   -4: the
//   earliest local offset (KIP-405)    9   -5: the last tiered    10   timeout    11   -6: the earliest not
//   yet tiered
//
// -1 is the high watermark, or the last stable offset with read_committed; -2 the log start. A timestamp
// finds the first record at or after it below that bound; no record is offset -1 without an error. Nothing is
// tiered here: -4 is the log start, -5 and -6 are -1. A special timestamp that the version does not know is
// UNSUPPORTED_VERSION; a partition named twice INVALID_REQUEST.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_list_offsets(Request& request);

}  // namespace ottla
