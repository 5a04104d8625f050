// SPDX-License-Identifier: Apache-2.0
#include "broker/config/topic_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>

namespace ottla::config {

namespace {

// LogConfig.TopicConfigSynonyms, and those that later releases added.
constexpr std::pair<std::string_view, std::string_view> kBrokerKeys[] = {
    {"cleanup.policy", "log.cleanup.policy"},
    {"compression.gzip.level", "compression.gzip.level"},
    {"compression.lz4.level", "compression.lz4.level"},
    {"compression.type", "compression.type"},
    {"compression.zstd.level", "compression.zstd.level"},
    {"delete.retention.ms", "log.cleaner.delete.retention.ms"},
    {"file.delete.delay.ms", "log.segment.delete.delay.ms"},
    {"flush.messages", "log.flush.interval.messages"},
    {"flush.ms", "log.flush.interval.ms"},
    {"index.interval.bytes", "log.index.interval.bytes"},
    {"local.retention.bytes", "log.local.retention.bytes"},
    {"local.retention.ms", "log.local.retention.ms"},
    {"max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"},
    {"max.message.bytes", "message.max.bytes"},
    {"message.downconversion.enable", "log.message.downconversion.enable"},
    {"message.format.version", "log.message.format.version"},
    {"message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms"},
    {"message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms"},
    {"message.timestamp.difference.max.ms", "log.message.timestamp.difference.max.ms"},
    {"message.timestamp.type", "log.message.timestamp.type"},
    {"min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio"},
    {"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"},
    {"min.insync.replicas", "min.insync.replicas"},
    {"preallocate", "log.preallocate"},
    {"retention.bytes", "log.retention.bytes"},
    {"retention.ms", "log.retention.ms"},
    {"segment.bytes", "log.segment.bytes"},
    {"segment.index.bytes", "log.index.size.max.bytes"},
    {"segment.jitter.ms", "log.roll.jitter.ms"},
    {"segment.ms", "log.roll.ms"},
    {"unclean.leader.election.enable", "unclean.leader.election.enable"},
};

constexpr int64_t kMinuteMs = 60 * 1000;
constexpr int64_t kHourMs = 60 * kMinuteMs;

// The same setting under other names, the strongest first; `ms` of one unit is how many milliseconds.
struct Synonym {
  std::string_view key;
  int64_t ms;
};
constexpr Synonym kRollTime[] = {{"log.roll.ms", 1}, {"log.roll.hours", kHourMs}};
constexpr Synonym kRollJitter[] = {{"log.roll.jitter.ms", 1}, {"log.roll.jitter.hours", kHourMs}};
constexpr Synonym kFlushTime[] = {{"log.flush.interval.ms", 1}, {"log.flush.scheduler.interval.ms", 1}};
constexpr Synonym kRetentionTime[] = {
    {"log.retention.ms", 1}, {"log.retention.minutes", kMinuteMs}, {"log.retention.hours", kHourMs}};
constexpr std::array<std::span<const Synonym>, 4> kSynonyms = {kRollTime, kRollJitter, kFlushTime,
                                                               kRetentionTime};

// The group that has `key`; empty where it stands alone.
std::span<const Synonym> synonyms_of(std::string_view key) {
  for (const std::span<const Synonym> group : kSynonyms) {
    if (std::ranges::find(group, key, &Synonym::key) != group.end()) return group;
  }
  return {};
}

// A length of time that may be written in several units: the strongest that is not null.
int64_t time_of(std::span<const Synonym> group, const ConfigMap& broker) {
  const Values values(Scope::kBroker, broker);
  for (const Synonym& synonym : group) {
    const std::optional<int64_t> number = values.optional_number(synonym.key);
    if (!number) continue;
    int64_t ms = 0;
    if (__builtin_mul_overflow(*number, synonym.ms, &ms)) ms = std::numeric_limits<int64_t>::max();
    return synonym.key.starts_with("log.retention") ? std::max<int64_t>(ms, -1) : ms;
  }
  check_failed("the last synonym has a default", __FILE__, __LINE__);
}

Compression compression_of(std::string_view name) {
  constexpr std::pair<std::string_view, Compression> kNames[] = {
      {"producer", Compression::kProducer}, {"uncompressed", Compression::kUncompressed},
      {"gzip", Compression::kGzip},         {"snappy", Compression::kSnappy},
      {"lz4", Compression::kLz4},           {"zstd", Compression::kZstd}};
  const auto found = std::ranges::find(kNames, name, &std::pair<std::string_view, Compression>::first);
  OTTLA_CHECK(found != std::end(kNames));
  return found->second;
}

// The topic's settings one by one: an override, or what the broker's settings say.
class Overlay {
 public:
  Overlay(const ConfigMap& broker, const ConfigMap& overrides) : broker_(broker), overrides_(overrides) {}

  Values of(std::string_view key) {
    if (!overrides_.contains(std::string(key))) {
      std::optional<std::string> value = inherited_value(key, broker_);
      OTTLA_CHECK(value.has_value());
      inherited_[std::string(key)] = *std::move(value);
      return {Scope::kTopic, inherited_};
    }
    return {Scope::kTopic, overrides_};
  }
  int64_t number(std::string_view key) { return of(key).number(key); }
  int32_t int32(std::string_view key) { return of(key).int32(key); }
  bool boolean(std::string_view key) { return of(key).boolean(key); }
  std::string text(std::string_view key) { return of(key).text_or_default(key); }

  // A newer key that replaces half of an older one: only where someone has set it.
  bool is_set(std::string_view key) const {
    return overrides_.contains(std::string(key)) || broker_.contains(std::string(broker_key_of(key)));
  }
  int64_t number_if_set(std::string_view key, int64_t otherwise) {
    return is_set(key) ? number(key) : otherwise;
  }

