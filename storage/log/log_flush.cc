// SPDX-License-Identifier: Apache-2.0
// How what was appended reaches the disk: whole flushes, which move the recovery point, and commits, which
// are all that an acknowledgement waits for.
#include <algorithm>
#include <utility>

#include "storage/log/log.h"

namespace ottla::storage {
namespace {

constexpr uint64_t kBytesWithoutSnapshot = 4 << 20;

}  // namespace

Result<Unsynced> Log::begin_flush() {
  flushing_bytes_ = appended_bytes_;
  Unsynced unsynced;
  for (auto at = segments_.rbegin(); at != segments_.rend(); ++at) {
    const Status collected = at->second->collect_files(unsynced.files);
    if (!collected.ok()) return collected;
    if (at->first <= recovery_point_) break;
  }
  // Without one near the recovery point a start has to go through all batches before it for their producers.
  if (appended_bytes_ - snapshot_bytes_ >= kBytesWithoutSnapshot) {
    Status status = take_snapshot(false);
    if (status.ok()) status = remove_old_snapshots();
    if (!status.ok()) return status;
    auto snapshot = files_.open(snapshot_path(log_end_offset_), false);
    if (!snapshot.ok()) return snapshot.status();
    unsynced.files.push_back(std::move(*snapshot));
  }
  unsynced.directories.push_back(directory_);
  if (!parent_synced_) unsynced.directories.push_back(parent_directory(directory_));
  return unsynced;
}

void Log::mark_flushed(int64_t offset) {
  parent_synced_ = true;
  flushed_bytes_ = flushing_bytes_;
  recovery_point_ = std::max(recovery_point_, std::min(offset, log_end_offset_));
  note_flushed(offset);
}

void Log::note_flushed(int64_t offset) {
  flushed_offset_ = std::max(flushed_offset_, std::min(offset, log_end_offset_));
  if (config_.durable && !high_watermark_held_) high_watermark_ = std::max(high_watermark_, flushed_offset_);
  if (progress_handler_) progress_handler_();
}

Status Log::ask_for_commit() {
  if (std::exchange(commit_asked_, true)) return {};
  if (commit_handler_) {
    commit_handler_();
    return {};
  }
  const Commit commit = begin_commit();
  const Status synced = files_.sync_all(commit.unsynced);
  if (synced.ok()) {
    end_commit(commit);
  } else {
    report_failure(synced);
  }
  return synced;
}

Log::Commit Log::begin_commit() {
  commit_asked_ = false;
  Commit commit;
  commit.end_offset = log_end_offset_;
  commit.truncations = truncations_;
  commit.name_changes = name_changes_;
  for (auto at = segments_.rbegin(); at != segments_.rend(); ++at) {
    commit.unsynced.files.push_back(at->second->shared_file());
    if (at->first <= flushed_offset_) break;
  }
  // Both stay due until they are done: another flush that is under way may fail, or come later than this one.
  if (name_changes_ > name_changes_synced_) commit.unsynced.directories.push_back(directory_);
  if (!parent_synced_) commit.unsynced.directories.push_back(parent_directory(directory_));
  return commit;
}

void Log::end_commit(const Commit& commit) {
  parent_synced_ = true;
  name_changes_synced_ = std::max(name_changes_synced_, commit.name_changes);
  // What was flushed was cut off meanwhile; other batches may stand in its place.
  if (commit.truncations == truncations_) note_flushed(commit.end_offset);
}

Status Log::sync_and_mark(const Result<Unsynced>& unsynced) {
  if (!unsynced.ok()) return unsynced.status();
  const Status synced = files_.sync_all(*unsynced);
  if (synced.ok()) mark_flushed(log_end_offset_);
  return synced;
}

Status Log::flush() { return sync_and_mark(begin_flush()); }

Result<Unsynced> Log::begin_close() {
  Status status = check_online();
  if (status.ok()) status = epochs_.save();
  if (status.ok()) status = active().seal();
  const bool fresh = !snapshots_.contains(log_end_offset_);
  // Empty logs need none: there is nothing to walk.
  const bool wanted = log_end_offset_ > log_start_offset_;
  if (status.ok() && wanted) status = take_snapshot(false);
  if (!status.ok()) return status;
  Result<Unsynced> unsynced = Unsynced();
  if (log_end_offset_ > recovery_point_ || !parent_synced_) {
    unsynced = begin_flush();
  } else if (fresh && wanted) {
    unsynced->directories.push_back(directory_);
  }
  if (!unsynced.ok() || !fresh || !wanted) return unsynced;
  auto snapshot = files_.open(snapshot_path(log_end_offset_), false);
  if (!snapshot.ok()) return snapshot.status();
  unsynced->files.push_back(std::move(*snapshot));
  return unsynced;
}

Status Log::close_clean() { return sync_and_mark(begin_close()); }

}  // namespace ottla::storage
