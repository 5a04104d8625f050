// SPDX-License-Identifier: Apache-2.0
#include "storage/log/log_cleaner.h"

#include <algorithm>
#include <cerrno>
#include <random>
#include <utility>

#include "protocol/base/log.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "cleaner";
// About twenty milliseconds of a pool thread.
constexpr uint64_t kStepBytes = 4 << 20;
constexpr uint64_t kSmallestStepBytes = 64 << 10;
constexpr double kThrottleInterval = 0.3;  // seconds
constexpr int64_t kSmallestBuffer = 16 << 10;
// A pause of 0 is allowed, and must not keep the loop busy.
constexpr int64_t kShortestBackoffMs = 10;

}  // namespace

struct LogCleaner::Job {
  TopicPartitionName name;
  std::weak_ptr<Log> log;
  std::unique_ptr<LogCleaning> cleaning;
  std::unique_ptr<Timer> timer;  // the throttle's pause
  Result<LogCleaning::State> result = LogCleaning::State::kWorking;
  int64_t began_ms = 0;
};

LogCleaner::LogCleaner(FileSystem& files, EventLoop& loop, const CleanerSettings& settings, Host& host)
    : files_(files), loop_(loop), settings_(settings), host_(host), seed_(std::random_device()()) {}

LogCleaner::~LogCleaner() = default;

void LogCleaner::start() {
  timer_ = loop_.make_timer([this] { look(); });
  if (settings_.enable) timer_->start(std::max(settings_.backoff_ms, kShortestBackoffMs));
}

void LogCleaner::update(const CleanerSettings& settings) {
  settings_ = settings;
  if (timer_ && !stopping_ && settings_.enable)
    timer_->start(std::max(settings_.backoff_ms, kShortestBackoffMs));
}

bool LogCleaner::is_uncleanable(const TopicPartitionName& name) const {
  const auto found = barred_.find(name);
  return found != barred_.end() && found->second.until_ms == INT64_MAX && !found->second.log.expired();
}

bool LogCleaner::may_start(const TopicPartitionName& name, const std::shared_ptr<Log>& log) {
  if (!log->config().cleanup_compact || log->offline() || jobs_.contains(name)) return false;
  const auto barred = barred_.find(name);
  if (barred == barred_.end()) return true;
  // A new topic of the same name is another log.
  if (barred->second.log.lock() == log && loop_.monotonic_ms() < barred->second.until_ms) return false;
  barred_.erase(barred);
  return true;
}

void LogCleaner::look() {
  while (!stopping_ && settings_.enable && std::cmp_less(jobs_.size(), settings_.threads)) {
    if (!start_filthiest()) break;
  }
  if (!stopping_ && settings_.enable) timer_->start(std::max(settings_.backoff_ms, kShortestBackoffMs));
}

bool LogCleaner::start_filthiest() {
  const int64_t now = host_.now_ms();
  std::shared_ptr<Log> filthiest;
  TopicPartitionName name;
  CleaningPlan plan;
  host_.visit_logs([&](const TopicPartitionName& one, const std::shared_ptr<Log>& log) {
    if (!may_start(one, log)) return;
    const CleaningPlan its = log->cleaning_plan(now);
    if (its.dirty_bytes == 0) return;
    if (!its.overdue && its.dirty_ratio() <= log->config().min_cleanable_dirty_ratio) return;
    if (filthiest && its.dirty_ratio() <= plan.dirty_ratio()) return;
    filthiest = log;
    name = one;
    plan = its;
  });
  if (filthiest) start_job(name, filthiest, plan);
  return filthiest != nullptr;
}

void LogCleaner::start_job(const TopicPartitionName& name, const std::shared_ptr<Log>& log,
                           const CleaningPlan& plan) {
  const int64_t threads = std::max(settings_.threads, 1);
  LogCleaning::Limits limits;
  limits.map_bytes = static_cast<uint64_t>(std::max<int64_t>(settings_.dedupe_buffer_size / threads, 0));
  limits.map_load = settings_.io_buffer_load_factor;
  limits.buffer_bytes =
      static_cast<size_t>(std::max(settings_.io_buffer_size / threads / 2, kSmallestBuffer));
  limits.seed = seed_;
  const auto job = std::make_shared<Job>();
  job->name = name;
  job->log = log;
  job->cleaning = std::make_unique<LogCleaning>(files_, log->cleaning_source(plan), limits, host_.now_ms());
  job->timer = loop_.make_timer([this, weak = std::weak_ptr(job)] {
    if (const auto due = weak.lock()) run_step(due);
  });
  job->began_ms = loop_.monotonic_ms();
  jobs_[name] = job;
  log_debug(kComponent, "cleaning {} from offset {} to {}, {:.0f} % dirty", log->name(),
            plan.first_dirty_offset, plan.uncleanable_offset, plan.dirty_ratio() * 100);
  run_step(job);
}

