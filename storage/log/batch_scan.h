// SPDX-License-Identifier: Apache-2.0
// Reads the headers of batches out of a segment file, hopping from one to the next.
//
// Batches of the old formats (magic 0 and 1) are passed over as they are: their header tells offset and size.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "protocol/wire/reader.h"
#include "storage/io/file_system.h"

namespace ottla::storage {

// What storage needs of a batch. For the old formats one message is a batch: base_offset is its last offset.
struct BatchHeader {
  int64_t base_offset = 0;
  int64_t last_offset = 0;
  uint32_t size = 0;  // with its first twelve bytes
  int8_t magic = 2;
  int32_t leader_epoch = -1;
  int64_t max_timestamp = -1;
  int64_t base_timestamp = -1;
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  int32_t record_count = 0;
  bool transactional = false;
  bool control = false;
};

struct BatchPosition {
  BatchHeader header;
  uint64_t position = 0;
};

// The smallest batches: a v2 header, and the part of an old message that tells its offset, size and magic.
inline constexpr uint32_t kV2HeaderBytes = 61;
inline constexpr uint32_t kBatchOverhead = 12;
inline constexpr uint32_t kMagicOffset = 16;

// Decodes the header at the front of `bytes`, of which at least kV2HeaderBytes (or all that are left) must be
// there. Nothing where no batch can begin so: a size below its own header or beyond `available`, an unknown
// magic.
std::optional<BatchHeader> decode_batch_header(Bytes bytes, uint64_t available);

// Walks batches from `position` to `end`; stops where `visit` returns false, or where no whole batch begins.
// The value is the position behind the last whole batch visited.
Result<uint64_t> scan_batches(const File& file, uint64_t position, uint64_t end,
                              const std::function<bool(const BatchPosition&)>& visit);

}  // namespace ottla::storage
