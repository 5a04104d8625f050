// SPDX-License-Identifier: Apache-2.0
// All settings in force on this broker: its own, the overrides that live in ZooKeeper, and the topics'
// overrides.
//
// Precedence, the strongest first: /config/brokers/<id>, /config/brokers/<default>, server.properties and
// command line, the table's defaults (Kafka's DynamicBrokerConfig). Topic overrides come before all of them.
// Whoever reads the znodes (broker/controller) hands the maps in here; nothing here knows of znodes or JSON.
//
// Overrides that are no good (someone wrote them past the API) are dropped with a line in the log, the others
// count.
//
// Threads: the loop's.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "broker/config/broker_config.h"
#include "broker/config/topic_config.h"
#include "broker/config/value.h"

namespace ottla::config {

class ConfigStore {
 public:
  explicit ConfigStore(BrokerConfig config);
  ConfigStore(const ConfigStore&) = delete;
  ConfigStore& operator=(const ConfigStore&) = delete;

  // With the overrides applied. The reference stays valid; what it refers to follows the overrides.
  const BrokerConfig& broker() const { return effective_; }
  // What the broker was started with.
  const ConfigMap& static_values() const { return static_values_; }
  const ConfigMap& default_overrides() const { return default_overrides_; }
  // This broker's own.
  const ConfigMap& broker_overrides() const { return broker_overrides_; }
  // Empty for a topic without any.
  const ConfigMap& topic_overrides(std::string_view topic) const;

  // Each replaces what was there. After the first two, every topic's settings may have changed.
  void set_default_overrides(const ConfigMap& overrides);
  void set_broker_overrides(const ConfigMap& overrides);
  void set_topic_overrides(const std::string& topic, const ConfigMap& overrides);
  void forget_topic(std::string_view topic);

  TopicConfig topic_config(std::string_view topic) const;

  // The broker's id may be found out late (meta.properties, ZooKeeper's sequence).
  void set_broker_id(int32_t id);

  // The broker values that would be in force with other overrides, for a check before they are written.
  ConfigMap values_with(const ConfigMap& default_overrides, const ConfigMap& broker_overrides) const;

 private:
  void apply_broker_overrides();

  ConfigMap static_values_;
  ConfigMap default_overrides_;
  ConfigMap broker_overrides_;
  std::map<std::string, ConfigMap, std::less<>> topics_;
  BrokerConfig effective_;
};

}  // namespace ottla::config
