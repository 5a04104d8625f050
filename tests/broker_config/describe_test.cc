// SPDX-License-Identifier: Apache-2.0
#include "broker/config/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace ottla::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr DescribeOptions kFull = {.include_synonyms = true, .include_documentation = true};

class Describe : public testing::Test {
 protected:
  void start_with(ConfigMap values) {
    store_ = std::make_unique<ConfigStore>(make_broker_config(std::move(values)).value());
  }
  static ConfigEntry find(const std::vector<ConfigEntry>& entries, std::string_view name) {
    const auto found = std::ranges::find(entries, name, &ConfigEntry::name);
    EXPECT_NE(found, entries.end()) << name;
    return found == entries.end() ? ConfigEntry() : *found;
  }
  static bool has(const std::vector<ConfigEntry>& entries, std::string_view name) {
    return std::ranges::find(entries, name, &ConfigEntry::name) != entries.end();
  }
  ConfigEntry topic(std::string_view key) { return find(describe_topic(*store_, "t", kFull), key); }
  ConfigEntry broker(std::string_view key) { return find(describe_broker(*store_, kFull), key); }

  std::unique_ptr<ConfigStore> store_ = std::make_unique<ConfigStore>(make_broker_config({}).value());
};

TEST_F(Describe, ABrokerThatEmulates44ShowsMinInsyncReplicasOnEveryTopic) {
  EXPECT_EQ(topic("min.insync.replicas").source, ConfigSource::kDefault);
  start_with({{"ottla.emulate", "4.4"}});
  const ConfigEntry entry = topic("min.insync.replicas");
  EXPECT_EQ(entry.source, ConfigSource::kDynamicDefaultBroker);
  EXPECT_EQ(entry.value, "1");
}

TEST_F(Describe, ATopicHasTheKeysOf28) {
  const std::vector<ConfigEntry> entries = describe_topic(*store_, "t", {});
  EXPECT_EQ(entries.size(), 26u);
  EXPECT_TRUE(has(entries, "cleanup.policy"));
  EXPECT_TRUE(has(entries, "message.downconversion.enable"));
  EXPECT_FALSE(has(entries, "remote.storage.enable"));
  for (const ConfigEntry& entry : entries) {
    EXPECT_EQ(entry.source, ConfigSource::kDefault) << entry.name;
    EXPECT_TRUE(entry.is_default());
    EXPECT_FALSE(entry.read_only);
    EXPECT_FALSE(entry.sensitive);
    EXPECT_TRUE(entry.value.has_value()) << entry.name;
    EXPECT_THAT(entry.synonyms, IsEmpty());
    EXPECT_FALSE(entry.documentation.has_value());
  }
}

TEST_F(Describe, NewerKeysAreThereWhenAskedForOrSet) {
  EXPECT_EQ(describe_topic(*store_, "t", {.newer_keys = true}).size(), 36u);
  store_->set_topic_overrides("t", {{"compression.gzip.level", "5"}});
  EXPECT_EQ(topic("compression.gzip.level").source, ConfigSource::kTopic);
}

TEST_F(Describe, ADefaultHasItsBrokerKeyAsSynonym) {
  const ConfigEntry entry = topic("segment.bytes");
  EXPECT_EQ(entry.value, "1073741824");
  EXPECT_EQ(entry.type, ValueType::kInt);
  EXPECT_THAT(entry.synonyms,
              ElementsAre(ConfigSynonym{"log.segment.bytes", "1073741824", ConfigSource::kDefault}));
  EXPECT_FALSE(entry.documentation->empty());
}

