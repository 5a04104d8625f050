// SPDX-License-Identifier: Apache-2.0
// How all logs come up: what the directories hold is read on the loop (a few small files), the logs are
// opened on the pool, all directories at once and num.recovery.threads.per.data.dir of each, and handed over
// on the loop again.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>

#include "protocol/base/log.h"
#include "storage/log/file_names.h"
#include "storage/log/log_manager.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";

constexpr int64_t kLongestSyncMs = 250;

double mebibytes(uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

// Several threads open the logs of one directory; each takes the next.
struct LogManager::LoadDirectory {
  struct ToOpen {
    TopicPartitionName name;
    Log::OpenOptions options;
    uint64_t bytes = 0;  // to be walked
    std::shared_ptr<Log> log;
    Status failure;
  };
  LogDirectory* directory = nullptr;
  std::vector<ToOpen> logs;
  bool clean = false;
  Status failure;
  std::atomic<size_t> next = 0;
  size_t threads = 0;  // that are still at it
  std::atomic<bool> failed = false;
  std::atomic<size_t> opened = 0;
  std::atomic<uint64_t> walked_bytes = 0;
  uint64_t bytes = 0;
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
  std::mutex report_mutex;
  std::chrono::steady_clock::time_point reported;  // guarded by report_mutex

  void open_some(FileSystem& files);
  void measure(FileSystem& files);
  void report();
};

struct LogManager::LoadState {
  std::deque<LoadDirectory> directories;
  std::function<void(Status)> done;
  size_t left = 0;  // directories that are not done
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
};

void LogManager::LoadDirectory::measure(FileSystem& files) {
  for (ToOpen& one : logs) {
    one.bytes = Log::bytes_to_recover(files, one.options);
    bytes += one.bytes;
  }
  log_info(kComponent, "{}: no clean shutdown: recovering {} logs, {:.1f} MiB of segments to look at",
           directory->path(), logs.size(), mebibytes(bytes));
  began = reported = std::chrono::steady_clock::now();
}

void LogManager::LoadDirectory::open_some(FileSystem& files) {
  for (size_t i = next++; i < logs.size() && !failed; i = next++) {
    ToOpen& one = logs[i];
    uint64_t walked = 0;
    one.options.recovery_progress = [this, &walked](uint64_t segment_bytes) {
      walked += segment_bytes;
      walked_bytes += segment_bytes;
      report();
    };
    auto opened_log = Log::open(files, std::move(one.options));
    if (opened_log.ok()) {
      one.log = std::move(*opened_log);
    } else {
      one.failure = opened_log.status();
      failed = true;
    }
    walked_bytes += one.bytes - std::min(one.bytes, walked);
    ++opened;
  }
}

// Once a second at most, by whoever comes by.
void LogManager::LoadDirectory::report() {
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(report_mutex);
    if (now - reported < std::chrono::seconds(1)) return;
    reported = now;
  }
  const double seconds = std::chrono::duration<double>(now - began).count();
  const uint64_t walked = std::min<uint64_t>(walked_bytes, bytes);
  const double part = bytes == 0 ? 1.0 : static_cast<double>(walked) / static_cast<double>(bytes);
  log_info(kComponent, "{}: recovery at {:.0f} %: {:.1f} of {:.1f} MiB, {} of {} logs, about {:.0f} s left",
           directory->path(), part * 100, mebibytes(walked), mebibytes(bytes), opened.load(), logs.size(),
           part > 0 ? seconds / part - seconds : 0.0);
}

// A recovery read what the page cache had: it is brought to the disk before anybody is shown it, and no
// recovery point passes it before (KAFKA-10101).
struct LogManager::RecoveredSync {
  std::vector<std::pair<std::shared_ptr<Log>, Log::Commit>> commits;
  Unsynced unsynced;
  Status result;
  bool waited_for = true;
  std::unique_ptr<Timer> timer;
};

void LogManager::load(const ConfigOf& config_of, std::function<void(Status)> done) {
  const auto state = std::make_shared<LoadState>();
  state->done = std::move(done);
  for (const auto& directory : directories_) {
    if (directory->online()) prepare_load(*directory, config_of, *state);
  }
  state->left = state->directories.size();
  if (state->left == 0) {
    run_job([] {}, [this, state] { state->done(finish_load(*state)); });
    return;
  }
  for (LoadDirectory& directory : state->directories) {
    loop_.run_in_background(
        [&files = files_, state, &directory] {
          if (!directory.clean && !directory.logs.empty()) directory.measure(files);
        },
        [this, state, &directory, alive = std::weak_ptr(alive_)] {
          if (alive.lock()) open_logs(state, directory);
        });
  }
}

