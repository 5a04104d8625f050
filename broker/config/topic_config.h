// SPDX-License-Identifier: Apache-2.0
// The settings of one topic: its own overrides laid over what the broker's settings say (Kafka's LogConfig).
//
// Each topic key has a broker key that supplies its default, and some of those have synonyms in other units
// (retention.ms <- log.retention.ms <- log.retention.minutes <- log.retention.hours).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/value.h"
#include "protocol/base/status.h"

namespace ottla::config {

// kProducer: batches are kept as the producer compressed them.
enum class Compression : int8_t { kProducer, kUncompressed, kGzip, kSnappy, kLz4, kZstd };
enum class TimestampType : int8_t { kCreateTime = 0, kLogAppendTime = 1 };

struct TopicConfig {
  int32_t segment_bytes = 1 << 30;
  int64_t segment_ms = 0;
  int64_t segment_jitter_ms = 0;
  int32_t segment_index_bytes = 0;
  int32_t index_interval_bytes = 0;
  int64_t flush_messages = 0;
  int64_t flush_ms = 0;
  int64_t retention_bytes = -1;  // -1: no limit
  int64_t retention_ms = -1;     // -1: for ever
  int32_t max_message_bytes = 0;
  int64_t file_delete_delay_ms = 0;
  bool compact = false;    // cleanup.policy has "compact"
  bool delete_old = true;  // cleanup.policy has "delete"
  int64_t delete_retention_ms = 0;
  int64_t min_compaction_lag_ms = 0;
  int64_t max_compaction_lag_ms = 0;
  double min_cleanable_dirty_ratio = 0.5;
  bool unclean_leader_election_enable = false;
  int32_t min_insync_replicas = 1;
  Compression compression = Compression::kProducer;
  // -1: the library's default (gzip alone may have that).
  int32_t gzip_level = -1;
  int32_t lz4_level = 9;
  int32_t zstd_level = 3;
  bool preallocate = false;
  // Records of older formats are not written; kept for what asks.
  std::string message_format_version;
  bool message_downconversion_enable = true;
  TimestampType timestamp_type = TimestampType::kCreateTime;
  // How far a record's time may lie behind and ahead of the broker's. message.timestamp.difference.max.ms
  // sets both, the newer .before and .after keys one each.
  int64_t timestamp_before_max_ms = 0;
  std::optional<int64_t> timestamp_after_max_ms;  // nothing: not said

  bool operator==(const TopicConfig&) const = default;
};

// INVALID_CONFIG, with Kafka's sentence, for a key that topics do not have, a value that its key does not
// allow, and for compaction lags that contradict each other (LogConfig.validate).
Status validate_topic_overrides(const ConfigMap& overrides);

// Both maps as they were written; values of `overrides` that are no good must have been dropped already.
// REQUIRES: every value passes check_value.
TopicConfig make_topic_config(const ConfigMap& broker, const ConfigMap& overrides);

// The broker key that supplies a topic key's default; empty where there is none.
std::string_view broker_key_of(std::string_view topic_key);

// A broker key with the others that mean the same, the strongest first ({"log.roll.ms", "log.roll.hours"});
// just itself where it has none. DynamicBrokerConfig.brokerConfigSynonyms.
std::vector<std::string> broker_synonyms(std::string_view broker_key);

// What a topic without overrides has for `topic_key`, as Kafka prints it: nothing where null.
// REQUIRES: `topic_key` is in the table.
std::optional<std::string> inherited_value(std::string_view topic_key, const ConfigMap& broker);

}  // namespace ottla::config
