// SPDX-License-Identifier: Apache-2.0
// The groups of one partition of __consumer_offsets: a state machine that turns requests, timers and records
// read back into answers and records appended.
//
// A join and the generation it makes (happy path):
//   1. JoinGroup without an id: MEMBER_ID_REQUIRED with one (version 4 on), the member joins again with it
//   2. the group goes to PreparingRebalance; joins wait until all members have joined, or the time is up
//   3. all joins are answered with the new generation, the leader's with the members: CompletingRebalance
//   4. the leader's SyncGroup brings the assignment; it is appended, and when committed all syncs are
//   answered: Stable
//   5. heartbeats keep the members in; commits are appended, and answered when committed
// What goes wrong: a member falls silent (session timer), does not join again (join timer) or does not sync
// (sync timer): it is removed and the others rebalance. An append fails: waiting syncs get the error and
// rebalance, a commit gets it. The partition moves away: whoever waits gets NOT_COORDINATOR.
//
// What is stored: offsets change only through replay(), when their record is committed or read back. A
// group's members are ahead of its record, which is read back only when loading; joins, timers and what waits
// live in memory alone, as Kafka's do.
//
// Threads: the loop's. Callbacks run inside the call, or later from a timer or the log; they must not call
// the shard back. Sources: kafka.coordinator.group.{GroupCoordinator, GroupMetadataManager, DelayedJoin}
// (2.8, 3.9).
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/groups/config.h"
#include "broker/groups/group.h"
#include "broker/groups/offset_store.h"
#include "broker/groups/offsets_log.h"
#include "broker/groups/requests.h"

namespace ottla::groups {

// 16 random bytes, for member ids.
using RandomBytes = std::function<std::array<uint8_t, 16>()>;

// What a failed append of the offsets topic means to clients, where both kinds of records agree; `too_large`:
// what it means that the record does not fit.
ErrorCode append_error_of_coordinator(ErrorCode error, ErrorCode too_large);

class GroupShard : public std::enable_shared_from_this<GroupShard> {
 public:
  // All outlive the shard.
  GroupShard(int32_t partition, EventLoop& loop, const GroupConfig& config, OffsetsLog& log,
             const RandomBytes& random);

  // Reads the partition back, then calls `done`. Until then loading() is true and no request may be given to
  // the shard.
  void load(std::function<void(Status)> done);
  bool loading() const { return loading_; }
  // Answers all that waits with NOT_COORDINATOR and stops all timers. Nothing may be asked of the shard after
  // it.
  void unload();

  void join_group(JoinGroup request, JoinCallback callback);
  void sync_group(SyncGroup request, SyncCallback callback);
  ErrorCode heartbeat(const Heartbeat& request);
  LeaveGroupResult leave_group(const LeaveGroup& request);

  void commit_offsets(CommitOffsets request, CommitCallback callback);
  FetchOffsetsResult fetch_offsets(const std::string& group_id, const std::vector<TopicPartition>* partitions,
                                   bool require_stable) const;
  void delete_group(const std::string& group_id, std::function<void(ErrorCode)> callback);
  void delete_offsets(const std::string& group_id, const std::vector<TopicPartition>& partitions,
                      DeleteOffsetsCallback callback);
  // Drops the offsets of deleted topics.
  void on_topics_deleted(const std::vector<std::string>& topics);
  // Drops offsets past their retention, and empty groups without any.
  void expire_offsets();

  // Null where there is no such group.
  const Group* find_group(const std::string& group_id) const;
  const std::map<std::string, std::shared_ptr<Group>>& groups() const { return groups_; }

 private:
  using GroupPtr = std::shared_ptr<Group>;
  using Done = std::function<void(ErrorCode)>;

  int64_t now_ms() const { return loop_.wall_ms(); }
  GroupPtr group_or_null(const std::string& group_id) const;
  GroupPtr group_or_create(const std::string& group_id);

  // group_shard_join.cc
  bool accepts(Group& group, const std::string& member_id) const;
  std::string new_member_id(const std::string& prefix) const;
  void join_new_member(const GroupPtr& group, JoinGroup request, JoinCallback callback);
  void join_known_member(const GroupPtr& group, JoinGroup request, JoinCallback callback);
  void add_pending_member(const GroupPtr& group, const std::string& member_id, int32_t timeout_ms);
  void add_member(const GroupPtr& group, const std::string& member_id, JoinGroup request,
                  JoinCallback callback);
  void rejoin_static_member(const GroupPtr& group, const std::string& old_id, const std::string& new_id,
                            JoinGroup request, JoinCallback callback);
  void store_static_member(const GroupPtr& group, const std::string& old_id, const std::string& new_id,
                           const JoinGroup& request, const Member& before, const std::string& old_leader);
  void update_and_rebalance(const GroupPtr& group, Member& member, JoinGroup request, JoinCallback callback,
                            const char* reason);

  // group_shard_rebalance.cc
  void maybe_prepare_rebalance(const GroupPtr& group, const std::string& reason);
  void prepare_rebalance(const GroupPtr& group, const std::string& reason);
  void start_join_timer(Group& group, int64_t delay_ms);
  void on_join_timer(const GroupPtr& group);
  void try_complete_join(const GroupPtr& group);
  void complete_join(const GroupPtr& group);
  void start_sync_timer(Group& group);
  void on_sync_timer(const GroupPtr& group);
  void member_synced(Group& group, const std::string& member_id);
  void stop_waiting_for_sync(Group& group);
  void store_assignment(const GroupPtr& group, const SyncGroup& request);
  void propagate_assignment(Group& group, ErrorCode error);
  void restart_session_timer(Group& group, Member& member, int64_t timeout_ms);
  void on_session_timer(const GroupPtr& group, Member& member);
  void remove_and_rebalance(const GroupPtr& group, const std::string& member_id, const std::string& reason);
  ErrorCode leave(const GroupPtr& group, const LeaveGroup::Member& leaving);

  // group_shard_offsets.cc
  ErrorCode validate_commit(Group& group, const CommitOffsets& request);
  std::vector<TopicPartition> expired_offsets(const Group& group, int64_t now) const;
  void remove_offsets(const GroupPtr& group, const std::vector<TopicPartition>& partitions, bool remove_group,
                      Done done);
  bool keeps_nothing_but(const Group& group, const std::vector<TopicPartition>& partitions) const;

  // group_shard.cc
  void append(std::vector<LogRecord> records, Done done);
  void store_group(const Group& group, const GroupValue& value, Done done);
  void replay(const StoredRecord& record);
  void replay_offset(const OffsetKey& key, const StoredRecord& record);
  void replay_group(const std::string& group_id, const StoredRecord& record);
  void finish_load();

  const int32_t partition_;
  EventLoop& loop_;
  const GroupConfig& config_;
  OffsetsLog& log_;
  const RandomBytes& random_;
  bool loading_ = false;
  bool unloaded_ = false;
  std::map<std::string, std::shared_ptr<Group>> groups_;
  OffsetStore offsets_;
};

}  // namespace ottla::groups
