// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/offset_store.h"

namespace ottla::groups {
namespace {

void erase_offset(std::unordered_map<std::string, OffsetStore::GroupOffsets>& groups, const OffsetKey& key) {
  const auto group = groups.find(key.group_id);
  if (group == groups.end()) return;
  group->second.erase(key.topic_partition);
  if (group->second.empty()) groups.erase(group);
}

}  // namespace

void OffsetStore::replay(const OffsetKey& key, std::optional<CommittedOffset> value, int64_t record_offset) {
  if (value) {
    groups_[key.group_id][key.topic_partition] = {std::move(*value), record_offset};
    return;
  }
  erase_offset(groups_, key);
  for (auto& [producer_id, groups] : open_transactions_) erase_offset(groups, key);
}

void OffsetStore::replay_transactional(int64_t producer_id, const OffsetKey& key,
                                       std::optional<CommittedOffset> value, int64_t record_offset) {
  auto& groups = open_transactions_[producer_id];
  if (value) {
    groups[key.group_id][key.topic_partition] = {std::move(*value), record_offset};
  } else {
    erase_offset(groups, key);
  }
}

void OffsetStore::replay_end_transaction(int64_t producer_id, bool commit) {
  auto transaction = open_transactions_.extract(producer_id);
  if (!transaction || !commit) return;
  for (auto& [group_id, offsets] : transaction.mapped()) {
    for (auto& [topic_partition, entry] : offsets) {
      const auto [current, added] = groups_[group_id].try_emplace(topic_partition, entry);
      if (!added && current->second.record_offset < entry.record_offset) current->second = std::move(entry);
    }
  }
}

void OffsetStore::clear() {
  groups_.clear();
  in_flight_.clear();
  open_transactions_.clear();
}

void OffsetStore::add_in_flight(const std::string& group_id, const TopicPartition& topic_partition) {
  ++in_flight_[group_id][topic_partition];
}

void OffsetStore::remove_in_flight(const std::string& group_id, const TopicPartition& topic_partition) {
  const auto group = in_flight_.find(group_id);
  if (group == in_flight_.end()) return;
  const auto count = group->second.find(topic_partition);
  if (count == group->second.end()) return;
  if (--count->second == 0) group->second.erase(count);
  if (group->second.empty()) in_flight_.erase(group);
}

const CommittedOffset* OffsetStore::find(const std::string& group_id,
                                         const TopicPartition& topic_partition) const {
  const GroupOffsets& offsets = offsets_of(group_id);
  const auto found = offsets.find(topic_partition);
  return found == offsets.end() ? nullptr : &found->second.committed;
}

const OffsetStore::GroupOffsets& OffsetStore::offsets_of(const std::string& group_id) const {
  static const GroupOffsets kNone;
  const auto group = groups_.find(group_id);
  return group == groups_.end() ? kNone : group->second;
}

bool OffsetStore::in_flight(const std::string& group_id, const TopicPartition& topic_partition) const {
  const auto group = in_flight_.find(group_id);
  return group != in_flight_.end() && group->second.contains(topic_partition);
}

bool OffsetStore::unstable(const std::string& group_id, const TopicPartition& topic_partition) const {
  if (in_flight(group_id, topic_partition)) return true;
  for (const auto& [producer_id, groups] : open_transactions_) {
    const auto group = groups.find(group_id);
    if (group != groups.end() && group->second.contains(topic_partition)) return true;
  }
  return false;
}

bool OffsetStore::has_unstable(const std::string& group_id) const {
  if (in_flight_.contains(group_id)) return true;
  for (const auto& [producer_id, groups] : open_transactions_) {
    if (groups.contains(group_id)) return true;
  }
  return false;
}

std::vector<TopicPartition> OffsetStore::keys_of(const std::string& group_id) const {
  std::set<TopicPartition> keys;
  for (const auto& [topic_partition, entry] : offsets_of(group_id)) keys.insert(topic_partition);
  if (const auto group = in_flight_.find(group_id); group != in_flight_.end()) {
    for (const auto& [topic_partition, count] : group->second) keys.insert(topic_partition);
  }
  for (const auto& [producer_id, groups] : open_transactions_) {
    const auto group = groups.find(group_id);
    if (group == groups.end()) continue;
    for (const auto& [topic_partition, entry] : group->second) keys.insert(topic_partition);
  }
  return {keys.begin(), keys.end()};
}

std::set<std::string> OffsetStore::group_ids() const {
  std::set<std::string> ids;
  for (const auto& [group_id, offsets] : groups_) ids.insert(group_id);
  for (const auto& [producer_id, groups] : open_transactions_) {
    for (const auto& [group_id, offsets] : groups) ids.insert(group_id);
  }
  return ids;
}

}  // namespace ottla::groups
