// SPDX-License-Identifier: Apache-2.0
// That every setting of a topic, and of the cleaner, comes to where it acts (broker/config/README.md has the
// list).
#include "broker/config/log_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/config/config_store.h"

namespace ottla::config {
namespace {

// Each with a value that is not its default.
const std::map<std::string, std::string> kActsOnTheLog = {
    {"cleanup.policy", "compact"},
    {"compression.type", "lz4"},
    {"delete.retention.ms", "1"},
    {"file.delete.delay.ms", "1"},
    {"flush.messages", "1"},
    {"flush.ms", "1"},
    {"index.interval.bytes", "1"},
    {"max.compaction.lag.ms", "1"},
    {"max.message.bytes", "1"},
    {"message.timestamp.after.max.ms", "1"},
    {"message.timestamp.before.max.ms", "1"},
    {"message.timestamp.difference.max.ms", "1"},
    {"message.timestamp.type", "LogAppendTime"},
    {"min.cleanable.dirty.ratio", "0.1"},
    {"min.compaction.lag.ms", "1"},
    {"min.insync.replicas", "2"},
    {"preallocate", "true"},
    {"retention.bytes", "1"},
    {"retention.ms", "1"},
    {"segment.bytes", "1048576"},
    {"segment.index.bytes", "4096"},
    {"segment.jitter.ms", "1"},
    {"segment.ms", "1"},
};

// Why the others do not.
const std::map<std::string, std::string> kActsElsewhereOrNotAtAll = {
    {"message.downconversion.enable", "Fetch asks for it"},
    {"message.format.version", "acts where 2.8 is emulated, below"},
    {"compression.gzip.level", "acts beside that compression.type, below"},
    {"compression.lz4.level", "acts beside that compression.type, below"},
    {"compression.zstd.level", "acts beside that compression.type, below"},
    {"follower.replication.throttled.replicas", "one replica"},
    {"leader.replication.throttled.replicas", "one replica"},
    {"unclean.leader.election.enable", "one replica"},
    {"internal.segment.bytes", "for Kafka's own tests"},
    {"local.retention.bytes", "no tiered storage: Kafka does not look at it either"},
    {"local.retention.ms", "no tiered storage: Kafka does not look at it either"},
    {"remote.log.copy.disable", "no tiered storage: Kafka does not look at it either"},
    {"remote.log.delete.on.disable", "no tiered storage: Kafka does not look at it either"},
    {"remote.storage.enable", "no tiered storage: refused"},
};

TEST(LogConfigTest, EveryTopicKeyReachesTheLogOrIsKnownNotTo) {
  ConfigStore store(make_broker_config({}).value());
  const storage::LogConfig before = to_log_config(store.topic_config("t"), store.broker());
  for (const Definition& definition : definitions(Scope::kTopic)) {
    const std::string key(definition.name());
    if (kActsElsewhereOrNotAtAll.contains(key)) continue;
    const auto found = kActsOnTheLog.find(key);
    ASSERT_NE(found, kActsOnTheLog.end()) << key << " is new: say where it acts";
    ASSERT_TRUE(validate_topic_overrides({{key, found->second}}).ok()) << key;
    store.set_topic_overrides("t", {{key, found->second}});
    EXPECT_FALSE(to_log_config(store.topic_config("t"), store.broker()) == before) << key;
    EXPECT_TRUE(to_log_config(store.topic_config("other"), store.broker()) == before) << key;
    store.set_topic_overrides("t", {});
    EXPECT_TRUE(to_log_config(store.topic_config("t"), store.broker()) == before) << key;
  }
}

TEST(LogConfigTest, ACodecsLevelActsWhereTheTopicIsStoredWithThatCodec) {
  ConfigStore store(make_broker_config({{"compression.zstd.level", "7"}}).value());
  const auto level = [&](const std::string& type, std::map<std::string, std::string> overrides) {
    overrides["compression.type"] = type;
    store.set_topic_overrides("t", std::move(overrides));
    return to_log_config(store.topic_config("t"), store.broker()).compression_level;
  };
  EXPECT_EQ(level("gzip", {{"compression.gzip.level", "4"}}), 4);
  EXPECT_EQ(level("lz4", {{"compression.lz4.level", "17"}, {"compression.gzip.level", "4"}}), 17);
  EXPECT_EQ(level("zstd", {{"compression.zstd.level", "-5"}}), -5);
  EXPECT_EQ(level("zstd", {}), 7);
  EXPECT_EQ(level("snappy", {{"compression.gzip.level", "4"}}), std::nullopt);
  EXPECT_EQ(level("producer", {{"compression.zstd.level", "4"}}), std::nullopt);
}

TEST(LogConfigTest, ABrokersDynamicDefaultsReachTheLogsOfTopicsWithoutTheirOwn) {
  ConfigStore store(make_broker_config({{"log.retention.hours", "5"}, {"log.roll.hours", "6"}}).value());
  constexpr int64_t kHourMs = 3600 * 1000;
  const auto config = [&](const std::string& topic) {
    return to_log_config(store.topic_config(topic), store.broker());
  };
  store.set_topic_overrides("own", {{"retention.ms", "7"}});
  EXPECT_EQ(config("t").retention_ms, 5 * kHourMs);
  EXPECT_EQ(config("t").segment_ms, 6 * kHourMs);
  store.set_default_overrides({{"log.retention.ms", "1000"}, {"log.roll.ms", "2000"}});
  EXPECT_EQ(config("t").retention_ms, 1000);
  EXPECT_EQ(config("t").segment_ms, 2000);
  EXPECT_EQ(config("own").retention_ms, 7);
  store.set_broker_overrides({{"log.retention.ms", "500"}});
  EXPECT_EQ(config("t").retention_ms, 500);
  store.set_broker_overrides({});
  store.set_default_overrides({});
  EXPECT_EQ(config("t").retention_ms, 5 * kHourMs);
}

TEST(LogConfigTest, OldMessageFormatsAreKeptWhere2_8Is) {
  ConfigStore store(make_broker_config({{"ottla.emulate", "2.8"}}).value());
  store.set_topic_overrides("t", {{"message.format.version", "0.10.0"}});
  EXPECT_EQ(to_log_config(store.topic_config("t"), store.broker()).magic, 1);
}

TEST(LogConfigTest, WithACapOnAllLogsSegmentsEndEarly) {
  const BrokerConfig capped = make_broker_config({{"ottla.log.max.bytes", "100000000"}}).value();
  EXPECT_EQ(to_log_config(capped.topic_defaults, capped).segment_bytes, 10'000'000);
  const BrokerConfig tiny = make_broker_config({{"ottla.log.max.bytes", "1000"}}).value();
  EXPECT_EQ(to_log_config(tiny.topic_defaults, tiny).segment_bytes, 1048588) << "a batch must fit";
  const BrokerConfig small =
      make_broker_config({{"ottla.log.max.bytes", "1000"}, {"log.segment.bytes", "900"}}).value();
  EXPECT_EQ(to_log_config(small.topic_defaults, small).segment_bytes, 900);
}

TEST(LogConfigTest, TheCleanersSettingsAreKafkasAndFollowOverrides) {
  ConfigStore store(make_broker_config({}).value());
  storage::CleanerSettings cleaner = to_cleaner_settings(store.broker());
  EXPECT_TRUE(cleaner.enable);
  EXPECT_EQ(cleaner.threads, 1);
  EXPECT_EQ(cleaner.backoff_ms, 15000);
  EXPECT_EQ(cleaner.dedupe_buffer_size, 128 << 20);
  EXPECT_DOUBLE_EQ(cleaner.io_buffer_load_factor, 0.9);
  EXPECT_EQ(cleaner.io_buffer_size, 512 << 10);
  EXPECT_DOUBLE_EQ(cleaner.io_max_bytes_per_second, std::numeric_limits<double>::max());
  store.set_default_overrides({{"log.cleaner.threads", "2"},
                               {"log.cleaner.backoff.ms", "3"},
                               {"log.cleaner.dedupe.buffer.size", "40000000"},
                               {"log.cleaner.io.buffer.load.factor", "0.5"},
                               {"log.cleaner.io.buffer.size", "6000"},
                               {"log.cleaner.io.max.bytes.per.second", "7.5"}});
  cleaner = to_cleaner_settings(store.broker());
  EXPECT_EQ(cleaner.threads, 2);
  EXPECT_EQ(cleaner.backoff_ms, 3);
  EXPECT_EQ(cleaner.dedupe_buffer_size, 40'000'000);
  EXPECT_DOUBLE_EQ(cleaner.io_buffer_load_factor, 0.5);
  EXPECT_EQ(cleaner.io_buffer_size, 6000);
  EXPECT_DOUBLE_EQ(cleaner.io_max_bytes_per_second, 7.5);
  const BrokerConfig off = make_broker_config({{"log.cleaner.enable", "false"}}).value();
  EXPECT_FALSE(to_cleaner_settings(off).enable);
}

TEST(LogConfigTest, CompactionsDefaultsComeFromTheBroker) {
  const BrokerConfig broker = make_broker_config({{"log.cleaner.min.cleanable.ratio", "0.2"},
                                                  {"log.cleaner.min.compaction.lag.ms", "3"},
                                                  {"log.cleaner.max.compaction.lag.ms", "4"},
                                                  {"log.cleaner.delete.retention.ms", "5"}})
                                  .value();
  const storage::LogConfig config = to_log_config(broker.topic_defaults, broker);
  EXPECT_DOUBLE_EQ(config.min_cleanable_dirty_ratio, 0.2);
  EXPECT_EQ(config.min_compaction_lag_ms, 3);
  EXPECT_EQ(config.max_compaction_lag_ms, 4);
  EXPECT_EQ(config.delete_retention_ms, 5);
}

}  // namespace
}  // namespace ottla::config
