// SPDX-License-Identifier: Apache-2.0
// Where the in-sync replicas of a partition are agreed upon: its znode, which its leader and the controller
// write (kafka.server.ZkIsrManager). The body is broker/controller/zk_isr_store.h.
//
// Threads: the loop's.
#pragma once

#include <functional>
#include <vector>

#include "broker/metadata/partition_state.h"

namespace ottla {

class IsrStore {
 public:
  struct Result {
    // False: the partition has another leader or epoch by now, or is gone. What follows says nothing then.
    bool still_leader = false;
    std::vector<int32_t> isr;
    int32_t zk_version = -1;
  };
  virtual ~IsrStore() = default;
  // Writes `change.state` (its isr is the new one) where zk_version still stands. Where it does not, and
  // leader and epoch are the same, the result is what the controller wrote instead. `done` comes once, in a
  // later turn, after sessions that were lost meanwhile; never where the program stops first.
  virtual void write(const PartitionChange& change, std::function<void(const Result&)> done) = 0;
};

}  // namespace ottla
