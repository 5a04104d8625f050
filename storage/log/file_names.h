// SPDX-License-Identifier: Apache-2.0
// Every name of a file or directory in a log directory, built and parsed here alone (kafka.log.UnifiedLog,
// LocalLog, LogFileUtils).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ottla::storage {

class FileSystem;

inline constexpr const char* kLogSuffix = ".log";
inline constexpr const char* kOffsetIndexSuffix = ".index";
inline constexpr const char* kTimeIndexSuffix = ".timeindex";
inline constexpr const char* kTransactionIndexSuffix = ".txnindex";
inline constexpr const char* kProducerSnapshotSuffix = ".snapshot";
inline constexpr const char* kDeletedSuffix = ".deleted";
inline constexpr const char* kCleanedSuffix = ".cleaned";
inline constexpr const char* kSwapSuffix = ".swap";
inline constexpr const char* kCutSuffix = ".cut";  // ours: what recovery took out of a log
inline constexpr const char* kLeaderEpochCheckpoint = "leader-epoch-checkpoint";
inline constexpr const char* kPartitionMetadata = "partition.metadata";
inline constexpr const char* kMetaProperties = "meta.properties";
inline constexpr const char* kCleanShutdownMarker = ".kafka_cleanshutdown";
inline constexpr const char* kLockFile = ".lock";
inline constexpr const char* kRecoveryPointCheckpoint = "recovery-point-offset-checkpoint";
inline constexpr const char* kLogStartOffsetCheckpoint = "log-start-offset-checkpoint";
inline constexpr const char* kCleanerCheckpoint = "cleaner-offset-checkpoint";
inline constexpr const char* kHighWatermarkCheckpoint = "replication-offset-checkpoint";
inline constexpr const char* kDeleteDirectorySuffix = "-delete";
inline constexpr const char* kFutureDirectorySuffix = "-future";

// "00000000000000000042.log": twenty digits, then the suffix.
std::string offset_file_name(int64_t offset, std::string_view suffix);
// The offset of such a name; nothing where it is no such name.
std::optional<int64_t> offset_of_file_name(std::string_view name, std::string_view suffix);

// Where what is taken out of `path` is kept: "<path>.cut", or "<path>.cut.1" and so on where there is one.
std::string unused_cut_name(FileSystem& files, const std::string& path);

struct TopicPartitionName {
  std::string topic;
  int32_t partition = 0;
  bool operator<(const TopicPartitionName& other) const {
    return topic != other.topic ? topic < other.topic : partition < other.partition;
  }
  bool operator==(const TopicPartitionName&) const = default;
};
// "topic-3".
std::string partition_directory(std::string_view topic, int32_t partition);
std::optional<TopicPartitionName> parse_partition_directory(std::string_view name);
// "topic-3.<32 hex digits>-delete", the topic cut so that the whole stays within 255 bytes.
std::string delete_directory(std::string_view topic, int32_t partition, std::string_view unique_id);
bool is_delete_directory(std::string_view name);
// "topic-3.<32 hex digits>-future": what Kafka was moving here from another directory.
bool is_future_directory(std::string_view name);

}  // namespace ottla::storage
