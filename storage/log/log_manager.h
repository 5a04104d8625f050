// SPDX-License-Identifier: Apache-2.0
// All logs of this broker, over its log directories (kafka LogManager, LogDirFailureChannel).
//
// The way up: lock_directories(), identity(), take_identity(), load(), then find() and get_or_create(). The
// way down: stop(). Between them one timer drives retention, flushes, checkpoints and the unlinking of what
// was deleted; an idle broker wakes for it alone.
//
// A directory that fails goes offline: its logs answer KAFKA_STORAGE_ERROR from then on, are not found any
// more, and the callback is told, in a turn of its own. The other directories go on. Whoever holds a Log& of
// it may keep it until the manager goes.
//
// Threads: the loop's. Loading, flushing, checkpoints and unlinking run on the pool, one such job at a time.
// `files` and `loop` outlive the manager.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/event_loop.h"
#include "protocol/base/status.h"
#include "protocol/base/task.h"
#include "protocol/base/uuid.h"
#include "storage/io/file_system.h"
#include "storage/log/group_commit.h"
#include "storage/log/log.h"
#include "storage/log/log_cleaner.h"
#include "storage/log/log_directory.h"
#include "storage/log/retention_clock.h"

namespace ottla::storage {

// With Kafka's defaults. An interval of INT64_MAX is never.
struct LogManagerSettings {
  std::vector<std::string> directories;                   // log.dirs, absolute
  int64_t retention_check_interval_ms = 300000;           // log.retention.check.interval.ms
  int64_t flush_check_interval_ms = INT64_MAX;            // log.flush.scheduler.interval.ms
  int64_t recovery_point_checkpoint_interval_ms = 60000;  // log.flush.offset.checkpoint.interval.ms
  int64_t log_start_checkpoint_interval_ms = 60000;       // log.flush.start.offset.checkpoint.interval.ms
  int64_t high_watermark_checkpoint_interval_ms = 5000;   // replica.high.watermark.checkpoint.interval.ms
  int64_t initial_delay_ms = 30000;                       // before the first retention, flush and checkpoint
  int32_t recovery_threads_per_directory = 1;             // num.recovery.threads.per.data.dir
  CleanerSettings cleaner;
  int64_t max_bytes = -1;                                      // ottla.log.max.bytes, -1: no cap
  int64_t clock_jump_max_ms = int64_t{30} * 24 * 3600 * 1000;  // ottla.retention.clock.jump.max.ms
};

class LogManager : private LogCleaner::Host {
 public:
  using ConfigOf = std::function<LogConfig(const std::string& topic)>;
  using DirectoryFailed = std::function<void(const std::string& directory, const Status& why)>;

  // `random`: sixteen bytes, for the names of deleted directories. `directory_failed` may be empty.
  LogManager(FileSystem& files, EventLoop& loop, LogManagerSettings settings,
             std::function<std::array<uint8_t, 16>()> random, DirectoryFailed directory_failed);
  ~LogManager() override;

  // Makes the directories, locks them, reads meta.properties. Fails where another broker has one of them,
  // where they belong to different brokers, or where none can be used; one that cannot be used is offline
  // otherwise.
  Status lock_directories();
  // What meta.properties says; no ids on a new machine.
  const MetaProperties& identity() const { return identity_; }
  // Refuses ids that are not those of the directories (INCONSISTENT_CLUSTER_ID, INVALID_CONFIG).
  Status take_identity(int32_t broker_id, const std::string& cluster_id);
  // The directories were KRaft's and are ours from now on: copies of their meta.properties are kept beside
  // them, and write_identity() replaces these. Blocking.
  Status leave_kraft();
  // Writes the ids to meta.properties where they miss, on the pool; a directory where that fails goes
  // offline.
  void write_identity();

  // Opens every partition's log, on the pool, and starts the timer. `config_of` is asked on the loop, now.
  // `done` is called once.
  void load(const ConfigOf& config_of, std::function<void(Status)> done);

  // Null where there is none, or where its directory is offline.
  Log* find(std::string_view topic, int32_t partition);
  // A new one goes to the directory with the fewest. INCONSISTENT_TOPIC_ID where the log is there with
  // another id; a zero id is not compared. KAFKA_STORAGE_ERROR where it misses, is not new, and a directory
  // that may have it is offline. Valid until remove() or stop().
  Result<Log*> get_or_create(const std::string& topic, int32_t partition, const Uuid& topic_id,
                             const LogConfig& config, bool is_new = true);
  // Renames the directory to its "-delete" name now, unlinks it after file.delete.delay.ms. The Log is gone
  // when this returns; slices it gave out stay readable.
  Status remove(const std::string& topic, int32_t partition);
  void for_each(const std::function<void(const TopicPartitionName&, Log&)>& visit);
  size_t size() const { return logs_.size(); }

