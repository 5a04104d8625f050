// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group.h"

#include <algorithm>
#include <utility>

namespace ottla::groups {
namespace {

bool may_follow(GroupState from, GroupState to) {
  switch (to) {
    case GroupState::kPreparingRebalance:
      return from == GroupState::kEmpty || from == GroupState::kCompletingRebalance ||
             from == GroupState::kStable;
    case GroupState::kCompletingRebalance:
    case GroupState::kEmpty:
      return from == GroupState::kPreparingRebalance;
    case GroupState::kStable:
      return from == GroupState::kCompletingRebalance;
    case GroupState::kDead:
      return true;
  }
  return false;
}

JoinGroupResult join_error(std::string member_id, ErrorCode error) {
  JoinGroupResult result;
  result.error = error;
  result.member_id = std::move(member_id);
  return result;
}

SyncGroupResult sync_error(ErrorCode error) {
  SyncGroupResult result;
  result.error = error;
  return result;
}

}  // namespace

std::string_view state_name(GroupState state) {
  switch (state) {
    case GroupState::kEmpty:
      return "Empty";
    case GroupState::kPreparingRebalance:
      return "PreparingRebalance";
    case GroupState::kCompletingRebalance:
      return "CompletingRebalance";
    case GroupState::kStable:
      return "Stable";
    case GroupState::kDead:
      return "Dead";
  }
  return "";
}

const OwnedBytes& Member::metadata(std::string_view protocol) const {
  static const OwnedBytes kNone;
  for (const GroupProtocol& candidate : protocols) {
    if (candidate.name == protocol) return candidate.metadata;
  }
  return kNone;
}

Group::Group(std::string id, int64_t now_ms) : id_(std::move(id)), state_timestamp_(now_ms) {}

std::shared_ptr<Group> Group::restore(const std::string& id, const GroupValue& value, int64_t now_ms) {
  auto group = std::make_shared<Group>(id, now_ms);
  group->generation_ = value.generation;
  if (!value.protocol_type.empty()) group->protocol_type_ = value.protocol_type;
  group->protocol_name_ = value.protocol;
  group->leader_ = value.leader;
  group->state_timestamp_.reset();
  if (value.current_state_timestamp != -1) group->state_timestamp_ = value.current_state_timestamp;
  if (!value.members.empty()) group->state_ = GroupState::kStable;
  for (const GroupValue::Member& stored : value.members) {
    Member member;
    member.id = stored.member_id;
    member.instance_id = stored.group_instance_id;
    member.client_id = stored.client_id;
    member.client_host = stored.client_host;
    member.rebalance_timeout_ms = stored.rebalance_timeout_ms;
    member.session_timeout_ms = stored.session_timeout_ms;
    member.protocols.push_back({value.protocol.value_or(""), stored.subscription});
    member.assignment = stored.assignment;
    if (member.instance_id) group->static_members_[*member.instance_id] = member.id;
    const auto [position, added] = group->members_.try_emplace(stored.member_id, std::move(member));
    if (added) group->count_protocols(position->second, 1);
  }
  group->update_subscribed_topics();
  return group;
}

void Group::transition_to(GroupState state, int64_t now_ms) {
  OTTLA_CHECK(may_follow(state_, state));
  state_ = state;
  state_timestamp_ = now_ms;
}

bool Group::can_rebalance() const { return may_follow(state_, GroupState::kPreparingRebalance); }

Member* Group::find(std::string_view member_id) {
  const auto found = members_.find(member_id);
  return found == members_.end() ? nullptr : &found->second;
}

const std::string* Group::static_member_id(const std::string& instance_id) const {
  const auto found = static_members_.find(instance_id);
  return found == static_members_.end() ? nullptr : &found->second;
}

ErrorCode Group::validate_member(std::string_view member_id,
                                 const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    const std::string* current = static_member_id(*instance_id);
    if (current == nullptr) return ErrorCode::UNKNOWN_MEMBER_ID;
    if (*current != member_id) return ErrorCode::FENCED_INSTANCE_ID;
  }
  return members_.contains(member_id) ? ErrorCode::NONE : ErrorCode::UNKNOWN_MEMBER_ID;
}

