// SPDX-License-Identifier: Apache-2.0
// What the controller tells the other brokers: LeaderAndIsr, UpdateMetadata, StopReplica
// (kafka.controller.ControllerChannelManager, ControllerBrokerRequestBatch).
//
// Each broker gets what it is told in order, one request at a time, and again after a connection broke, as
// long as it is registered as it was: with its registration its channel ends, and with that what it was to be
// told.
//
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "broker/metadata/partition_state.h"
#include "broker/metadata/peers.h"
#include "protocol/base/event_loop.h"

namespace ottla {

class ControllerChannels {
 public:
  using Brokers = std::map<int32_t, BrokerNode>;
  struct Settings {
    int32_t broker_id = 0;
    std::string listener;        // inter.broker.listener.name
    int64_t timeout_ms = 30000;  // controller.socket.timeout.ms
  };
  // Whether `broker` could open a partition that it was told to lead or follow.
  using ReplicaTold =
      std::function<void(int32_t broker, const std::string& topic, int32_t index, bool failed)>;

  // All references outlive it.
  ControllerChannels(Settings settings, EventLoop& loop, Peers& peers, ReplicaTold told);
  ~ControllerChannels();

  // Channels to all of `brokers` but this one; those that registered anew since get new ones.
  void set_brokers(const Brokers& brokers);
  // Out of office.
  void clear() { channels_.clear(); }
  std::vector<int32_t> brokers() const;

  void leader_and_isr(int32_t broker, int32_t controller_epoch, const std::vector<PartitionChange>& changes,
                      const Brokers& live);
  // A leader of kDeleted: the partition is gone.
  static constexpr int32_t kDeleted = -2;
  void update_metadata(int32_t broker, int32_t controller_epoch, const std::vector<PartitionChange>& changes,
                       const Brokers& live);
  struct StoppedReplica {
    std::string topic;
    int32_t index = 0;
    int32_t leader_epoch = -1;
    bool delete_log = false;
  };
  // `done(false)` where the broker is not there, or went before it answered.
  void stop_replicas(int32_t broker, int32_t controller_epoch, const std::vector<StoppedReplica>& replicas,
                     std::function<void(bool)> done);

 private:
  class Channel;

  Channel* find(int32_t broker);

  Settings settings_;
  EventLoop& loop_;
  Peers& peers_;
  ReplicaTold told_;
  std::map<int32_t, std::shared_ptr<Channel>> channels_;
};

}  // namespace ottla
