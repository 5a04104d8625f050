// SPDX-License-Identifier: Apache-2.0
#include "broker/config/alter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/config/config_store.h"

namespace ottla::config {
namespace {

using testing::HasSubstr;

Alteration set(std::string key, std::string value) {
  return {std::move(key), AlterOperation::kSet, std::move(value)};
}
Alteration append(std::string key, std::string value) {
  return {std::move(key), AlterOperation::kAppend, std::move(value)};
}
Alteration subtract(std::string key, std::string value) {
  return {std::move(key), AlterOperation::kSubtract, std::move(value)};
}
Alteration remove(std::string key) { return {std::move(key), AlterOperation::kDelete, std::nullopt}; }

ConfigMap altered(const ConfigMap& current, const std::vector<Alteration>& alterations,
                  Scope scope = Scope::kTopic) {
  Result<ConfigMap> result = apply_alterations(scope, current, alterations);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return result.ok() ? *result : ConfigMap();
}
Status refused(const std::vector<Alteration>& alterations, Scope scope = Scope::kTopic) {
  return apply_alterations(scope, {}, alterations).status();
}

TEST(Alter, SetAndDeleteLeaveTheOthersAlone) {
  EXPECT_EQ(altered({{"retention.ms", "1"}, {"flush.ms", "2"}},
                    {set("retention.ms", "3"), remove("flush.ms"), set("segment.ms", "4")}),
            (ConfigMap{{"retention.ms", "3"}, {"segment.ms", "4"}}));
}

TEST(Alter, ListsGrowAndShrinkFromTheirDefault) {
  EXPECT_EQ(altered({}, {append("cleanup.policy", "compact")}),
            (ConfigMap{{"cleanup.policy", "delete,compact"}}));
  EXPECT_EQ(altered({{"cleanup.policy", "delete,compact"}}, {subtract("cleanup.policy", "delete")}),
            (ConfigMap{{"cleanup.policy", "compact"}}));
  EXPECT_EQ(altered({{"cleanup.policy", "compact"}}, {append("cleanup.policy", "compact")}),
            (ConfigMap{{"cleanup.policy", "compact"}}));
}

TEST(Alter, OnlyListsCanBeAppendedTo) {
  EXPECT_EQ(refused({append("retention.ms", "1")}).code(), ErrorCode::INVALID_CONFIG);
  EXPECT_EQ(refused({append("retention.ms", "1")}).message(),
            "Config value append is not allowed for config key: retention.ms");
  EXPECT_EQ(refused({subtract("num.partitions", "1")}, Scope::kBroker).code(), ErrorCode::INVALID_CONFIG);
  EXPECT_EQ(refused({append("leader.replication.throttled.rate", "1")}, Scope::kBroker).code(),
            ErrorCode::INVALID_CONFIG);
  EXPECT_EQ(refused({append("no.such", "1")}).message(), "Unknown topic config name: no.such");
}

TEST(Alter, RequestsThatMakeNoSenseAreInvalid) {
  EXPECT_EQ(refused({set("retention.ms", "1"), remove("retention.ms")}).code(), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused({{"retention.ms", AlterOperation::kSet, std::nullopt}}).code(),
            ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(refused({{"retention.ms", static_cast<AlterOperation>(9), "1"}}).code(),
            ErrorCode::INVALID_REQUEST);
}

TEST(Alter, ValuesOfATopicMustNotBeNull) {
  EXPECT_EQ(required_values({{"a", "1"}, {"b", "2"}}).value(), (ConfigMap{{"a", "1"}, {"b", "2"}}));
  const Result<ConfigMap> result = required_values({{"a", std::nullopt}, {"b", "2"}, {"c", std::nullopt}});
  EXPECT_EQ(result.status().code(), ErrorCode::INVALID_REQUEST);
  EXPECT_EQ(result.status().message(), "Null value not supported for : a,c");
}

TEST(Alter, BrokerKeysChangeOnlyWhereKafkaLetsThem) {
  EXPECT_TRUE(check_broker_override("log.retention.ms", "100", false).ok());
  EXPECT_THAT(check_broker_override("broker.id", "1", true).message(),
              HasSubstr("Cannot update these configs dynamically"));
  EXPECT_THAT(check_broker_override("listeners", "PLAINTEXT://:1", false).message(),
              HasSubstr("broker id must be specified"));
  EXPECT_TRUE(check_broker_override("listeners", "PLAINTEXT://:1", true).ok());
  EXPECT_THAT(check_broker_override("ssl.keystore.location", "/x", true).message(),
              HasSubstr("listener prefix"));
  EXPECT_TRUE(check_broker_override("listener.name.in.ssl.keystore.location", "/x", true).ok());
  EXPECT_FALSE(check_broker_override("listener.name.in.ssl.keystore.location", "/x", false).ok());
  EXPECT_TRUE(check_broker_override("listener.name.in.max.connections", "5", false).ok());
  EXPECT_TRUE(check_broker_override("leader.replication.throttled.rate", "1000", false).ok());
  EXPECT_THAT(check_broker_override("log.segment.bytes", "1", true).message(), HasSubstr("at least 14"));
  EXPECT_TRUE(check_broker_override("some.plug.in.key", "1", false).ok());
}

TEST(Alter, BrokerOverridesAreCheckedAsAWhole) {
  ConfigStore store(make_broker_config({}).value());
  EXPECT_TRUE(validate_broker_overrides(store, {{"log.retention.ms", "5"}}, false).ok());
  EXPECT_EQ(validate_broker_overrides(store, {{"log.retention.ms", "0"}}, false).code(),
            ErrorCode::INVALID_CONFIG);
  EXPECT_FALSE(validate_broker_overrides(store, {{"num.partitions", "3"}}, true).ok());
  EXPECT_FALSE(validate_broker_overrides(store, {{"listeners", "SSL://:1"}}, true).ok());
}

TEST(Alter, AllKeysOfARefusalAreNamed) {
  ConfigStore store(make_broker_config({}).value());
  EXPECT_EQ(validate_broker_overrides(
                store, {{"num.partitions", "3"}, {"broker.id", "3"}, {"log.retention.ms", "x"}}, true)
                .message(),
            "Cannot update these configs dynamically: Set(broker.id, num.partitions)");
  EXPECT_THAT(validate_broker_overrides(store, {{"metric.reporters", "x"}}, false).message(),
              HasSubstr("Ottla reads these configs once"));
  EXPECT_THAT(validate_broker_overrides(store, {{"listeners", "PLAINTEXT://:9"}}, true).message(),
              HasSubstr("Set(listeners)"));
}

TEST(Alter, OttlasOwnLimitsChangeWhileRunningAndWhatItIsDoesNot) {
  ConfigStore store(make_broker_config({}).value());
  EXPECT_TRUE(validate_broker_overrides(store, {{"ottla.log.max.bytes", "5"}}, false).ok());
  EXPECT_TRUE(validate_broker_overrides(store, {{"ottla.retention.clock.jump.max.ms", "-1"}}, true).ok());
  EXPECT_THAT(validate_broker_overrides(store, {{"ottla.log.max.bytes", "5G"}}, false).message(),
              HasSubstr("expected a whole number"));
  EXPECT_EQ(
      validate_broker_overrides(store, {{"ottla.emulate", "2.8"}, {"ottla.typo", "1"}}, false).message(),
      "Cannot update these configs dynamically: Set(ottla.emulate, ottla.typo)");
}

TEST(Alter, ThreadsAtMostDoubleOrHalveAtOnce) {
  ConfigStore store(make_broker_config({}).value());
  const auto of = [&](const std::string& key, const std::string& value) {
    return validate_broker_overrides(store, {{key, value}}, false).message();
  };
  EXPECT_EQ(of("num.io.threads", "16"), "");
  EXPECT_EQ(
      of("num.io.threads", "17"),
      "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count update validation "
      "failed for num.io.threads=17, value should not be greater than double the current value 8 for "
      "configuration Invalid dynamic configuration");
  EXPECT_EQ(of("num.io.threads", "4"), "");
  EXPECT_THAT(of("num.io.threads", "3"), HasSubstr("at least half the current value 8"));
  EXPECT_EQ(of("log.cleaner.threads", "2"), "");
  EXPECT_THAT(of("log.cleaner.threads", "3"),
              HasSubstr("Log cleaner threads cannot be increased to more than double the current value 1"));
}

}  // namespace
}  // namespace ottla::config
