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
#include "protocol/records/record_window.h"
#include "protocol/wire/reader.h"

namespace ottla::records {

struct LegacyMessage;

struct RecordHeader {
  std::string_view key;
  std::optional<Bytes> value;
};

// One record. Views point into the batch, or, where it is compressed, into the reader's buffer, which the
// next record takes over.
struct RecordView {
  int64_t offset = 0;
  int64_t timestamp = kNoTimestamp;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  // The headers as they stand in a v2 record, whole and checked; decoded by read_headers.
  int32_t header_count = 0;
  Bytes raw_headers;
  // Of a message of v0 or v1, its own CRC.
  uint32_t legacy_crc = 0;
};

// Appends the headers of `record` to `out`.
void read_headers(const RecordView& record, std::vector<RecordHeader>& out);

// What a batch may become when it is decompressed: a limit to the time that it takes.
constexpr size_t kDefaultDecompressionLimit = size_t{256} << 20;
// What one record of a compressed batch may take in memory: this, or kLargestRecordGrowth times the batch.
constexpr size_t kLargestRecord = size_t{64} << 20;
constexpr size_t kLargestRecordGrowth = 8;

// Reads one batch after the other; its buffers are reused. A compressed batch is never in memory whole.
class RecordReader {
 public:
  explicit RecordReader(size_t decompression_limit = kDefaultDecompressionLimit)
      : decompression_limit_(decompression_limit) {}

  // Starts with `batch`: whole, of any magic, as BatchWalker hands it out; it must stay alive while its
  // records are read. CRCs are not looked at (that of an inner message of a compressed v0 or v1 set is).
  Status open(Bytes batch);
  // The next record, whose views are valid until the next call; nullopt at the end and after an error. A
  // record that does not fit its batch, or bytes left over after the last, are INVALID_RECORD in status(),
  // an inner message with a wrong CRC CORRUPT_MESSAGE, what exceeds the limits MESSAGE_TOO_LARGE.
  std::optional<RecordView> next();
  const Status& status() const { return status_; }

 private:
  // A compressed set of v0 or v1: what its wrapper says about the messages inside.
  struct Wrapper {
    // Added to the inner offsets.
    int64_t base_offset = 0;
    std::optional<int64_t> timestamp;
    bool any = false;
  };

  Status open_v2(const RecordBatchView& view);
  Status open_legacy(Bytes batch);
  Status find_base_offset(const LegacyMessage& wrapper);
  void open_window(Compression codec, Bytes bytes, size_t batch_size, Lz4Header lz4_header);
  std::optional<RecordView> next_v2();
  const char* read_v2(Bytes bytes, RecordView& record) const;
  std::optional<RecordView> next_inner();
  // The next whole message inside a wrapper; nothing at the end.
  Bytes peek_inner();
  std::optional<RecordView> fail(const char* reason, ErrorCode code = ErrorCode::INVALID_RECORD);

  size_t decompression_limit_;
  RecordWindow window_;
  Status status_;
  int8_t magic_ = kMagicV2;
  int64_t base_offset_ = 0;
  int64_t base_timestamp_ = 0;
  // Set where every record has the batch's time (log append time).
  std::optional<int64_t> batch_timestamp_;
  int32_t left_ = 0;
  std::optional<RecordView> single_;  // an old message that is its own batch
  Wrapper wrapper_;
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
