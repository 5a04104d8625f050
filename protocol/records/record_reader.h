// SPDX-License-Identifier: Apache-2.0
// The records inside batches of any format: v2 (DefaultRecord), and v0 and v1 messages with compressed sets
// inside them (LegacyRecord), decompressed where needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/records/record_batch.h"
#include "protocol/wire/reader.h"

namespace ottla::records {

struct RecordHeader {
  std::string_view key;
  std::optional<Bytes> value;
};

// One record. Views point into the batch, or into the reader's buffer where the batch is compressed.
struct RecordView {
  int64_t offset = 0;
  int64_t timestamp = kNoTimestamp;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  // The headers as they stand in a v2 record, whole and checked; decoded by read_headers.
  int32_t header_count = 0;
  Bytes raw_headers;
};

// Appends the headers of `record` to `out`.
void read_headers(const RecordView& record, std::vector<RecordHeader>& out);

// What a batch may become when it is decompressed into memory.
constexpr size_t kDefaultDecompressionLimit = size_t{256} << 20;

// Reads one batch after the other; its buffers are reused.
class RecordReader {
 public:
  explicit RecordReader(size_t decompression_limit = kDefaultDecompressionLimit)
      : decompression_limit_(decompression_limit) {}

  // Starts with `batch`: whole, of any magic, as BatchWalker hands it out; it must stay alive while its
  // records are read. CRCs are not looked at (that of an inner message of a compressed v0 or v1 set is).
  Status open(Bytes batch);
  // The next record; nullopt at the end and after an error. A record that does not fit its batch, or bytes
  // left over after the last, are INVALID_RECORD in status().
  std::optional<RecordView> next();
  const Status& status() const { return status_; }

 private:
  struct LegacyRecord {
    int64_t offset;
    int64_t timestamp;
    std::optional<Bytes> key;
    std::optional<Bytes> value;
  };

  Status open_legacy(Bytes batch);
  std::optional<RecordView> next_v2();
  std::optional<RecordView> next_legacy();
  std::optional<RecordView> fail(const char* reason);

  size_t decompression_limit_;
  std::vector<uint8_t> buffer_;
  Reader reader_{Bytes{}};
  Status status_;
  int8_t magic_ = kMagicV2;
  int64_t base_offset_ = 0;
  int64_t base_timestamp_ = 0;
  // Set where every record has the batch's time (log append time).
  std::optional<int64_t> batch_timestamp_;
  int32_t left_ = 0;
  std::vector<LegacyRecord> legacy_;
  size_t next_legacy_ = 0;
};

struct TimestampedOffset {
  int64_t timestamp = kNoTimestamp;
  int64_t offset = -1;
};

// The first record of `batch` (whole, any magic) with a timestamp at or after `timestamp` and an offset at or
// after `start_offset`; nullopt where there is none.
Result<std::optional<TimestampedOffset>> first_record_at_or_after(Bytes batch, int64_t timestamp,
                                                                  int64_t start_offset);

}  // namespace ottla::records
