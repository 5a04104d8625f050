// SPDX-License-Identifier: Apache-2.0
// The partitions that this broker hosts: a log each, its leader epoch, who leads it, and the requests that
// wait for it to grow. Kafka's counterparts are Partition, and what of ReplicaManager keeps them.
//
// ReplicaManager (replica_manager.h) opens and closes partitions here, as the controller says; Produce and
// Fetch look them up.
//
// Threads: the loop's. A Partition* is valid until the loop's turn ends; what outlives the turn looks it up
// again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/metadata/partition_state.h"
#include "broker/partitions/in_sync_replicas.h"
#include "protocol/base/event_loop.h"
#include "protocol/base/status.h"
#include "protocol/base/uuid.h"
#include "storage/log/log.h"

namespace ottla {

namespace storage {
class LogManager;
}

class Partition;

// A request that waits for partitions to change (Kafka's DelayedOperation). It is told at most once per
// change, and removes itself from every partition when it is done. It may keep its partitions' addresses
// until one is gone.
class PartitionWaiter {
 public:
  virtual ~PartitionWaiter() = default;
  // Records were appended to, or the state changed of, a partition that this waiter was added to.
  virtual void on_partition_changed() = 0;
  // `partition` is being destroyed: it is not to be touched after the call, and needs no remove_waiter.
  virtual void on_partition_gone(Partition& partition) = 0;
};

class Partition {
 public:
  // `log` outlives it. Nobody leads it until lead() or follow() says who.
  Partition(std::string topic, Uuid topic_id, int32_t index, storage::Log& log);
  ~Partition();
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  const std::string& topic() const { return topic_; }
  const Uuid& topic_id() const { return topic_id_; }
  int32_t index() const { return index_; }
  storage::Log& log() { return log_; }
  const storage::Log& log() const { return log_; }
  int32_t leader_epoch() const { return leader_epoch_; }

  // Who leads it, as far as this broker was told; nobody: -1.
  bool is_leader() const { return leader_ == kSelf; }
  int32_t leader() const { return leader_; }
  static constexpr int32_t kSelf = -2;
  // Leads from `state` on, as broker `self`. Where there are other replicas, what is committed depends on
  // them from now on. `loop` outlives the partition.
  Status lead(int32_t self, const PartitionState& state, const EventLoop& loop, int64_t max_lag_ms);
  // Follows the leader that `state` names.
  void follow(const PartitionState& state);
  // As the controller has it, or what became of it here; null where there never was another replica.
  const PartitionState* state() const { return state_.get(); }
  PartitionState* state() { return state_.get(); }
  // Null unless it is led here and has other replicas. Changing them is ReplicaManager's.
  InSyncReplicas* in_sync() { return in_sync_.get(); }
  const InSyncReplicas* in_sync() const { return in_sync_.get(); }
  // How many replicas are in sync, this one counted.
  size_t in_sync_count() const { return in_sync_ ? in_sync_->members().size() : 1; }
  // min.insync.replicas are.
  bool has_enough_in_sync() const {
    return static_cast<int64_t>(in_sync_count()) >= log_.config().min_insync_replicas;
  }
  // The log or its replicas have come further: raises the high watermark, tells the waiters.
  void on_progress();

  // `waiter` stays until removed, or told that the partition is gone; it must not be destroyed before.
  void add_waiter(PartitionWaiter& waiter) { waiters_.push_back(&waiter); }
  void remove_waiter(PartitionWaiter& waiter);
  // Tells the waiters. Those that finish remove themselves.
  void notify_waiters();

 private:
  std::string topic_;
  Uuid topic_id_;
  int32_t index_;
  storage::Log& log_;
  int32_t leader_epoch_ = -1;
  int32_t leader_ = -1;
  std::unique_ptr<PartitionState> state_;  // where there are, or were, other replicas
  std::unique_ptr<InSyncReplicas> in_sync_;
  const EventLoop* loop_ = nullptr;  // where in_sync_ is
  std::vector<PartitionWaiter*> waiters_;
};

class PartitionManager {
 public:
  explicit PartitionManager(storage::LogManager& logs) : logs_(logs) {}

  // Null where this broker has no such partition.
  Partition* find(std::string_view topic, int32_t index);
  // All of `topic`'s partitions that are here, by index.
  std::vector<Partition*> partitions_of(std::string_view topic);
  size_t size() const { return count_; }
  void for_each(const std::function<void(Partition&)>& visit);

  // Opens or creates the log, where it is not open; the partition leads nothing yet that it did not lead.
  // Fails where the log's directory does, or where a log that is not new is not there and may be on a
  // directory that is offline.
  Result<Partition*> open(const std::string& topic, const Uuid& topic_id, int32_t index,
                          const storage::LogConfig& config, bool is_new);
  // Gives new settings to the open logs of `topic`.
  void update_config(std::string_view topic, const storage::LogConfig& config);
  // Closes the topic's partitions (their waiters are told that they are gone), and deletes the logs (renamed
  // now, unlinked later).
  void delete_topic(std::string_view topic);
  // The same for one partition; its log stays unless `delete_log`.
  void close(const std::string& topic, int32_t index, bool delete_log);

  // Keeps a waiter alive until release(); those that are still there go with the manager, before its
  // partitions.
  void keep(std::shared_ptr<PartitionWaiter> waiter);
  void release(PartitionWaiter& waiter) { waiters_.erase(&waiter); }
  size_t waiting() const { return waiters_.size(); }

 private:
  using TopicPartitions = std::map<int32_t, std::unique_ptr<Partition>>;

  storage::LogManager& logs_;
  std::map<std::string, TopicPartitions, std::less<>> topics_;
  size_t count_ = 0;
  std::unordered_map<PartitionWaiter*, std::shared_ptr<PartitionWaiter>> waiters_;
};

}  // namespace ottla
