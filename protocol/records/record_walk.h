// SPDX-License-Identifier: Apache-2.0
// Looks at every record of one v2 batch without keeping keys or values: what validation needs, at the cost of
// a pass over the varints. Compressed batches are read through a window, so a batch that decompresses to a
// gigabyte costs 64 KiB.
#pragma once

#include <cstdint>

#include "protocol/base/status.h"
#include "protocol/records/record_batch.h"

namespace ottla::records {

struct WalkedRecord {
  int32_t index = 0;
  int64_t timestamp = kNoTimestamp;
  int32_t offset_delta = 0;
  bool has_key = false;
};

class RecordVisitor {
 public:
  virtual ~RecordVisitor() = default;
  virtual void on_record(const WalkedRecord& record) = 0;
};

// INVALID_RECORD where the records are not what the header says; UNKNOWN_SERVER_ERROR where they cannot be
// decompressed; MESSAGE_TOO_LARGE beyond kDefaultDecompressionLimit bytes.
Status walk_records(const RecordBatchView& batch, RecordVisitor& visitor);

}  // namespace ottla::records
