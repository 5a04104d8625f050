// SPDX-License-Identifier: Apache-2.0
#include "broker/takeover/kraft_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "protocol/base/log.h"
#include "protocol/records/record_reader.h"
#include "storage/log/batch_reader.h"
#include "storage/log/file_names.h"

namespace ottla::takeover {
namespace {

constexpr size_t kPieceBytes = 1 << 20;
constexpr std::string_view kSnapshotSuffix = ".checkpoint";

struct Snapshot {
  int64_t end_offset = 0;
  int32_t epoch = 0;
  std::string name;
};

std::optional<Snapshot> parse_snapshot_name(const std::string& name) {
  if (!name.ends_with(kSnapshotSuffix)) return std::nullopt;
  Snapshot snapshot;
  snapshot.name = name;
  const char* end = name.data() + name.size() - kSnapshotSuffix.size();
  const auto offset = std::from_chars(name.data(), end, snapshot.end_offset);
  if (offset.ec != std::errc() || offset.ptr == end || *offset.ptr != '-') return std::nullopt;
  const auto epoch = std::from_chars(offset.ptr + 1, end, snapshot.epoch);
  if (epoch.ec != std::errc() || epoch.ptr != end) return std::nullopt;
  return snapshot;
}

Status replay_batch(Bytes batch, KraftImage& image) {
  records::RecordReader reader;
  Status status = reader.open(batch);
  while (status.ok()) {
    const auto record = reader.next();
    if (!record) return reader.status();
    if (record->value) status = image.replay(*record->value);
  }
  return status;
}

// Replays what lies at or behind `from`. `torn_end`: a batch that is not whole or not good ends the file.
Status replay_file(storage::FileSystem& files, const std::string& path, int64_t from, bool torn_end,
                   KraftImage& image) {
  const auto file = files.open_for_reading(path);
  if (!file.ok()) return file.status();
  const auto size = (*file)->size();
  if (!size.ok()) return size.status();
  storage::BatchReader reader(kPieceBytes);
  reader.open(*file, 0, *size);
  while (!reader.at_end()) {
    const auto batch = reader.next();
    if (!batch.ok() && torn_end && batch.status().code() == ErrorCode::CORRUPT_MESSAGE) {
      log_warn("broker.takeover", "{}: the log ends there, as it does for Kafka", batch.status().message());
      return {};
    }
    if (!batch.ok()) return batch.status();
    if (batch->header.control || batch->header.last_offset < from) continue;
    const Status replayed = replay_batch(batch->bytes, image);
    if (!replayed.ok())
      return {replayed.code(),
              fmt::format("{}, offset {}: {}", path, batch->header.base_offset, replayed.message())};
  }
  return {};
}

}  // namespace

Result<KraftImage> read_kraft_metadata(storage::FileSystem& files, const std::string& directory) {
  const auto entries = files.list(directory);
  if (!entries.ok()) return entries.status();
  std::optional<Snapshot> newest;
  std::vector<int64_t> segments;
  for (const storage::DirectoryEntry& entry : *entries) {
    auto snapshot = parse_snapshot_name(entry.name);
    if (snapshot && (!newest || snapshot->end_offset > newest->end_offset)) newest = std::move(snapshot);
    if (const auto base = storage::offset_of_file_name(entry.name, storage::kLogSuffix))
      segments.push_back(*base);
  }
  std::sort(segments.begin(), segments.end());
  const int64_t from = newest ? newest->end_offset : 0;
  if (segments.empty() || (segments.front() > from))
    return Status(
        ErrorCode::KAFKA_STORAGE_ERROR,
        fmt::format("{} holds no metadata log that begins at or before offset {}", directory, from));
  KraftImage image;
  Status status;
  if (newest) status = replay_file(files, directory + "/" + newest->name, -1, false, image);
  for (size_t i = 0; i < segments.size() && status.ok(); ++i) {
    if (i + 1 < segments.size() && segments[i + 1] <= from) continue;
    status = replay_file(files, directory + "/" + storage::offset_file_name(segments[i], storage::kLogSuffix),
                         from, i + 1 == segments.size(), image);
  }
  if (!status.ok()) return status;
  return image;
}

}  // namespace ottla::takeover