Member& Group::add(Member member, const std::string& protocol_type, JoinCallback callback) {
  if (members_.empty()) protocol_type_ = protocol_type;
  if (member.instance_id) {
    OTTLA_CHECK(!static_members_.contains(*member.instance_id));
    static_members_[*member.instance_id] = member.id;
  }
  if (!leader_) leader_ = member.id;
  const std::string id = member.id;
  const auto [position, added] = members_.try_emplace(id, std::move(member));
  OTTLA_CHECK(added);
  Member& stored = position->second;
  count_protocols(stored, 1);
  stored.join_callback = std::move(callback);
  if (stored.awaiting_join()) ++awaiting_join_;
  return stored;
}

void Group::remove(const std::string& member_id) {
  const auto found = members_.find(member_id);
  if (found != members_.end()) {
    answer_join(found->second, join_error("", ErrorCode::UNKNOWN_MEMBER_ID));
    answer_sync(found->second, sync_error(ErrorCode::UNKNOWN_MEMBER_ID));
    count_protocols(found->second, -1);
    if (found->second.instance_id) static_members_.erase(*found->second.instance_id);
    members_.erase(found);
  }
  if (is_leader(member_id)) {
    leader_.reset();
    if (!members_.empty()) leader_ = members_.begin()->first;
  }
  pending_members.erase(member_id);
  pending_sync.erase(member_id);
}

Member& Group::replace_static_member(const std::string& instance_id, const std::string& old_id,
                                     const std::string& new_id) {
  auto node = members_.extract(old_id);
  OTTLA_CHECK(!node.empty());
  answer_join(node.mapped(), join_error(old_id, ErrorCode::FENCED_INSTANCE_ID));
  answer_sync(node.mapped(), sync_error(ErrorCode::FENCED_INSTANCE_ID));
  node.key() = new_id;
  node.mapped().id = new_id;
  const auto inserted = members_.insert(std::move(node));
  OTTLA_CHECK(inserted.inserted);
  if (is_leader(old_id)) leader_ = new_id;
  static_members_[instance_id] = new_id;
  if (pending_sync.erase(old_id) > 0) pending_sync.insert(new_id);
  return inserted.position->second;
}

void Group::update_member(Member& member, std::vector<GroupProtocol> protocols, int32_t rebalance_timeout_ms,
                          int32_t session_timeout_ms, JoinCallback callback) {
  count_protocols(member, -1);
  member.protocols = std::move(protocols);
  count_protocols(member, 1);
  member.rebalance_timeout_ms = rebalance_timeout_ms;
  member.session_timeout_ms = session_timeout_ms;
  // A client that gave up on its request and sent it again: the old one goes nowhere, but every request is
  // answered.
  answer_join(member, join_error(member.id, ErrorCode::REBALANCE_IN_PROGRESS));
  member.join_callback = std::move(callback);
  if (member.awaiting_join()) ++awaiting_join_;
}

void Group::await_sync(Member& member, SyncCallback callback) {
  answer_sync(member, sync_error(ErrorCode::REBALANCE_IN_PROGRESS));
  member.sync_callback = std::move(callback);
}

bool Group::answer_join(Member& member, JoinGroupResult result) {
  if (!member.awaiting_join()) return false;
  --awaiting_join_;
  std::exchange(member.join_callback, nullptr)(std::move(result));
  return true;
}

bool Group::answer_sync(Member& member, SyncGroupResult result) {
  if (!member.awaiting_sync()) return false;
  std::exchange(member.sync_callback, nullptr)(std::move(result));
  return true;
}

JoinGroupResult Group::join_result(const Member& member) const {
  JoinGroupResult result;
  result.member_id = member.id;
  result.generation_id = generation_;
  result.protocol_type = protocol_type_;
  result.protocol_name = protocol_name_;
  result.leader = leader_.value_or("");
  if (!is_leader(member.id)) return result;
  for (const auto& [id, other] : members_) {
    result.members.push_back({id, other.instance_id, other.metadata(protocol_name_.value_or(""))});
  }
  return result;
}

