// SPDX-License-Identifier: Apache-2.0
// What a leader checks of records before it appends them, and the form in which they are appended: always
// exactly one batch of format v2 (kafka UnifiedLog.analyzeAndValidateRecords, LogValidator,
// ProduceRequest.validateRecords of 3.9; what brokers answer besides is in the tests).
//
// A good batch of format v2 is patched where it stands and never copied; it is decompressed, piece by piece,
// only to look at its records. It is rebuilt where the topic's compression differs, offsets inside a
// compressed batch are not 0, 1, 2, ..., or the records are of format v0 or v1.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/record_batch.h"

namespace ottla::records {

struct ValidationRules {
  // Of the Produce request; decides about formats and codecs. Ignored where from_client is false.
  int16_t produce_version = 9;
  // false: records of the broker itself (coordinators, markers): control batches and any base offset pass.
  bool from_client = true;
  bool compacted = false;
  // message.timestamp.type=LogAppendTime
  bool log_append_time = false;
  int64_t timestamp_before_max_ms = INT64_MAX;
  int64_t timestamp_after_max_ms = INT64_MAX;
  // 2.8 refuses batches whose producer says log append time, later releases ignore that.
  bool refuse_log_append_bit = false;
  int64_t max_message_bytes = 1048588;
  // nullopt: the producer's own (compression.type=producer).
  std::optional<Compression> compression = std::nullopt;
  CompressionLevel compression_level = std::nullopt;  // of that codec
  int64_t now_ms = 0;
  // "topic-0", for messages only.
  std::string_view topic_partition = {};
};

struct RecordError {
  int32_t batch_index = 0;
  std::string message;
};

struct ValidatedRecords {
  ValidatedRecords() = default;
  // `batch` may point into `rebuilt`, so this moves and does not copy.
  ValidatedRecords(ValidatedRecords&&) = default;
  ValidatedRecords& operator=(ValidatedRecords&&) = default;

  // NONE: `batch` is to be appended. CORRUPT_MESSAGE, INVALID_RECORD, INVALID_TIMESTAMP, MESSAGE_TOO_LARGE,
  // UNSUPPORTED_COMPRESSION_TYPE, UNSUPPORTED_FOR_MESSAGE_FORMAT, UNKNOWN_SERVER_ERROR (data that cannot be
  // decompressed).
  ErrorCode error = ErrorCode::NONE;
  std::string message;
  std::vector<RecordError> record_errors;

  // One v2 batch: in the caller's bytes, or in `rebuilt`. Its base offset and leader epoch are the caller's
  // to set. Empty where there was no whole batch, which Produce allows before v3: then there is nothing to
  // do.
  std::span<uint8_t> batch;
  std::vector<uint8_t> rebuilt;
  int32_t record_count = 0;
  int64_t max_timestamp = kNoTimestamp;
  // ValidationRules::now_ms where the topic's time is log append time, else -1.
  int64_t log_append_time_ms = kNoTimestamp;

  bool ok() const { return error == ErrorCode::NONE; }
};

// Checks `records`, the value of a Produce request's field, and patches them in place (timestamps, CRC).
ValidatedRecords validate_records(std::span<uint8_t> records, const ValidationRules& rules);

// Sets offset and epoch of a batch that validate_records gave. REQUIRES: there is one.
void assign_offsets(ValidatedRecords& validated, int64_t base_offset, int32_t leader_epoch);

}  // namespace ottla::records
