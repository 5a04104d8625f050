// SPDX-License-Identifier: Apache-2.0
// OffsetCommit, versions 0 to 10: keeps a group's positions.
//
//   0   without generation or member    1   generation, member; a timestamp per partition    2   retention,
//   no timestamp 3   throttle time    4   throttling after the answer (KIP-219)    5   no retention (KIP-211)
//   6   leader epochs (KIP-320) 7   static members (KIP-345)    8   flexible    9   member epochs (KIP-848)
//   10   topic ids (KIP-848)
//
// Each partition has its own error. UNKNOWN_TOPIC_OR_PARTITION and UNKNOWN_TOPIC_ID are found here, from the
// metadata, for a topic or partition that does not exist; the others may still be committed. All else is
// groups::GroupCoordinator's: OFFSET_METADATA_TOO_LARGE (12) over offset.metadata.max.bytes, and the group's
// errors on every partition. The answer comes when the offsets are committed.
//
// Version 0 of Kafka keeps offsets in ZooKeeper (/consumers); here they go to the group like those of later
// versions, since both ways of asking should get one answer.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_offset_commit(Request& request);

}  // namespace ottla
