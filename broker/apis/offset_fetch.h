// SPDX-License-Identifier: Apache-2.0
// OffsetFetch, versions 0 to 10: the positions that groups have committed.
//
//   0   from ZooKeeper in Kafka    1   from the group    2   null asks for all topics; an error for the whole
//   3   throttle time    4   throttling after the answer (KIP-219)    5   leader epochs (KIP-320)    6
//   flexible 7   only stable offsets (KIP-447)    8   several groups, each with its own error (KIP-709) 9
//   member ids and epochs (KIP-848; not checked for classic groups)    10   topic ids (KIP-848)
//
// Where nothing is committed the offset is -1 with no error; at version 0 with UNKNOWN_TOPIC_OR_PARTITION, as
// old consumers expect. A topic need not exist (before version 10): its offsets are shown until they expire.
// A group's error is on every partition before version 2, on the whole up to 7, on the group from 8 on. An
// unknown id is UNKNOWN_TOPIC_ID on each of its partitions; topics without one are left out where version 10
// asks for all.
//
// Version 0 reads the same offsets as all others (see offset_commit.h).
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_offset_fetch(Request& request);

}  // namespace ottla
