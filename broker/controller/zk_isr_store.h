// SPDX-License-Identifier: Apache-2.0
// IsrStore over the znodes, as brokers before AlterIsr did it (kafka.server.ZkIsrManager): the leader writes
// .../partitions/<n>/state where its version still stands, and announces it below /isr_change_notification,
// where the controller learns of it. Both kinds of Kafka's controllers know this way.
//
// Threads: the loop's.
#pragma once

#include <memory>
#include <set>

#include "broker/controller/znodes.h"
#include "broker/metadata/isr_store.h"
#include "coordination/client.h"
#include "protocol/base/event_loop.h"
#include "protocol/base/task.h"

namespace ottla {

class ZkIsrStore : public IsrStore {
 public:
  // Both outlive it.
  ZkIsrStore(EventLoop& loop, coordination::Client& client);

  void write(const PartitionChange& change, std::function<void(const Result&)> done) override;
  // The session ends for good: what waits is dropped.
  void stop();

 private:
  using Done = std::function<void(const Result&)>;

  Task<void> run(PartitionChange change, Done done);
  // What stands there, where the change could not be written.
  Task<bool> find_out(const PartitionChange& change, Done done);
  void announce(const PartitionChange& change);
  void announce_all();

  EventLoop& loop_;
  coordination::Client& client_;
  std::set<znodes::TopicPartition> to_announce_;
  std::unique_ptr<Timer> announce_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ottla
