// SPDX-License-Identifier: Apache-2.0
// What a log tells its cleaner: whether cleaning is worth it, and what there is to clean. Taken on the loop,
// used on the pool while the log lives on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/io/file_system.h"
#include "storage/log/producer_state.h"

namespace ottla::storage {

// kafka LogCleanerManager.cleanableOffsets, LogToClean.
struct CleaningPlan {
  int64_t first_dirty_offset = 0;
  // Where cleaning ends: the begin of the first segment that holds an open transaction, is written to, or is
  // too young (min.compaction.lag.ms).
  int64_t uncleanable_offset = 0;
  uint64_t clean_bytes = 0;
  uint64_t dirty_bytes = 0;  // of what may be cleaned
  bool overdue = false;      // by max.compaction.lag.ms

  double dirty_ratio() const {
    const uint64_t all = clean_bytes + dirty_bytes;
    return all == 0 ? 0 : static_cast<double>(dirty_bytes) / static_cast<double>(all);
  }
};

// A segment that is not written to any more.
struct CleanableSegment {
  int64_t base_offset = 0;
  int64_t next_offset = 0;
  uint64_t size = 0;
  size_t offset_index_bytes = 0;
  size_t time_index_bytes = 0;
  std::shared_ptr<File> file;
};

// The last that is known of a producer that is active.
struct LastOfProducer {
  std::optional<int64_t> data_offset;  // nothing: a marker was all
  int16_t epoch = -1;
};

struct CleaningSource {
  std::string name;  // "topic-0", for messages
  std::string directory;
  std::vector<CleanableSegment> segments;  // of the whole log up to `uncleanable_offset`, in order
  int64_t first_dirty_offset = 0;
  int64_t uncleanable_offset = 0;
  std::vector<AbortedTransaction> aborted;
  std::unordered_map<int64_t, LastOfProducer> producers;
  uint64_t truncations = 0;  // how often the log had been cut by then

  // The settings of the topic.
  uint64_t segment_bytes = 0;
  uint64_t segment_index_bytes = 0;
  uint32_t index_interval_bytes = 0;
  int64_t delete_retention_ms = 0;
};

}  // namespace ottla::storage