void LogManager::open_logs(const std::shared_ptr<LoadState>& state, LoadDirectory& directory) {
  const auto threads = static_cast<size_t>(std::max(settings_.recovery_threads_per_directory, 1));
  directory.threads = std::clamp<size_t>(directory.logs.size(), 1, threads);
  for (size_t i = directory.threads; i > 0; --i) {
    loop_.run_in_background([&files = files_, state, &directory] { directory.open_some(files); },
                            [this, state, &directory, alive = std::weak_ptr(alive_)] {
                              if (alive.lock() && --directory.threads == 0)
                                finish_directory(state, directory);
                            });
  }
}

void LogManager::finish_directory(const std::shared_ptr<LoadState>& state, LoadDirectory& directory) {
  for (const LoadDirectory::ToOpen& one : directory.logs) {
    if (!one.failure.ok()) directory.failure = one.failure;
  }
  if (!directory.failure.ok() || directory.clean || directory.logs.empty()) return end_load(state);
  const auto sync = std::make_shared<RecoveredSync>();
  bool durable = false;
  for (LoadDirectory::ToOpen& one : directory.logs) {
    durable = durable || one.log->config().durable;
    Log::Commit commit = one.log->begin_commit();
    sync->unsynced.add(std::move(commit.unsynced));
    sync->commits.emplace_back(one.log, std::move(commit));
  }
  // Gigabytes may be in the page cache alone. Without durable mode they were shown before, and are again;
  // with it there is little.
  sync->timer = loop_.make_timer([this, state, sync, path = directory.directory->path()] {
    sync->waited_for = false;
    log_warn(kComponent, "{}: what was recovered is still being written to the disk; serving it meanwhile",
             path);
    end_load(state);
  });
  if (!durable) sync->timer->start(kLongestSyncMs);
  loop_.run_in_background([&files = files_, sync] { sync->result = files.sync_all(sync->unsynced); },
                          [this, state, &directory, sync, alive = std::weak_ptr(alive_)] {
                            if (alive.lock()) end_sync(state, directory, *sync);
                          });
}

void LogManager::end_sync(const std::shared_ptr<LoadState>& state, LoadDirectory& directory,
                          RecoveredSync& sync) {
  sync.timer.reset();
  for (const auto& [log, commit] : sync.commits) {
    if (log->offline()) continue;
    if (sync.result.ok()) log->end_commit(commit);
    if (!sync.result.ok() && !sync.waited_for) log->report_failure(sync.result);
  }
  if (!sync.waited_for) return;
  directory.failure = sync.result;
  end_load(state);
}

void LogManager::end_load(const std::shared_ptr<LoadState>& state) {
  if (--state->left == 0) state->done(finish_load(*state));
}

void LogManager::prepare_load(LogDirectory& directory, const ConfigOf& config_of, LoadState& state) {
  auto contents = directory.take_over();
  if (!contents.ok()) {
    fail_directory(directory, contents.status());
    return;
  }
  if (!contents->to_delete.empty()) remove_later(std::move(contents->to_delete), 0);
  LoadDirectory& load = state.directories.emplace_back();
  load.directory = &directory;
  load.clean = contents->clean;
  const auto offset_in = [](const OffsetCheckpoint& offsets, const TopicPartitionName& name) {
    const auto found = offsets.find(name);
    return found == offsets.end() ? int64_t{0} : found->second;
  };
  for (const TopicPartitionName& name : contents->partitions) {
    LoadDirectory::ToOpen& one = load.logs.emplace_back();
    one.name = name;
    one.options.directory = directory.path() + "/" + partition_directory(name.topic, name.partition);
    one.options.config = config_of(name.topic);
    one.options.recovery_point = offset_in(contents->recovery_points, name);
    one.options.log_start_offset = offset_in(contents->log_starts, name);
    one.options.cleaned_up_to = offset_in(contents->cleaned, name);
    one.options.high_watermark = offset_in(contents->high_watermarks, name);
    one.options.clean_shutdown = contents->clean;
    one.options.now_ms = loop_.wall_ms();
  }
}

Status LogManager::finish_load(LoadState& state) {
  size_t count = 0;
  for (LoadDirectory& load : state.directories) {
    if (!load.failure.ok()) {
      fail_directory(*load.directory, load.failure);
      continue;
    }
    for (LoadDirectory::ToOpen& one : load.logs) {
      if (Log* other = find(one.name.topic, one.name.partition)) {
        return {ErrorCode::INVALID_CONFIG, "Duplicate log directories for " +
                                               partition_directory(one.name.topic, one.name.partition) +
                                               " are found in both " + one.log->directory() + " and " +
                                               other->directory() + ": delete the one that is out of date"};
      }
      adopt(one.name, std::move(one.log), *load.directory);
      ++count;
    }
  }
  if (online_directories() == 0)
    return {ErrorCode::KAFKA_STORAGE_ERROR,
            "the logs could be loaded from none of the directories in log.dirs"};
  const auto took = std::chrono::steady_clock::now() - state.began;
  log_info(kComponent, "loaded {} logs in {} ms", count,
           std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
  start_tasks();
  cleaner_.start();
  return {};
}

}  // namespace ottla::storage