void LogCleaner::run_step(const std::shared_ptr<Job>& job) {
  const double share = settings_.io_max_bytes_per_second * kThrottleInterval;
  const uint64_t budget = share >= static_cast<double>(kStepBytes)
                              ? kStepBytes
                              : std::max(static_cast<uint64_t>(std::max(share, 0.0)), kSmallestStepBytes);
  loop_.run_in_background([job, budget] { job->result = job->cleaning->step(budget); },
                          [this, job, alive = std::weak_ptr(alive_)] {
                            if (alive.lock()) on_step(job);
                          });
}

int64_t LogCleaner::throttle_ms(uint64_t bytes) {
  const auto now = static_cast<double>(loop_.monotonic_ms());
  const double rate = std::max(settings_.io_max_bytes_per_second, 1.0);
  paid_up_to_ms_ = std::max(paid_up_to_ms_, now) + static_cast<double>(bytes) * 1000 / rate;
  return static_cast<int64_t>(paid_up_to_ms_ - now);
}

void LogCleaner::on_step(const std::shared_ptr<Job>& job) {
  const auto log = job->log.lock();
  const CleaningSource& source = job->cleaning->source();
  if (stopping_ || !log || log->offline() || !log->config().cleanup_compact) return give_up(job);
  if (!job->result.ok()) {
    // What was read was cut off meanwhile: no wonder.
    return log->truncations() != source.truncations ? give_up(job) : fail(job, log, job->result.status());
  }
  if (*job->result == LogCleaning::State::kReady) return swap(job, log);
  if (*job->result == LogCleaning::State::kDone) return finish(job, log);
  const int64_t pause = throttle_ms(job->cleaning->take_moved_bytes());
  pause > 0 ? job->timer->start(pause) : run_step(job);
}

void LogCleaner::swap(const std::shared_ptr<Job>& job, const std::shared_ptr<Log>& log) {
  LogCleaning& cleaning = *job->cleaning;
  const auto replaced = log->replace_segments(cleaning.source(), cleaning.replaced(), cleaning.cleaned());
  host_.on_files_deleted(*log);
  // Where the disk failed, the log's failure handler knows.
  if (!replaced.ok() || !*replaced) return give_up(job);
  run_step(job);
}

void LogCleaner::finish(const std::shared_ptr<Job>& job, const std::shared_ptr<Log>& log) {
  const LogCleaning& cleaning = *job->cleaning;
  if (log->truncations() != cleaning.source().truncations) return give_up(job);
  log->set_cleaned_up_to(cleaning.end_offset());
  const LogCleaning::Stats& stats = cleaning.stats();
  log_info(kComponent, "{} is clean up to offset {}: {} of {} bytes and {} of {} records left, in {} ms",
           log->name(), cleaning.end_offset(), stats.bytes_written, stats.bytes_read, stats.records_kept,
           stats.records_read, loop_.monotonic_ms() - job->began_ms);
  host_.on_cleaned();
  end(job);
}

void LogCleaner::fail(const std::shared_ptr<Job>& job, const std::shared_ptr<Log>& log, const Status& why) {
  Barred& barred = barred_[job->name];
  barred.log = log;
  if (why.error_number() == ENOSPC || why.error_number() == EDQUOT) {
    barred.until_ms = loop_.monotonic_ms() + std::max(settings_.backoff_ms, kShortestBackoffMs);
    log_warn(kComponent, "no room to clean {}; trying again later: {}", log->name(), why.message());
  } else if (why.code() == ErrorCode::KAFKA_STORAGE_ERROR) {
    log->report_failure(why);
  } else {
    log_error(kComponent, "{} cannot be cleaned and will grow: {}", log->name(), why.message());
  }
  give_up(job);
}

void LogCleaner::give_up(const std::shared_ptr<Job>& job) {
  job->timer->stop();
  const auto log = job->log.lock();
  // On a disk that failed nothing is touched any more; the next start removes what is left.
  if (!log || log->offline()) return end(job);
  loop_.run_in_background(
      [job] {
        const Status removed = job->cleaning->discard();
        if (!removed.ok()) log_warn(kComponent, "{}", removed.message());
      },
      [this, job, alive = std::weak_ptr(alive_)] {
        if (alive.lock()) end(job);
      });
}

void LogCleaner::end(const std::shared_ptr<Job>& job) {
  jobs_.erase(job->name);
  if (!stopping_) return look();
  if (jobs_.empty() && stopped_) std::exchange(stopped_, nullptr)();
}

void LogCleaner::stop(std::function<void()> done) {
  stopping_ = true;
  if (timer_) timer_->stop();
  stopped_ = std::move(done);
  std::vector<std::shared_ptr<Job>> idle;
  for (const auto& [name, job] : jobs_) {
    if (job->timer->active()) idle.push_back(job);
  }
  for (const auto& job : idle) give_up(job);
  if (jobs_.empty() && stopped_) std::exchange(stopped_, nullptr)();
}

}  // namespace ottla::storage
