// SPDX-License-Identifier: Apache-2.0
#include "storage/log/batch_reader.h"

#include <algorithm>

#include "protocol/records/legacy_records.h"
#include "protocol/records/record_batch.h"

namespace ottla::storage {

bool checksum_is_good(const BatchHeader& header, Bytes batch) {
  if (header.magic == records::kMagicV2) return records::RecordBatchView(batch).crc_is_valid();
  const auto message = records::parse_legacy_message(batch);
  return message.ok() && message->crc_is_valid();
}

void BatchReader::open(std::shared_ptr<File> file, uint64_t position, uint64_t end) {
  file_ = std::move(file);
  position_ = position;
  end_ = end;
  piece_.clear();
  piece_begin_ = 0;
}

Status BatchReader::corrupt(const char* what) const {
  return {ErrorCode::CORRUPT_MESSAGE, file_->path() + ": " + what + " at byte " + std::to_string(position_)};
}

Result<Bytes> BatchReader::bytes_at(uint64_t position, size_t count) {
  if (position < piece_begin_ || position + count > piece_begin_ + piece_.size()) {
    piece_.resize(std::min<uint64_t>(std::max(count, piece_bytes_), end_ - position));
    piece_begin_ = position;
    const Status read = file_->read_exactly_at(piece_, position);
    if (!read.ok()) {
      piece_.clear();
      return read;
    }
  }
  return Bytes(piece_).subspan(position - piece_begin_, count);
}

Result<BatchReader::Batch> BatchReader::next() {
  const uint64_t left = end_ - position_;
  const auto front = bytes_at(position_, std::min<uint64_t>(kV2HeaderBytes, left));
  if (!front.ok()) return front.status();
  const auto header = decode_batch_header(*front, left);
  if (!header) return corrupt("no batch begins");
  const auto bytes = bytes_at(position_, header->size);
  if (!bytes.ok()) return bytes.status();
  if (!checksum_is_good(*header, *bytes)) return corrupt("the CRC is wrong of the batch");
  position_ += header->size;
  return Batch{*header, *bytes};
}

}  // namespace ottla::storage
