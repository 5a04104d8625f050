// SPDX-License-Identifier: Apache-2.0
// Where each leader epoch of a partition begins: leader-epoch-checkpoint (KIP-101, KIP-279; kafka
// LeaderEpochFileCache).
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/io/file_system.h"
#include "storage/log/checkpoint_file.h"

namespace ottla::storage {

class LeaderEpochCache {
 public:
  LeaderEpochCache(FileSystem& files, std::string path) : files_(&files), path_(std::move(path)) {}

  Status load();
  // Records that `epoch` begins at `start_offset`, where it is newer than what is known. Written to the file
  // at once, without a sync of its own: recovery rebuilds the cache from the batches.
  Status assign(int32_t epoch, int64_t start_offset);
  std::optional<int32_t> latest_epoch() const;
  // The largest known epoch at or before `epoch`, and where it ends (the start of the next, or the log's
  // end); {-1, -1} where the epoch is unknown, older than all, or newer than the latest
  // (OffsetsForLeaderEpoch).
  struct EpochEnd {
    int32_t epoch = -1;
    int64_t end_offset = -1;
  };
  EpochEnd end_of(int32_t epoch, int64_t log_end_offset) const;
  // The epoch that the record at `offset` belongs to.
  std::optional<int32_t> epoch_at(int64_t offset) const;
  // Forgets epochs that begin at or after `offset`.
  Status truncate_from_end(int64_t offset);
  // Forgets epochs that end at or before `offset`; the one that holds it begins there now. In memory alone,
  // until save() or the next change: the log's start reaches its checkpoint later, and where a crash takes it
  // back, the file still tells of all that is there.
  void truncate_from_start(int64_t offset);
  Status save() { return saved_ ? Status() : write(); }
  // Forgets all.
  Status clear();
  const std::vector<EpochEntry>& entries() const { return entries_; }
  void set_path(std::string path) { path_ = std::move(path); }

 private:
  Status write();

  FileSystem* files_;
  std::string path_;
  std::vector<EpochEntry> entries_;
  bool saved_ = true;
};

}  // namespace ottla::storage
