// SPDX-License-Identifier: Apache-2.0
// The server's directory: transaction logs and snapshots in "version-2" below dataDir and dataLogDir, in the
// formats of ZooKeeper 3.5 and later, so that ZooKeeper opens ours and this opens ZooKeeper's
// (FileTxnSnapLog, FileTxnLog, FileSnap, SyncRequestProcessor).
//
// Group commit: append() only buffers. flush() hands everything buffered to a pool thread as one write and
// one fdatasync; while that runs, more gathers, and goes the same way when it is done, or soon after
// (commit_pace.h). From 16 KiB on, a log that is synced has zeros written ahead, up to 256 KiB at once: a
// commit into them changes no metadata of the file, so that its fdatasync waits for fewer writes of the disk,
// one after the other (on ext4 2.5 in place of 4).
//
// Snapshots: every snapCount transactions the log moves to a new file and the tree, as it stands, is written
// beside it. The bytes are made on the loop (a consistent picture), written in the background as
// "snapshot.<zxid>.tmp", and get their name only when the log is synced as far as they go. A snapshot that
// cannot be written is a warning: the logs hold everything.
//
// Threads: the loop's; background jobs share nothing with it but the File. `files` must outlive the jobs:
// stop the loop's pool first.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "coordination/config.h"
#include "coordination/server/commit_pace.h"
#include "coordination/server/data_tree.h"
#include "coordination/server/summary.h"
#include "protocol/base/event_loop.h"
#include "storage/io/file_system.h"

namespace ottla::coordination {

struct StoreCounters {
  SampledSummary sync_ms;
  SampledSummary batch_txns;  // in one write
  SampledSummary snapshot_ms;
  SampledSummary snapshot_load_ms, txns_loaded, txns_load_ms, load_ms;  // of the start
  int64_t slow_syncs = 0;                                               // with a warning each
  // The newest snapshot, written or found; -1: none.
  int64_t last_snapshot_zxid = -1, last_snapshot_ms = -1;
};

class Store {
 public:
  // Blocking. Takes the directory's lock and fills `tree`, which is fresh, from the newest valid snapshot and
  // the logs after it. A log cut short by a crash is accepted and cut at its last whole transaction; anything
  // else that is damaged is an error.
  static Result<std::unique_ptr<Store>> open(EventLoop& loop, storage::FileSystem& files,
                                             const ServerConfig& config, DataTree& tree);
  ~Store();

  // `on_synced` after each commit, `on_failure` when one fails (once; nothing is written after it).
  void set_handlers(std::function<void()> on_synced, std::function<void(Status)> on_failure);

  void append(const jute::Txn& txn);
  void flush();
  // Everything up to this zxid survives a power cut (a crash of the process, without forceSync).
  int64_t synced_zxid() const { return synced_zxid_; }
  // Nothing is buffered or on its way.
  bool idle() const { return buffer_.empty() && !committing_; }
  int64_t sync_count() const { return sync_count_; }
  const StoreCounters& counters() const { return counters_; }
  // Of the files in the two directories, in bytes. Blocking, but short.
  struct Sizes {
    int64_t snapshots = 0;
    int64_t logs = 0;
  };
  Sizes sizes() const;

  // Begins a snapshot if enough has been logged since the last.
  void maybe_snapshot(const DataTree& tree);

 private:
  struct Paths {
    std::string snapshots;  // .../version-2
    std::string logs;
  };
  struct Commit;
  struct Snapshot;

  Store(EventLoop& loop, storage::FileSystem& files, const ServerConfig& config);
  Status load(DataTree& tree);
  Status load_snapshot(DataTree& tree, bool* found);
  Status replay_logs(DataTree& tree, bool have_snapshot);
  Status replay_log(const std::string& name, bool last, DataTree& tree);
  Status write_first_snapshot(const DataTree& tree);
  void close_file();
  void sync_new_file(const std::shared_ptr<Commit>& commit);
  void committed(Commit& commit);
  void sync_first_snapshot();
  void name_snapshot();
  void note_snapshot(int64_t zxid, int64_t wall_ms);
  void purge();

  EventLoop& loop_;
  storage::FileSystem& files_;
  const bool force_sync_;
  const int64_t snap_count_;
  const int64_t snap_size_limit_;
  const int snap_retain_count_;
  const int64_t purge_interval_ms_;
  const int64_t preallocate_bytes_;
  const int64_t log_size_limit_;
  const int64_t sync_warning_ms_;
  const bool compress_snapshots_;
  const bool trust_empty_snapshot_;
  const int64_t initial_zxid_;
  Paths paths_;
  std::unique_ptr<Timer> first_snapshot_timer_;
  CommitPace pace_;
  std::unique_ptr<Timer> pace_timer_;
  std::vector<std::string> fresh_parents_;  // directories whose entries the first commit syncs
  std::unique_ptr<storage::FileLock> lock_;

  std::vector<uint8_t> buffer_;
  int64_t buffer_first_zxid_ = 0;
  int64_t appended_zxid_ = 0;
  int64_t synced_zxid_ = 0;
  bool committing_ = false;
  bool failed_ = false;
  bool roll_ = false;  // the next commit begins a new file
  std::shared_ptr<storage::File> file_;
  uint64_t file_end_ = 0;
  uint64_t file_reserved_ = 0;
  uint64_t file_filled_ = 0;  // the file's length, where zeros follow its end
  int64_t sync_count_ = 0;
  StoreCounters counters_;
  int64_t buffer_txns_ = 0;
  int64_t txns_since_snapshot_ = 0;
  int64_t bytes_since_snapshot_ = 0;
  std::shared_ptr<storage::File> first_snapshot_;  // written, not synced yet
  std::shared_ptr<Snapshot> snapshot_;             // on its way
  std::unique_ptr<Timer> purge_timer_;
  std::function<void()> on_synced_;
  std::function<void(Status)> on_failure_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ottla::coordination
