// SPDX-License-Identifier: Apache-2.0
// Compaction of all logs whose cleanup.policy has "compact" (kafka LogCleaner, LogCleanerManager): chooses
// the log with the largest dirty part, cleans it, looks again; where nothing is to be done it waits for
// log.cleaner.backoff.ms.
//
// A log is cleaned when more than min.cleanable.dirty.ratio of it is dirty, or when max.compaction.lag.ms
// says so. Several are cleaned side by side (log.cleaner.threads), never one twice. Work runs on the pool in
// short steps; between them log.cleaner.io.max.bytes.per.second is kept, new segments are swapped in, and a
// log that was cut, deleted, or taken offline meanwhile is given up. Appends and reads go on all the time.
//
// Failures: a disk's error takes the directory offline, as for every write; a full disk is tried again later;
// anything else (a damaged batch) makes the partition uncleanable until the next start, with an error in the
// log, and the others go on.
//
// Threads: the loop's. `files`, `loop` and `host` outlive the cleaner.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/event_loop.h"
#include "protocol/base/status.h"
#include "storage/io/file_system.h"
#include "storage/log/file_names.h"
#include "storage/log/log.h"
#include "storage/log/log_cleaning.h"

namespace ottla::storage {

// With Kafka's defaults: log.cleaner.*
struct CleanerSettings {
  bool enable = true;
  int32_t threads = 1;
  int64_t backoff_ms = 15000;
  int64_t dedupe_buffer_size = 128 << 20;  // for all threads
  double io_buffer_load_factor = 0.9;
  int64_t io_buffer_size = 512 << 10;  // for all threads
  double io_max_bytes_per_second = std::numeric_limits<double>::max();
};

class LogCleaner {
 public:
  // Whose logs they are.
  class Host {
   public:
    virtual ~Host() = default;
    virtual void visit_logs(
        const std::function<void(const TopicPartitionName&, const std::shared_ptr<Log>&)>& visit) = 0;
    // `log` is clean up to another offset: the checkpoint must say so.
    virtual void on_cleaned() = 0;
    // The time by which tombstones go.
    virtual int64_t now_ms() = 0;
    // Files of `log` that were replaced.
    virtual void on_files_deleted(Log& log) = 0;
  };

  LogCleaner(FileSystem& files, EventLoop& loop, const CleanerSettings& settings, Host& host);
  ~LogCleaner();

  void start();
  // Settings changed while running; cleanings under way keep their memory.
  void update(const CleanerSettings& settings);
  // Gives up what is under way; `done` when nothing of it runs or is left in the directories.
  void stop(std::function<void()> done);

  size_t running() const { return jobs_.size(); }
  // By the damage found in it, not by what it holds.
  bool is_uncleanable(const TopicPartitionName& name) const;

 private:
  struct Job;
  struct Barred {
    std::weak_ptr<Log> log;
    int64_t until_ms = INT64_MAX;  // on the monotonic clock
  };

  bool may_start(const TopicPartitionName& name, const std::shared_ptr<Log>& log);
  void look();
  bool start_filthiest();
  void start_job(const TopicPartitionName& name, const std::shared_ptr<Log>& log, const CleaningPlan& plan);
  void run_step(const std::shared_ptr<Job>& job);
  void on_step(const std::shared_ptr<Job>& job);
  void swap(const std::shared_ptr<Job>& job, const std::shared_ptr<Log>& log);
  void finish(const std::shared_ptr<Job>& job, const std::shared_ptr<Log>& log);
  void fail(const std::shared_ptr<Job>& job, const std::shared_ptr<Log>& log, const Status& why);
  void give_up(const std::shared_ptr<Job>& job);
  void end(const std::shared_ptr<Job>& job);
  // How long the next step has to wait after `bytes` were moved.
  int64_t throttle_ms(uint64_t bytes);

  FileSystem& files_;
  EventLoop& loop_;
  CleanerSettings settings_;
  Host& host_;
  uint64_t seed_;
  std::map<TopicPartitionName, std::shared_ptr<Job>> jobs_;
  std::map<TopicPartitionName, Barred> barred_;
  std::unique_ptr<Timer> timer_;
  double paid_up_to_ms_ = 0;  // the throttle: when what was moved so far is paid for
  std::function<void()> stopped_;
  bool stopping_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ottla::storage
