// SPDX-License-Identifier: Apache-2.0
// What follows a join: the wait for the others, SyncGroup, heartbeats, and members that leave or fall silent.
#include <algorithm>
#include <utility>

#include "broker/groups/group_shard.h"
#include "protocol/base/log.h"

namespace ottla::groups {
namespace {

constexpr std::string_view kComponent = "broker.groups";

void refuse(const SyncCallback& callback, ErrorCode error) {
  SyncGroupResult result;
  result.error = error;
  callback(std::move(result));
}

SyncGroupResult sync_result(const Group& group, const Member& member) {
  SyncGroupResult result;
  result.protocol_type = group.protocol_type();
  result.protocol_name = group.protocol_name();
  result.assignment = member.assignment;
  return result;
}

ErrorCode validate_sync(const Group& group, const SyncGroup& request) {
  const ErrorCode error = group.validate_member(request.member_id, request.group_instance_id);
  if (error != ErrorCode::NONE) return error;
  if (request.generation_id != group.generation()) return ErrorCode::ILLEGAL_GENERATION;
  // KIP-559: sent from version 5 on.
  if (request.protocol_type && request.protocol_type != group.protocol_type()) {
    return ErrorCode::INCONSISTENT_GROUP_PROTOCOL;
  }
  if (request.protocol_name && request.protocol_name != group.protocol_name()) {
    return ErrorCode::INCONSISTENT_GROUP_PROTOCOL;
  }
  return ErrorCode::NONE;
}

}  // namespace

void GroupShard::maybe_prepare_rebalance(const GroupPtr& group, const std::string& reason) {
  if (group->can_rebalance()) prepare_rebalance(group, reason);
}

void GroupShard::prepare_rebalance(const GroupPtr& group, const std::string& reason) {
  log_info(kComponent, "Group {}: preparing to rebalance, old generation {} (__consumer_offsets-{}): {}",
           group->id(), group->generation(), partition_, reason);
  if (group->is(GroupState::kCompletingRebalance)) {
    for (auto& [member_id, member] : group->members()) member.assignment.clear();
    propagate_assignment(*group, ErrorCode::REBALANCE_IN_PROGRESS);
  }
  stop_waiting_for_sync(*group);

  const bool was_empty = group->is(GroupState::kEmpty);
  group->transition_to(GroupState::kPreparingRebalance, now_ms());
  if (was_empty) {
    // KIP-134: members that start together are waited for, so that the first does not rebalance for each of
    // the others.
    const int64_t delay_ms = config_.group_initial_rebalance_delay_ms;
    group->initial_delay = {delay_ms, std::max<int64_t>(group->rebalance_timeout_ms() - delay_ms, 0)};
    start_join_timer(*group, delay_ms);
    return;
  }
  group->initial_delay.reset();
  start_join_timer(*group, group->rebalance_timeout_ms());
  try_complete_join(group);
}

void GroupShard::start_join_timer(Group& group, int64_t delay_ms) {
  if (group.join_timer == nullptr) {
    group.join_timer = loop_.make_timer([this, weak = group.weak_from_this()] {
      if (const auto target = weak.lock()) on_join_timer(target);
    });
  }
  group.join_timer->start(std::max<int64_t>(delay_ms, 0));
}

void GroupShard::on_join_timer(const GroupPtr& group) {
  if (!group->is(GroupState::kPreparingRebalance)) return;
  if (group->initial_delay && group->new_member_added && group->initial_delay->remaining_ms != 0) {
    const Group::InitialDelay last = *group->initial_delay;
    const int64_t delay_ms = std::min<int64_t>(config_.group_initial_rebalance_delay_ms, last.remaining_ms);
    group->new_member_added = false;
    group->initial_delay = {delay_ms, std::max<int64_t>(last.remaining_ms - last.delay_ms, 0)};
    start_join_timer(*group, delay_ms);
    return;
  }
  complete_join(group);
}

void GroupShard::try_complete_join(const GroupPtr& group) {
  if (!group->is(GroupState::kPreparingRebalance) || group->initial_delay) return;
  if (group->all_members_joined()) complete_join(group);
}

void GroupShard::complete_join(const GroupPtr& group) {
  std::vector<std::string> late;
  for (const auto& [member_id, member] : group->members()) {
    // A static member keeps its place until its session ends.
    if (!member.awaiting_join() && !member.instance_id) late.push_back(member_id);
  }
  for (const std::string& member_id : late) {
    log_info(kComponent, "Group {}: removed {}, which did not join again", group->id(), member_id);
    group->remove(member_id);
  }
  group->initial_delay.reset();
  group->new_member_added = false;
  if (!group->elect_joined_leader() && !group->members().empty()) {
    log_info(kComponent, "Group {}: no member joined, waiting until their sessions end", group->id());
    start_join_timer(*group, group->rebalance_timeout_ms());
    return;
  }
  group->join_timer->stop();
  group->start_next_generation(now_ms());
  if (group->is(GroupState::kEmpty)) {
    log_info(kComponent, "Group {}: generation {} is empty", group->id(), group->generation());
    // Where this fails the last generation comes back after a restart, and its members' sessions end there.
    return store_group(*group, group->to_value(), [](ErrorCode) {});
  }
  log_info(kComponent, "Group {}: generation {} has {} members", group->id(), group->generation(),
           group->members().size());
  for (auto& [member_id, member] : group->members()) {
    group->answer_join(member, group->join_result(member));
    restart_session_timer(*group, member, member.session_timeout_ms);
    member.is_new = false;
    group->pending_sync.insert(member_id);
  }
  start_sync_timer(*group);
}

void GroupShard::start_sync_timer(Group& group) {
  if (group.sync_timer == nullptr) {
    group.sync_timer = loop_.make_timer([this, weak = group.weak_from_this()] {
      if (const auto target = weak.lock()) on_sync_timer(target);
    });
  }
  group.sync_timer->start(group.rebalance_timeout_ms());
}

void GroupShard::on_sync_timer(const GroupPtr& group) {
  if (!group->is(GroupState::kCompletingRebalance) && !group->is(GroupState::kStable)) return;
  if (group->pending_sync.empty()) return;
  const std::set<std::string> late = std::exchange(group->pending_sync, {});
  for (const std::string& member_id : late) group->remove(member_id);
  prepare_rebalance(group, fmt::format("{} members sent no SyncGroup in time", late.size()));
}

void GroupShard::member_synced(Group& group, const std::string& member_id) {
  group.pending_sync.erase(member_id);
  if (group.pending_sync.empty()) stop_waiting_for_sync(group);
}

void GroupShard::stop_waiting_for_sync(Group& group) {
  group.pending_sync.clear();
  if (group.sync_timer != nullptr) group.sync_timer->stop();
}

void GroupShard::sync_group(SyncGroup request, SyncCallback callback) {
  const GroupPtr group = group_or_null(request.group_id);
  if (group == nullptr) return refuse(callback, ErrorCode::UNKNOWN_MEMBER_ID);
  const ErrorCode error = validate_sync(*group, request);
  if (error != ErrorCode::NONE) return refuse(callback, error);
  Member& member = *group->find(request.member_id);
  switch (group->state()) {
    case GroupState::kEmpty:
    case GroupState::kDead:
      return refuse(callback, ErrorCode::UNKNOWN_MEMBER_ID);
    case GroupState::kPreparingRebalance:
      return refuse(callback, ErrorCode::REBALANCE_IN_PROGRESS);
    case GroupState::kCompletingRebalance:
      group->await_sync(member, std::move(callback));
      member_synced(*group, member.id);
      if (group->is_leader(member.id)) store_assignment(group, request);
      return;
    case GroupState::kStable:
      member_synced(*group, member.id);
      callback(sync_result(*group, member));
      restart_session_timer(*group, member, member.session_timeout_ms);
      return;
  }
}

void GroupShard::store_assignment(const GroupPtr& group, const SyncGroup& request) {
  std::map<std::string, OwnedBytes> assignments;
  for (const SyncGroup::Assignment& assignment : request.assignments) {
    assignments[assignment.member_id] = assignment.assignment;
  }
  const GroupValue value = group->to_value(assignments);
  const int32_t generation = group->generation();
  store_group(
      *group, value,
      [self = shared_from_this(), group, generation, assignments = std::move(assignments)](ErrorCode error) {
        // Another member may have joined while the record was under way.
        if (!group->is(GroupState::kCompletingRebalance) || group->generation() != generation) return;
        for (auto& [member_id, member] : group->members()) {
          const auto assigned = assignments.find(member_id);
          const bool has_one = error == ErrorCode::NONE && assigned != assignments.end();
          member.assignment = has_one ? assigned->second : OwnedBytes{};
        }
        self->propagate_assignment(*group, error);
        if (error == ErrorCode::NONE) {
          group->transition_to(GroupState::kStable, self->now_ms());
        } else {
          self->maybe_prepare_rebalance(group, "the assignment could not be stored");
        }
      });
}

void GroupShard::propagate_assignment(Group& group, ErrorCode error) {
  for (auto& [member_id, member] : group.members()) {
    SyncGroupResult result = sync_result(group, member);
    if (error != ErrorCode::NONE) {
      result = {};
      result.error = error;
    }
    // While it waited, an end of its session was ignored.
    if (group.answer_sync(member, std::move(result)))
      restart_session_timer(group, member, member.session_timeout_ms);
  }
}

ErrorCode GroupShard::heartbeat(const Heartbeat& request) {
  const GroupPtr group = group_or_null(request.group_id);
  if (group == nullptr) return ErrorCode::UNKNOWN_MEMBER_ID;
  const ErrorCode error = group->validate_member(request.member_id, request.group_instance_id);
  if (error != ErrorCode::NONE) return error;
  if (request.generation_id != group->generation()) return ErrorCode::ILLEGAL_GENERATION;
  Member& member = *group->find(request.member_id);
  restart_session_timer(*group, member, member.session_timeout_ms);
  return group->is(GroupState::kPreparingRebalance) ? ErrorCode::REBALANCE_IN_PROGRESS : ErrorCode::NONE;
}

LeaveGroupResult GroupShard::leave_group(const LeaveGroup& request) {
  LeaveGroupResult result;
  const GroupPtr group = group_or_null(request.group_id);
  for (const LeaveGroup::Member& leaving : request.members) {
    const ErrorCode error = group == nullptr ? ErrorCode::UNKNOWN_MEMBER_ID : leave(group, leaving);
    result.members.push_back({leaving.member_id, leaving.group_instance_id, error});
  }
  return result;
}

ErrorCode GroupShard::leave(const GroupPtr& group, const LeaveGroup::Member& leaving) {
  std::string member_id = leaving.member_id;
  if (member_id.empty()) {
    // An administrator knows the instance alone.
    const std::string* current =
        leaving.group_instance_id ? group->static_member_id(*leaving.group_instance_id) : nullptr;
    if (current == nullptr) return ErrorCode::UNKNOWN_MEMBER_ID;
    member_id = *current;
  } else if (group->find(member_id) == nullptr && group->pending_members.erase(member_id) > 0) {
    try_complete_join(group);
    return ErrorCode::NONE;
  } else {
    const ErrorCode error = group->validate_member(member_id, leaving.group_instance_id);
    if (error != ErrorCode::NONE) return error;
  }
  log_info(kComponent, "Group {}: member {} left", group->id(), member_id);
  remove_and_rebalance(group, member_id, "a member left: " + member_id);
  return ErrorCode::NONE;
}

void GroupShard::restart_session_timer(Group& group, Member& member, int64_t timeout_ms) {
  if (member.session_timer == nullptr) {
    // The timer goes with the member, whose address stays when its id is replaced.
    member.session_timer = loop_.make_timer([this, weak = group.weak_from_this(), &member] {
      if (const auto target = weak.lock()) on_session_timer(target, member);
    });
  }
  member.session_timer->start(timeout_ms);
}

void GroupShard::on_session_timer(const GroupPtr& group, Member& member) {
  // A member that waits for its answer cannot send heartbeats; the answer starts the timer anew. Not so for a
  // new one: its client may have gone.
  if (!member.is_new && (member.awaiting_join() || member.awaiting_sync())) return;
  const std::string member_id = member.id;
  log_info(kComponent, "Group {}: member {} has failed, removing it", group->id(), member_id);
  remove_and_rebalance(group, member_id, "session of " + member_id + " ended");
}

void GroupShard::remove_and_rebalance(const GroupPtr& group, const std::string& member_id,
                                      const std::string& reason) {
  group->remove(member_id);
  maybe_prepare_rebalance(group, reason);
  try_complete_join(group);
}

}  // namespace ottla::groups
