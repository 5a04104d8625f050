// SPDX-License-Identifier: Apache-2.0
#include "broker/config/log_config.h"

#include <algorithm>

namespace ottla::config {
namespace {

std::optional<records::Compression> target_codec(Compression compression) {
  switch (compression) {
    case Compression::kProducer:
      return std::nullopt;
    case Compression::kUncompressed:
      return records::Compression::kNone;
    case Compression::kGzip:
      return records::Compression::kGzip;
    case Compression::kSnappy:
      return records::Compression::kSnappy;
    case Compression::kLz4:
      return records::Compression::kLz4;
    case Compression::kZstd:
      return records::Compression::kZstd;
  }
  return std::nullopt;
}

records::CompressionLevel target_level(const TopicConfig& topic) {
  switch (topic.compression) {
    case Compression::kGzip:
      return topic.gzip_level;
    case Compression::kLz4:
      return topic.lz4_level;
    case Compression::kZstd:
      return topic.zstd_level;
    case Compression::kProducer:
    case Compression::kUncompressed:
    case Compression::kSnappy:
      return std::nullopt;
  }
  return std::nullopt;
}

// Releases that can no longer write the old formats ignore what asks for them (KIP-724).
int8_t magic_of(std::string_view format_version, Release release) {
  if (release == Release::k3_9 || release == Release::k4_4) return records::kMagicV2;
  if (format_version.starts_with("0.8") || format_version.starts_with("0.9")) return records::kMagicV0;
  return format_version.starts_with("0.10") ? records::kMagicV1 : records::kMagicV2;
}

// With a cap on all logs, segments must end early: the one that is written to never goes.
constexpr int64_t kSegmentsPerCap = 10;

int64_t segment_bytes(const TopicConfig& topic, const BrokerConfig& broker) {
  if (broker.log_max_bytes < 0) return topic.segment_bytes;
  const int64_t least = std::max<int64_t>(1 << 20, topic.max_message_bytes);
  return std::min<int64_t>(topic.segment_bytes, std::max(broker.log_max_bytes / kSegmentsPerCap, least));
}

}  // namespace

storage::LogConfig to_log_config(const TopicConfig& topic, const BrokerConfig& broker) {
  storage::LogConfig out;
  out.segment_bytes = segment_bytes(topic, broker);
  out.segment_ms = topic.segment_ms;
  out.segment_jitter_ms = topic.segment_jitter_ms;
  out.segment_index_bytes = topic.segment_index_bytes;
  out.index_interval_bytes = topic.index_interval_bytes;
  out.flush_messages = topic.flush_messages;
  out.flush_ms = topic.flush_ms;
  out.retention_ms = topic.retention_ms;
  out.retention_bytes = topic.retention_bytes;
  out.max_message_bytes = topic.max_message_bytes;
  out.file_delete_delay_ms = topic.file_delete_delay_ms;
  out.cleanup_delete = topic.delete_old;
  out.cleanup_compact = topic.compact;
  out.log_append_time = topic.timestamp_type == TimestampType::kLogAppendTime;
  out.timestamp_before_max_ms = topic.timestamp_before_max_ms;
  out.timestamp_after_max_ms = topic.timestamp_after_max_ms;
  out.compression = target_codec(topic.compression);
  out.compression_level = target_level(topic);
  out.magic = magic_of(topic.message_format_version, broker.emulate);
  out.min_insync_replicas = topic.min_insync_replicas;
  out.preallocate = topic.preallocate;
  out.durable = broker.durable;
  out.producer_id_expiration_ms = broker.producer_id_expiration_ms;
  out.delete_retention_ms = topic.delete_retention_ms;
  out.min_compaction_lag_ms = topic.min_compaction_lag_ms;
  out.max_compaction_lag_ms = topic.max_compaction_lag_ms;
  out.min_cleanable_dirty_ratio = topic.min_cleanable_dirty_ratio;
  return out;
}

storage::CleanerSettings to_cleaner_settings(const BrokerConfig& broker) {
  storage::CleanerSettings out;
  out.enable = broker.log_cleaner_enable;
  out.threads = broker.log_cleaner_threads;
  out.backoff_ms = broker.log_cleaner_backoff_ms;
  out.dedupe_buffer_size = broker.log_cleaner_dedupe_buffer_size;
  out.io_buffer_load_factor = broker.log_cleaner_io_buffer_load_factor;
  out.io_buffer_size = broker.log_cleaner_io_buffer_size;
  out.io_max_bytes_per_second = broker.log_cleaner_io_max_bytes_per_second;
  return out;
}

}  // namespace ottla::config
