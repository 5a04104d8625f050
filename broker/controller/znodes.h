// SPDX-License-Identifier: Apache-2.0
// The znodes of Kafka 2.8: their paths, and the JSON in them (kafka.zk.ZkData). Unknown fields are tolerated
// when reading; written are the fields that Kafka 2.8 writes, in its order.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/metadata/metadata_cache.h"
#include "coordination/types.h"
#include "protocol/base/status.h"

namespace ottla::znodes {

inline constexpr const char* kBrokerIds = "/brokers/ids";
inline constexpr const char* kTopics = "/brokers/topics";
inline constexpr const char* kBrokerSequence = "/brokers/seqid";
inline constexpr const char* kClusterId = "/cluster/id";
inline constexpr const char* kController = "/controller";
inline constexpr const char* kControllerEpoch = "/controller_epoch";
inline constexpr const char* kDeleteTopics = "/admin/delete_topics";
inline constexpr const char* kIsrChanges = "/isr_change_notification";
inline constexpr const char* kPreferredElection = "/admin/preferred_replica_election";
inline constexpr const char* kConfigChanges = "/config/changes";
inline constexpr const char* kFeature = "/feature";
inline constexpr const char* kProducerIdBlock = "/latest_producer_id_block";

std::string broker_path(int32_t id);
std::string topic_path(std::string_view topic);
std::string partitions_path(std::string_view topic);
std::string partition_path(std::string_view topic, int32_t partition);
std::string partition_state_path(std::string_view topic, int32_t partition);
std::string delete_topic_path(std::string_view topic);
std::string topic_config_path(std::string_view topic);
// `id` is a broker id or "<default>".
std::string broker_config_path(std::string_view id);

// The persistent paths that a broker makes sure of when it starts, parents first, with the data they get.
const std::vector<std::string>& startup_paths();

// What a node gets where zookeeper.set.acl is on: its creator may do all, others may read, but not what holds
// secrets; old consumers write below /consumers themselves (kafka.zk.ZkData.defaultAcls).
coordination::AclList secure_acl(std::string_view path);

std::string encode_broker(const BrokerNode& node, int64_t timestamp_ms);
Result<BrokerNode> decode_broker(int32_t id, std::string_view json);

std::string encode_cluster_id(const std::string& id);
Result<std::string> decode_cluster_id(std::string_view json);

std::string encode_controller(int32_t broker_id, int64_t timestamp_ms);
Result<int32_t> decode_controller(std::string_view json);

// /brokers/topics/<name>: the replicas of each partition.
struct TopicAssignment {
  Uuid topic_id;  // zero: written by a tool that knows none, the controller adds it
  std::map<int32_t, std::vector<int32_t>> replicas;
};
std::string encode_topic(const TopicAssignment& assignment);
Result<TopicAssignment> decode_topic(std::string_view json);

// /brokers/topics/<name>/partitions/<n>/state
struct PartitionStateNode {
  int32_t controller_epoch = 0;
  int32_t leader = -1;
  int32_t leader_epoch = 0;
  std::vector<int32_t> isr;
  int32_t zk_version = 0;  // of the znode; not in the JSON
};
std::string encode_partition_state(const PartitionStateNode& state);
Result<PartitionStateNode> decode_partition_state(std::string_view json);

// /isr_change_notification/isr_change_<n>: the partitions whose in-sync replicas their leader changed; and,
// in the same form, /admin/preferred_replica_election: those whose first replica is to lead.
using TopicPartition = std::pair<std::string, int32_t>;
std::string encode_isr_change(const std::vector<TopicPartition>& partitions);
Result<std::vector<TopicPartition>> decode_isr_change(std::string_view json);

std::string encode_feature();

// /config/<type>/<name>; values in the order given.
std::string encode_config(const std::map<std::string, std::string>& config);
Result<std::map<std::string, std::string>> decode_config(std::string_view json);

// /config/changes/config_change_<n>, versions 1 and 2: what changed, as "topics/<name>" or "brokers/<id>".
Result<std::string> decode_config_change(std::string_view json);
std::string encode_config_change(const std::string& entity_path);

struct ProducerIdBlock {
  int32_t broker = -1;
  int64_t first = 0;
  int64_t last = -1;
};
std::string encode_producer_id_block(const ProducerIdBlock& block);
Result<ProducerIdBlock> decode_producer_id_block(std::string_view json);

}  // namespace ottla::znodes
