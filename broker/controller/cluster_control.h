// SPDX-License-Identifier: Apache-2.0
// What brokers tell each other about who leads: the controller its brokers, and a broker that stops its
// controller. The handlers of LeaderAndIsr, StopReplica, UpdateMetadata and ControlledShutdown ask this.
//
// Threads: the loop's. Callbacks come in the same or a later turn, once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "broker/metadata/partition_state.h"
#include "protocol/base/error_code.h"

namespace ottla {

class ClusterControl {
 public:
  virtual ~ClusterControl() = default;

  // Who speaks, in what office; NONE, or why it is not obeyed: STALE_CONTROLLER_EPOCH, STALE_BROKER_EPOCH (it
  // means an earlier registration of this broker), CLUSTER_AUTHORIZATION_FAILED (it does not hold the office:
  // for whoever speaks for the first time, ZooKeeper is asked). `broker_epoch` -1 passes.
  virtual void take_word_of(int32_t controller, int32_t controller_epoch, int64_t broker_epoch,
                            std::function<void(ErrorCode)> done) = 0;

  // Settings of topics that are not known yet are read first. `done` gets a code for each change.
  virtual void leader_and_isr(std::vector<PartitionChange> changes, std::map<int32_t, Endpoint> live_leaders,
                              std::function<void(const std::vector<ErrorCode>&)> done) = 0;
  virtual ErrorCode stop_replica(const std::string& topic, int32_t index, int32_t leader_epoch,
                                 bool delete_log) = 0;
  // A leader of -2: the partition is gone, and with it its topic. `brokers` are all that live.
  virtual void update_metadata(const std::vector<PartitionChange>& changes,
                               std::map<int32_t, BrokerNode> brokers) = 0;

  // What became of each change: NONE, or why it is refused, and what stands.
  struct Altered {
    ErrorCode error = ErrorCode::NONE;
    PartitionState state;
  };
  using AlteredDone = std::function<void(ErrorCode, const std::vector<Altered>&)>;
  // `broker` leads the partitions of `changes`, and wants their in-sync replicas to be those. Brokers of
  // Kafka ask the controller for that; see Controller.
  virtual void alter_partitions(int32_t broker, int64_t broker_epoch, std::vector<PartitionChange> changes,
                                AlteredDone done) = 0;

  // What came of the election of one partition's leader.
  struct Elected {
    std::string topic;
    int32_t index = 0;
    ErrorCode error = ErrorCode::NONE;
    std::string message;
  };
  using ElectedDone = std::function<void(const std::vector<Elected>&)>;
  // `partitions`: nothing means all. `unclean`: a leader for those without one, whoever has a replica; else
  // the first replica of the assignment. See Controller.
  virtual void elect_leaders(std::optional<std::vector<std::pair<std::string, int32_t>>> partitions,
                             bool unclean, ElectedDone done) = 0;

  using ShutdownDone =
      std::function<void(ErrorCode, const std::vector<std::pair<std::string, int32_t>>& remaining)>;
  // See Controller. CLUSTER_AUTHORIZATION_FAILED where it is this broker's own, which asks itself directly.
  virtual void controlled_shutdown(int32_t broker, int64_t broker_epoch, ShutdownDone done) = 0;
};

}  // namespace ottla