TEST_F(Describe, ATopicValueComesFromWhatSuppliesIt) {
  start_with({{"log.segment.bytes", "1000"}});
  EXPECT_EQ(topic("segment.bytes").source, ConfigSource::kStaticBroker);
  store_->set_default_overrides({{"log.segment.bytes", "2000"}});
  EXPECT_EQ(topic("segment.bytes").source, ConfigSource::kDynamicDefaultBroker);
  store_->set_broker_overrides({{"log.segment.bytes", "3000"}});
  EXPECT_EQ(topic("segment.bytes").source, ConfigSource::kDynamicBroker);
  EXPECT_EQ(topic("segment.bytes").value, "3000");
  store_->set_topic_overrides("t", {{"segment.bytes", " 04000"}});
  const ConfigEntry entry = topic("segment.bytes");
  EXPECT_EQ(entry.value, "4000");
  EXPECT_EQ(entry.source, ConfigSource::kTopic);
  EXPECT_THAT(entry.synonyms,
              ElementsAre(ConfigSynonym{"segment.bytes", "4000", ConfigSource::kTopic},
                          ConfigSynonym{"log.segment.bytes", "3000", ConfigSource::kDynamicBroker},
                          ConfigSynonym{"log.segment.bytes", "2000", ConfigSource::kDynamicDefaultBroker},
                          ConfigSynonym{"log.segment.bytes", "1000", ConfigSource::kStaticBroker},
                          ConfigSynonym{"log.segment.bytes", "1073741824", ConfigSource::kDefault}));
}

TEST_F(Describe, AnOverrideEqualToTheDefaultIsStillAnOverride) {
  store_->set_topic_overrides("t", {{"retention.ms", "604800000"}});
  EXPECT_EQ(topic("retention.ms").source, ConfigSource::kTopic);
}

// As 2.8 does: the chain starts at log.retention.ms, which nobody has set.
TEST_F(Describe, ATimeFromACoarserUnitIsShownAsDefault) {
  start_with({{"log.retention.hours", "1"}});
  const ConfigEntry entry = topic("retention.ms");
  EXPECT_EQ(entry.value, "3600000");
  EXPECT_EQ(entry.source, ConfigSource::kDefault);
  EXPECT_THAT(entry.synonyms, IsEmpty());
}

TEST_F(Describe, AKeyWithoutBrokerKeyHasItsOwnDefault) {
  const ConfigEntry entry = topic("leader.replication.throttled.replicas");
  EXPECT_EQ(entry.value, "");
  EXPECT_EQ(entry.type, ValueType::kList);
  EXPECT_THAT(entry.synonyms, IsEmpty());
}

TEST_F(Describe, OnlyTheKeysAskedForAreAnswered) {
  const std::vector<std::string> keys = {"retention.ms", "no.such", "cleanup.policy"};
  const std::vector<ConfigEntry> entries = describe_topic(*store_, "t", {.keys = &keys});
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name, "cleanup.policy");
  EXPECT_EQ(entries[0].value, "delete");
  const std::vector<std::string> none;
  EXPECT_EQ(describe_topic(*store_, "t", {.keys = &none}).size(), 26u);
}

TEST_F(Describe, ATopicAboutToBeCreatedIsDescribedFromItsOverrides) {
  const std::vector<ConfigEntry> entries =
      describe_topic_overrides(*store_, {{"cleanup.policy", "compact"}}, {});
  EXPECT_EQ(find(entries, "cleanup.policy").value, "compact");
  EXPECT_EQ(find(entries, "cleanup.policy").source, ConfigSource::kTopic);
}

TEST_F(Describe, ABrokerHasKafkasKeys) {
  start_with({{"broker.id", "3"}, {"num.partitions", "4"}});
  const std::vector<ConfigEntry> entries = describe_broker(*store_, kFull);
  EXPECT_GT(entries.size(), 200u);
  EXPECT_FALSE(has(entries, "process.roles"));
  EXPECT_FALSE(has(entries, "remote.log.storage.system.enable"));
  const ConfigEntry partitions = find(entries, "num.partitions");
  EXPECT_EQ(partitions.value, "4");
  EXPECT_TRUE(partitions.read_only);
  EXPECT_EQ(partitions.source, ConfigSource::kStaticBroker);
  EXPECT_THAT(partitions.synonyms,
              ElementsAre(ConfigSynonym{"num.partitions", "4", ConfigSource::kStaticBroker},
                          ConfigSynonym{"num.partitions", "1", ConfigSource::kDefault}));
}

