// SPDX-License-Identifier: Apache-2.0
// How a LogManager brings to the disk what its logs hold: flushes, checkpoints, and the clean stop.
#include <algorithm>
#include <utility>

#include "protocol/base/log.h"
#include "storage/log/log_manager.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";
// A start after a crash walks so much in a blink.
constexpr uint64_t kLeftUnflushedBytes = 128 << 20;
constexpr size_t kFlushedAtOnce = 32;
// More than that is not left until the next checkpoint is due.
constexpr uint64_t kMostUnflushedBytes = 512 << 20;

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

void LogManager::check_flush() {
  const int64_t now = loop_.wall_ms();
  std::vector<TopicPartitionName> due;
  for (const auto& [name, entry] : logs_) {
    if (entry.log->unflushed_records() > 0 && now - entry.last_flush_ms >= entry.log->config().flush_ms)
      due.push_back(name);
  }
  if (!due.empty()) flush(std::move(due), [] {});
}

// Segments that were rolled are flushed first, so that a crash has only the active one to walk (Kafka flushes
// at the roll); then whatever a start after a crash would have to walk too long for.
void LogManager::checkpoint() {
  std::vector<std::pair<uint64_t, TopicPartitionName>> unflushed;
  std::vector<TopicPartitionName> names;
  uint64_t bytes = 0;
  for (auto& [name, entry] : logs_) {
    if (entry.log->recovery_point() < entry.log->active_base_offset()) {
      names.push_back(name);
    } else if (entry.log->unflushed_bytes() > 0) {
      bytes += entry.log->unflushed_bytes();
      unflushed.emplace_back(entry.log->unflushed_bytes(), name);
    }
  }
  std::sort(unflushed.begin(), unflushed.end(), std::greater<>());
  for (auto& [size, name] : unflushed) {
    if (bytes <= kLeftUnflushedBytes) break;
    bytes -= size;
    names.push_back(std::move(name));
  }
  flush(names, [this] { write_checkpoints(false); });
}

// Every five seconds: that nothing moved must be found out without building a line for every partition.
void LogManager::checkpoint_high_watermarks() {
  uint64_t moved = logs_.size();
  uint64_t unflushed = 0;
  for (const auto& [name, entry] : logs_) {
    moved = moved * 31 + static_cast<uint64_t>(entry.log->high_watermark());
    unflushed += entry.log->unflushed_bytes();
  }
  if (unflushed > kMostUnflushedBytes && jobs_.empty() && !job_running_) checkpoint();
  if (std::exchange(high_watermarks_seen_, moved) != moved) write_checkpoints(true);
  // A topic's flush.ms acts within five seconds, too, where log.flush.scheduler.interval.ms is not set. (In
  // Kafka it does nothing then.)
  check_flush();
}

// A few logs at once: what is written on the loop for each of them takes its time.
void LogManager::flush(std::vector<TopicPartitionName> names, std::function<void()> then) {
  struct OneFlush {
    std::weak_ptr<Log> log;
    LogDirectory* directory;
    int64_t end_offset;
    uint64_t truncations;
  };
  struct Flush {
    std::vector<OneFlush> logs;
    std::map<const LogDirectory*, Unsynced> unsynced;
    std::map<const LogDirectory*, Status> results;
  };
  if (names.empty()) return then();
  const auto flush = std::make_shared<Flush>();
  for (size_t i = 0; i < kFlushedAtOnce && !names.empty(); ++i) {
    const auto found = logs_.find(names.back());
    names.pop_back();
    // Its directory may have failed meanwhile.
    if (found == logs_.end()) continue;
    Entry& entry = found->second;
    entry.last_flush_ms = loop_.wall_ms();
    Result<Unsynced> unsynced = entry.log->begin_flush();
    if (!unsynced.ok()) {
      if (!is_shortage(unsynced.status())) entry.log->report_failure(unsynced.status());
      continue;
    }
    flush->logs.push_back(
        {entry.log, entry.directory, entry.log->log_end_offset(), entry.log->truncations()});
    flush->unsynced[entry.directory].add(std::move(*unsynced));
  }
  run_job(
      [&files = files_, flush] {
        for (const auto& [directory, unsynced] : flush->unsynced)
          flush->results[directory] = files.sync_all(unsynced);
      },
      [this, flush, names = std::move(names), then = std::move(then)]() mutable {
        for (const OneFlush& one : flush->logs) {
          const auto log = one.log.lock();
          if (!log || log->offline()) continue;
          const Status& result = flush->results[one.directory];
          if (!result.ok()) {
            log->report_failure(result);
          } else if (log->truncations() == one.truncations) {
            log->mark_flushed(one.end_offset);
          }
        }
        this->flush(std::move(names), std::move(then));
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
          if (is_shortage(one.failure)) {
            log_warn(kComponent, "checkpoints wait until there is room: {}", one.failure.message());
          } else if (!one.failure.ok()) {
            fail_directory(*one.directory, one.failure);
          }
        }
      });
}

