// SPDX-License-Identifier: Apache-2.0
// Control records: the markers that end a transaction in a partition (KIP-98;
// org.apache.kafka.common.record.ControlRecordType, EndTransactionMarker). The key is (int16 version, int16
// type), the value of a marker (int16 version, int32 coordinator epoch).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "protocol/base/status.h"
#include "protocol/records/batch_builder.h"
#include "protocol/wire/reader.h"

namespace ottla::records {

enum class ControlType : int16_t {
  kAbort = 0,
  kCommit = 1,
  kLeaderChange = 2,
  kSnapshotHeader = 3,
  kSnapshotFooter = 4,
  kKraftVersion = 5,
  kKraftVoters = 6,
};

// The type in the key of a control record; nullopt for a key too short or a type that nobody knows (to be
// skipped).
std::optional<ControlType> parse_control_key(std::optional<Bytes> key);

struct EndTransactionMarker {
  bool commit = false;
  int32_t coordinator_epoch = 0;
};
// INVALID_RECORD where `record` is not such a marker.
Result<EndTransactionMarker> parse_end_transaction_marker(const RecordView& record);

// A whole batch with one marker, in `builder`'s memory.
Result<std::span<uint8_t>> build_end_transaction_marker(BatchBuilder& builder, int64_t producer_id,
                                                        int16_t producer_epoch, int64_t timestamp,
                                                        const EndTransactionMarker& marker);

}  // namespace ottla::records
