// SPDX-License-Identifier: Apache-2.0
#include "broker/config/config_store.h"

#include <gtest/gtest.h>

namespace ottla::config {
namespace {

BrokerConfig started_with(ConfigMap values) {
  Result<BrokerConfig> config = make_broker_config(std::move(values));
  EXPECT_TRUE(config.ok()) << config.status().message();
  return std::move(config).value();
}

TEST(ConfigStore, ATopicWithoutOverridesHasTheBrokersSettings) {
  ConfigStore store(started_with({{"log.segment.bytes", "5000"}}));
  EXPECT_EQ(store.topic_config("t").segment_bytes, 5000);
  EXPECT_TRUE(store.topic_overrides("t").empty());
}

TEST(ConfigStore, TopicOverridesComeFirstAndAreReplacedAsAWhole) {
  ConfigStore store(started_with({}));
  store.set_topic_overrides("t", {{"segment.bytes", "100"}, {"retention.ms", "7"}});
  EXPECT_EQ(store.topic_config("t").segment_bytes, 100);
  EXPECT_EQ(store.topic_config("other").segment_bytes, 1 << 30);
  store.set_topic_overrides("t", {{"retention.ms", "8"}});
  EXPECT_EQ(store.topic_config("t").segment_bytes, 1 << 30);
  EXPECT_EQ(store.topic_config("t").retention_ms, 8);
  store.forget_topic("t");
  EXPECT_EQ(store.topic_config("t").retention_ms, 604800000);
}

TEST(ConfigStore, BrokerOverridesComeBeforeThoseForAllBeforeTheFile) {
  ConfigStore store(started_with({{"log.segment.bytes", "1000"}}));
  const BrokerConfig& broker = store.broker();
  store.set_default_overrides({{"log.segment.bytes", "2000"}, {"message.max.bytes", "55"}});
  EXPECT_EQ(broker.topic_defaults.segment_bytes, 2000);
  store.set_broker_overrides({{"log.segment.bytes", "3000"}});
  EXPECT_EQ(broker.topic_defaults.segment_bytes, 3000);
  EXPECT_EQ(broker.message_max_bytes, 55);
  EXPECT_EQ(store.topic_config("t").segment_bytes, 3000);
  store.set_broker_overrides({});
  store.set_default_overrides({});
  EXPECT_EQ(broker.topic_defaults.segment_bytes, 1000);
  EXPECT_EQ(store.static_values().at("log.segment.bytes"), "1000");
}

TEST(ConfigStore, AnOverrideCountsOverASynonymOfTheFile) {
  ConfigStore store(started_with({{"log.retention.hours", "1"}}));
  store.set_default_overrides({{"log.retention.ms", "77"}});
  EXPECT_EQ(store.topic_config("t").retention_ms, 77);
  EXPECT_FALSE(store.broker().values.contains("log.retention.hours"));
}

TEST(ConfigStore, BadOverridesAreDroppedAndTheOthersCount) {
  ConfigStore store(started_with({}));
  store.set_default_overrides({{"log.segment.bytes", "x"}, {"broker.id", "9"}, {"message.max.bytes", "60"}});
  EXPECT_EQ(store.broker().message_max_bytes, 60);
  EXPECT_EQ(store.broker().topic_defaults.segment_bytes, 1 << 30);
  EXPECT_EQ(store.broker().broker_id, -1);
  store.set_topic_overrides("t", {{"retention.ms", "x"}, {"no.such.key", "1"}, {"segment.bytes", "70"}});
  EXPECT_EQ(store.topic_config("t").segment_bytes, 70);
  EXPECT_EQ(store.topic_overrides("t").size(), 1u);
}

TEST(ConfigStore, OverridesThatContradictEachOtherLeaveThingsAsTheyWere) {
  ConfigStore store(started_with({}));
  store.set_default_overrides({{"max.connections.per.ip", "0"}});
  EXPECT_EQ(store.broker().max_connections_per_ip, 2147483647);
}

TEST(ConfigStore, AnIdFoundLateSurvivesOverrides) {
  ConfigStore store(started_with({}));
  store.set_broker_id(1001);
  store.set_default_overrides({{"message.max.bytes", "60"}});
  EXPECT_EQ(store.broker().broker_id, 1001);
}

}  // namespace
}  // namespace ottla::config
