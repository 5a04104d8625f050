// SPDX-License-Identifier: Apache-2.0
// What the admin APIs (and auto-creation, and the groups' offsets topic) ask of the controller. Each call
// checks its input as Kafka's ZkAdminManager / AdminZkClient do, writes the znodes, and answers when this
// broker serves the result, or with REQUEST_TIMED_OUT after `timeout_ms`; the change goes on in that case.
//
// Threads: the loop's. Arguments are copied; callbacks come in a later or in the same turn.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/error_code.h"
#include "protocol/base/uuid.h"

namespace ottla {

struct CreateTopicSpec {
  std::string name;
  int32_t partitions = -1;          // -1: num.partitions
  int16_t replication_factor = -1;  // -1: default.replication.factor
  // Partition index to replica ids, in the order given; not empty: partitions and replication_factor must be
  // -1.
  std::vector<std::pair<int32_t, std::vector<int32_t>>> assignments;
  std::map<std::string, std::optional<std::string>> configs;
};

struct TopicOutcome {
  ErrorCode error = ErrorCode::NONE;
  std::string message;  // for the wire; empty where NONE
  Uuid topic_id;
  int32_t partitions = -1;
  int16_t replication_factor = -1;
};

class TopicAdmin {
 public:
  using Done = std::function<void(TopicOutcome)>;
  virtual ~TopicAdmin() = default;

  virtual void create_topic(CreateTopicSpec spec, int32_t timeout_ms, bool validate_only, Done done) = 0;
  // UNKNOWN_TOPIC_OR_PARTITION, TOPIC_DELETION_DISABLED, ...
  virtual void delete_topic(std::string name, int32_t timeout_ms, Done done) = 0;
  // Grows `name` to `count` partitions; `assignments` are those of the new ones, empty: chosen here.
  virtual void create_partitions(std::string name, int32_t count,
                                 std::vector<std::vector<int32_t>> assignments, int32_t timeout_ms,
                                 bool validate_only, Done done) = 0;
  // Auto-creation: as create_topic with the defaults (offsets.topic.* for __consumer_offsets), at most one
  // under way per name; further calls for the same name wait for it.
  virtual void auto_create(const std::string& name, Done done) = 0;
  // A producer id never handed out before, from blocks of /latest_producer_id_block.
  virtual void next_producer_id(std::function<void(ErrorCode, int64_t)> done) = 0;
};

// Kafka's rules for topic names (org.apache.kafka.common.internals.Topic.validate); empty where `name` is
// good, else the message for INVALID_TOPIC_EXCEPTION.
std::string invalid_topic_name_reason(std::string_view name);

}  // namespace ottla