 private:
  const ConfigMap& broker_;
  const ConfigMap& overrides_;
  ConfigMap inherited_;
};

}  // namespace

Status validate_topic_overrides(const ConfigMap& overrides) {
  for (const auto& [key, value] : overrides) {
    if (find_definition(Scope::kTopic, key) == nullptr) {
      return {ErrorCode::INVALID_CONFIG, "Unknown topic config name: " + key};
    }
  }
  for (const auto& [key, value] : overrides) {
    Status status = check_value(*find_definition(Scope::kTopic, key), value);
    if (!status.ok()) return status;
  }
  const Values values(Scope::kTopic, overrides);
  if (values.boolean("remote.storage.enable")) {
    return {
        ErrorCode::INVALID_CONFIG,
        "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log "
        "storage."};
  }
  const int64_t min_lag = values.number("min.compaction.lag.ms");
  const int64_t max_lag = values.number("max.compaction.lag.ms");
  if (min_lag > max_lag) {
    return {
        ErrorCode::INVALID_CONFIG,
        fmt::format("conflict topic config setting min.compaction.lag.ms ({}) > max.compaction.lag.ms ({})",
                    min_lag, max_lag)};
  }
  return {};
}

TopicConfig make_topic_config(const ConfigMap& broker, const ConfigMap& overrides) {
  Overlay overlay(broker, overrides);
  TopicConfig config;
  config.segment_bytes = overlay.int32("segment.bytes");
  config.segment_ms = overlay.number("segment.ms");
  config.segment_jitter_ms = overlay.number("segment.jitter.ms");
  config.segment_index_bytes = overlay.int32("segment.index.bytes");
  config.index_interval_bytes = overlay.int32("index.interval.bytes");
  config.flush_messages = overlay.number("flush.messages");
  config.flush_ms = overlay.number("flush.ms");
  config.retention_bytes = overlay.number("retention.bytes");
  config.retention_ms = overlay.number("retention.ms");
  config.max_message_bytes = overlay.int32("max.message.bytes");
  config.file_delete_delay_ms = overlay.number("file.delete.delay.ms");
  const std::vector<std::string> policy = split_list(overlay.text("cleanup.policy"));
  config.compact = std::ranges::find(policy, "compact") != policy.end();
  config.delete_old = std::ranges::find(policy, "delete") != policy.end();
  config.delete_retention_ms = overlay.number("delete.retention.ms");
  config.min_compaction_lag_ms = overlay.number("min.compaction.lag.ms");
  config.max_compaction_lag_ms = overlay.number("max.compaction.lag.ms");
  config.min_cleanable_dirty_ratio =
      overlay.of("min.cleanable.dirty.ratio").real("min.cleanable.dirty.ratio");
  config.unclean_leader_election_enable = overlay.boolean("unclean.leader.election.enable");
  config.min_insync_replicas = overlay.int32("min.insync.replicas");
  config.compression = compression_of(overlay.text("compression.type"));
  config.gzip_level = overlay.int32("compression.gzip.level");
  config.lz4_level = overlay.int32("compression.lz4.level");
  config.zstd_level = overlay.int32("compression.zstd.level");
  config.preallocate = overlay.boolean("preallocate");
  config.message_format_version = overlay.text("message.format.version");
  config.message_downconversion_enable = overlay.boolean("message.downconversion.enable");
  config.timestamp_type = overlay.text("message.timestamp.type") == "LogAppendTime"
                              ? TimestampType::kLogAppendTime
                              : TimestampType::kCreateTime;
  const int64_t difference = overlay.number("message.timestamp.difference.max.ms");
  config.timestamp_before_max_ms = overlay.number_if_set("message.timestamp.before.max.ms", difference);
  if (overlay.is_set("message.timestamp.after.max.ms") ||
      overlay.is_set("message.timestamp.difference.max.ms"))
    config.timestamp_after_max_ms = overlay.number_if_set("message.timestamp.after.max.ms", difference);
  return config;
}

std::string_view broker_key_of(std::string_view topic_key) {
  const auto found =
      std::ranges::find(kBrokerKeys, topic_key, &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kBrokerKeys) ? std::string_view() : found->second;
}

std::vector<std::string> broker_synonyms(std::string_view broker_key) {
  const std::span<const Synonym> group = synonyms_of(broker_key);
  // The scheduler's interval lends its value to the topics' one, but is a setting of its own.
  if (group.empty() || broker_key == "log.flush.scheduler.interval.ms") return {std::string(broker_key)};
  std::vector<std::string> names;
  for (const Synonym& synonym : group) names.emplace_back(synonym.key);
  return names;
}

std::optional<std::string> inherited_value(std::string_view topic_key, const ConfigMap& broker) {
  const Definition* topic_definition = find_definition(Scope::kTopic, topic_key);
  OTTLA_CHECK(topic_definition != nullptr);
  const std::string_view key = broker_key_of(topic_key);
  std::optional<std::string> value;
  if (key.empty()) {
    if (const auto fixed = topic_definition->default_value()) value = *fixed;
    return value;
  }
  const std::span<const Synonym> group = synonyms_of(key);
  if (!group.empty()) return std::to_string(time_of(group, broker));
  const Definition* definition = find_definition(Scope::kBroker, key);
  OTTLA_CHECK(definition != nullptr);
  value = Values(Scope::kBroker, broker).text(key);
  if (value) value = canonical_value(*definition, *value);
  return value;
}

}  // namespace ottla::config
