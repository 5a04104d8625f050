// SPDX-License-Identifier: Apache-2.0
#include "storage/dump/file_batches.h"

#include <fmt/format.h>

#include <array>

#include "protocol/records/legacy_records.h"

namespace ottla::storage {

using records::kBatchHeaderSize;
using records::kLogOverhead;
using records::kMagicPosition;
using records::kMagicV2;
using records::kSmallestLegacyLength;

Result<std::optional<DumpedBatch>> FileBatches::next() {
  constexpr size_t kUpToMagic = kMagicPosition + 1;
  if (position_ + kUpToMagic >= end_) return std::optional<DumpedBatch>();
  std::array<uint8_t, kUpToMagic> front;
  Status status = file_->read_exactly_at(front, position_);
  if (!status.ok()) return status;
  Reader reader(front);
  reader.skip(8);
  const int32_t length = reader.int32();
  if (length < kSmallestLegacyLength) {
    return Status(ErrorCode::CORRUPT_MESSAGE,
                  fmt::format("Found record size {} smaller than minimum record overhead ({}) in file {}.",
                              length, kSmallestLegacyLength, file_->path()));
  }
  const uint64_t size = kLogOverhead + static_cast<uint64_t>(length);
  if (position_ + size > end_) return std::optional<DumpedBatch>();
  buffer_.resize(size);
  status = file_->read_exactly_at(buffer_, position_);
  if (!status.ok()) return status;
  auto batch = take_apart();
  if (!batch.ok()) return batch.status();
  position_ += size;
  return std::optional(*batch);
}

Result<DumpedBatch> FileBatches::take_apart() const {
  DumpedBatch batch;
  batch.position = position_;
  batch.bytes = buffer_;
  batch.magic = static_cast<int8_t>(buffer_[kMagicPosition]);
  std::optional<records::Compression> codec;
  if (batch.is_v2()) {
    if (buffer_.size() < kBatchHeaderSize) {
      return Status(
          ErrorCode::CORRUPT_MESSAGE,
          fmt::format("the batch at position {} of {} is shorter than its header", position_, file_->path()));
    }
    const records::RecordBatchView view(batch.bytes);
    batch.base_offset = view.base_offset();
    batch.last_offset = view.last_offset();
    batch.timestamp_type = view.is_log_append_time() ? "LogAppendTime" : "CreateTime";
    batch.max_timestamp = view.max_timestamp();
    batch.crc = view.crc();
    batch.valid = view.crc_is_valid();
    batch.control = view.is_control();
    codec = view.compression();
  } else {
    // What stands in front of every message; whether the rest fits it is seen when its records are read.
    const size_t checked_from = kLogOverhead + sizeof(uint32_t);
    Reader reader(batch.bytes);
    records::LegacyMessage message;
    message.offset = reader.int64();
    reader.skip(sizeof(int32_t));
    message.crc = reader.uint32();
    message.magic = reader.int8();
    message.attributes = reader.int8();
    if (batch.magic == records::kMagicV1) message.timestamp = reader.int64();
    message.checked = batch.bytes.subspan(checked_from);
    batch.base_offset = batch.last_offset = message.offset;
    batch.timestamp_type = batch.magic == records::kMagicV0 ? "NoTimestampType"
                           : message.is_log_append_time()   ? "LogAppendTime"
                                                            : "CreateTime";
    batch.max_timestamp = message.timestamp;
    batch.crc = message.crc;
    batch.valid = message.crc_is_valid();
    codec = message.compression();
  }
  if (!codec) {
    return Status(ErrorCode::CORRUPT_MESSAGE,
                  fmt::format("the batch at position {} of {} has an unknown compression type", position_,
                              file_->path()));
  }
  batch.compression = *codec;
  return batch;
}

Status for_each_record(const DumpedBatch& batch,
                       const std::function<Status(const records::RecordView&)>& visit) {
  // No CRC covers the magic of a batch; what is newer than all formats is looked at as the newest.
  std::vector<uint8_t> patched;
  Bytes bytes = batch.bytes;
  if (batch.magic > kMagicV2) {
    patched.assign(bytes.begin(), bytes.end());
    patched[kMagicPosition] = kMagicV2;
    bytes = patched;
  }
  records::RecordReader reader;
  Status status = reader.open(bytes);
  if (!status.ok()) return status;
  while (const auto record = reader.next()) {
    status = visit(*record);
    if (!status.ok()) return status;
  }
  return reader.status();
}

}  // namespace ottla::storage
