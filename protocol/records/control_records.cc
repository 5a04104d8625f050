// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/control_records.h"

namespace ottla::records {

std::optional<ControlType> parse_control_key(std::optional<Bytes> key) {
  if (!key) return std::nullopt;
  Reader reader(*key);
  const int16_t version = reader.int16();
  const int16_t type = reader.int16();
  // Later versions may only add fields at the end.
  if (!reader.ok() || version < 0) return std::nullopt;
  if (type < 0 || type > static_cast<int16_t>(ControlType::kKraftVoters)) return std::nullopt;
  return static_cast<ControlType>(type);
}

Result<EndTransactionMarker> parse_end_transaction_marker(const RecordView& record) {
  const auto type = parse_control_key(record.key);
  if (type != ControlType::kAbort && type != ControlType::kCommit) {
    return {ErrorCode::INVALID_RECORD, "not the marker of a transaction's end"};
  }
  Reader reader(record.value.value_or(Bytes{}));
  const int16_t version = reader.int16();
  const int32_t coordinator_epoch = reader.int32();
  if (!reader.ok() || version < 0)
    return {ErrorCode::INVALID_RECORD, "transaction marker without a coordinator epoch"};
  return EndTransactionMarker{type == ControlType::kCommit, coordinator_epoch};
}

Result<std::span<uint8_t>> build_end_transaction_marker(BatchBuilder& builder, int64_t producer_id,
                                                        int16_t producer_epoch, int64_t timestamp,
                                                        const EndTransactionMarker& marker) {
  Writer key;
  key.int16(0);
  key.int16(static_cast<int16_t>(marker.commit ? ControlType::kCommit : ControlType::kAbort));
  Writer value;
  value.int16(0);
  value.int32(marker.coordinator_epoch);
  builder.begin(
      {.producer_id = producer_id, .producer_epoch = producer_epoch, .transactional = true, .control = true});
  builder.append(timestamp, key.buffer(), value.buffer());
  return builder.finish();
}

}  // namespace ottla::records