void LogManager::stop(std::function<void(bool clean)> done) {
  stopping_ = true;
  if (timer_) timer_->stop();
  index_files_timer_->stop();
  make_index_files();
  start_detached(run_stop(std::move(done)));
}

// A flush that fails under way takes its directory offline before it could be called clean: the same flush,
// tried again, might succeed without the data (fsyncgate).
Task<void> LogManager::run_stop(std::function<void(bool clean)> done) {
  // Before load() there is nothing to close, and nothing may be called clean.
  const bool loaded = timer_ != nullptr;
  co_await Callback<bool>([this](auto stopped) { cleaner_.stop([stopped] { stopped(true); }); });
  co_await Callback<bool>([this](auto stopped) { stop_commits([stopped] { stopped(true); }); });
  co_await Callback<bool>([this](auto idle) { run_job([] {}, [idle] { idle(true); }); });
  const auto failed = co_await close_logs();
  const auto all = std::make_shared<std::vector<DirectoryOffsets>>(offsets_by_directory());
  for (DirectoryOffsets& one : *all) {
    if (const auto found = failed.find(one.directory.get()); found != failed.end())
      one.failure = found->second;
  }
  co_await Callback<bool>([&](auto written) {
    run_job(
        [all, loaded] {
          for (DirectoryOffsets& one : *all) {
            if (one.failure.ok() && loaded) one.failure = one.write(false);
            if (one.failure.ok() && loaded) one.failure = one.directory->mark_clean();
          }
        },
        [written] { written(true); });
  });
  bool clean = true;
  for (const DirectoryOffsets& one : *all) {
    if (one.failure.ok()) continue;
    clean = false;
    log_error(kComponent, "{} is not marked clean: {}", one.directory->path(), one.failure.message());
  }
  for (auto& [name, entry] : logs_) {
    entry.log->set_offline();
    offline_logs_.push_back(std::move(entry.log));
  }
  logs_.clear();
  for (const auto& directory : directories_) directory->unlock();
  done(clean);
}

// One flush of the disk for all logs of a directory.
Task<std::map<const LogDirectory*, Status>> LogManager::close_logs() {
  struct Closing {
    std::vector<std::shared_ptr<Log>> logs;
    Status status;
  };
  const auto closings = std::make_shared<std::map<const LogDirectory*, Closing>>();
  for (auto& [name, entry] : logs_) (*closings)[entry.directory].logs.push_back(entry.log);
  co_await Callback<bool>([&](auto closed) {
    run_job(
        [&files = files_, closings] {
          for (auto& [directory, closing] : *closings) {
            Unsynced all;
            for (const auto& log : closing.logs) {
              Result<Unsynced> unsynced = closing.status.ok() ? log->begin_close() : closing.status;
              closing.status = unsynced.status();
              if (unsynced.ok()) all.add(std::move(*unsynced));
            }
            if (closing.status.ok()) closing.status = files.sync_all(all);
          }
        },
        [closed] { closed(true); });
  });
  std::map<const LogDirectory*, Status> failed;
  for (auto& [directory, closing] : *closings) {
    if (!closing.status.ok()) failed[directory] = closing.status;
    for (const auto& log : closing.logs) {
      if (closing.status.ok()) log->mark_flushed(log->log_end_offset());
    }
  }
  co_return failed;
}

}  // namespace ottla::storage