  // ottla.log.max.bytes: above it the oldest closed segments of all logs go, those of compacted logs aside.
  // ottla.retention.clock.jump.max.ms: see RetentionClock.
  void update_limits(int64_t max_bytes, int64_t clock_jump_max_ms);
  // The starts of `raised` (DeleteRecords) must not go back, whatever happens: `done` is called when they are
  // on the disk. A directory that fails is offline by then.
  void save_log_starts(const std::vector<TopicPartitionName>& raised, std::function<void()> done);
  // log.cleaner.* changed.
  void update_cleaner(const CleanerSettings& settings) { cleaner_.update(settings); }
  const LogCleaner& cleaner() const { return cleaner_; }

  struct DirectoryState {
    std::string path;
    bool online = true;
  };
  std::vector<DirectoryState> directories() const;
  size_t online_directories() const;
  // Free and total bytes, for DescribeLogDirs; blocks for one statvfs.
  Result<DiskSpace> space(const std::string& directory) { return files_.space(directory); }

  // Flushes and closes all logs, writes the checkpoints and the clean-shutdown marker, gives the locks back.
  // Nobody may use a log from the call on. `done(clean)`: whether every directory that was online is marked
  // clean.
  void stop(std::function<void(bool clean)> done);

 private:
  struct Entry {
    std::shared_ptr<Log> log;
    LogDirectory* directory = nullptr;
    int64_t last_flush_ms = 0;
  };
  struct PeriodicTask {
    int64_t interval_ms;
    int64_t due_ms;
    void (LogManager::*run)();
  };
  struct PendingRemoval {
    int64_t due_ms;
    std::vector<std::string> paths;
  };
  struct LoadState;
  struct LoadDirectory;
  struct RecoveredSync;
  struct Job {
    std::function<void()> work;
    std::function<void()> done;
  };

  // log_manager.cc
  LogDirectory* directory_for_new_log();
  void make_index_files_later(const Log& log);
  void make_index_files();
  void adopt(const TopicPartitionName& name, std::shared_ptr<Log> log, LogDirectory& directory);
  void fail_directory(LogDirectory& directory, const Status& why);
  // `done` when no commit is under way any more.
  void stop_commits(std::function<void()> done);

  // What the cleaner asks for (log_manager_tasks.cc).
  void visit_logs(
      const std::function<void(const TopicPartitionName&, const std::shared_ptr<Log>&)>& visit) override;
  void on_cleaned() override { write_checkpoints(false); }
  int64_t now_ms() override { return clock_.now_ms(); }
  void on_files_deleted(Log& log) override;

  // log_manager_retention.cc
  void note_last_alive(const LogDirectory& directory);
  void check_retention();
  void start_cap_task();
  void check_cap();

  // log_manager_load.cc
  void prepare_load(LogDirectory& directory, const ConfigOf& config_of, LoadState& state);
  void open_logs(const std::shared_ptr<LoadState>& state, LoadDirectory& directory);
  void finish_directory(const std::shared_ptr<LoadState>& state, LoadDirectory& directory);
  void end_sync(const std::shared_ptr<LoadState>& state, LoadDirectory& directory, RecoveredSync& sync);
  void end_load(const std::shared_ptr<LoadState>& state);
  Status finish_load(LoadState& state);

  // log_manager_tasks.cc
  // Runs `work` on the pool after what was given before, then `done` on the loop where the manager is still
  // there.
  void run_job(std::function<void()> work, std::function<void()> done);
  void start_next_job();
  void start_tasks();
  void arm_timer();
  void on_timer();
  void remove_later(std::vector<std::string> paths, int64_t delay_ms);
  void unlink_what_is_due();

  // log_manager_flush.cc
  void check_flush();
  void checkpoint();
  void checkpoint_high_watermarks();
  void flush(std::vector<TopicPartitionName> names, std::function<void()> then);
  void write_checkpoints(bool high_watermarks_only);
  struct DirectoryOffsets;
  std::vector<DirectoryOffsets> offsets_by_directory() const;
  Task<void> run_stop(std::function<void(bool clean)> done);
  Task<std::map<const LogDirectory*, Status>> close_logs();

  FileSystem& files_;
  EventLoop& loop_;
  LogManagerSettings settings_;
  std::function<std::array<uint8_t, 16>()> random_;
  DirectoryFailed directory_failed_;
  MetaProperties identity_;
  std::vector<std::shared_ptr<LogDirectory>> directories_;  // shared with what runs on the pool
  std::map<const LogDirectory*, std::unique_ptr<GroupCommit>> commits_;
  std::map<TopicPartitionName, Entry> logs_;
  std::map<const LogDirectory*, size_t> log_counts_;
  std::vector<std::string> index_files_;  // to be made
  std::unique_ptr<Timer> index_files_timer_;
  std::vector<std::shared_ptr<Log>> offline_logs_;
  std::vector<PeriodicTask> tasks_;
  std::vector<PendingRemoval> removals_;
  std::unique_ptr<Timer> timer_;
  uint64_t high_watermarks_seen_ = 0;  // a hash of them, when they were written last
  std::deque<Job> jobs_;
  bool job_running_ = false;
  bool stopping_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  RetentionClock clock_;
  std::optional<int64_t> last_alive_ms_;  // of any directory's last broker, by the wall clock
  LogCleaner cleaner_;
};

}  // namespace ottla::storage
