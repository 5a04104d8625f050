// SPDX-License-Identifier: Apache-2.0
// What a LogManager does by itself while it runs, and how it stops.
#include <algorithm>
#include <utility>

#include "protocol/base/log.h"
#include "storage/log/log_manager.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";
constexpr int64_t kNever = INT64_MAX;

}  // namespace

struct LogManager::DirectoryOffsets {
  std::shared_ptr<LogDirectory> directory;
  OffsetCheckpoint recovery_points;
  OffsetCheckpoint log_starts;
  OffsetCheckpoint high_watermarks;
  OffsetCheckpoint cleaned;
  Status failure;

  Status write(bool high_watermarks_only) {
    Status status;
    if (!high_watermarks_only) status = directory->write_recovery_points(recovery_points);
    if (status.ok() && !high_watermarks_only) status = directory->write_log_starts(log_starts);
    if (status.ok() && !high_watermarks_only) status = directory->write_cleaner_offsets(cleaned);
    return status.ok() ? directory->write_high_watermarks(high_watermarks) : status;
  }
};

void LogManager::run_job(std::function<void()> work, std::function<void()> done) {
  jobs_.push_back({std::move(work), std::move(done)});
  if (!job_running_) start_next_job();
}

void LogManager::start_next_job() {
  if (jobs_.empty()) return;
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  job_running_ = true;
  loop_.run_in_background(std::move(job.work),
                          [this, alive = std::weak_ptr(alive_), done = std::move(job.done)] {
                            if (!alive.lock()) return;
                            job_running_ = false;
                            // `done` may destroy the manager.
                            const auto guard = std::weak_ptr(alive_);
                            done();
                            if (guard.lock() && !job_running_) start_next_job();
                          });
}

void LogManager::start_tasks() {
  timer_ = loop_.make_timer([this] { on_timer(); });
  const int64_t now = loop_.monotonic_ms();
  const auto add = [&](int64_t interval_ms, int64_t delay_ms, void (LogManager::*run)()) {
    if (interval_ms < kNever) tasks_.push_back({std::max<int64_t>(interval_ms, 1), now + delay_ms, run});
  };
  add(settings_.retention_check_interval_ms, settings_.initial_delay_ms, &LogManager::check_retention);
  add(settings_.flush_check_interval_ms, settings_.initial_delay_ms, &LogManager::check_flush);
  add(std::min(settings_.recovery_point_checkpoint_interval_ms, settings_.log_start_checkpoint_interval_ms),
      settings_.initial_delay_ms, &LogManager::checkpoint);
  add(settings_.high_watermark_checkpoint_interval_ms, settings_.high_watermark_checkpoint_interval_ms,
      &LogManager::checkpoint_high_watermarks);
  clock_.begin(last_alive_ms_);
  start_cap_task();
}

void LogManager::arm_timer() {
  if (!timer_ || stopping_) return;
  int64_t due = kNever;
  for (const PeriodicTask& task : tasks_) due = std::min(due, task.due_ms);
  for (const PendingRemoval& removal : removals_) due = std::min(due, removal.due_ms);
  if (due < kNever) timer_->start(std::max<int64_t>(due - loop_.monotonic_ms(), 0));
}

void LogManager::on_timer() {
  const int64_t now = loop_.monotonic_ms();
  for (PeriodicTask& task : tasks_) {
    if (task.due_ms > now) continue;
    task.due_ms = now + task.interval_ms;
    (this->*task.run)();
  }
  unlink_what_is_due();
  arm_timer();
}

void LogManager::on_files_deleted(Log& log) {
  const int64_t delay_ms = log.config().file_delete_delay_ms;
  if (auto paths = log.take_deleted_files(); !paths.empty()) remove_later(std::move(paths), delay_ms);
}

void LogManager::visit_logs(
    const std::function<void(const TopicPartitionName&, const std::shared_ptr<Log>&)>& visit) {
  for (const auto& [name, entry] : logs_) visit(name, entry.log);
}

void LogManager::check_flush() {
  const int64_t now = loop_.wall_ms();
  std::vector<TopicPartitionName> due;
  for (const auto& [name, entry] : logs_) {
    if (entry.log->unflushed_records() > 0 && now - entry.last_flush_ms >= entry.log->config().flush_ms)
      due.push_back(name);
  }
  if (!due.empty()) flush(due, [] {});
}

// Segments that were rolled are flushed first, so that a crash has only the active one to walk (Kafka flushes
// at the roll).
void LogManager::checkpoint() {
  std::vector<TopicPartitionName> rolled;
  for (auto& [name, entry] : logs_) {
    if (entry.log->recovery_point() < entry.log->active_base_offset()) rolled.push_back(name);
  }
  flush(rolled, [this] { write_checkpoints(false); });
}

// Every five seconds: that nothing moved must be found out without building a line for every partition.
void LogManager::checkpoint_high_watermarks() {
  uint64_t moved = logs_.size();
  for (const auto& [name, entry] : logs_)
    moved = moved * 31 + static_cast<uint64_t>(entry.log->high_watermark());
  if (std::exchange(high_watermarks_seen_, moved) != moved) write_checkpoints(true);
}

