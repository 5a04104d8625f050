// SPDX-License-Identifier: Apache-2.0
// What a LogManager does by itself while it runs: retention, unlinking, and when the rest is due.
#include <algorithm>
#include <utility>

#include "protocol/base/log.h"
#include "storage/log/log_manager.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";
constexpr int64_t kNever = INT64_MAX;

}  // namespace

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

}  // namespace ottla::storage
