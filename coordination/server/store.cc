// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/store.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "coordination/server/snapshot.h"
#include "coordination/server/txn_log.h"
#include "protocol/base/log.h"

namespace ottla::coordination {
namespace {

constexpr const char* kLog = "coordination.store";

// How long a log is before zeros are written ahead.
constexpr uint64_t kFillFrom = 16 << 10;

// Of any thread.
int64_t monotonic_ms() {
  using std::chrono::steady_clock;
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// One round of the group commit, owned by the loop and its jobs in turn.
struct Store::Commit {
  storage::FileSystem& files;
  std::vector<uint8_t> bytes;
  int64_t last_zxid;
  bool sync;
  std::shared_ptr<storage::File> file;  // null: begin `new_path`
  uint64_t position;
  std::string new_path;
  int64_t preallocate;
  uint64_t reserved;
  uint64_t filled;
  int64_t txns;
  int64_t sync_ms = 0;
  int syncs_left = 0;  // of a new file: its own and those of the directories it is named in
  Status status;

  void write_and_sync() {
    write();
    if (status.ok() && sync) status = timed_sync();
  }

  Status timed_sync() {
    const int64_t start_ms = monotonic_ms();
    Status synced = file->sync();
    sync_ms = monotonic_ms() - start_ms;
    return synced;
  }

  void begin_file() {
    auto opened = files.open(new_path, true);
    if (!opened.ok()) {
      status = opened.status();
      return;
    }
    file = std::move(*opened);
    // One of this name that is there already holds no transaction, or it would have been replayed.
    status = file->truncate(0);
    std::vector<uint8_t> with_header;
    append_log_header(with_header);
    with_header.insert(with_header.end(), bytes.begin(), bytes.end());
    bytes = std::move(with_header);
    if (status.ok()) write();
  }

  void write() {
    if (preallocate > 0 && position + bytes.size() > reserved) {
      reserved = position + bytes.size() + static_cast<uint64_t>(preallocate);
      // Where there is no room for that there may still be for the bytes.
      static_cast<void>(file->reserve(reserved));
    }
    const size_t count = bytes.size();
    const uint64_t end = position + count;
    if (sync && end > filled && end >= kFillFrom) {
      // Twice as long, up to a stretch: a small log stays small.
      bytes.resize(count + std::min(end, kLogFill));
    }
    status = file->write_at(bytes, position);
    if (status.ok()) {
      filled = std::max(filled, position + bytes.size());
    } else if (bytes.size() > count) {
      status = file->write_at(Bytes(bytes).first(count), position);
    }
    position = end;
  }
};

// Made, then written under another name, then, when the log has reached `zxid`, named.
struct Store::Snapshot {
  storage::FileSystem& files;
  std::vector<uint8_t> bytes;
  int64_t zxid;
  std::string path;
  std::string directory;
  bool compress;
  int64_t took_ms;
  bool written = false;
  bool naming = false;
  Status status;

  void write() {
    const int64_t start_ms = monotonic_ms();
    if (compress) bytes = compress_gzip(bytes);
    auto file = files.open(path + ".tmp", true);
    if (!file.ok()) {
      status = file.status();
      return;
    }
    status = (*file)->truncate(0);
    if (status.ok()) status = (*file)->write_at(bytes, 0);
    if (status.ok()) status = (*file)->sync();
    took_ms = monotonic_ms() - start_ms;
  }

  void name() {
    status = files.rename(path + ".tmp", path);
    if (status.ok()) status = files.sync_directory(directory);
  }
};

Store::Store(EventLoop& loop, storage::FileSystem& files, const ServerConfig& config)
    : loop_(loop),
      files_(files),
      force_sync_(config.force_sync),
      snap_count_(config.snap_count),
      snap_size_limit_(config.snap_size_limit_bytes),
      snap_retain_count_(config.snap_retain_count),
      purge_interval_ms_(int64_t{config.purge_interval_hours} * 3'600'000),
      preallocate_bytes_(config.preallocate_bytes),
      log_size_limit_(config.log_size_limit_bytes),
      sync_warning_ms_(config.sync_warning_ms),
      compress_snapshots_(config.compress_snapshots),
      trust_empty_snapshot_(config.trust_empty_snapshot),
      initial_zxid_(config.initial_zxid),
      paths_{config.data_dir + "/version-2", config.log_dir() + "/version-2"},
      first_snapshot_timer_(loop.make_timer([this] { sync_first_snapshot(); })),
      pace_timer_(loop.make_timer([this] {
        pace_.given_up();
        flush();
      })) {}

Store::~Store() { *alive_ = false; }

void Store::sync_first_snapshot() {
  loop_.run_in_background(
      [file = std::exchange(first_snapshot_, nullptr)] { static_cast<void>(file->sync()); }, [] {});
}

void Store::set_handlers(std::function<void()> on_synced, std::function<void(Status)> on_failure) {
  on_synced_ = std::move(on_synced);
  on_failure_ = std::move(on_failure);
}

void Store::append(const jute::Txn& txn) {
  OTTLA_CHECK(txn.header.zxid == appended_zxid_ + 1);
  if (buffer_.empty()) buffer_first_zxid_ = txn.header.zxid;
  append_log_record(buffer_, txn);
  appended_zxid_ = txn.header.zxid;
  ++txns_since_snapshot_;
  ++buffer_txns_;
}

void Store::flush() {
  if (committing_ || failed_ || buffer_.empty() || !pace_.enough(buffer_txns_)) return;
  pace_timer_->stop();
  committing_ = true;
  if (std::exchange(roll_, false)) close_file();
  auto commit = std::make_shared<Commit>(Commit{files_,
                                                std::exchange(buffer_, {}),
                                                appended_zxid_,
                                                force_sync_,
                                                file_,
                                                file_end_,
                                                "",
                                                preallocate_bytes_,
                                                file_reserved_,
                                                file_filled_,
                                                std::exchange(buffer_txns_, 0),
                                                0,
                                                0,
                                                {}});
  bytes_since_snapshot_ += static_cast<int64_t>(commit->bytes.size());
  if (file_ != nullptr) {
    loop_.run_in_background([commit] { commit->write_and_sync(); },
                            [this, alive = alive_, commit] {
                              if (*alive) committed(*commit);
                            });
    return;
  }
  commit->position = 0;
  commit->reserved = 0;
  commit->filled = 0;
  commit->new_path = paths_.logs + "/" + name_of_zxid("log", buffer_first_zxid_);
  loop_.run_in_background([commit] { commit->begin_file(); },
                          [this, alive = alive_, commit] {
                            if (*alive) sync_new_file(commit);
                          });
}

// The file and the directories that name it, all at once: a journaling file system makes one commit of them.
void Store::sync_new_file(const std::shared_ptr<Commit>& commit) {
  if (!commit->status.ok() || !commit->sync) return committed(*commit);
  std::vector<std::string> directories = std::exchange(fresh_parents_, {});
  directories.push_back(paths_.logs);
  commit->syncs_left = 1 + static_cast<int>(directories.size());
  const auto run = [&](std::function<Status()> sync) {
    auto status = std::make_shared<Status>();
    loop_.run_in_background([status, sync = std::move(sync)] { *status = sync(); },
                            [this, alive = alive_, commit, status] {
                              if (!*alive) return;
                              if (commit->status.ok()) commit->status = *status;
                              if (--commit->syncs_left == 0) committed(*commit);
                            });
  };
  // The status belongs to the loop while the others are synced.
  run([commit] { return commit->timed_sync(); });
  for (const auto& directory : directories) {
    run([&files = files_, directory] { return files.sync_directory(directory); });
  }
}

// What was reserved or filled behind its end is given back.
void Store::close_file() {
  if (file_ == nullptr || std::max(file_reserved_, file_filled_) <= file_end_) return file_.reset();
  loop_.run_in_background(
      [file = std::exchange(file_, nullptr), end = file_end_] { static_cast<void>(file->truncate(end)); },
      [] {});
}

void Store::committed(Commit& commit) {
  committing_ = false;
  if (commit.sync) ++sync_count_;
  if (!commit.status.ok()) {
    failed_ = true;
    // The handler may bring down what holds it.
    const auto on_failure = on_failure_;
    if (on_failure) on_failure(commit.status);
    return;
  }
  if (commit.sync) counters_.sync_ms.add(commit.sync_ms);
  counters_.batch_txns.add(commit.txns);
  if (commit.sync_ms > sync_warning_ms_) {
    ++counters_.slow_syncs;
    log_warn(
        kLog,
        "fsync-ing the write ahead log took {} ms: every write waits for it (fsync.warningthresholdms={})",
        commit.sync_ms, sync_warning_ms_);
  }
  file_ = commit.file;
  file_end_ = commit.position;
  file_reserved_ = commit.reserved;
  file_filled_ = commit.filled;
  if (static_cast<int64_t>(file_end_) >= log_size_limit_) roll_ = true;
  synced_zxid_ = commit.last_zxid;
  if (commit.sync && pace_.hold(commit.txns, buffer_txns_)) {
    pace_timer_->start(CommitPace::kLongestMs);
  } else {
    flush();
  }
  if (first_snapshot_ != nullptr && force_sync_) {
    loop_.run_in_background(
        [file = std::exchange(first_snapshot_, nullptr)] { static_cast<void>(file->sync()); }, [] {});
  }
  name_snapshot();
  if (on_synced_) on_synced_();
}

void Store::maybe_snapshot(const DataTree& tree) {
  if (snapshot_ != nullptr || failed_) return;
  if (txns_since_snapshot_ < snap_count_ && bytes_since_snapshot_ < snap_size_limit_) return;
  OTTLA_CHECK(tree.last_zxid() == appended_zxid_);
  txns_since_snapshot_ = 0;
  bytes_since_snapshot_ = 0;
  roll_ = true;
  const std::string path = paths_.snapshots + "/" + name_of_zxid("snapshot", tree.last_zxid()) +
                           (compress_snapshots_ ? ".gz" : "");
  snapshot_ = std::make_shared<Snapshot>(Snapshot{files_,
                                                  encode_snapshot(tree),
                                                  tree.last_zxid(),
                                                  path,
                                                  paths_.snapshots,
                                                  compress_snapshots_,
                                                  0,
                                                  false,
                                                  false,
                                                  {}});
  loop_.run_in_background([snapshot = snapshot_] { snapshot->write(); },
                          [this, alive = alive_] {
                            if (!*alive) return;
                            snapshot_->written = true;
                            snapshot_->bytes = {};
                            name_snapshot();
                          });
}

void Store::name_snapshot() {
  if (snapshot_ == nullptr || !snapshot_->written || snapshot_->naming) return;
  if (snapshot_->status.ok() && snapshot_->zxid > synced_zxid_) return;
  if (!snapshot_->status.ok()) {
    log_warn(kLog, "No snapshot was made: {}", snapshot_->status.message());
    snapshot_.reset();
    return;
  }
  snapshot_->naming = true;
  loop_.run_in_background([snapshot = snapshot_] { snapshot->name(); },
                          [this, alive = alive_] {
                            if (!*alive) return;
                            if (snapshot_->status.ok()) {
                              counters_.snapshot_ms.add(snapshot_->took_ms);
                              note_snapshot(snapshot_->zxid, loop_.wall_ms());
                            } else {
                              log_warn(kLog, "No snapshot was made: {}", snapshot_->status.message());
                            }
                            snapshot_.reset();
                          });
}

void Store::note_snapshot(int64_t zxid, int64_t wall_ms) {
  counters_.last_snapshot_zxid = zxid;
  counters_.last_snapshot_ms = wall_ms;
}

Store::Sizes Store::sizes() const {
  const auto size_of = [&](const std::string& directory) {
    int64_t bytes = 0;
    const auto entries = files_.list(directory);
    if (!entries.ok()) return bytes;
    for (const auto& entry : *entries) {
      if (entry.is_directory) continue;
      const auto file = files_.open(directory + "/" + entry.name, false);
      const auto size = file.ok() ? (*file)->size() : Result<uint64_t>(uint64_t{0});
      if (size.ok()) bytes += static_cast<int64_t>(*size);
    }
    return bytes;
  };
  return {size_of(paths_.snapshots), size_of(paths_.logs)};
}

void Store::purge() {
  if (purge_timer_ == nullptr) purge_timer_ = loop_.make_timer([this] { purge(); });
  purge_timer_->start(purge_interval_ms_);
  auto status = std::make_shared<Status>();
  loop_.run_in_background(
      [status, &files = files_, paths = paths_, retain = snap_retain_count_] {
        *status = purge_old_files(files, paths.snapshots, paths.logs, retain);
      },
      [status] {
        if (!status->ok()) log_warn(kLog, "Purging old files: {}", status->message());
      });
}

}  // namespace ottla::coordination
