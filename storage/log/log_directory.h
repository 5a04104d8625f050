// SPDX-License-Identifier: Apache-2.0
// One entry of log.dirs: who it belongs to (meta.properties), who uses it (.lock), whether it was left clean
// (.kafka_cleanshutdown), and the offsets kept for its partitions (kafka BrokerMetadataCheckpoint,
// LogManager).
//
// Threads: one at a time. Every call may block.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/status.h"
#include "storage/io/file_system.h"
#include "storage/log/checkpoint_file.h"

namespace ottla::storage {

// meta.properties: version 0 has broker.id, version 1 (KRaft) node.id; both have cluster.id
// (storage/doc/meta-properties.md).
struct MetaProperties {
  int32_t broker_id = -1;  // -1: none
  std::string cluster_id;  // empty: none
  // Keys that are not ours to know (directory.id of newer releases); written back as they were read.
  std::map<std::string, std::string> others;
  int32_t version = 0;  // as it was read; what is written is version 0

  bool operator==(const MetaProperties&) const = default;
  // "{broker.id=0, cluster.id=x}", for messages.
  std::string to_string() const;
};

// Nothing where the file is not there; KAFKA_STORAGE_ERROR where it cannot be read or holds no number for the
// id.
Result<std::optional<MetaProperties>> read_meta_properties(FileSystem& files, const std::string& directory);
Status write_meta_properties(FileSystem& files, const std::string& directory, const MetaProperties& meta,
                             int64_t now_ms);

class LogDirectory {
 public:
  LogDirectory(FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  bool online() const { return online_; }
  void set_offline() { online_ = false; }
  // The directory is made where it misses. errno EWOULDBLOCK: another broker has it.
  Status lock();
  void unlock() { lock_.reset(); }
  const std::optional<MetaProperties>& meta() const { return meta_; }
  Status read_meta();
  Status write_meta(const MetaProperties& meta, int64_t now_ms);
  // Copies meta.properties to meta.properties.kraft where it is KRaft's; from then on write_meta() may
  // replace it.
  Status leave_kraft();

  // What its last user left behind.
  struct Contents {
    bool clean = false;
    std::vector<TopicPartitionName> partitions;
    std::vector<std::string> to_delete;  // paths of directories whose deletion was under way
    OffsetCheckpoint recovery_points;
    OffsetCheckpoint log_starts;
    OffsetCheckpoint cleaned;
    OffsetCheckpoint high_watermarks;
  };
  // Reads it and takes the clean-shutdown marker away, so that a crash from here on counts as one. A
  // checkpoint that cannot be read is as good as none: everything is walked then.
  Result<Contents> take_over();
  Status mark_clean();

  // Each is written only where it differs from what this object wrote last.
  Status write_recovery_points(const OffsetCheckpoint& offsets) {
    return write(kRecoveryPointCheckpoint, offsets);
  }
  Status write_log_starts(const OffsetCheckpoint& offsets) {
    return write(kLogStartOffsetCheckpoint, offsets);
  }
  Status write_cleaner_offsets(const OffsetCheckpoint& offsets);
  Status write_high_watermarks(const OffsetCheckpoint& offsets) {
    return write(kHighWatermarkCheckpoint, offsets);
  }

 private:
  std::string at(const char* name) const { return path_ + "/" + name; }
  Status write(const char* name, const OffsetCheckpoint& offsets);
  OffsetCheckpoint read_or_none(const char* name);

  FileSystem& files_;
  std::string path_;
  std::unique_ptr<FileLock> lock_;
  std::optional<MetaProperties> meta_;
  std::map<std::string, OffsetCheckpoint> written_;
  bool online_ = true;
  bool kraft_left_ = false;
};

}  // namespace ottla::storage
