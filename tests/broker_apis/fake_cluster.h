// SPDX-License-Identifier: Apache-2.0
// The rest of the broker, as LeaderAndIsr and its kin see it: keeps what it is told.
#pragma once

#include "broker/controller/cluster_control.h"

namespace ottla {

class FakeCluster : public ClusterControl {
 public:
  void take_word_of(int32_t controller, int32_t controller_epoch, int64_t broker_epoch,
                    std::function<void(ErrorCode)> done) override {
    if (controller_epoch < epoch) return done(ErrorCode::STALE_CONTROLLER_EPOCH);
    if (broker_epoch >= 0 && broker_epoch < own_epoch) return done(ErrorCode::STALE_BROKER_EPOCH);
    speaker = controller;
    done(ErrorCode::NONE);
  }
  void leader_and_isr(std::vector<PartitionChange> asked, std::map<int32_t, Endpoint> leaders,
                      std::function<void(const std::vector<ErrorCode>&)> done) override {
    changes = std::move(asked);
    live_leaders = std::move(leaders);
    done(std::vector<ErrorCode>(changes.size(), result));
  }
  ErrorCode stop_replica(const std::string& topic, int32_t index, int32_t leader_epoch,
                         bool delete_log) override {
    stopped.push_back(topic + "-" + std::to_string(index) + " " + std::to_string(leader_epoch) +
                      (delete_log ? " deleted" : ""));
    return result;
  }
  void update_metadata(const std::vector<PartitionChange>& shown,
                       std::map<int32_t, BrokerNode> live) override {
    changes = shown;
    brokers = std::move(live);
  }
  void alter_partitions(int32_t broker, int64_t, std::vector<PartitionChange> asked,
                        AlteredDone done) override {
    speaker = broker;
    changes = asked;
    std::vector<Altered> altered;
    for (const PartitionChange& change : asked) altered.push_back({result, change.state});
    done(ErrorCode::NONE, altered);
  }
  void elect_leaders(std::optional<std::vector<std::pair<std::string, int32_t>>> partitions, bool unclean,
                     ElectedDone done) override {
    unclean_asked = unclean;
    std::vector<Elected> elected;
    if (!partitions) elected = all;
    if (partitions) {
      for (const auto& [topic, index] : *partitions) elected.push_back({topic, index, result, "why"});
    }
    done(elected);
  }
  void controlled_shutdown(int32_t broker, int64_t, ShutdownDone done) override {
    speaker = broker;
    done(result, remaining);
  }

  int32_t epoch = 5;
  int64_t own_epoch = 70;
  ErrorCode result = ErrorCode::NONE;
  int32_t speaker = -1;
  bool unclean_asked = false;
  std::vector<Elected> all;
  std::vector<PartitionChange> changes;
  std::map<int32_t, Endpoint> live_leaders;
  std::map<int32_t, BrokerNode> brokers;
  std::vector<std::string> stopped;
  std::vector<std::pair<std::string, int32_t>> remaining;
};

}  // namespace ottla