void LogManager::flush(const std::vector<TopicPartitionName>& names, std::function<void()> then) {
  struct OneFlush {
    std::weak_ptr<Log> log;
    std::function<Status()> work;
    int64_t end_offset;
    Status result;
  };
  if (names.empty()) return then();
  const auto flushes = std::make_shared<std::vector<OneFlush>>();
  for (const TopicPartitionName& name : names) {
    Entry& entry = logs_.at(name);
    entry.last_flush_ms = loop_.wall_ms();
    flushes->push_back({entry.log, entry.log->flush_work(), entry.log->log_end_offset(), {}});
  }
  run_job(
      [flushes] {
        for (OneFlush& one : *flushes) one.result = one.work();
      },
      [flushes, then = std::move(then)] {
        for (OneFlush& one : *flushes) {
          const auto log = one.log.lock();
          if (!log) continue;
          if (one.result.ok()) {
            log->mark_flushed(one.end_offset);
          } else {
            log->report_failure(one.result);
          }
        }
        then();
      });
}

std::vector<LogManager::DirectoryOffsets> LogManager::offsets_by_directory() const {
  std::vector<DirectoryOffsets> all;
  for (const auto& directory : directories_) {
    if (directory->online()) all.push_back({directory, {}, {}, {}, {}, {}});
  }
  for (const auto& [name, entry] : logs_) {
    const auto mine = [&](const DirectoryOffsets& one) { return one.directory.get() == entry.directory; };
    DirectoryOffsets& offsets = *std::find_if(all.begin(), all.end(), mine);
    offsets.recovery_points[name] = entry.log->recovery_point();
    offsets.high_watermarks[name] = entry.log->high_watermark();
    // As Kafka: only where the first segment's name does not say it.
    if (entry.log->log_start_offset() > entry.log->first_base_offset())
      offsets.log_starts[name] = entry.log->log_start_offset();
    if (entry.log->cleaned_up_to() > 0) offsets.cleaned[name] = entry.log->cleaned_up_to();
  }
  return all;
}

void LogManager::write_checkpoints(bool high_watermarks_only) {
  const auto all = std::make_shared<std::vector<DirectoryOffsets>>(offsets_by_directory());
  run_job(
      [all, high_watermarks_only] {
        for (DirectoryOffsets& one : *all) one.failure = one.write(high_watermarks_only);
      },
      [this, all] {
        for (DirectoryOffsets& one : *all) {
          if (!one.failure.ok()) fail_directory(*one.directory, one.failure);
        }
      });
}

void LogManager::remove_later(std::vector<std::string> paths, int64_t delay_ms) {
  removals_.push_back({loop_.monotonic_ms() + std::max<int64_t>(delay_ms, 0), std::move(paths)});
  arm_timer();
}

void LogManager::unlink_what_is_due() {
  const int64_t now = loop_.monotonic_ms();
  std::vector<std::string> paths;
  for (PendingRemoval& removal : removals_) {
    if (removal.due_ms > now) continue;
    std::move(removal.paths.begin(), removal.paths.end(), std::back_inserter(paths));
  }
  if (paths.empty()) return;
  std::erase_if(removals_, [now](const PendingRemoval& removal) { return removal.due_ms <= now; });
  run_job(
      [&files = files_, paths = std::move(paths)] {
        for (const std::string& path : paths) {
          const Status removed = files.remove_all(path);
          if (!removed.ok()) log_warn(kComponent, "{}", removed.message());
        }
      },
      [] {});
}

void LogManager::stop(std::function<void(bool clean)> done) {
  stopping_ = true;
  if (timer_) timer_->stop();
  struct Stop {
    std::vector<std::pair<std::shared_ptr<Log>, LogDirectory*>> logs;
    std::vector<DirectoryOffsets> directories;
    bool clean = true;
  };
  // Before load() there is nothing to close, and nothing may be called clean.
  const bool loaded = timer_ != nullptr;
  const auto stop = std::make_shared<Stop>();
  cleaner_.stop([this, stop, loaded, done = std::move(done)]() mutable {
    run_job([] {},
            [this, stop, loaded, done = std::move(done)]() mutable {
              // What was given to the pool before is done: the loop's view is complete now.
              stop->directories = offsets_by_directory();
              for (auto& [name, entry] : logs_) stop->logs.emplace_back(entry.log, entry.directory);
              run_job(
                  [stop, loaded] {
                    std::map<LogDirectory*, Status> failed;
                    for (auto& [log, directory] : stop->logs) {
                      const Status closed = log->close_clean();
                      if (!closed.ok()) failed[directory] = closed;
                    }
                    for (DirectoryOffsets& one : stop->directories) {
                      one.failure = failed[one.directory.get()];
                      for (auto& [name, offset] : one.recovery_points) {
                        if (one.failure.ok()) offset = one.high_watermarks[name];
                      }
                      if (one.failure.ok() && loaded) one.failure = one.write(false);
                      if (one.failure.ok() && loaded) one.failure = one.directory->mark_clean();
                    }
                  },
                  [this, stop, done = std::move(done)] {
                    for (DirectoryOffsets& one : stop->directories) {
                      if (one.failure.ok()) continue;
                      stop->clean = false;
                      log_error(kComponent, "{} is not marked clean: {}", one.directory->path(),
                                one.failure.message());
                    }
                    for (auto& [name, entry] : logs_) {
                      entry.log->set_offline();
                      offline_logs_.push_back(std::move(entry.log));
                    }
                    logs_.clear();
                    for (const auto& directory : directories_) directory->unlock();
                    done(stop->clean);
                  });
            });
  });
}

}  // namespace ottla::storage
