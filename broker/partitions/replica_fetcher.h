// SPDX-License-Identifier: Apache-2.0
// What a follower does: fetches from one leader, for all partitions that this broker has from it, and appends
// (kafka.server.AbstractFetcherThread, ReplicaFetcherThread).
//
// One Fetch (version 12) is under way at a time. Each partition names the epoch of its last batch: a leader
// whose log parts from it answers with where, and the follower cuts its log there before it goes on
// (KIP-595). Below the leader's start it starts over where the leader does; beyond its end, which only an
// unclean election brings about, it is cut to that.
//
// In durable mode what is not flushed here is not asked to be counted: the next Fetch waits for the flush.
//
// A partition whose leader refuses waits for replica.fetch.backoff.ms; a leader that is not there is tried
// again after it, until the controller names another.
//
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "broker/metadata/peers.h"
#include "broker/partitions/partition_manager.h"
#include "protocol/base/event_loop.h"
#include "protocol/generated/fetch_request.h"
#include "protocol/generated/fetch_response.h"

namespace ottla {

struct ReplicaSettings {
  int32_t broker_id = 0;
  int64_t lag_time_max_ms = 30000;        // replica.lag.time.max.ms
  int32_t fetch_wait_max_ms = 500;        // replica.fetch.wait.max.ms
  int32_t fetch_min_bytes = 1;            // replica.fetch.min.bytes
  int32_t fetch_max_bytes = 1 << 20;      // replica.fetch.max.bytes, of a partition
  int32_t response_max_bytes = 10 << 20;  // replica.fetch.response.max.bytes
  int32_t backoff_ms = 1000;              // replica.fetch.backoff.ms
  int32_t socket_timeout_ms = 30000;      // replica.socket.timeout.ms
};

class ReplicaFetcher {
 public:
  // All references outlive it.
  ReplicaFetcher(const ReplicaSettings& settings, EventLoop& loop, PartitionManager& partitions, Peers& peers,
                 int32_t leader, Endpoint endpoint);
  ~ReplicaFetcher();
  ReplicaFetcher(const ReplicaFetcher&) = delete;

  // From the turn's end on. A partition that is there already is taken up anew.
  void add(const std::string& topic, int32_t index);
  void remove(const std::string& topic, int32_t index);
  bool empty() const { return fetched_.empty(); }
  const Endpoint& endpoint() const { return endpoint_; }

 private:
  using Name = std::pair<std::string, int32_t>;
  struct Fetched {
    int64_t not_before_ms = 0;
    // What the Fetch under way asked for; -1: nothing.
    int64_t asked_offset = -1;
    int32_t asked_epoch = -1;
  };
  using Answer = protocol::FetchResponse::PartitionData;

  void schedule(int64_t delay_ms);
  void fetch();
  // Null where it is not followed from here any more.
  Partition* followed(const Name& name);
  bool add_to(protocol::FetchRequest& request, const Name& name, Fetched& fetched, int64_t now_ms);
  void on_answer(Reader& body);
  // What is to be done next: 0, or how long the partition is to wait.
  int64_t take(const Name& name, Partition& partition, const Answer& answer);
  Status append(Partition& partition, const Answer& answer);
  Status cut_to_common(storage::Log& log, const Answer& answer);
  void find_place(const Name& name);
  void on_leader_start(const Name& name, Reader& body);
  void list_offset(const Name& name, int64_t timestamp, std::function<void(Reader&)> answered);
  void on_broken(const Status& why);

  const ReplicaSettings& settings_;
  EventLoop& loop_;
  PartitionManager& partitions_;
  Peers& peers_;
  int32_t leader_;
  Endpoint endpoint_;
  std::map<Name, Fetched> fetched_;
  std::unique_ptr<Peer> peer_;
  std::unique_ptr<Timer> timer_;
  protocol::FetchRequest request_;
  bool under_way_ = false;
  bool complained_ = false;
};

}  // namespace ottla
