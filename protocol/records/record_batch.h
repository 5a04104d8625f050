// SPDX-License-Identifier: Apache-2.0
// The header of a record batch of format v2 (org.apache.kafka.common.record.DefaultRecordBatch), read and
// patched in place, and the walk over batches of any format in a span of bytes. Nothing here allocates or
// decompresses.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "protocol/base/status.h"
#include "protocol/records/compression.h"
#include "protocol/wire/reader.h"

namespace ottla::records {

// Byte positions in a v2 batch; all numbers are big-endian. The CRC covers everything from the attributes on.
constexpr size_t kBaseOffsetPosition = 0;    // int64
constexpr size_t kLengthPosition = 8;        // int32, of what follows it
constexpr size_t kLeaderEpochPosition = 12;  // int32
constexpr size_t kMagicPosition = 16;        // int8, at the same place in every format
constexpr size_t kCrcPosition = 17;          // uint32
constexpr size_t kAttributesPosition = 21;   // int16
constexpr size_t kLastOffsetDeltaPosition = 23;
constexpr size_t kBaseTimestampPosition = 27;
constexpr size_t kMaxTimestampPosition = 35;
constexpr size_t kProducerIdPosition = 43;
constexpr size_t kProducerEpochPosition = 51;
constexpr size_t kBaseSequencePosition = 53;
constexpr size_t kRecordCountPosition = 57;
constexpr size_t kBatchHeaderSize = 61;
// Offset and length in front of a batch or message of any format.
constexpr size_t kLogOverhead = 12;
// The smallest length field of an old message (magic 0, no key, no value).
constexpr int32_t kSmallestLegacyLength = 14;

constexpr int8_t kMagicV0 = 0;
constexpr int8_t kMagicV1 = 1;
constexpr int8_t kMagicV2 = 2;

constexpr int16_t kCompressionMask = 0x07;
constexpr int16_t kLogAppendTimeFlag = 0x08;
constexpr int16_t kTransactionalFlag = 0x10;
constexpr int16_t kControlFlag = 0x20;
constexpr int16_t kDeleteHorizonFlag = 0x40;

constexpr int64_t kNoTimestamp = -1;
constexpr int64_t kNoProducerId = -1;
constexpr int16_t kNoProducerEpoch = -1;
constexpr int32_t kNoSequence = -1;
constexpr int32_t kNoLeaderEpoch = -1;

// A view of one v2 batch. Accessors of fields do not check anything that the bytes say.
class RecordBatchView {
 public:
  // REQUIRES: `batch` is a whole batch with magic 2, as BatchWalker hands it out (at least kBatchHeaderSize
  // bytes).
  explicit RecordBatchView(Bytes batch) : bytes_(batch) {}

  Bytes bytes() const { return bytes_; }
  size_t size_in_bytes() const { return bytes_.size(); }
  int64_t base_offset() const { return int64(kBaseOffsetPosition); }
  int64_t last_offset() const { return base_offset() + last_offset_delta(); }
  int64_t next_offset() const { return last_offset() + 1; }
  int32_t length() const { return int32(kLengthPosition); }
  int32_t partition_leader_epoch() const { return int32(kLeaderEpochPosition); }
  int8_t magic() const { return static_cast<int8_t>(bytes_[kMagicPosition]); }
  uint32_t crc() const { return static_cast<uint32_t>(int32(kCrcPosition)); }
  int16_t attributes() const { return int16(kAttributesPosition); }
  // nullopt for an id without a codec.
  std::optional<Compression> compression() const { return compression_of_attributes(attributes()); }
  bool is_compressed() const { return (attributes() & kCompressionMask) != 0; }
  bool is_log_append_time() const { return (attributes() & kLogAppendTimeFlag) != 0; }
  bool is_transactional() const { return (attributes() & kTransactionalFlag) != 0; }
  bool is_control() const { return (attributes() & kControlFlag) != 0; }
  // Then base_timestamp is the time from which tombstones may go (KIP-534).
  bool has_delete_horizon() const { return (attributes() & kDeleteHorizonFlag) != 0; }
  int32_t last_offset_delta() const { return int32(kLastOffsetDeltaPosition); }
  int64_t base_timestamp() const { return int64(kBaseTimestampPosition); }
  int64_t max_timestamp() const { return int64(kMaxTimestampPosition); }
  int64_t producer_id() const { return int64(kProducerIdPosition); }
  bool has_producer_id() const { return producer_id() > kNoProducerId; }
  int16_t producer_epoch() const { return int16(kProducerEpochPosition); }
  int32_t base_sequence() const { return int32(kBaseSequencePosition); }
  // Wraps from INT32_MAX to 0.
  int32_t last_sequence() const;
  int32_t record_count() const { return int32(kRecordCountPosition); }
  // The records, compressed where the attributes say so.
  Bytes records() const { return bytes_.subspan(kBatchHeaderSize); }

  uint32_t computed_crc() const;
  bool crc_is_valid() const { return crc() == computed_crc(); }

 private:
  int16_t int16(size_t position) const;
  int32_t int32(size_t position) const;
  int64_t int64(size_t position) const;

  Bytes bytes_;
};

// Patches one v2 batch where it stands.
class RecordBatchEditor {
 public:
  // REQUIRES: as RecordBatchView.
  explicit RecordBatchEditor(std::span<uint8_t> batch) : bytes_(batch) {}

  RecordBatchView view() const { return RecordBatchView(bytes_); }
  // These two are outside the CRC.
  void set_base_offset(int64_t offset);
  void set_partition_leader_epoch(int32_t epoch);
  // Kafka's setMaxTimestamp: sets time and type, and the CRC where that changed anything.
  void set_max_timestamp(int64_t timestamp, bool log_append_time);
  // Sets the producer's fields, and the CRC.
  void set_producer(int64_t producer_id, int16_t producer_epoch, int32_t base_sequence);
  void update_crc();

 private:
  std::span<uint8_t> bytes_;
};

// Walks the batches (v2) and messages (v0, v1) in `bytes`, as Kafka's ByteBufferLogInputStream does: what is
// left at the end and is not a whole batch is passed over in silence, a length below the smallest possible
// and an unknown magic are CORRUPT_MESSAGE.
class BatchWalker {
 public:
  explicit BatchWalker(Bytes bytes) : bytes_(bytes) {}

  // The next batch or message with its overhead, nullopt at the end and after an error (status()).
  std::optional<Bytes> next();
  const Status& status() const { return status_; }
  // Where the bytes not yet handed out begin.
  size_t position() const { return position_; }

  // Of a batch that next() returned.
  static int8_t magic(Bytes batch) { return static_cast<int8_t>(batch[kMagicPosition]); }

 private:
  Bytes bytes_;
  size_t position_ = 0;
  Status status_;
};

}  // namespace ottla::records
