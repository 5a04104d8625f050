// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/snapshot.h"

#include <fmt/format.h>

#include <algorithm>

#include "coordination/server/adler32.h"
#include "coordination/server/txn_log.h"
#include "protocol/base/log.h"

namespace ottla::coordination {

std::vector<uint8_t> encode_snapshot(const DataTree& tree) {
  Writer writer;
  jute::FileHeader{jute::kSnapshotMagic, 2, -1}.encode(writer);
  tree.encode(writer);
  writer.int64(adler32(writer.buffer()));
  writer.jute_string("/");
  const Bytes bytes = writer.buffer();
  return {bytes.begin(), bytes.end()};
}

Status decode_snapshot(Bytes bytes, const std::string& path, DataTree& tree) {
  const auto bad = [&](const char* what) {
    return Status(ErrorCode::KAFKA_STORAGE_ERROR, fmt::format("{}: {}", path, what));
  };
  Reader reader(bytes);
  if (jute::FileHeader::decode(reader).magic != jute::kSnapshotMagic)
    return bad("is no snapshot: it does not begin with ZKSN");
  if (!tree.decode(reader)) return bad(reader.ok() ? "holds a node without a parent" : "is cut short");
  const uint32_t expected = adler32(bytes.first(reader.position()));
  const int64_t checksum = reader.int64();
  const std::string end = jute::read_string(reader);
  if (!reader.ok() || end != "/") return bad("is cut short");
  if (checksum != static_cast<int64_t>(expected)) return bad("its checksum is wrong");
  return {};
}

Result<std::vector<int64_t>> list_zxids(storage::FileSystem& files, const std::string& directory,
                                        const std::string& prefix) {
  auto entries = files.list(directory);
  if (!entries.ok()) return entries.status();
  std::vector<int64_t> zxids;
  for (const auto& entry : *entries) {
    if (const auto zxid = zxid_of_name(entry.name, prefix)) zxids.push_back(*zxid);
  }
  std::sort(zxids.begin(), zxids.end());
  return zxids;
}

Status purge_old_files(storage::FileSystem& files, const std::string& snapshots, const std::string& logs,
                       int retain) {
  const auto snapshot_zxids = list_zxids(files, snapshots, "snapshot");
  if (!snapshot_zxids.ok()) return snapshot_zxids.status();
  const auto log_zxids = list_zxids(files, logs, "log");
  if (!log_zxids.ok()) return log_zxids.status();
  if (snapshot_zxids->size() <= static_cast<size_t>(retain)) return {};
  const int64_t oldest_kept = (*snapshot_zxids)[snapshot_zxids->size() - static_cast<size_t>(retain)];
  // The log that begins at or before the oldest kept snapshot holds what follows it.
  const auto after = std::upper_bound(log_zxids->begin(), log_zxids->end(), oldest_kept);
  const int64_t first_log_kept = after == log_zxids->begin() ? INT64_MIN : *std::prev(after);
  for (const int64_t zxid : *log_zxids) {
    if (zxid >= first_log_kept) break;
    const Status removed = files.remove_file(logs + "/" + name_of_zxid("log", zxid));
    if (!removed.ok()) return removed;
  }
  for (const int64_t zxid : *snapshot_zxids) {
    if (zxid >= oldest_kept) break;
    const Status removed = files.remove_file(snapshots + "/" + name_of_zxid("snapshot", zxid));
    if (!removed.ok()) return removed;
  }
  log_info("coordination.store", "Purged what is older than {}/{}", snapshots,
           name_of_zxid("snapshot", oldest_kept));
  return {};
}

}  // namespace ottla::coordination
