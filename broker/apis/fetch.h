// SPDX-License-Identifier: Apache-2.0
// Fetch, versions 0 to 18.
//
//   0-1   records in message format 0      2-3   in format 1      3   max_bytes (KIP-74)
//   4     isolation level, aborted transactions (KIP-98)      5   log start offset      7   sessions
//   (KIP-227) 9     current leader epoch, fenced (KIP-320)      10  zstd (KIP-110)      11  rack, preferred
//   replica (KIP-392) 12    flexible, last fetched epoch (KIP-595)      13  topics by id (KIP-516)      15
//   replica state (KIP-903) 16    node endpoints (KIP-951)      17  directory id (KIP-853)      18  high
//   watermark (KIP-1166, for KRaft's log alone)
//
// An answer that would carry fewer than min_bytes waits, up to max_wait_ms, for partitions to grow; one with
// an error in any partition, or with a diverging epoch, never waits. The first partition that has records
// gets at least one whole batch, whatever the limits say; to versions 0 to 2, which cannot say that a batch
// is too large, every partition does. Records are never null. Clients read up to the high watermark, or the
// last stable offset; a request with a replica id reads to the log's end.
//
// What reading a partition comes to: UNKNOWN_TOPIC_ID, INCONSISTENT_TOPIC_ID (version 13+),
// UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH,
// OFFSET_OUT_OF_RANGE; UNKNOWN_SERVER_ERROR for a negative limit or an unknown isolation level;
// UNSUPPORTED_COMPRESSION_TYPE for zstd topics below version 10, and for zstd records below version 4;
// KAFKA_STORAGE_ERROR (NOT_LEADER_OR_FOLLOWER below version 6, which does not know it).
//
// Left out: preferred read replicas (always -1), throttling, the state of followers.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_fetch(Request& request);

}  // namespace ottla
