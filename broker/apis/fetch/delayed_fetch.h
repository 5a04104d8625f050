// SPDX-License-Identifier: Apache-2.0
// A Fetch that waits for its partitions to grow (kafka.server.DelayedFetch).
//
//   1. every partition is given this waiter, a timer runs for max_wait_ms
//   2. a partition changes: at the end of the turn, once for all that changed in it, everything is read again
//   3. there is enough, or an error: the answer leaves in the same turn
// Where records must come from the disk first, that is waited for in front of all this.
// The time is over: what is there is the answer. The connection is gone: nothing is. It is noticed when a
// partition changes, or at the latest after kConnectionCheckMs.
//
// Threads: the loop's. The PartitionManager keeps it alive.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/apis/fetch/read.h"
#include "broker/apis/request.h"
#include "broker/partitions/partition_manager.h"
#include "protocol/base/event_loop.h"

namespace ottla::fetch {

class DelayedFetch : public PartitionWaiter, public std::enable_shared_from_this<DelayedFetch> {
 public:
  static constexpr int64_t kConnectionCheckMs = 30'000;

  // Waits for `targets`, whose names are copied.
  static void start(Request& request, const Parameters& parameters, FetchContext context,
                    std::span<const FetchTarget> targets, int32_t max_wait_ms);

  // The same for `reads` of which some are cold: these are brought into memory first.
  static void start_cold(Request& request, const Parameters& parameters, FetchContext context,
                         std::span<const FetchTarget> targets, int32_t max_wait_ms,
                         std::span<const PartitionRead> reads);

  DelayedFetch(Request& request, const Parameters& parameters, FetchContext context,
               std::span<const FetchTarget> targets);
  ~DelayedFetch() override;

  void on_partition_changed() override;
  void on_partition_gone(Partition& partition) override;

 private:
  void watch();
  void on_warm();
  void arm_timer();
  void on_timer();
  void look_again();
  void finish(std::vector<PartitionRead>& reads);
  void leave();

  Services& services_;
  Responder responder_;
  Parameters parameters_;
  FetchContext context_;
  std::string listener_;
  std::string names_;  // what the targets' views point into
  std::vector<FetchTarget> targets_;
  std::vector<Partition*> watched_;
  std::unique_ptr<Timer> timer_;
  int64_t deadline_ms_ = 0;
  bool scheduled_ = false;
};

}  // namespace ottla::fetch
