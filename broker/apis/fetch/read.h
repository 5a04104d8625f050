// SPDX-License-Identifier: Apache-2.0
// Reading what a Fetch asks for, as far as its limits allow (kafka ReplicaManager.readFromLog,
// Partition.readRecords).
#pragma once

#include <span>
#include <vector>

#include "broker/apis/services.h"
#include "broker/partitions/fetch_session.h"
#include "storage/log/log.h"

namespace ottla::fetch {

struct Parameters {
  int16_t version = 0;
  int32_t replica_id = -1;  // >= 0: a follower
  bool read_committed = false;
  int32_t min_bytes = 0;
  int32_t max_bytes = INT32_MAX;
  // Records that are not in memory are read from the disk, on the loop. Else they are only named.
  bool cold_too = false;

  bool from_follower() const { return replica_id >= 0; }
};

// One partition's part of the answer, before it is converted to what the version can carry.
struct PartitionRead {
  ErrorCode error = ErrorCode::NONE;
  int64_t high_watermark = -1;
  int64_t last_stable_offset = -1;
  int64_t log_start_offset = -1;
  FileSlice slice;
  // What must come into memory before this can be read; `slice` is empty then.
  FileSlice cold;
  std::vector<storage::AbortedTransaction> aborted;
  // Where the client's log and ours part; epoch -1: they do not.
  storage::LeaderEpochCache::EpochEnd diverging;
};

struct Progress {
  uint64_t bytes = 0;
  // An error or a diverging epoch: the client is not to wait.
  bool urgent = false;
  // Something is cold: nothing can be said yet.
  bool cold = false;
};

// Replaces `reads` by one element for each target. Reads no records, only finds them.
Progress read_targets(Services& services, const Parameters& parameters, std::span<const FetchTarget> targets,
                      std::vector<PartitionRead>& reads);

}  // namespace ottla::fetch
