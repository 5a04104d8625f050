// SPDX-License-Identifier: Apache-2.0
// DeleteRecords, versions 0 to 2 (KIP-107): raises the log start offset of partitions. Offset -1 means the
// high watermark; any other outside [0, high watermark] is OFFSET_OUT_OF_RANGE. A topic that is only
// compacted is POLICY_VIOLATION, an internal one INVALID_TOPIC_EXCEPTION. 2: flexible.
//
// The answer comes when the new start is on the disk, so that it never goes back; Kafka's may, for up to
// log.flush.start.offset.checkpoint.interval.ms.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_delete_records(Request& request);

}  // namespace ottla
