// SPDX-License-Identifier: Apache-2.0
// Builds one record batch of format v2 (org.apache.kafka.common.record.MemoryRecordsBuilder).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/records/piecewise_compressor.h"
#include "protocol/records/record_reader.h"
#include "protocol/wire/writer.h"

namespace ottla::records {

struct BatchOptions {
  int64_t base_offset = 0;
  Compression compression = Compression::kNone;
  CompressionLevel compression_level = std::nullopt;
  // Set: the batch says so and every record is read with this time.
  std::optional<int64_t> log_append_time = std::nullopt;
  int64_t producer_id = kNoProducerId;
  int16_t producer_epoch = kNoProducerEpoch;
  int32_t base_sequence = kNoSequence;
  bool transactional = false;
  bool control = false;
  int32_t partition_leader_epoch = kNoLeaderEpoch;
};

// Keeps its buffers from one batch to the next. Many records are compressed as they come, so that they are
// never in memory whole. One thread at a time.
class BatchBuilder {
 public:
  // Drops what was there and starts a batch.
  void begin(const BatchOptions& options);
  // The record after the last one. Views are copied.
  void append(int64_t timestamp, std::optional<Bytes> key, std::optional<Bytes> value,
              std::span<const RecordHeader> headers = {});
  // The same with headers as they stand in another v2 record (RecordView::raw_headers).
  void append_copy(int64_t timestamp, const RecordView& record);
  // The batch's bytes so far, not compressed.
  size_t size_in_bytes() const { return kBatchHeaderSize + records_.written(); }
  // What the batch will be at least, compressed.
  size_t smallest_size() const { return kBatchHeaderSize + records_.produced(); }
  int32_t record_count() const { return count_; }
  // Completes the batch. The bytes are the builder's and valid until the next begin(); patch them with
  // RecordBatchEditor. Fails only where compression does. REQUIRES: a record was appended.
  Result<std::span<uint8_t>> finish();

 private:
  void append_body(int64_t timestamp, const std::optional<Bytes>& key, const std::optional<Bytes>& value,
                   int32_t header_count, std::span<const RecordHeader> headers, Bytes raw_headers);

  BatchOptions options_;
  PiecewiseCompressor records_;
  Writer body_;
  std::vector<uint8_t> batch_;
  int32_t count_ = 0;
  int64_t base_timestamp_ = kNoTimestamp;
  int64_t max_timestamp_ = kNoTimestamp;
  Status status_;
};

}  // namespace ottla::records
