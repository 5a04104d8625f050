// SPDX-License-Identifier: Apache-2.0
// The .snapshot file of a partition: what was known of its producers when the log ended at the offset in the
// file's name (kafka ProducerStateManager; storage/doc/producer-snapshot.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/base/status.h"
#include "storage/io/file_system.h"

namespace ottla::storage {

inline constexpr int16_t kProducerSnapshotVersion = 1;

// One producer. Only its last batch is in the file; none where only a marker is left of it.
struct ProducerSnapshotEntry {
  int64_t producer_id = -1;
  int16_t epoch = -1;
  int32_t last_sequence = -1;
  int64_t last_offset = -1;  // of its last batch; -1: none
  int32_t offset_delta = 0;  // of that batch: its last offset less its first
  int64_t timestamp = -1;
  int32_t coordinator_epoch = -1;
  int64_t transaction_first_offset = -1;  // -1: no transaction is open
  bool operator==(const ProducerSnapshotEntry&) const = default;

  // The first sequence of the last batch, which may have wrapped.
  int32_t first_sequence() const;
};

// In the order of the file. CORRUPT_MESSAGE, in Kafka's words and without the path, where it is no good.
Result<std::vector<ProducerSnapshotEntry>> read_producer_snapshot(FileSystem& files, const std::string& path);
Status write_producer_snapshot(FileSystem& files, const std::string& path,
                               const std::vector<ProducerSnapshotEntry>& entries, bool sync);

}  // namespace ottla::storage
