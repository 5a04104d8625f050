// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/partition_manager.h"

#include <utility>

#include "protocol/base/log.h"
#include "storage/log/log_manager.h"

namespace ottla {

Partition::Partition(std::string topic, Uuid topic_id, int32_t index, storage::Log& log, int32_t leader_epoch)
    : topic_(std::move(topic)), topic_id_(topic_id), index_(index), log_(log), leader_epoch_(leader_epoch) {
  log_.set_progress_handler([this] { notify_waiters(); });
}

Partition::~Partition() {
  log_.set_progress_handler(nullptr);
  for (PartitionWaiter* waiter : std::exchange(waiters_, {})) waiter->on_partition_gone(*this);
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

Status PartitionManager::become_leader(const std::string& topic, const Uuid& topic_id, int32_t index,
                                       int32_t leader_epoch, const storage::LogConfig& config, bool is_new) {
  if (Partition* open = find(topic, index)) {
    if (open->leader_epoch() == leader_epoch) return {};
    open->set_leader_epoch(leader_epoch);
    const Status begun = open->log().begin_epoch(leader_epoch);
    open->notify_waiters();
    return begun;
  }
  const auto log = logs_.get_or_create(topic, index, topic_id, config, is_new);
  if (!log.ok()) return log.status();
  const Status begun = (*log)->begin_epoch(leader_epoch);
  if (!begun.ok()) return begun;
  topics_[topic].emplace(index, std::make_unique<Partition>(topic, topic_id, index, **log, leader_epoch));
  ++count_;
  return {};
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
