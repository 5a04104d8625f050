// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/batch_filter.h"

#include <algorithm>

namespace ottla::records {
namespace {

void write_blob(Writer& writer, const std::optional<Bytes>& value) {
  writer.varint(value ? static_cast<int32_t>(value->size()) : -1);
  if (value) writer.raw(*value);
}

}  // namespace

void BatchFilter::begin(const RecordBatchView& batch, int64_t base_timestamp, bool delete_horizon,
                        std::vector<uint8_t>& out) {
  batch_ = batch;
  out_ = &out;
  begin_ = out.size();
  header_ = {};
  header_.attributes = static_cast<int16_t>(batch.attributes() & ~kDeleteHorizonFlag);
  if (delete_horizon) header_.attributes |= kDeleteHorizonFlag;
  header_.base_timestamp = base_timestamp;
  out.resize(begin_ + kBatchHeaderSize);
  records_.begin(batch.compression().value_or(Compression::kNone), out);
}

Status BatchFilter::keep(const RecordView& record) {
  scratch_.clear();
  scratch_.int8(0);
  scratch_.varlong(static_cast<int64_t>(static_cast<uint64_t>(record.timestamp) -
                                        static_cast<uint64_t>(header_.base_timestamp)));
  scratch_.varint(static_cast<int32_t>(record.offset - batch_->base_offset()));
  write_blob(scratch_, record.key);
  write_blob(scratch_, record.value);
  scratch_.varint(record.header_count);
  scratch_.raw(record.raw_headers);
  records_.pending().varint(static_cast<int32_t>(scratch_.buffer().size()));
  records_.pending().raw(scratch_.buffer());
  header_.max_timestamp = std::max(header_.max_timestamp, record.timestamp);
  ++header_.record_count;
  return records_.flush_if_large();
}

Status BatchFilter::finish() {
  OTTLA_CHECK(header_.record_count > 0);
  const Status finished = records_.finish();
  if (finished.ok()) write_header(*batch_, header_, begin_, *out_);
  return finished;
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
