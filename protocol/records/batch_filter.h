// SPDX-License-Identifier: Apache-2.0
// Writes a batch of format v2 again with some of its records left out, as compaction does
// (org.apache.kafka.common.record.MemoryRecords.filterTo).
//
// What stays as it was: base and last offset, the offsets and timestamps of the records, leader epoch,
// producer id, epoch and sequence, codec, timestamp type, and the transactional and control flags. So a
// producer's last sequence can still be told from its last batch, whatever is left of it.
//
// KIP-534: with a delete horizon (attribute bit 6) the base timestamp is the time from which tombstones, and
// markers of transactions of which nothing else is left, may go; the deltas of the records count from it.
// Releases that do not know the bit (2.8) read the same timestamps.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/records/piecewise_compressor.h"
#include "protocol/records/record_batch.h"
#include "protocol/records/record_reader.h"
#include "protocol/wire/writer.h"

namespace ottla::records {

// Records pass through one by one: no batch is in memory whole but as it stands in the log.
//
// Keeps its buffers from one batch to the next. One thread at a time.
class BatchFilter {
 public:
  // Begins to append `batch` to `out`, with `base_timestamp`: the first record's, or the delete horizon. Both
  // stay alive until finish().
  void begin(const RecordBatchView& batch, int64_t base_timestamp, bool delete_horizon,
             std::vector<uint8_t>& out);
  // Fails only where compression does, as finish(). REQUIRES: in the order of the batch.
  Status keep(const RecordView& record);
  // REQUIRES: something was kept.
  Status finish();
  // Appends the header of `batch` alone: no record is left in it.
  void write_empty(const RecordBatchView& batch, std::vector<uint8_t>& out);

 private:
  struct Header {
    int16_t attributes = 0;
    int64_t base_timestamp = kNoTimestamp;
    int64_t max_timestamp = kNoTimestamp;
    int32_t record_count = 0;
  };

  // Fills in the header in front of the records, which stand in `out` from `begin` on.
  void write_header(const RecordBatchView& batch, const Header& header, size_t begin,
                    std::vector<uint8_t>& out);

  std::optional<RecordBatchView> batch_;
  std::vector<uint8_t>* out_ = nullptr;
  size_t begin_ = 0;
  Header header_;
  PiecewiseCompressor records_;
  Writer scratch_;
};

}  // namespace ottla::records
