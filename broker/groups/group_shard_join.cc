// SPDX-License-Identifier: Apache-2.0
// JoinGroup: who may join, under which id, and what that does to the group.
#include <set>
#include <utility>

#include "broker/groups/group_shard.h"
#include "protocol/base/log.h"
#include "protocol/base/uuid.h"

namespace ottla::groups {
namespace {

constexpr std::string_view kComponent = "broker.groups";

// How long a new member is kept whose JoinGroup waits and who cannot send heartbeats yet: a client that gave
// up joins again as another member, and the first must not stay for ever.
constexpr int64_t kNewMemberJoinTimeoutMs = 5 * 60 * 1000;

void refuse(const JoinCallback& callback, std::string member_id, ErrorCode error) {
  JoinGroupResult result;
  result.error = error;
  result.member_id = std::move(member_id);
  callback(std::move(result));
}

// A name that comes twice would count twice in the vote.
void keep_first_of_each_name(std::vector<GroupProtocol>& protocols) {
  std::set<std::string> seen;
  std::erase_if(protocols, [&](const GroupProtocol& protocol) { return !seen.insert(protocol.name).second; });
}

}  // namespace

void GroupShard::join_group(JoinGroup request, JoinCallback callback) {
  if (request.session_timeout_ms < config_.group_min_session_timeout_ms ||
      request.session_timeout_ms > config_.group_max_session_timeout_ms) {
    return refuse(callback, request.member_id, ErrorCode::INVALID_SESSION_TIMEOUT);
  }
  if (request.version == 0) request.rebalance_timeout_ms = request.session_timeout_ms;
  keep_first_of_each_name(request.protocols);
  const bool is_new = request.member_id.empty();
  // A member with an id has been here before, and so has its group.
  const GroupPtr group = is_new ? group_or_create(request.group_id) : group_or_null(request.group_id);
  if (group == nullptr) return refuse(callback, request.member_id, ErrorCode::UNKNOWN_MEMBER_ID);

  if (!accepts(*group, request.member_id)) {
    group->remove(request.member_id);
    refuse(callback, "", ErrorCode::GROUP_MAX_SIZE_REACHED);
  } else if (!group->supports_protocols(request.protocol_type, request.protocols)) {
    refuse(callback, request.member_id, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
  } else if (is_new) {
    join_new_member(group, std::move(request), std::move(callback));
  } else {
    join_known_member(group, std::move(request), std::move(callback));
  }
  try_complete_join(group);
}

// While members join again, those that did first have the places; otherwise the group's size counts.
bool GroupShard::accepts(Group& group, const std::string& member_id) const {
  const auto max_size = static_cast<size_t>(config_.group_max_size);
  const Member* member = group.find(member_id);
  switch (group.state()) {
    case GroupState::kEmpty:
    case GroupState::kDead:
      return true;
    case GroupState::kPreparingRebalance:
      return (member != nullptr && member->awaiting_join()) || group.awaiting_join_count() < max_size;
    case GroupState::kCompletingRebalance:
    case GroupState::kStable:
      return member != nullptr || group.members().size() < max_size;
  }
  return true;
}

// The prefix and a UUID of type 4 as Java prints it.
std::string GroupShard::new_member_id(const std::string& prefix) const {
  std::array<uint8_t, 16> random = random_();
  random[6] = static_cast<uint8_t>((random[6] & 0x0F) | 0x40);
  random[8] = static_cast<uint8_t>((random[8] & 0x3F) | 0x80);
  // A client id may fill a string's 32,767 bytes, the member id must still fit one.
  constexpr size_t kMaxPrefix = 32'000;
  std::string id = prefix.substr(0, kMaxPrefix) + "-";
  for (size_t i = 0; i < random.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) id += '-';
    id += fmt::format("{:02x}", random[i]);
  }
  return id;
}

void GroupShard::join_new_member(const GroupPtr& group, JoinGroup request, JoinCallback callback) {
  const std::string member_id = new_member_id(request.group_instance_id.value_or(request.client_id));
  if (request.group_instance_id) {
    if (const std::string* current = group->static_member_id(*request.group_instance_id)) {
      const std::string old_id = *current;
      return rejoin_static_member(group, old_id, member_id, std::move(request), std::move(callback));
    }
  } else if (request.version >= 4) {
    log_debug(kComponent, "Group {}: a member without an id is to join as {}", group->id(), member_id);
    add_pending_member(group, member_id, request.session_timeout_ms);
    return refuse(callback, member_id, ErrorCode::MEMBER_ID_REQUIRED);
  }
  add_member(group, member_id, std::move(request), std::move(callback));
}

void GroupShard::join_known_member(const GroupPtr& group, JoinGroup request, JoinCallback callback) {
  Member* member = group->find(request.member_id);
  if (member == nullptr && group->pending_members.contains(request.member_id) && !request.group_instance_id) {
    const std::string member_id = request.member_id;
    return add_member(group, member_id, std::move(request), std::move(callback));
  }
  const ErrorCode error = group->validate_member(request.member_id, request.group_instance_id);
  if (error != ErrorCode::NONE) return refuse(callback, request.member_id, error);

  const bool unchanged = member->protocols == request.protocols;
  switch (group->state()) {
    case GroupState::kPreparingRebalance:
      return update_and_rebalance(group, *member, std::move(request), std::move(callback),
                                  "a member joins again");
    case GroupState::kCompletingRebalance:
      // It may have missed the answer to its JoinGroup: the generation stands.
      if (unchanged) return callback(group->join_result(*member));
      return update_and_rebalance(group, *member, std::move(request), std::move(callback),
                                  "a member's metadata changed");
    case GroupState::kStable:
      // The leader asks for a rebalance by joining: topics changed that its metadata does not show.
      if (group->is_leader(member->id)) {
        return update_and_rebalance(group, *member, std::move(request), std::move(callback),
                                    "the leader joins again");
      }
      if (unchanged) return callback(group->join_result(*member));
      return update_and_rebalance(group, *member, std::move(request), std::move(callback),
                                  "a member's metadata changed");
    case GroupState::kEmpty:
    case GroupState::kDead:
      return refuse(callback, request.member_id, ErrorCode::UNKNOWN_MEMBER_ID);
  }
}

void GroupShard::add_pending_member(const GroupPtr& group, const std::string& member_id, int32_t timeout_ms) {
  auto timer = loop_.make_timer([self = weak_from_this(), weak = std::weak_ptr(group), member_id] {
    const auto shard = self.lock();
    const auto target = weak.lock();
    if (shard == nullptr || target == nullptr) return;
    log_info(kComponent, "Group {}: pending member {} did not join in time", target->id(), member_id);
    target->pending_members.erase(member_id);
    shard->try_complete_join(target);
  });
  timer->start(timeout_ms);
  group->pending_members[member_id] = std::move(timer);
}

void GroupShard::add_member(const GroupPtr& group, const std::string& member_id, JoinGroup request,
                            JoinCallback callback) {
  Member member;
  member.id = member_id;
  member.instance_id = std::move(request.group_instance_id);
  member.client_id = std::move(request.client_id);
  member.client_host = std::move(request.client_host);
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  member.session_timeout_ms = request.session_timeout_ms;
  member.protocols = std::move(request.protocols);
  member.is_new = true;
  // The first wait of a new group goes on while members keep coming.
  if (group->is(GroupState::kPreparingRebalance) && group->generation() == 0) group->new_member_added = true;
  Member& added = group->add(std::move(member), request.protocol_type, std::move(callback));
  restart_session_timer(*group, added, kNewMemberJoinTimeoutMs);
  group->pending_members.erase(member_id);
  maybe_prepare_rebalance(group, "adding new member " + member_id);
}

void GroupShard::update_and_rebalance(const GroupPtr& group, Member& member, JoinGroup request,
                                      JoinCallback callback, const char* reason) {
  group->update_member(member, std::move(request.protocols), request.rebalance_timeout_ms,
                       request.session_timeout_ms, std::move(callback));
  maybe_prepare_rebalance(group, std::string(reason) + ": " + member.id);
}

// KIP-345: an instance that restarted takes its own place, under a new id; a stable group only notes the id.
void GroupShard::rejoin_static_member(const GroupPtr& group, const std::string& old_id,
                                      const std::string& new_id, JoinGroup request, JoinCallback callback) {
  log_info(kComponent, "Group {}: static member {} is back as {}", group->id(), old_id, new_id);
  const std::string old_leader = group->leader().value_or("");
  Member& member = group->replace_static_member(*request.group_instance_id, old_id, new_id);
  Member before;
  before.protocols = member.protocols;
  before.rebalance_timeout_ms = member.rebalance_timeout_ms;
  before.session_timeout_ms = member.session_timeout_ms;
  group->update_member(member, request.protocols, request.rebalance_timeout_ms, request.session_timeout_ms,
                       std::move(callback));
  restart_session_timer(*group, member, member.session_timeout_ms);

  if (group->is(GroupState::kStable)) {
    if (group->protocol_name() == group->select_protocol()) {
      store_static_member(group, old_id, new_id, request, before, old_leader);
    } else {
      maybe_prepare_rebalance(group, "a static member changed the group's protocol: " + new_id);
    }
  } else if (group->is(GroupState::kCompletingRebalance)) {
    // The leader assigns to the old id.
    prepare_rebalance(group, "a static member came back before the assignment: " + new_id);
  }
}

void GroupShard::store_static_member(const GroupPtr& group, const std::string& old_id,
                                     const std::string& new_id, const JoinGroup& request,
                                     const Member& before, const std::string& old_leader) {
  const auto answer = [self = shared_from_this(), group, old_id, new_id, old_leader,
                       instance_id = *request.group_instance_id, skips_assignment = request.version >= 9,
                       protocols = before.protocols, rebalance_timeout_ms = before.rebalance_timeout_ms,
                       session_timeout_ms = before.session_timeout_ms](ErrorCode error) {
    Member* member = group->find(new_id);
    if (group->is(GroupState::kDead) || member == nullptr || !member->awaiting_join()) return;
    // Something else made the group rebalance meanwhile: the member has joined, and is answered with the
    // others.
    if (!group->is(GroupState::kStable)) return;
    JoinGroupResult result = group->join_result(*member);
    if (error != ErrorCode::NONE) {
      result.error = error;
      result.member_id.clear();
      result.leader = old_leader;
      result.members.clear();
      group->answer_join(*member, std::move(result));
      group->update_member(*member, protocols, rebalance_timeout_ms, session_timeout_ms, nullptr);
      Member& restored = group->replace_static_member(instance_id, new_id, old_id);
      self->restart_session_timer(*group, restored, restored.session_timeout_ms);
      return;
    }
    if (skips_assignment) {
      // KIP-814: it is the leader, but a stable group takes no new assignment.
      result.skip_assignment = group->is_leader(new_id);
    } else {
      // Told its old id as the leader's, it does not take itself for the leader.
      result.leader = old_leader;
      result.members.clear();
    }
    group->answer_join(*member, std::move(result));
  };
  store_group(*group, group->to_value(), answer);
}

}  // namespace ottla::groups