TEST_F(Describe, KeysThatCanChangeAreNotReadOnly) {
  EXPECT_FALSE(broker("log.cleaner.threads").read_only);
  EXPECT_FALSE(broker("advertised.listeners").read_only);
  EXPECT_TRUE(broker("log.retention.hours").read_only);
}

TEST_F(Describe, ANullDefaultIsNull) {
  const ConfigEntry entry = broker("log.dirs");
  EXPECT_FALSE(entry.value.has_value());
  EXPECT_FALSE(entry.sensitive);
  EXPECT_EQ(entry.source, ConfigSource::kDefault);
  EXPECT_THAT(entry.synonyms, IsEmpty());
}

TEST_F(Describe, PasswordsAndUnknownKeysAreNotShown) {
  start_with({{"ssl.key.password", "secret"}, {"my.plug.in", "secret"}});
  for (const char* key : {"ssl.key.password", "my.plug.in"}) {
    const ConfigEntry entry = broker(key);
    EXPECT_TRUE(entry.sensitive) << key;
    EXPECT_FALSE(entry.value.has_value()) << key;
    EXPECT_EQ(entry.source, ConfigSource::kStaticBroker) << key;
    for (const ConfigSynonym& synonym : entry.synonyms) EXPECT_FALSE(synonym.value.has_value()) << key;
  }
  EXPECT_EQ(broker("my.plug.in").type, ValueType::kUnknown);
}

// Else kafka-configs would ask for them at every change of another key.
TEST_F(Describe, OttlasOwnKeysAreNoSecrets) {
  start_with({{"ottla.log.max.bytes", "5"}, {"ottla.emulate", "4.4"}});
  EXPECT_EQ(broker("ottla.log.max.bytes").value, "5");
  EXPECT_FALSE(broker("ottla.log.max.bytes").sensitive);
  EXPECT_FALSE(broker("ottla.log.max.bytes").read_only);
  EXPECT_EQ(broker("ottla.emulate").value, "4.4");
  EXPECT_TRUE(broker("ottla.emulate").read_only);
}

TEST_F(Describe, AListenersKeyFallsBackToTheOneWithoutPrefix) {
  start_with({{"listener.name.in.ssl.keystore.location", "/a"}, {"ssl.keystore.location", "/b"}});
  const ConfigEntry entry = broker("listener.name.in.ssl.keystore.location");
  EXPECT_EQ(entry.value, "/a");
  EXPECT_EQ(entry.type, ValueType::kString);
  EXPECT_THAT(
      entry.synonyms,
      ElementsAre(ConfigSynonym{"listener.name.in.ssl.keystore.location", "/a", ConfigSource::kStaticBroker},
                  ConfigSynonym{"ssl.keystore.location", "/b", ConfigSource::kStaticBroker}));
}

TEST_F(Describe, AllBrokersHaveWhatWasSetForAll) {
  EXPECT_THAT(describe_broker_defaults(*store_, kFull), IsEmpty());
  store_->set_default_overrides({{"log.segment.bytes", "2000"}});
  store_->set_broker_overrides({{"log.segment.bytes", "3000"}});
  const std::vector<ConfigEntry> entries = describe_broker_defaults(*store_, kFull);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].value, "2000");
  EXPECT_EQ(entries[0].source, ConfigSource::kDynamicDefaultBroker);
  EXPECT_THAT(entries[0].synonyms,
              ElementsAre(ConfigSynonym{"log.segment.bytes", "2000", ConfigSource::kDynamicDefaultBroker}));
}

TEST_F(Describe, AGroupHasItsDefaults) {
  const ConfigEntry entry = find(describe_group(kFull), "consumer.session.timeout.ms");
  EXPECT_EQ(entry.value, "45000");
  EXPECT_EQ(entry.source, ConfigSource::kDefault);
}

}  // namespace
}  // namespace ottla::config
