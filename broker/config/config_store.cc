// SPDX-License-Identifier: Apache-2.0
#include "broker/config/config_store.h"

#include <utility>

#include "broker/config/alter.h"
#include "protocol/base/log.h"

namespace ottla::config {

namespace {

// Lays `overrides` over `values`. A setting that was written in another unit goes, so that the override
// counts whichever of the names it uses.
void lay_over(ConfigMap& values, const ConfigMap& overrides) {
  for (const auto& [key, value] : overrides) {
    for (const std::string& synonym : broker_synonyms(key)) values.erase(synonym);
  }
  for (const auto& [key, value] : overrides) values[key] = value;
}

ConfigMap usable_broker_overrides(const ConfigMap& overrides, bool per_broker) {
  ConfigMap usable;
  for (const auto& [key, value] : overrides) {
    const Status status = check_broker_override(key, value, per_broker);
    if (status.ok()) {
      usable[key] = value;
    } else {
      log_error("broker.config", "The override of {} for {} is ignored: {}", key,
                per_broker ? "this broker" : "all brokers", status.message());
    }
  }
  return usable;
}

}  // namespace

ConfigStore::ConfigStore(BrokerConfig config)
    : static_values_(config.values), effective_(std::move(config)) {}

const ConfigMap& ConfigStore::topic_overrides(std::string_view topic) const {
  static const ConfigMap kNone;
  const auto found = topics_.find(topic);
  return found == topics_.end() ? kNone : found->second;
}

void ConfigStore::set_default_overrides(const ConfigMap& overrides) {
  default_overrides_ = usable_broker_overrides(overrides, false);
  apply_broker_overrides();
}

void ConfigStore::set_broker_overrides(const ConfigMap& overrides) {
  broker_overrides_ = usable_broker_overrides(overrides, true);
  apply_broker_overrides();
}

void ConfigStore::set_topic_overrides(const std::string& topic, const ConfigMap& overrides) {
  ConfigMap usable;
  for (const auto& [key, value] : overrides) {
    const Definition* definition = find_definition(Scope::kTopic, key);
    const Status status = definition != nullptr
                              ? check_value(*definition, value)
                              : Status(ErrorCode::INVALID_CONFIG, "Unknown topic config name: " + key);
    if (status.ok()) {
      usable[key] = value;
    } else {
      log_error("broker.config", "The override of {} for topic {} is ignored: {}", key, topic,
                status.message());
    }
  }
  if (usable.empty()) {
    forget_topic(topic);
  } else {
    topics_[topic] = std::move(usable);
  }
}

void ConfigStore::forget_topic(std::string_view topic) {
  const auto found = topics_.find(topic);
  if (found != topics_.end()) topics_.erase(found);
}

TopicConfig ConfigStore::topic_config(std::string_view topic) const {
  const auto found = topics_.find(topic);
  return found == topics_.end() ? effective_.topic_defaults
                                : make_topic_config(effective_.values, found->second);
}

void ConfigStore::set_broker_id(int32_t id) { effective_.broker_id = id; }

ConfigMap ConfigStore::values_with(const ConfigMap& default_overrides,
                                   const ConfigMap& broker_overrides) const {
  ConfigMap values = static_values_;
  lay_over(values, default_overrides);
  lay_over(values, broker_overrides);
  return values;
}

void ConfigStore::apply_broker_overrides() {
  Result<BrokerConfig> config = make_broker_config(values_with(default_overrides_, broker_overrides_));
  if (!config.ok()) {
    log_error("broker.config", "The brokers' overrides are not applied: {}", config.status().message());
    return;
  }
  // The id may have been settled after the start; it is no setting that an override could change.
  config->broker_id = effective_.broker_id;
  effective_ = std::move(config).value();
}

}  // namespace ottla::config
