// SPDX-License-Identifier: Apache-2.0
#include "broker/config/topic_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace ottla::config {
namespace {

using testing::ElementsAre;

constexpr int64_t kHourMs = 3600 * 1000;

int64_t retention(const ConfigMap& broker, const ConfigMap& overrides = {}) {
  return make_topic_config(broker, overrides).retention_ms;
}
std::string refusal(const ConfigMap& overrides) {
  const Status status = validate_topic_overrides(overrides);
  EXPECT_TRUE(status.ok() || status.code() == ErrorCode::INVALID_CONFIG);
  return status.message();
}

TEST(TopicConfig, DefaultsAreKafkas) {
  const TopicConfig config = make_topic_config({}, {});
  EXPECT_EQ(config.segment_bytes, 1 << 30);
  EXPECT_EQ(config.segment_ms, 168 * kHourMs);
  EXPECT_EQ(config.segment_jitter_ms, 0);
  EXPECT_EQ(config.segment_index_bytes, 10 << 20);
  EXPECT_EQ(config.index_interval_bytes, 4096);
  EXPECT_EQ(config.retention_ms, 168 * kHourMs);
  EXPECT_EQ(config.retention_bytes, -1);
  EXPECT_EQ(config.max_message_bytes, 1048588);
  EXPECT_EQ(config.flush_ms, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(config.flush_messages, std::numeric_limits<int64_t>::max());
  EXPECT_FALSE(config.compact);
  EXPECT_TRUE(config.delete_old);
  EXPECT_EQ(config.compression, Compression::kProducer);
  EXPECT_EQ(config.timestamp_type, TimestampType::kCreateTime);
  EXPECT_EQ(config.timestamp_before_max_ms, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(config.timestamp_after_max_ms, std::nullopt);
  EXPECT_EQ(config.min_insync_replicas, 1);
  EXPECT_EQ(config.message_format_version, "2.8-IV1");
  EXPECT_DOUBLE_EQ(config.min_cleanable_dirty_ratio, 0.5);
}

TEST(TopicConfig, RetentionComesFromTheFinestUnitThatIsSet) {
  EXPECT_EQ(retention({{"log.retention.hours", "2"}}), 2 * kHourMs);
  EXPECT_EQ(retention({{"log.retention.hours", "2"}, {"log.retention.minutes", "3"}}), 180000);
  EXPECT_EQ(retention({{"log.retention.minutes", "3"}, {"log.retention.ms", "4"}}), 4);
  EXPECT_EQ(retention({{"log.retention.ms", "4"}}, {{"retention.ms", "5"}}), 5);
}

TEST(TopicConfig, NegativeRetentionIsForEver) {
  EXPECT_EQ(retention({{"log.retention.hours", "-1"}}), -1);
  EXPECT_EQ(retention({{"log.retention.ms", "-7"}}), -1);
}

TEST(TopicConfig, HoursThatDoNotFitAreTheLongestTime) {
  EXPECT_EQ(make_topic_config({{"log.roll.hours", "2147483647"}}, {}).segment_ms, 2147483647LL * kHourMs);
}

TEST(TopicConfig, RollAndFlushHaveSynonyms) {
  const TopicConfig config = make_topic_config(
      {{"log.roll.hours", "1"}, {"log.roll.jitter.hours", "2"}, {"log.flush.scheduler.interval.ms", "9"}},
      {});
  EXPECT_EQ(config.segment_ms, kHourMs);
  EXPECT_EQ(config.segment_jitter_ms, 2 * kHourMs);
  EXPECT_EQ(config.flush_ms, 9);
  EXPECT_EQ(make_topic_config({{"log.roll.hours", "1"}, {"log.roll.ms", "5"}}, {}).segment_ms, 5);
}

TEST(TopicConfig, BrokerKeysSupplyWhatTopicsDoNotSet) {
  const TopicConfig config = make_topic_config({{"log.segment.bytes", "1000"},
                                                {"message.max.bytes", "2000"},
                                                {"log.cleanup.policy", "compact,delete"},
                                                {"compression.type", "lz4"},
                                                {"log.message.timestamp.type", "LogAppendTime"},
                                                {"log.index.size.max.bytes", "4096"}},
                                               {{"segment.bytes", "3000"}});
  EXPECT_EQ(config.segment_bytes, 3000);
  EXPECT_EQ(config.max_message_bytes, 2000);
  EXPECT_TRUE(config.compact && config.delete_old);
  EXPECT_EQ(config.compression, Compression::kLz4);
  EXPECT_EQ(config.timestamp_type, TimestampType::kLogAppendTime);
  EXPECT_EQ(config.segment_index_bytes, 4096);
}

TEST(TopicConfig, NewerTimestampKeysReplaceHalfOfTheOlderOne) {
  TopicConfig config = make_topic_config({{"log.message.timestamp.difference.max.ms", "10"}}, {});
  EXPECT_EQ(config.timestamp_before_max_ms, 10);
  EXPECT_EQ(config.timestamp_after_max_ms, 10);
  config = make_topic_config({{"log.message.timestamp.after.max.ms", "20"}},
                             {{"message.timestamp.before.max.ms", "30"}});
  EXPECT_EQ(config.timestamp_before_max_ms, 30);
  EXPECT_EQ(config.timestamp_after_max_ms, 20);
}

TEST(TopicConfig, ValidOverridesPass) {
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal({{"cleanup.policy", "compact"}, {"segment.bytes", "1000"}, {"retention.ms", "-1"}}), "");
}

TEST(TopicConfig, UnknownKeysAreRefusedFirst) {
  EXPECT_EQ(refusal({{"retention.ms", "abc"}, {"retentoin.ms", "1"}}),
            "Unknown topic config name: retentoin.ms");
  EXPECT_EQ(refusal({{"log.retention.ms", "1"}}), "Unknown topic config name: log.retention.ms");
}

TEST(TopicConfig, BadValuesAreRefused) {
  EXPECT_EQ(refusal({{"retention.ms", "abc"}}),
            "Invalid value abc for configuration retention.ms: Not a number of type LONG");
  EXPECT_EQ(refusal({{"cleanup.policy", "foo"}}),
            "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete");
}

TEST(TopicConfig, LagsThatContradictEachOtherAreRefused) {
  EXPECT_EQ(refusal({{"min.compaction.lag.ms", "20"}, {"max.compaction.lag.ms", "10"}}),
            "conflict topic config setting min.compaction.lag.ms (20) > max.compaction.lag.ms (10)");
}

TEST(TopicConfig, TieredStorageIsRefusedAndWhatItAloneLooksAtIsTaken) {
  EXPECT_EQ(
      refusal({{"remote.storage.enable", "true"}}),
      "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log "
      "storage.");
  EXPECT_EQ(refusal({{"remote.storage.enable", "false"}, {"local.retention.ms", "5"}}), "");
}

TEST(TopicConfig, EveryTopicKeyHasABrokerKeyThatExists) {
  for (const Definition& definition : definitions(Scope::kTopic)) {
    const std::string_view key = broker_key_of(definition.name());
    if (key.empty()) continue;
    EXPECT_NE(find_definition(Scope::kBroker, key), nullptr) << definition.name();
  }
}

TEST(TopicConfig, BrokerSynonymsAreKafkas) {
  EXPECT_THAT(broker_synonyms("log.retention.hours"),
              ElementsAre("log.retention.ms", "log.retention.minutes", "log.retention.hours"));
  EXPECT_THAT(broker_synonyms("log.flush.interval.ms"),
              ElementsAre("log.flush.interval.ms", "log.flush.scheduler.interval.ms"));
  EXPECT_THAT(broker_synonyms("log.flush.scheduler.interval.ms"),
              ElementsAre("log.flush.scheduler.interval.ms"));
  EXPECT_THAT(broker_synonyms("num.partitions"), ElementsAre("num.partitions"));
}

}  // namespace
}  // namespace ottla::config
