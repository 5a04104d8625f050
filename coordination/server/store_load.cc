// SPDX-License-Identifier: Apache-2.0
// Store::open: from a directory to a tree.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "coordination/files.h"
#include "coordination/server/snapshot.h"
#include "coordination/server/store.h"
#include "coordination/server/txn_log.h"
#include "protocol/base/log.h"

namespace ottla::coordination {
namespace {

constexpr const char* kLog = "coordination.store";

Status broken(const std::string& what) { return {ErrorCode::KAFKA_STORAGE_ERROR, what}; }

bool same_epoch(int64_t a, int64_t b) { return a >> 32 == b >> 32; }

}  // namespace

Result<std::unique_ptr<Store>> Store::open(EventLoop& loop, storage::FileSystem& files,
                                           const ServerConfig& config, DataTree& tree) {
  std::unique_ptr<Store> store(new Store(loop, files, config));
  for (const std::string& directory : {store->paths_.snapshots, store->paths_.logs}) {
    if (!files.exists(directory)) {
      if (!config.create_directories)
        return broken(fmt::format("{}: is not there, and datadir.autocreate=false", directory));
      const auto parent = storage::parent_directory(directory);
      if (!files.exists(parent)) store->fresh_parents_.push_back(storage::parent_directory(parent));
      store->fresh_parents_.push_back(parent);
    }
    const Status made = files.make_directories(directory);
    if (!made.ok()) return made;
  }
  const std::string lock_path = store->paths_.logs + "/.lock";
  auto lock = files.lock(lock_path);
  if (!lock.ok()) {
    if (lock.status().error_number() != EWOULDBLOCK) return lock.status();
    return broken(fmt::format("{}: another coordination server uses this directory", lock_path));
  }
  store->lock_ = std::move(*lock);
  const Status loaded = store->load(tree);
  if (!loaded.ok()) return loaded;
  if (store->purge_interval_ms_ > 0) store->purge();
  return store;
}

Status Store::load(DataTree& tree) {
  const int64_t started_ms = loop_.monotonic_ms();
  bool have_snapshot = false;
  Status status = load_snapshot(tree, &have_snapshot);
  if (!status.ok()) return status;
  const int64_t loaded_ms = loop_.monotonic_ms();
  counters_.snapshot_load_ms.add(loaded_ms - started_ms);
  status = replay_logs(tree, have_snapshot);
  if (!status.ok()) return status;
  counters_.txns_load_ms.add(loop_.monotonic_ms() - loaded_ms);
  counters_.txns_loaded.add(txns_since_snapshot_);
  if (!have_snapshot && tree.last_zxid() == 0) tree.set_last_zxid(initial_zxid_);
  synced_zxid_ = appended_zxid_ = tree.last_zxid();
  counters_.load_ms.add(loop_.monotonic_ms() - started_ms);
  if (!have_snapshot) return write_first_snapshot(tree);
  return {};
}

Status Store::load_snapshot(DataTree& tree, bool* found) {
  const auto snapshots = list_snapshots(files_, paths_.snapshots);
  if (!snapshots.ok()) return snapshots.status();
  *found = false;
  std::string newest_problem;
  for (auto snapshot = snapshots->rbegin(); snapshot != snapshots->rend(); ++snapshot) {
    const std::string path = paths_.snapshots + "/" + snapshot->name;
    const auto bytes = read_file(files_, path);
    if (!bytes.ok()) return bytes.status();
    DataTree candidate(tree.types());
    const Status decoded = decode_snapshot(*bytes, path, candidate);
    if (decoded.ok()) {
      tree = std::move(candidate);
      tree.set_last_zxid(snapshot->zxid);
      const auto modified_ms = files_.modified_ms(path);
      note_snapshot(snapshot->zxid, modified_ms.ok() ? *modified_ms : loop_.wall_ms());
      *found = true;
      return {};
    }
    // A crash while it was written leaves such a file; the one before it and the logs are enough.
    log_warn(kLog, "Skipping a snapshot: {}", decoded.message());
    if (newest_problem.empty()) newest_problem = decoded.message();
  }
  if (snapshots->empty()) return {};
  // With nothing but an unusable first snapshot of an empty tree, the logs from their beginning are
  // everything.
  if (snapshots->size() == 1 && snapshots->front().zxid == 0) return {};
  return broken(fmt::format("{}: no snapshot can be read ({}). Restore one from a backup", paths_.snapshots,
                            newest_problem));
}

Status Store::replay_logs(DataTree& tree, bool have_snapshot) {
  const auto zxids = list_zxids(files_, paths_.logs, "log");
  if (!zxids.ok()) return zxids.status();
  // From the last file that begins at or before what the snapshot lacks.
  const auto after = std::upper_bound(zxids->begin(), zxids->end(), tree.last_zxid() + 1);
  auto file = after == zxids->begin() ? after : std::prev(after);
  if (!have_snapshot && file != zxids->end() && *file > 1 && !trust_empty_snapshot_) {
    return broken(fmt::format(
        "{}: logs begin at {} but there is no snapshot in {}. Check dataDir and dataLogDir, or set "
        "snapshot.trust.empty=true to begin with what the logs hold",
        paths_.logs, name_of_zxid("log", *file), paths_.snapshots));
  }
  for (; file != zxids->end(); ++file) {
    if (*file > tree.last_zxid() + 1 && same_epoch(*file, tree.last_zxid()) && tree.last_zxid() > 0) {
      return broken(
          fmt::format("{}/{}: the transactions from zxid 0x{:x} up to it are in no file. Restore the log "
                      "they were in from a backup",
                      paths_.logs, name_of_zxid("log", *file), tree.last_zxid() + 1));
    }
    const Status status = replay_log(name_of_zxid("log", *file), std::next(file) == zxids->end(), tree);
    if (!status.ok()) return status;
  }
  return {};
}

Status Store::replay_log(const std::string& name, bool last, DataTree& tree) {
  const std::string path = paths_.logs + "/" + name;
  auto file = files_.open(path, false);
  if (!file.ok()) return file.status();
  const auto size = (*file)->size();
  if (!size.ok()) return size.status();
  LogReader reader(*file, *size);
  jute::Txn txn;
  LogReader::Next next;
  int64_t count = 0;
  while ((next = reader.next(&txn)) == LogReader::Next::kTxn) {
    ++count;
    if (txn.header.zxid <= tree.last_zxid()) continue;
    static_cast<void>(tree.apply(txn));
    ++txns_since_snapshot_;
  }
  if (next == LogReader::Next::kFailed) return reader.status();
  bytes_since_snapshot_ += static_cast<int64_t>(reader.valid_end());
  if (next != LogReader::Next::kTorn || !last) return {};
  // ZooKeeper itself refuses a log with a broken record at its end; nothing that was acknowledged is in it.
  log_warn(kLog, "{}: the last write was cut short; {} bytes after the last whole transaction are dropped",
           path, *size - reader.valid_end());
  if (count == 0) return files_.remove_file(path);
  Status cut = (*file)->truncate(reader.valid_end());
  if (cut.ok() && force_sync_) cut = (*file)->sync();
  return cut;
}

// ZooKeeper takes logs without any snapshot for a sign of damage, so a fresh directory gets one at once. It
// is synced a moment after the first commit: until then the log is enough for us.
Status Store::write_first_snapshot(const DataTree& tree) {
  const std::string path = paths_.snapshots + "/" + name_of_zxid("snapshot", tree.last_zxid());
  auto file = files_.open(path, true);
  if (!file.ok()) return file.status();
  Status status = (*file)->truncate(0);
  if (status.ok()) status = (*file)->write_at(encode_snapshot(tree), 0);
  if (!status.ok()) return status;
  first_snapshot_ = std::move(*file);
  note_snapshot(tree.last_zxid(), loop_.wall_ms());
  return {};
}

}  // namespace ottla::coordination
