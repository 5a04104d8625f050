// SPDX-License-Identifier: Apache-2.0
// A Produce whose records are appended and must be committed before it is answered (acks=all with other
// replicas), or flushed (durable mode, flush.messages) (kafka.server.DelayedProduce).
//
//   1. every partition that must come further is given this waiter, a timer runs for the request's timeout
//   2. a partition comes further: once for all of a turn, what is there is crossed off
//   3. nothing is left: the answer leaves in the same turn
// The time is over: REQUEST_TIMED_OUT for what is left, which may still be committed. The directory failed:
// KAFKA_STORAGE_ERROR. The partition is gone, or led elsewhere: NOT_LEADER_OR_FOLLOWER. Committed, but by
// fewer than min.insync.replicas: NOT_ENOUGH_REPLICAS_AFTER_APPEND.
//
// Threads: the loop's. The PartitionManager keeps it alive.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/apis/produce/outcome.h"
#include "broker/apis/request.h"
#include "broker/partitions/partition_manager.h"
#include "protocol/base/event_loop.h"

namespace ottla::produce {

class DelayedProduce : public PartitionWaiter, public std::enable_shared_from_this<DelayedProduce> {
 public:
  // Whether something of `outcome` has to be committed or flushed, and is not.
  static bool is_needed(Services& services, const Outcome& outcome);
  // REQUIRES: is_needed(). Names in `outcome` are copied.
  static void start(Request& request, Outcome outcome, int32_t timeout_ms);

  DelayedProduce(Request& request, Outcome outcome);
  ~DelayedProduce() override;

  void on_partition_changed() override;
  void on_partition_gone(Partition& partition) override;

 private:
  // `info` points into outcome_.
  struct Waiting {
    Partition* partition;
    storage::AppendInfo* info;
  };

  void watch();
  void look_again();
  void give_up_waiting(ErrorCode error);
  void finish();
  void leave();

  Services& services_;
  Responder responder_;
  std::string listener_;
  std::string names_;  // what the outcome's views point into
  Outcome outcome_;
  std::vector<Waiting> waiting_;
  std::vector<Partition*> watched_;
  std::unique_ptr<Timer> timer_;
  bool scheduled_ = false;
};

}  // namespace ottla::produce
