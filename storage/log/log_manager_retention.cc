// SPDX-License-Identifier: Apache-2.0
// What a LogManager deletes of its logs: by retention, by the cap on all of them, and on demand.
#include <algorithm>
#include <queue>

#include "protocol/base/log.h"
#include "storage/log/log_manager.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";
// A broker with a cap is a small one, whose disk is soon full.
constexpr int64_t kCapCheckIntervalMs = 10'000;

// The files whose time of change says when the broker that had the directory was last alive.
constexpr const char* kSignsOfLife[] = {kCleanShutdownMarker, kRecoveryPointCheckpoint,
                                        kLogStartOffsetCheckpoint, kHighWatermarkCheckpoint};

}  // namespace

void LogManager::note_last_alive(const LogDirectory& directory) {
  for (const char* name : kSignsOfLife) {
    const auto modified = files_.modified_ms(directory.path() + "/" + name);
    if (modified.ok()) last_alive_ms_ = std::max(last_alive_ms_.value_or(*modified), *modified);
  }
}

void LogManager::check_retention() {
  const int64_t now = clock_.now_ms();
  std::vector<TopicPartitionName> names;
  names.reserve(logs_.size());
  for (const auto& [name, entry] : logs_) names.push_back(name);
  for (const TopicPartitionName& name : names) {
    // Looked up each time: a failure takes all logs of its directory out.
    Log* log = find(name.topic, name.partition);
    if (log == nullptr) continue;
    log->expire_producers(now);
    const auto removed = log->apply_retention(now);
    if (removed.ok() && *removed > 0)
      log_info(kComponent, "{}: retention removed {} segments", log->directory(), *removed);
    on_files_deleted(*log);
  }
}

void LogManager::update_limits(int64_t max_bytes, int64_t clock_jump_max_ms) {
  settings_.max_bytes = max_bytes;
  settings_.clock_jump_max_ms = clock_jump_max_ms;
  clock_.set_max_jump_ms(clock_jump_max_ms);
  if (timer_) start_cap_task();
}

void LogManager::start_cap_task() {
  const auto is_cap = [](const PeriodicTask& task) { return task.run == &LogManager::check_cap; };
  std::erase_if(tasks_, is_cap);
  if (settings_.max_bytes >= 0) {
    const int64_t interval_ms = std::min(settings_.retention_check_interval_ms, kCapCheckIntervalMs);
    tasks_.push_back({interval_ms, loop_.monotonic_ms() + interval_ms, &LogManager::check_cap});
  }
  arm_timer();
}

void LogManager::check_cap() {
  struct Oldest {
    Log::OldestSegment segment;
    TopicPartitionName name;
    bool operator>(const Oldest& other) const { return segment.max_timestamp > other.segment.max_timestamp; }
  };
  uint64_t total = 0;
  std::priority_queue<Oldest, std::vector<Oldest>, std::greater<>> oldest;
  for (const auto& [name, entry] : logs_) {
    total += entry.log->size_in_bytes();
    if (const auto segment = entry.log->oldest_closed_segment()) oldest.push({*segment, name});
  }
  const uint64_t before = total;
  int count = 0;
  while (total > static_cast<uint64_t>(settings_.max_bytes) && !oldest.empty()) {
    const Oldest next = oldest.top();
    oldest.pop();
    Log* log = find(next.name.topic, next.name.partition);
    if (log == nullptr || !log->drop_oldest_segment().ok()) continue;
    on_files_deleted(*log);
    total -= next.segment.size;
    ++count;
    if (const auto segment = log->oldest_closed_segment()) oldest.push({*segment, next.name});
  }
  if (count > 0) {
    log_info(kComponent, "ottla.log.max.bytes={}: {} bytes were there, the {} oldest segments are removed",
             settings_.max_bytes, before, count);
  }
}

void LogManager::save_log_starts(const std::vector<TopicPartitionName>& raised, std::function<void()> done) {
  struct OneDirectory {
    std::shared_ptr<LogDirectory> directory;
    OffsetCheckpoint log_starts;
    std::vector<std::string> changed;
    Status failure;
  };
  const auto all = std::make_shared<std::vector<OneDirectory>>();
  for (const auto& directory : directories_) {
    if (!directory->online()) continue;
    OneDirectory& one = all->emplace_back();
    one.directory = directory;
    for (const auto& [name, entry] : logs_) {
      if (entry.directory != directory.get()) continue;
      if (entry.log->log_start_offset() > entry.log->first_base_offset())
        one.log_starts[name] = entry.log->log_start_offset();
    }
    for (const TopicPartitionName& name : raised) {
      const auto entry = logs_.find(name);
      if (entry == logs_.end() || entry->second.directory != directory.get()) continue;
      one.changed.push_back(entry->second.log->directory());
      on_files_deleted(*entry->second.log);
    }
  }
  run_job(
      [&files = files_, all] {
        for (OneDirectory& one : *all) {
          // Segments that were renamed away must not come back either.
          for (const std::string& path : one.changed) {
            if (one.failure.ok()) one.failure = files.sync_directory(path);
          }
          if (one.failure.ok() && !one.changed.empty())
            one.failure = one.directory->write_log_starts(one.log_starts);
        }
      },
      [this, all, done = std::move(done)] {
        for (OneDirectory& one : *all) {
          if (!one.failure.ok()) fail_directory(*one.directory, one.failure);
        }
        done();
      });
}

}  // namespace ottla::storage
