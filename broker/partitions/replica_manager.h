// SPDX-License-Identifier: Apache-2.0
// Leads and follows, as the controller says (kafka.server.ReplicaManager).
//
// apply() is one step without a pause: a partition is led, followed or as it was, never between (KAFKA-9307).
// What it is told with an epoch that is not newer than what it knows, changes nothing.
//
// A leader changes its in-sync replicas itself: it takes in a follower that has caught up when that fetches,
// and looks twice per replica.lag.time.max.ms for those that fell behind. The change goes through IsrStore,
// and counts when that says so.
//
// A partition that is not new, has other replicas, of which this broker is said to be in sync, and whose log
// is not here, is neither led nor followed: the disk was lost, and an empty log in its place could have the
// others cut theirs (KAFKA-14139). The controller hears that the replica failed and takes it out of the
// in-sync ones; then it may follow.
//
// Threads: the loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/metadata/isr_store.h"
#include "broker/metadata/partition_state.h"
#include "broker/partitions/partition_manager.h"
#include "broker/partitions/replica_fetcher.h"
#include "protocol/base/error_code.h"

namespace ottla {

class ReplicaManager {
 public:
  using ConfigOf = std::function<storage::LogConfig(const std::string& topic)>;
  // A partition of `topic` came to be led here (true), or is not any more.
  using RoleChanged = std::function<void(const std::string& topic, int32_t index, bool leads)>;

  // All references outlive it.
  ReplicaManager(const ReplicaSettings& settings, EventLoop& loop, storage::LogManager& logs,
                 PartitionManager& partitions, Peers& peers, IsrStore& isr_store, ConfigOf config_of,
                 RoleChanged role_changed);
  ~ReplicaManager();

  // The live brokers, by the endpoints that brokers use among themselves. Followed leaders that come back are
  // fetched from again.
  void set_brokers(std::map<int32_t, Endpoint> brokers);
  // One partition of a LeaderAndIsr request. NONE; STALE_CONTROLLER_EPOCH where the leader epoch is older
  // than what is known; KAFKA_STORAGE_ERROR where the log can not be had.
  ErrorCode apply(const PartitionChange& change);
  // One partition of a StopReplica request; an epoch below -1 passes whatever is known.
  ErrorCode stop_replica(const std::string& topic, int32_t index, int32_t leader_epoch, bool delete_log);
  // The topic is gone from the metadata, and so are its logs.
  void delete_topic(const std::string& topic);

  // `replica` fetches from `offset` on; before it is answered.
  void on_follower_fetch(Partition& partition, int32_t replica, int64_t offset);
  size_t fetchers() const { return fetchers_.size(); }

 private:
  ErrorCode refuse_lost_log(const PartitionChange& change);
  void follow(const PartitionChange& change, Partition& partition);
  void fetch_from(int32_t leader, const std::string& topic, int32_t index);
  void stop_fetching(const std::string& topic, int32_t index);
  void drop_idle_fetchers();
  void look_for_laggards();
  void change_isr(Partition& partition, std::vector<int32_t> wanted);
  void on_isr_written(const PartitionChange& change, const IsrStore::Result& result);

  ReplicaSettings settings_;
  EventLoop& loop_;
  storage::LogManager& logs_;
  PartitionManager& partitions_;
  Peers& peers_;
  IsrStore& isr_store_;
  ConfigOf config_of_;
  RoleChanged role_changed_;
  std::map<int32_t, Endpoint> brokers_;
  std::map<int32_t, std::unique_ptr<ReplicaFetcher>> fetchers_;  // by leader
  std::unique_ptr<Timer> lag_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ottla
