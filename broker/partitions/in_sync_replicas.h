// SPDX-License-Identifier: Apache-2.0
// What a leader knows of the copies of its partition on other brokers: how far each has come, which of them
// are in sync, and so what is committed (kafka.cluster.Partition, Replica).
//
// A follower's Fetch for an offset says that it has all before it. It is caught up at the time of the Fetch
// where the leader had no more, and at the time of its last Fetch where it has now what the leader had then.
//
// While a change of the in-sync replicas is on its way to ZooKeeper nobody knows whether it took effect: what
// is committed has to be on those of before and on those of after it (KIP-497, "maximal ISR").
//
// A state machine without clock or files. Threads: the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace ottla {

class InSyncReplicas {
 public:
  // The leader is `self`, which is not followed. `epoch_start`: the log's end when it became leader.
  // `max_lag_ms`: replica.lag.time.max.ms.
  InSyncReplicas(int32_t self, const std::vector<int32_t>& replicas, std::vector<int32_t> isr,
                 int64_t epoch_start, int64_t max_lag_ms, int64_t now_ms);

  // The members, the change under way not counted.
  const std::vector<int32_t>& members() const { return isr_; }
  bool changing() const { return pending_.has_value(); }
  // The log's end when the leader became it.
  int64_t epoch_start() const { return epoch_start_; }

  // `replica` asked for `offset` when the leader's log ended at `leader_end`. False: it is no replica.
  bool on_fetch(int32_t replica, int64_t offset, int64_t leader_end, int64_t now_ms);
  // What is on all that are, may be, or are about to be in sync: those that caught up within the lag allowed.
  int64_t watermark(int64_t leader_end, int64_t now_ms) const;
  // The members as they should be, where that is not what they are: with `replica`, which has caught up...
  std::optional<std::vector<int32_t>> grown(int32_t replica, int64_t high_watermark) const;
  // ... or without those that have been behind for longer than that.
  std::optional<std::vector<int32_t>> shrunk(int64_t leader_end, int64_t now_ms) const;

  // REQUIRES: not changing().
  void begin_change(std::vector<int32_t> isr) { pending_ = std::move(isr); }
  // The change took effect, or others stand there instead.
  void end_change(std::vector<int32_t> isr);
  // It did not.
  void abandon_change() { pending_.reset(); }

 private:
  struct Follower {
    int64_t end = -1;  // of its log; -1: not known yet
    int64_t caught_up_ms = 0;
    int64_t fetched_ms = 0;
    int64_t leader_end_then = 0;  // at its last Fetch
  };

  bool is_member(int32_t replica) const;

  int32_t self_;
  std::vector<int32_t> isr_;
  std::optional<std::vector<int32_t>> pending_;
  std::map<int32_t, Follower> followers_;
  int64_t epoch_start_;
  int64_t max_lag_ms_;
};

}  // namespace ottla