int32_t Group::rebalance_timeout_ms() const {
  int32_t longest = 0;
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout_ms);
  return longest;
}

bool Group::supports_protocols(const std::string& type, const std::vector<GroupProtocol>& protocols) const {
  if (is(GroupState::kEmpty)) return !type.empty() && !protocols.empty();
  if (protocol_type_ != type) return false;
  return std::any_of(protocols.begin(), protocols.end(), [&](const GroupProtocol& protocol) {
    const auto count = supported_.find(protocol.name);
    return (count == supported_.end() ? 0 : count->second) == members_.size();
  });
}

std::string Group::select_protocol() const {
  OTTLA_CHECK(!members_.empty());
  std::map<std::string, size_t> votes;
  for (const auto& [id, member] : members_) {
    for (const GroupProtocol& protocol : member.protocols) {
      const auto count = supported_.find(protocol.name);
      if (count == supported_.end() || count->second != members_.size()) continue;
      ++votes[protocol.name];
      break;
    }
  }
  // Each update of a member kept one protocol that all others have too (supports_protocols).
  OTTLA_CHECK(!votes.empty());
  return std::max_element(votes.begin(), votes.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

bool Group::elect_joined_leader() {
  if (!leader_) return false;
  const Member* current = find(*leader_);
  if (current != nullptr && current->awaiting_join()) return true;
  for (const auto& [id, member] : members_) {
    if (!member.awaiting_join()) continue;
    leader_ = id;
    return true;
  }
  return false;
}

void Group::start_next_generation(int64_t now_ms) {
  ++generation_;
  protocol_name_.reset();
  if (!members_.empty()) protocol_name_ = select_protocol();
  update_subscribed_topics();
  transition_to(members_.empty() ? GroupState::kEmpty : GroupState::kCompletingRebalance, now_ms);
  pending_sync.clear();
}

bool Group::is_subscribed_to(const std::string& topic) const {
  return !subscribed_topics_ || subscribed_topics_->contains(topic);
}

GroupValue Group::to_value() const {
  std::map<std::string, OwnedBytes> assignments;
  for (const auto& [id, member] : members_) assignments[id] = member.assignment;
  return to_value(assignments);
}

GroupValue Group::to_value(const std::map<std::string, OwnedBytes>& assignments) const {
  GroupValue value;
  value.protocol_type = protocol_type_.value_or("");
  value.generation = generation_;
  value.protocol = protocol_name_;
  value.leader = leader_;
  value.current_state_timestamp = state_timestamp_.value_or(-1);
  for (const auto& [id, member] : members_) {
    const auto assignment = assignments.find(id);
    value.members.push_back({id, member.instance_id, member.client_id, member.client_host,
                             member.rebalance_timeout_ms, member.session_timeout_ms,
                             member.metadata(protocol_name_.value_or("")),
                             assignment == assignments.end() ? OwnedBytes{} : assignment->second});
  }
  return value;
}

void Group::stop_timers() {
  for (auto& [id, member] : members_) member.session_timer.reset();
  pending_members.clear();
  join_timer.reset();
  sync_timer.reset();
}

void Group::count_protocols(const Member& member, int by) {
  for (const GroupProtocol& protocol : member.protocols) {
    const auto count = supported_.try_emplace(protocol.name, 0).first;
    count->second += static_cast<size_t>(by);
    if (count->second == 0) supported_.erase(count);
  }
}

void Group::update_subscribed_topics() {
  subscribed_topics_.reset();
  if (protocol_type_ != kConsumerProtocolType) return;
  std::set<std::string> topics;
  for (const auto& [id, member] : members_) {
    const auto subscribed = decode_subscribed_topics(member.metadata(protocol_name_.value_or("")));
    if (!subscribed) return;
    topics.insert(subscribed->begin(), subscribed->end());
  }
  subscribed_topics_ = std::move(topics);
}

}  // namespace ottla::groups
