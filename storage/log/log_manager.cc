// SPDX-License-Identifier: Apache-2.0
#include "storage/log/log_manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "protocol/base/log.h"
#include "storage/log/file_names.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";

std::string hex(const std::array<uint8_t, 16>& bytes) {
  std::string text;
  for (const uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

LogManager::LogManager(FileSystem& files, EventLoop& loop, LogManagerSettings settings,
                       std::function<std::array<uint8_t, 16>()> random, DirectoryFailed directory_failed)
    : files_(files),
      loop_(loop),
      settings_(std::move(settings)),
      random_(std::move(random)),
      directory_failed_(std::move(directory_failed)),
      clock_(loop, settings_.clock_jump_max_ms),
      cleaner_(files, loop, settings_.cleaner, *this) {
  OTTLA_CHECK(!settings_.directories.empty());
  index_files_timer_ = loop_.make_timer([this] { make_index_files(); });
}

LogManager::~LogManager() = default;

Status LogManager::lock_directories() {
  std::optional<MetaProperties> first;
  for (const std::string& named : settings_.directories) {
    const std::string path = without_slashes(named);
    const auto same = [&](const auto& directory) { return directory->path() == path; };
    if (std::any_of(directories_.begin(), directories_.end(), same)) {
      return {ErrorCode::INVALID_CONFIG, "log.dirs names " + path + " twice"};
    }
    directories_.push_back(std::make_shared<LogDirectory>(files_, path));
    LogDirectory& directory = *directories_.back();
    commits_[&directory] = std::make_unique<GroupCommit>(files_, loop_);
    Status status = directory.lock();
    if (status.error_number() == EWOULDBLOCK || status.error_number() == EAGAIN) {
      return {
          ErrorCode::KAFKA_STORAGE_ERROR,
          "Failed to acquire lock on file .lock in " + path +
              ". Another broker is using this directory: stop it, or choose another directory in log.dirs."};
    }
    if (status.ok()) status = directory.read_meta();
    if (!status.ok()) {
      fail_directory(directory, status);
      if (settings_.directories.size() == 1) {
        return {status.code(),
                "log directory " + path + " cannot be used: " + status.message() + " (see log.dirs)"};
      }
      continue;
    }
    note_last_alive(directory);
    if (!directory.meta()) continue;
    // Each directory has an id of its own in newer releases: only what all must share is compared.
    if (first && (first->broker_id != directory.meta()->broker_id ||
                  first->cluster_id != directory.meta()->cluster_id)) {
      return {ErrorCode::INVALID_CONFIG, "meta.properties is not consistent across log.dirs: " + path +
                                             " has " + directory.meta()->to_string() + ", another has " +
                                             first->to_string() +
                                             ". This happens where brokers shared a log directory, or data "
                                             "was copied by hand from another broker."};
    }
    if (!first) first = directory.meta();
  }
  if (first) identity_ = *first;
  if (online_directories() > 0) return {};
  return {ErrorCode::KAFKA_STORAGE_ERROR, "none of the directories in log.dirs can be used"};
}

Status LogManager::take_identity(int32_t broker_id, const std::string& cluster_id) {
  if (!identity_.cluster_id.empty() && identity_.cluster_id != cluster_id) {
    return {ErrorCode::INCONSISTENT_CLUSTER_ID,
            "The Cluster ID " + cluster_id + " doesn't match stored clusterId " + identity_.cluster_id +
                " in meta.properties. The broker is trying to join the wrong cluster: zookeeper.connect may "
                "be wrong, or log.dirs "
                "holds the data of another cluster."};
  }
  if (identity_.broker_id >= 0 && identity_.broker_id != broker_id) {
    return {ErrorCode::INVALID_CONFIG, "Configured broker.id " + std::to_string(broker_id) +
                                           " doesn't match stored broker.id " +
                                           std::to_string(identity_.broker_id) +
                                           " in meta.properties. If you moved your data, set broker.id to "
                                           "the stored one; to make a new broker, empty the "
                                           "directories in log.dirs."};
  }
  identity_.broker_id = broker_id;
  identity_.cluster_id = cluster_id;
  return {};
}

Status LogManager::leave_kraft() {
  for (const auto& directory : directories_) {
    if (!directory->online()) continue;
    const Status left = directory->leave_kraft();
    if (!left.ok()) return left;
  }
  return {};
}

void LogManager::write_identity() {
  for (const auto& directory : directories_) {
    if (!directory->online()) continue;
    auto written = std::make_shared<Status>();
    run_job(
        [directory, written, identity = identity_, now_ms = loop_.wall_ms()] {
          MetaProperties meta = directory->meta().value_or(MetaProperties{});
          meta.broker_id = identity.broker_id;
          meta.cluster_id = identity.cluster_id;
          *written = directory->write_meta(meta, now_ms);
        },
        [this, directory, written] {
          if (!written->ok()) fail_directory(*directory, *written);
        });
  }
}

Log* LogManager::find(std::string_view topic, int32_t partition) {
  const auto found = logs_.find(TopicPartitionName{std::string(topic), partition});
  return found == logs_.end() ? nullptr : found->second.log.get();
}

LogDirectory* LogManager::directory_for_new_log() {
  LogDirectory* best = nullptr;
  for (const auto& directory : directories_) {
    if (directory->online() && (best == nullptr || log_counts_[directory.get()] < log_counts_[best]))
      best = directory.get();
  }
  return best;
}

// Only Kafka misses them, where it opens the directory after a kill: whoever waits for a new partition does
// not wait for them, and those of many are made in one job. Where they cannot be made, or the log is gone by
// then, the next flush or nobody needs them.
void LogManager::make_index_files_later(const Log& log) {
  constexpr int64_t kGatherMs = 10;
  if (index_files_.empty()) index_files_timer_->start(kGatherMs);
  for (const char* kind : {kOffsetIndexSuffix, kTimeIndexSuffix})
    index_files_.push_back(log.directory() + "/" + offset_file_name(log.active_base_offset(), kind));
}

void LogManager::make_index_files() {
  if (index_files_.empty()) return;
  run_job(
      [&files = files_, paths = std::exchange(index_files_, {})] {
        for (const std::string& path : paths) static_cast<void>(files.open(path, true).ok());
      },
      [] {});
}

Result<Log*> LogManager::get_or_create(const std::string& topic, int32_t partition, const Uuid& topic_id,
                                       const LogConfig& config, bool is_new) {
  Log* log = find(topic, partition);
  if (log == nullptr) {
    // It may be on a directory that is offline: an empty one in its place would be taken for the truth (kafka
    // LogManager.getOrCreateLog).
    if (!is_new && online_directories() < directories_.size()) {
      return Status(
          ErrorCode::KAFKA_STORAGE_ERROR,
          fmt::format("{}-{} is not new, not here, and a log directory is offline", topic, partition));
    }
    LogDirectory* directory = directory_for_new_log();
    if (directory == nullptr) return Status(ErrorCode::KAFKA_STORAGE_ERROR, "no log directory is online");
    Log::OpenOptions options;
    options.directory = directory->path() + "/" + partition_directory(topic, partition);
    options.config = config;
    options.now_ms = loop_.wall_ms();
    const auto made = files_.make_new_directory(options.directory);
    options.is_new = made.ok() && *made;
    auto opened =
        made.ok() ? Log::open(files_, std::move(options)) : Result<std::unique_ptr<Log>>(made.status());
    if (!opened.ok()) {
      if (!is_shortage(opened.status())) fail_directory(*directory, opened.status());
      return opened.status();
    }
    adopt({topic, partition}, std::move(*opened), *directory);
    log = find(topic, partition);
    make_index_files_later(*log);
  } else {
    log->update_config(config);
  }
  if (!topic_id.is_zero() && !log->topic_id().is_zero() && log->topic_id() != topic_id) {
    return Status(ErrorCode::INCONSISTENT_TOPIC_ID,
                  fmt::format("{} belongs to topic id {}, not {}", log->directory(),
                              log->topic_id().to_string(), topic_id.to_string()));
  }
  const Status set = log->set_topic_id(topic_id);
  if (!set.ok()) return set;
  return log;
}

void LogManager::adopt(const TopicPartitionName& name, std::shared_ptr<Log> log, LogDirectory& directory) {
  log->set_failure_handler([this, &directory](const Status& why) { fail_directory(directory, why); });
  log->set_uncleaned_handler([this] { write_checkpoints(false); });
  log->set_commit_handler([commits = commits_.at(&directory).get(), weak = std::weak_ptr(log)] {
    if (auto asking = weak.lock()) commits->add(std::move(asking));
  });
  ++log_counts_[&directory];
  logs_[name] = {std::move(log), &directory, loop_.wall_ms()};
}

Status LogManager::remove(const std::string& topic, int32_t partition) {
  const auto found = logs_.find(TopicPartitionName{topic, partition});
  if (found == logs_.end()) return {};
  const std::shared_ptr<Log> log = found->second.log;
  LogDirectory& directory = *found->second.directory;
  const std::string target = directory.path() + "/" + delete_directory(topic, partition, hex(random_()));
  const Status renamed = log->rename_directory(target);
  if (!renamed.ok()) {
    fail_directory(directory, renamed);
    return renamed;
  }
  logs_.erase(found);
  --log_counts_[&directory];
  log_info(kComponent, "the log of {}-{} is renamed to {} and will be deleted", topic, partition, target);
  remove_later({target}, log->config().file_delete_delay_ms);
  // A checkpoint that still names the partition would be taken for a new one of the same name.
  write_checkpoints(false);
  return {};
}

void LogManager::for_each(const std::function<void(const TopicPartitionName&, Log&)>& visit) {
  for (auto& [name, entry] : logs_) visit(name, *entry.log);
}

std::vector<LogManager::DirectoryState> LogManager::directories() const {
  std::vector<DirectoryState> states;
  states.reserve(directories_.size());
  for (const auto& directory : directories_) states.push_back({directory->path(), directory->online()});
  return states;
}

size_t LogManager::online_directories() const {
  return static_cast<size_t>(std::count_if(directories_.begin(), directories_.end(),
                                           [](const auto& directory) { return directory->online(); }));
}

void LogManager::stop_commits(std::function<void()> done) {
  const auto left = std::make_shared<size_t>(commits_.size());
  const auto all_done = std::make_shared<std::function<void()>>(std::move(done));
  if (commits_.empty()) return (*all_done)();
  for (const auto& [directory, commits] : commits_) {
    commits->stop([left, all_done] {
      if (--*left == 0) (*all_done)();
    });
  }
}

// Only marks: the failing call may stand on the log that is taken out, so the logs live on, closed to
// everybody.
void LogManager::fail_directory(LogDirectory& directory, const Status& why) {
  if (!directory.online()) return;
  directory.set_offline();
  log_error(kComponent, "log directory {} goes offline: {}", directory.path(), why.message());
  for (auto entry = logs_.begin(); entry != logs_.end();) {
    if (entry->second.directory != &directory) {
      ++entry;
      continue;
    }
    entry->second.log->set_offline();
    offline_logs_.push_back(std::move(entry->second.log));
    entry = logs_.erase(entry);
  }
  if (!directory_failed_) return;
  loop_.post([this, alive = std::weak_ptr(alive_), path = directory.path(), why] {
    if (alive.lock()) directory_failed_(path, why);
  });
}

}  // namespace ottla::storage
