// SPDX-License-Identifier: Apache-2.0
// What the cluster looks like, as this broker last learned it: the answers to Metadata requests come from
// here. The controller writes it, everybody else reads.
//
// Threads: the loop's. References and views into it are valid until the loop's turn ends.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/base/uuid.h"

namespace ottla {

struct Endpoint {
  std::string listener;           // "PLAINTEXT"
  std::string security_protocol;  // "PLAINTEXT", "SSL", ...
  std::string host;
  int32_t port = 0;
};

struct BrokerNode {
  int32_t id = -1;
  std::vector<Endpoint> endpoints;
  std::optional<std::string> rack;
  int64_t epoch = -1;  // czxid of /brokers/ids/<id> (KIP-380)

  // The endpoint that clients of `listener` use, null where the broker has none of that name.
  const Endpoint* endpoint(std::string_view listener) const;
};

struct PartitionMetadata {
  int32_t leader = -1;  // -1: none
  int32_t leader_epoch = -1;
  std::vector<int32_t> replicas;
  std::vector<int32_t> isr;
};

struct TopicMetadata {
  std::string name;
  Uuid id;
  std::vector<PartitionMetadata> partitions;  // by partition index
};

class MetadataCache {
 public:
  std::string cluster_id;
  int32_t controller_id = -1;
  int32_t controller_epoch = 0;
  int64_t own_epoch = -1;                 // this broker's, of its registration
  std::map<int32_t, BrokerNode> brokers;  // the live ones

  // Null where there is no such topic.
  const TopicMetadata* find(std::string_view name) const;
  const TopicMetadata* find(const Uuid& id) const;
  // All topics, ordered by name.
  const std::map<std::string, TopicMetadata, std::less<>>& topics() const { return topics_; }

  void put(TopicMetadata topic);
  void remove(std::string_view name);

 private:
  std::map<std::string, TopicMetadata, std::less<>> topics_;
  std::unordered_map<Uuid, std::string, UuidHash> names_by_id_;
};

// Whether `name` is a topic that Kafka itself keeps ("__consumer_offsets", "__transaction_state").
bool is_internal_topic(std::string_view name);

}  // namespace ottla
