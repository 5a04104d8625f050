// SPDX-License-Identifier: Apache-2.0
// Kafka's checkpoint files: a version line "0", a count line, then one line per entry
// (org.apache.kafka.server.common.CheckpointFile, kafka.server.checkpoints.OffsetCheckpointFile,
// LeaderEpochCheckpointFile).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "protocol/base/status.h"
#include "storage/io/file_system.h"
#include "storage/log/file_names.h"

namespace ottla::storage {

// "topic partition offset" lines. A missing or empty file has no entries; anything else that is not of the
// format is an error that names the line, so that a damaged checkpoint is never taken for a low offset.
using OffsetCheckpoint = std::map<TopicPartitionName, int64_t>;
Result<OffsetCheckpoint> read_offset_checkpoint(FileSystem& files, const std::string& path);
Status write_offset_checkpoint(FileSystem& files, const std::string& path, const OffsetCheckpoint& offsets);

struct EpochEntry {
  int32_t epoch = 0;
  int64_t start_offset = 0;
  bool operator==(const EpochEntry&) const = default;
};
// "epoch start_offset" lines, as above.
Result<std::vector<EpochEntry>> read_epoch_checkpoint(FileSystem& files, const std::string& path);
Status write_epoch_checkpoint(FileSystem& files, const std::string& path,
                              const std::vector<EpochEntry>& entries);

}  // namespace ottla::storage
