// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/batch_builder.h"

#include <algorithm>

namespace ottla::records {

namespace {

void write_blob(Writer& writer, const std::optional<Bytes>& value) {
  writer.varint(value ? static_cast<int32_t>(value->size()) : -1);
  if (value) writer.raw(*value);
}

}  // namespace

void BatchBuilder::begin(const BatchOptions& options) {
  options_ = options;
  batch_.assign(kBatchHeaderSize, 0);
  records_.begin(options.compression, batch_, Lz4Header::kStandard, options.compression_level);
  status_ = {};
  count_ = 0;
  base_timestamp_ = kNoTimestamp;
  max_timestamp_ = kNoTimestamp;
}

void BatchBuilder::append(int64_t timestamp, std::optional<Bytes> key, std::optional<Bytes> value,
                          std::span<const RecordHeader> headers) {
  append_body(timestamp, key, value, static_cast<int32_t>(headers.size()), headers, {});
}

void BatchBuilder::append_copy(int64_t timestamp, const RecordView& record) {
  append_body(timestamp, record.key, record.value, record.header_count, {}, record.raw_headers);
}

void BatchBuilder::append_body(int64_t timestamp, const std::optional<Bytes>& key,
                               const std::optional<Bytes>& value, int32_t header_count,
                               std::span<const RecordHeader> headers, Bytes raw_headers) {
  if (count_ == 0) base_timestamp_ = timestamp;
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  body_.clear();
  body_.int8(0);
  body_.varlong(
      static_cast<int64_t>(static_cast<uint64_t>(timestamp) - static_cast<uint64_t>(base_timestamp_)));
  body_.varint(count_);
  write_blob(body_, key);
  write_blob(body_, value);
  body_.varint(header_count);
  for (const RecordHeader& header : headers) {
    write_blob(body_, Bytes(reinterpret_cast<const uint8_t*>(header.key.data()), header.key.size()));
    write_blob(body_, header.value);
  }
  body_.raw(raw_headers);
  records_.pending().varint(static_cast<int32_t>(body_.buffer().size()));
  records_.pending().raw(body_.buffer());
  if (status_.ok()) status_ = records_.flush_if_large();
  ++count_;
}

Result<std::span<uint8_t>> BatchBuilder::finish() {
  OTTLA_CHECK(count_ > 0);
  if (status_.ok()) status_ = records_.finish();
  if (!status_.ok()) return status_;
  if (options_.log_append_time) max_timestamp_ = *options_.log_append_time;
  int16_t attributes = static_cast<int16_t>(options_.compression);
  if (options_.log_append_time) attributes |= kLogAppendTimeFlag;
  if (options_.transactional) attributes |= kTransactionalFlag;
  if (options_.control) attributes |= kControlFlag;
  Writer& header = body_;
  header.clear();
  header.int64(options_.base_offset);
  header.int32(static_cast<int32_t>(batch_.size() - kLogOverhead));
  header.int32(options_.partition_leader_epoch);
  header.int8(kMagicV2);
  header.int32(0);  // the CRC, below
  header.int16(attributes);
  header.int32(count_ - 1);
  header.int64(base_timestamp_);
  header.int64(max_timestamp_);
  header.int64(options_.producer_id);
  header.int16(options_.producer_epoch);
  header.int32(options_.base_sequence);
  header.int32(count_);
  std::copy(header.buffer().begin(), header.buffer().end(), batch_.begin());
  RecordBatchEditor(batch_).update_crc();
  return std::span<uint8_t>(batch_);
}

}  // namespace ottla::records
