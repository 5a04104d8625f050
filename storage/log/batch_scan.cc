// SPDX-License-Identifier: Apache-2.0
#include "storage/log/batch_scan.h"

#include <algorithm>
#include <array>

#include "protocol/records/record_batch.h"

namespace ottla::storage {
namespace {

// One read brings the headers of several small batches.
constexpr size_t kReadAhead = 4096;
constexpr uint32_t kSmallestOldMessage = 14;

std::optional<BatchHeader> decode_old(Reader& reader, BatchHeader header) {
  // crc, magic, attributes, and in format 1 the timestamp
  if (header.size < kBatchOverhead + kSmallestOldMessage) return std::nullopt;
  header.last_offset = header.base_offset;
  header.record_count = 1;
  reader.skip(4 + 1 + 1);
  if (header.magic == 1) header.max_timestamp = header.base_timestamp = reader.int64();
  return reader.ok() ? std::optional(header) : std::nullopt;
}

}  // namespace

std::optional<BatchHeader> decode_batch_header(Bytes bytes, uint64_t available) {
  if (bytes.size() <= kMagicOffset) return std::nullopt;
  Reader reader(bytes);
  BatchHeader header;
  header.base_offset = reader.int64();
  const int32_t length = reader.int32();
  if (length < 0 || header.base_offset < 0 ||
      uint64_t{kBatchOverhead} + static_cast<uint32_t>(length) > available) {
    return std::nullopt;
  }
  header.size = kBatchOverhead + static_cast<uint32_t>(length);
  header.magic = static_cast<int8_t>(bytes[kMagicOffset]);
  if (header.magic == 0 || header.magic == 1) return decode_old(reader, header);
  if (header.magic != 2 || header.size < kV2HeaderBytes || bytes.size() < kV2HeaderBytes) return std::nullopt;
  const records::RecordBatchView batch(bytes);
  const int32_t last_delta = batch.last_offset_delta();
  header.leader_epoch = batch.partition_leader_epoch();
  header.transactional = batch.is_transactional();
  header.control = batch.is_control();
  header.last_offset = header.base_offset + last_delta;
  header.base_timestamp = batch.base_timestamp();
  header.max_timestamp = batch.max_timestamp();
  header.producer_id = batch.producer_id();
  header.producer_epoch = batch.producer_epoch();
  header.base_sequence = batch.base_sequence();
  header.record_count = batch.record_count();
  if (last_delta < 0 || header.record_count < 0 || header.last_offset < header.base_offset)
    return std::nullopt;
  return header;
}

Result<uint64_t> scan_batches(const File& file, uint64_t position, uint64_t end,
                              const std::function<bool(const BatchPosition&)>& visit) {
  std::array<uint8_t, kReadAhead> buffer;
  uint64_t buffer_begin = 0;
  size_t buffer_size = 0;
  while (position + kMagicOffset < end) {
    const uint64_t wanted = std::min<uint64_t>(kV2HeaderBytes, end - position);
    if (position < buffer_begin || position + wanted > buffer_begin + buffer_size) {
      const size_t count = std::min<uint64_t>(kReadAhead, end - position);
      const Status read = file.read_exactly_at(std::span(buffer).first(count), position);
      if (!read.ok()) return read;
      buffer_begin = position;
      buffer_size = count;
    }
    const Bytes bytes = Bytes(buffer).subspan(position - buffer_begin, wanted);
    const auto header = decode_batch_header(bytes, end - position);
    if (!header || !visit({*header, position})) break;
    position += header->size;
  }
  return position;
}

}  // namespace ottla::storage
