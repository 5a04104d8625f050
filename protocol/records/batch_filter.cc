// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/batch_filter.h"

#include <algorithm>

#include "protocol/records/compression.h"

namespace ottla::records {
namespace {

void write_blob(Writer& writer, const std::optional<Bytes>& value) {
  writer.varint(value ? static_cast<int32_t>(value->size()) : -1);
  if (value) writer.raw(*value);
}

}  // namespace

void BatchFilter::write_record(const RecordView& record, int64_t base_offset, int64_t base_timestamp) {
  scratch_.clear();
  scratch_.int8(0);
  scratch_.varlong(
      static_cast<int64_t>(static_cast<uint64_t>(record.timestamp) - static_cast<uint64_t>(base_timestamp)));
  scratch_.varint(static_cast<int32_t>(record.offset - base_offset));
  write_blob(scratch_, record.key);
  write_blob(scratch_, record.value);
  scratch_.varint(record.header_count);
  scratch_.raw(record.raw_headers);
  records_.varint(static_cast<int32_t>(scratch_.buffer().size()));
  records_.raw(scratch_.buffer());
}

Status BatchFilter::rewrite(const RecordBatchView& batch, std::span<const RecordView> kept,
                            std::optional<int64_t> delete_horizon_ms, std::vector<uint8_t>& out) {
  OTTLA_CHECK(!kept.empty());
  Header header;
  header.attributes = static_cast<int16_t>(batch.attributes() & ~kDeleteHorizonFlag);
  if (delete_horizon_ms) header.attributes |= kDeleteHorizonFlag;
  header.base_timestamp = delete_horizon_ms.value_or(kept.front().timestamp);
  header.record_count = static_cast<int32_t>(kept.size());
  records_.clear();
  for (const RecordView& record : kept) {
    write_record(record, batch.base_offset(), header.base_timestamp);
    header.max_timestamp = std::max(header.max_timestamp, record.timestamp);
  }
  const size_t begin = out.size();
  out.resize(begin + kBatchHeaderSize);
  const auto codec = batch.compression();
  const Status status = codec ? compress(*codec, records_.buffer(), out)
                              : Status(ErrorCode::UNKNOWN_SERVER_ERROR, "unknown compression type");
  if (!status.ok()) {
    out.resize(begin);
    return status;
  }
  write_header(batch, header, begin, out);
  return {};
}

void BatchFilter::write_empty(const RecordBatchView& batch, std::vector<uint8_t>& out) {
  Header header;
  header.attributes = static_cast<int16_t>(batch.attributes() & ~(kCompressionMask | kDeleteHorizonFlag));
  header.max_timestamp = batch.max_timestamp();
  const size_t begin = out.size();
  out.resize(begin + kBatchHeaderSize);
  write_header(batch, header, begin, out);
}

void BatchFilter::write_header(const RecordBatchView& batch, const Header& header, size_t begin,
                               std::vector<uint8_t>& out) {
  scratch_.clear();
  scratch_.int64(batch.base_offset());
  scratch_.int32(static_cast<int32_t>(out.size() - begin - kLogOverhead));
  scratch_.int32(batch.partition_leader_epoch());
  scratch_.int8(kMagicV2);
  scratch_.int32(0);  // the CRC, below
  scratch_.int16(header.attributes);
  scratch_.int32(batch.last_offset_delta());
  scratch_.int64(header.base_timestamp);
  scratch_.int64(header.max_timestamp);
  scratch_.int64(batch.producer_id());
  scratch_.int16(batch.producer_epoch());
  scratch_.int32(batch.base_sequence());
  scratch_.int32(header.record_count);
  std::copy(scratch_.buffer().begin(), scratch_.buffer().end(), out.begin() + static_cast<ptrdiff_t>(begin));
  RecordBatchEditor(std::span(out).subspan(begin)).update_crc();
}

}  // namespace ottla::records
