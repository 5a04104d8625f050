// SPDX-License-Identifier: Apache-2.0
// Messages of the formats v0 and v1 (org.apache.kafka.common.record.LegacyRecord, AbstractLegacyRecordBatch):
// offset, size, then CRC-32, magic, attributes, (v1: timestamp), key, value. A compressed set is the value of
// one wrapper message; its inner offsets are absolute in v0 and relative to the first in v1, where the
// wrapper's own offset is that of the last record.
//
// They are read with RecordReader. Storage keeps only v2: validation.h converts on the way in, down_convert
// on the way out.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/records/record_batch.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla::records {

// One message, taken apart but not decompressed.
struct LegacyMessage {
  int64_t offset = 0;
  uint32_t crc = 0;
  int8_t magic = 0;
  int8_t attributes = 0;
  int64_t timestamp = kNoTimestamp;  // v0 has none
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  // What the CRC covers.
  Bytes checked;

  std::optional<Compression> compression() const { return compression_of_attributes(attributes); }
  bool is_log_append_time() const { return magic >= kMagicV1 && (attributes & kLogAppendTimeFlag) != 0; }
  bool crc_is_valid() const;
};

// INVALID_RECORD where `message`, one whole entry as BatchWalker hands it out, does not hold what it says.
Result<LegacyMessage> parse_legacy_message(Bytes message);

// Appends one message; `attributes` are the codec and the log-append-time flag.
void write_legacy_message(Writer& out, int8_t magic, int64_t offset, int64_t timestamp, int8_t attributes,
                          const std::optional<Bytes>& key, const std::optional<Bytes>& value);

// Converts `batches` (any formats, whole ones; a partial one at the end is dropped) for a Fetch client that
// knows nothing newer than `to_magic` (0 for Fetch v0-v1, 1 for v2-v3), as Kafka's RecordsUtil.downConvert
// does: batches that are old enough are copied, control batches left out, uncompressed records before
// `first_offset` too. Headers and producer fields are lost. Appends to `out`, and stops after the message
// that reaches `limit` bytes: converted records may be larger than what they were. zstd has no place in the
// old formats: UNSUPPORTED_COMPRESSION_TYPE.
Status down_convert(Bytes batches, int8_t to_magic, int64_t first_offset, Writer& out,
                    size_t limit = SIZE_MAX);

}  // namespace ottla::records
