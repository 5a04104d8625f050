// SPDX-License-Identifier: Apache-2.0
// How all logs come up: what the directories hold is read on the loop (a few small files), the logs are
// opened on the pool, and handed over on the loop again.
#include <chrono>

#include "protocol/base/log.h"
#include "storage/log/file_names.h"
#include "storage/log/log_manager.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";

}  // namespace

struct LogManager::LoadState {
  struct ToOpen {
    TopicPartitionName name;
    Log::OpenOptions options;
    std::unique_ptr<Log> log;
  };
  struct Directory {
    LogDirectory* directory;
    std::vector<ToOpen> logs;
    bool clean = false;
    Status failure;
  };
  std::vector<Directory> directories;
  std::function<void(Status)> done;
  std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();

  static Status sync_recovered(FileSystem& files, std::vector<ToOpen>& logs);
};

// A recovery read what the page cache had. Nobody is shown any of it before it is on the disk, and no
// recovery point passes it (KAFKA-10101).
Status LogManager::LoadState::sync_recovered(FileSystem& files, std::vector<ToOpen>& logs) {
  std::vector<Log::Commit> commits;
  Unsynced unsynced;
  for (ToOpen& one : logs) {
    Log::Commit& commit = commits.emplace_back(one.log->begin_commit());
    std::move(commit.unsynced.files.begin(), commit.unsynced.files.end(), std::back_inserter(unsynced.files));
    std::move(commit.unsynced.directories.begin(), commit.unsynced.directories.end(),
              std::back_inserter(unsynced.directories));
  }
  const Status synced = files.sync_all(unsynced);
  for (size_t i = 0; synced.ok() && i < logs.size(); ++i) logs[i].log->end_commit(commits[i]);
  return synced;
}

void LogManager::load(const ConfigOf& config_of, std::function<void(Status)> done) {
  const auto state = std::make_shared<LoadState>();
  state->done = std::move(done);
  for (const auto& directory : directories_) {
    if (directory->online()) prepare_load(*directory, config_of, *state);
  }
  run_job(
      [&files = files_, state] {
        for (LoadState::Directory& directory : state->directories) {
          for (LoadState::ToOpen& one : directory.logs) {
            auto opened = Log::open(files, std::move(one.options));
            if (!opened.ok()) {
              directory.failure = opened.status();
              break;
            }
            one.log = std::move(*opened);
          }
          if (!directory.clean && directory.failure.ok())
            directory.failure = LoadState::sync_recovered(files, directory.logs);
        }
      },
      [this, state] { state->done(finish_load(*state)); });
}

void LogManager::prepare_load(LogDirectory& directory, const ConfigOf& config_of, LoadState& state) {
  auto contents = directory.take_over();
  if (!contents.ok()) {
    fail_directory(directory, contents.status());
    return;
  }
  if (!contents->to_delete.empty()) remove_later(std::move(contents->to_delete), 0);
  LoadState::Directory& load = state.directories.emplace_back();
  load.directory = &directory;
  load.clean = contents->clean;
  const auto offset_in = [](const OffsetCheckpoint& offsets, const TopicPartitionName& name) {
    const auto found = offsets.find(name);
    return found == offsets.end() ? int64_t{0} : found->second;
  };
  for (const TopicPartitionName& name : contents->partitions) {
    LoadState::ToOpen& one = load.logs.emplace_back();
    one.name = name;
    one.options.directory = directory.path() + "/" + partition_directory(name.topic, name.partition);
    one.options.config = config_of(name.topic);
    one.options.recovery_point = offset_in(contents->recovery_points, name);
    one.options.log_start_offset = offset_in(contents->log_starts, name);
    one.options.cleaned_up_to = offset_in(contents->cleaned, name);
    one.options.clean_shutdown = contents->clean;
    one.options.now_ms = loop_.wall_ms();
  }
  if (!load.logs.empty() && !contents->clean) {
    log_info(kComponent, "{}: no clean shutdown: recovering {} logs", directory.path(), load.logs.size());
  }
}

Status LogManager::finish_load(LoadState& state) {
  size_t count = 0;
  for (LoadState::Directory& load : state.directories) {
    if (!load.failure.ok()) {
      fail_directory(*load.directory, load.failure);
      continue;
    }
    for (LoadState::ToOpen& one : load.logs) {
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
