// SPDX-License-Identifier: Apache-2.0
// What DescribeConfigs and CreateTopics v5 answer about settings: values, where each comes from, and its
// synonyms.
//
// Follows ConfigHelper of 2.8 to the letter, its surprises included: a setting that only a synonym in another
// unit supplies (log.retention.hours) is shown as DEFAULT_CONFIG with no synonyms.
//
// Threads: the loop's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config_store.h"
#include "broker/config/definitions.h"

namespace ottla::config {

// Numbers of DescribeConfigsResponse ("ConfigSource").
enum class ConfigSource : int8_t {
  kUnknown = 0,
  kTopic = 1,
  kDynamicBroker = 2,
  kDynamicDefaultBroker = 3,
  kStaticBroker = 4,
  kDefault = 5,
  kDynamicBrokerLogger = 6,
  kClientMetrics = 7,
  kGroup = 8,
};

struct ConfigSynonym {
  std::string name;
  std::optional<std::string> value;  // nothing where null or sensitive
  ConfigSource source = ConfigSource::kUnknown;

  bool operator==(const ConfigSynonym&) const = default;
};

struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  // nothing where null or sensitive
  bool read_only = false;
  ConfigSource source = ConfigSource::kDefault;
  bool sensitive = false;
  std::vector<ConfigSynonym> synonyms;
  ValueType type = ValueType::kUnknown;
  // Nothing where it was not asked for; empty for keys without any.
  std::optional<std::string> documentation;

  // DescribeConfigs v0.
  bool is_default() const { return source == ConfigSource::kDefault; }
};

struct DescribeOptions {
  // Only these keys; nothing or empty: all.
  const std::vector<std::string>* keys = nullptr;
  bool include_synonyms = false;
  bool include_documentation = false;
  // Also the keys that only releases after 2.8 know and that nobody has set.
  bool newer_keys = false;
};

// Of a topic that exists, whose overrides the store has.
std::vector<ConfigEntry> describe_topic(const ConfigStore& store, std::string_view topic,
                                        const DescribeOptions& options);
// Of a topic with the given overrides, for CreateTopics. REQUIRES: validate_topic_overrides is ok.
std::vector<ConfigEntry> describe_topic_overrides(const ConfigStore& store, const ConfigMap& overrides,
                                                  const DescribeOptions& options);
// Of this broker.
std::vector<ConfigEntry> describe_broker(const ConfigStore& store, const DescribeOptions& options);
// Of the resource with the empty name: the overrides for all brokers.
std::vector<ConfigEntry> describe_broker_defaults(const ConfigStore& store, const DescribeOptions& options);
// Of a consumer group: its keys with their defaults (no override can be set yet).
std::vector<ConfigEntry> describe_group(const DescribeOptions& options);

}  // namespace ottla::config
