// SPDX-License-Identifier: Apache-2.0
// The committed offsets of the groups of one __consumer_offsets partition. Only the replay functions change
// what is committed, in the order of the log: on the live path when a record is committed, after a restart
// when it is read.
//
// Offsets committed inside a transaction of Kafka's wait until the transaction's marker (KIP-98); an offset
// committed plainly after them wins, whatever the marker says (KAFKA-6259's record offsets).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/groups/records.h"

namespace ottla::groups {

class OffsetStore {
 public:
  struct Entry {
    CommittedOffset committed;
    int64_t record_offset = 0;
  };
  using GroupOffsets = std::map<TopicPartition, Entry>;

  // nullopt is a tombstone, which also drops what an open transaction holds for the key.
  void replay(const OffsetKey& key, std::optional<CommittedOffset> value, int64_t record_offset);
  void replay_transactional(int64_t producer_id, const OffsetKey& key, std::optional<CommittedOffset> value,
                            int64_t record_offset);
  void replay_end_transaction(int64_t producer_id, bool commit);
  void clear();

  // An append that is not committed yet: such an offset is not stable, and does not expire.
  void add_in_flight(const std::string& group_id, const TopicPartition& topic_partition);
  void remove_in_flight(const std::string& group_id, const TopicPartition& topic_partition);

  // Null where nothing is committed. Valid until the next replay.
  const CommittedOffset* find(const std::string& group_id, const TopicPartition& topic_partition) const;
  const GroupOffsets& offsets_of(const std::string& group_id) const;
  bool in_flight(const std::string& group_id, const TopicPartition& topic_partition) const;
  // In flight, or held by an open transaction.
  bool unstable(const std::string& group_id, const TopicPartition& topic_partition) const;
  // Whether anything keeps the group alive besides its committed offsets.
  bool has_unstable(const std::string& group_id) const;
  // Everything a tombstone is due for when the group goes: committed, in flight, or held by an open
  // transaction.
  std::vector<TopicPartition> keys_of(const std::string& group_id) const;
  // The groups that have an offset, committed or in an open transaction.
  std::set<std::string> group_ids() const;

 private:
  std::unordered_map<std::string, GroupOffsets> groups_;
  std::unordered_map<std::string, std::map<TopicPartition, int>> in_flight_;
  std::map<int64_t, std::unordered_map<std::string, GroupOffsets>> open_transactions_;
};

}  // namespace ottla::groups
