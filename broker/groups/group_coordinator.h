// SPDX-License-Identifier: Apache-2.0
// The group coordinator of this broker: finds the shard (partition of __consumer_offsets) of a group and
// refuses what it does not own, has not read back yet, or cannot be a group.
//
//   group id empty                    INVALID_GROUP_ID (offsets, describe and delete still take the empty id)
//   before start(), after stop()      COORDINATOR_NOT_AVAILABLE
//   partition not led here            NOT_COORDINATOR
//   partition being read back         COORDINATOR_LOAD_IN_PROGRESS; a heartbeat gets NONE, a sync
//   REBALANCE_IN_PROGRESS
//
// Threads: the loop's. A callback may be called before the function that took it returns; it must not call
// the coordinator back synchronously. Callbacks that wait are answered by on_partition_resigned() and the
// destructor. Source: kafka.coordinator.group.GroupCoordinator (2.8, 3.9).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/groups/group_shard.h"

namespace ottla::groups {

class GroupCoordinator {
 public:
  // `random` makes member ids. The loop and the log outlive the coordinator.
  GroupCoordinator(EventLoop& loop, const GroupConfig& config, OffsetsLog& log, RandomBytes random);
  ~GroupCoordinator();

  // From here on requests are served, and offsets expire every offsets.retention.check.interval.ms.
  void start();
  // Unloads every partition, as on_partition_resigned() does, and refuses requests.
  void stop();

  // The partitions of __consumer_offsets as it exists, or the configured number while it does not.
  void set_partition_count(int32_t count);
  int32_t partition_for(const std::string& group_id) const;

  // This broker leads the partition from now on: reads it back. Nothing happens where it already does.
  void on_partition_elected(int32_t partition);
  void on_partition_resigned(int32_t partition);
  void on_topics_deleted(const std::vector<std::string>& topics);

  void join_group(JoinGroup request, JoinCallback callback);
  void sync_group(SyncGroup request, SyncCallback callback);
  ErrorCode heartbeat(const Heartbeat& request);
  LeaveGroupResult leave_group(const LeaveGroup& request);
  // Answered when the offsets are committed. That the partitions exist is for the caller to check.
  void commit_offsets(CommitOffsets request, CommitCallback callback);
  FetchOffsetsResult fetch_offsets(const std::string& group_id, const std::vector<TopicPartition>& partitions,
                                   bool require_stable) const;
  FetchOffsetsResult fetch_all_offsets(const std::string& group_id, bool require_stable) const;
  // An unknown group is Dead, and from version 6 of DescribeGroups on GROUP_ID_NOT_FOUND as well (KIP-1043).
  DescribedGroup describe_group(const std::string& group_id, int16_t version) const;
  // No filter lets everything through; filters compare without case. Groups here are all of type "classic".
  ListGroupsResult list_groups(const std::vector<std::string>& states_filter,
                               const std::vector<std::string>& types_filter) const;
  // One result per id, in order.
  void delete_groups(const std::vector<std::string>& group_ids, DeleteGroupsCallback callback);
  void delete_offsets(const std::string& group_id, const std::vector<TopicPartition>& partitions,
                      DeleteOffsetsCallback callback);

 private:
  enum class EmptyId { kAllowed, kRefused };
  // The shard that serves the group, or the error why none does.
  struct Found {
    ErrorCode error = ErrorCode::NONE;
    std::shared_ptr<GroupShard> shard;
  };

  Found find(const std::string& group_id, EmptyId empty_id) const;
  void finish_load(int32_t partition, const std::weak_ptr<GroupShard>& loaded, const Status& status);
  void unload_all();
  void expire_offsets();

  EventLoop& loop_;
  const GroupConfig config_;
  OffsetsLog& log_;
  const RandomBytes random_;
  bool active_ = false;
  int32_t partition_count_;
  std::map<int32_t, std::shared_ptr<GroupShard>> shards_;
  std::unique_ptr<Timer> expiry_timer_;
  // Tells a load that ends later whether the coordinator still is there.
  std::shared_ptr<GroupCoordinator*> alive_;
};

}  // namespace ottla::groups
