// SPDX-License-Identifier: Apache-2.0
#include "storage/log/producer_snapshot.h"

#include <fmt/format.h>

#include <limits>

#include "protocol/records/crc32c.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla::storage {
namespace {

constexpr size_t kHeaderBytes = 6;  // version and CRC, which the CRC does not cover
constexpr size_t kEntryBytes = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8;

ProducerSnapshotEntry read_entry(Reader& reader) {
  ProducerSnapshotEntry entry;
  entry.producer_id = reader.int64();
  entry.epoch = reader.int16();
  entry.last_sequence = reader.int32();
  entry.last_offset = reader.int64();
  entry.offset_delta = reader.int32();
  entry.timestamp = reader.int64();
  entry.coordinator_epoch = reader.int32();
  entry.transaction_first_offset = reader.int64();
  return entry;
}

}  // namespace

int32_t ProducerSnapshotEntry::first_sequence() const {
  const int64_t modulus = int64_t{std::numeric_limits<int32_t>::max()} + 1;
  return static_cast<int32_t>((int64_t{last_sequence} - offset_delta + modulus) % modulus);
}

Result<std::vector<ProducerSnapshotEntry>> read_producer_snapshot(FileSystem& files,
                                                                  const std::string& path) {
  const auto text = files.read_text(path, uint64_t{1} << 30);
  if (!text.ok()) return text.status();
  const Bytes bytes(reinterpret_cast<const uint8_t*>(text->data()), text->size());
  Reader reader(bytes);
  const int16_t version = reader.int16();
  if (reader.ok() && version != kProducerSnapshotVersion) {
    return Status(ErrorCode::CORRUPT_MESSAGE,
                  fmt::format("Snapshot contained an unknown file version {}", version));
  }
  const uint32_t crc = reader.uint32();
  const int32_t count = reader.array_length(kEntryBytes);
  std::vector<ProducerSnapshotEntry> entries;
  for (int32_t i = 0; i < count && reader.ok(); ++i) entries.push_back(read_entry(reader));
  if (!reader.ok())
    return Status(ErrorCode::CORRUPT_MESSAGE,
                  fmt::format("Snapshot failed schema validation: {}", reader.error()));
  const uint32_t computed = crc32c(bytes.subspan(kHeaderBytes));
  if (crc == computed) return entries;
  return Status(ErrorCode::CORRUPT_MESSAGE,
                fmt::format("Snapshot is corrupt (CRC is no longer valid). Stored crc: {}. Computed crc: {}",
                            crc, computed));
}

Status write_producer_snapshot(FileSystem& files, const std::string& path,
                               const std::vector<ProducerSnapshotEntry>& entries, bool sync) {
  Writer writer;
  writer.int16(kProducerSnapshotVersion);
  writer.int32(0);
  writer.int32(static_cast<int32_t>(entries.size()));
  for (const ProducerSnapshotEntry& entry : entries) {
    writer.int64(entry.producer_id);
    writer.int16(entry.epoch);
    writer.int32(entry.last_sequence);
    writer.int64(entry.last_offset);
    writer.int32(entry.offset_delta);
    writer.int64(entry.timestamp);
    writer.int32(entry.coordinator_epoch);
    writer.int64(entry.transaction_first_offset);
  }
  writer.patch_int32(2, static_cast<int32_t>(crc32c(writer.buffer().subspan(kHeaderBytes))));
  const auto file = files.open_empty(path);
  if (!file.ok()) return file.status();
  Status status = (*file)->write_at(writer.buffer(), 0);
  if (status.ok() && sync) status = (*file)->sync();
  return status;
}

}  // namespace ottla::storage
