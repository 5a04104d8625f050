// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/partition_manager.h"

#include <utility>

#include "protocol/base/log.h"
#include "storage/log/log_manager.h"

namespace ottla {

Partition::Partition(std::string topic, Uuid topic_id, int32_t index, storage::Log& log)
    : topic_(std::move(topic)), topic_id_(topic_id), index_(index), log_(log) {
  log_.set_progress_handler([this] { on_progress(); });
}

Partition::~Partition() {
  log_.set_progress_handler(nullptr);
  for (PartitionWaiter* waiter : std::exchange(waiters_, {})) waiter->on_partition_gone(*this);
}

Status Partition::lead(int32_t self, const PartitionState& state, const EventLoop& loop, int64_t max_lag_ms) {
  const Status begun = log_.begin_epoch(state.leader_epoch);
  if (!begun.ok()) return begun;
  leader_ = kSelf;
  leader_epoch_ = state.leader_epoch;
  if (state.replicas.size() > 1) {
    state_ = std::make_unique<PartitionState>(state);
    log_.hold_high_watermark();
    loop_ = &loop;
    in_sync_ = std::make_unique<InSyncReplicas>(self, state.replicas, state.isr, log_.log_end_offset(),
                                                max_lag_ms, loop.monotonic_ms());
  } else {
    state_.reset();
    in_sync_.reset();
    log_.release_high_watermark();
  }
  on_progress();
  return {};
}

void Partition::follow(const PartitionState& state) {
  state_ = std::make_unique<PartitionState>(state);
  leader_ = state.leader;
  leader_epoch_ = state.leader_epoch;
  in_sync_.reset();
  log_.hold_high_watermark();
  notify_waiters();
}

void Partition::on_progress() {
  if (in_sync_)
    log_.advance_high_watermark(in_sync_->watermark(log_.log_end_offset(), loop_->monotonic_ms()));
  notify_waiters();
}

void Partition::remove_waiter(PartitionWaiter& waiter) { std::erase(waiters_, &waiter); }

void Partition::notify_waiters() {
  // Those that finish remove themselves, which moves what stands behind them: from the back, each is still
  // told once.
  for (size_t left = waiters_.size(); left > 0; --left) {
    if (left <= waiters_.size()) waiters_[left - 1]->on_partition_changed();
  }
}

Partition* PartitionManager::find(std::string_view topic, int32_t index) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return nullptr;
  const auto partition = found->second.find(index);
  return partition == found->second.end() ? nullptr : partition->second.get();
}

std::vector<Partition*> PartitionManager::partitions_of(std::string_view topic) {
  std::vector<Partition*> out;
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return out;
  for (const auto& [index, partition] : found->second) out.push_back(partition.get());
  return out;
}

void PartitionManager::for_each(const std::function<void(Partition&)>& visit) {
  for (const auto& [topic, partitions] : topics_) {
    for (const auto& [index, partition] : partitions) visit(*partition);
  }
}

Result<Partition*> PartitionManager::open(const std::string& topic, const Uuid& topic_id, int32_t index,
                                          const storage::LogConfig& config, bool is_new) {
  if (Partition* known = find(topic, index)) return known;
  const auto log = logs_.get_or_create(topic, index, topic_id, config, is_new);
  if (!log.ok()) return log.status();
  auto partition = std::make_unique<Partition>(topic, topic_id, index, **log);
  ++count_;
  return topics_[topic].emplace(index, std::move(partition)).first->second.get();
}

void PartitionManager::close(const std::string& topic, int32_t index, bool delete_log) {
  const auto found = topics_.find(topic);
  if (found != topics_.end()) {
    // Out of sight first: waiters that are told look the partition up and find nothing.
    const auto gone = found->second.extract(index);
    if (!gone.empty()) --count_;
    if (found->second.empty()) topics_.erase(found);
  }
  if (!delete_log || logs_.find(topic, index) == nullptr) return;
  const Status removed = logs_.remove(topic, index);
  if (!removed.ok())
    log_error("broker.partitions", "cannot delete {}-{}: {}", topic, index, removed.message());
}

void PartitionManager::update_config(std::string_view topic, const storage::LogConfig& config) {
  for (Partition* partition : partitions_of(topic)) partition->log().update_config(config);
}

void PartitionManager::delete_topic(std::string_view topic) {
  const auto found = topics_.find(topic);
  if (found != topics_.end()) {
    // Out of sight first: waiters that are told look the partition up and find nothing. Gone before their
    // logs.
    const TopicPartitions partitions = std::move(found->second);
    topics_.erase(found);
    count_ -= partitions.size();
  }
  // Also logs that were never opened here: a deletion that a crash interrupted.
  std::vector<int32_t> indexes;
  logs_.for_each([&](const storage::TopicPartitionName& name, storage::Log&) {
    if (name.topic == topic) indexes.push_back(name.partition);
  });
  for (const int32_t index : indexes) {
    const Status removed = logs_.remove(std::string(topic), index);
    if (!removed.ok())
      log_error("broker.partitions", "cannot delete {}-{}: {}", topic, index, removed.message());
  }
}

void PartitionManager::keep(std::shared_ptr<PartitionWaiter> waiter) {
  PartitionWaiter* address = waiter.get();
  waiters_.emplace(address, std::move(waiter));
}

}  // namespace ottla
