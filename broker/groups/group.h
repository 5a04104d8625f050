// SPDX-License-Identifier: Apache-2.0
// One group of the classic protocol: who its members are, what they can do, in which generation and state it
// is. It answers no requests and starts no timers by itself; GroupShard does, by the rules here.
//
// Sources: kafka.coordinator.group.{GroupMetadata, MemberMetadata} (2.8), classic.ClassicGroup (3.9),
// KIP-345.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/groups/records.h"
#include "broker/groups/requests.h"
#include "protocol/base/event_loop.h"

namespace ottla::groups {

// The states, and what takes a group from one to the next:
//
//   from                 to                   when
//   -------------------  -------------------
//   ------------------------------------------------------------------ Empty PreparingRebalance   a member
//   joins PreparingRebalance   CompletingRebalance  all members have joined, or the rebalance timeout has
//   left some over PreparingRebalance   Empty                the last member left, or none joined in time
//   CompletingRebalance  Stable               the leader's assignment is stored
//   CompletingRebalance  PreparingRebalance   a member joins, leaves, fails, changes its protocols, or does
//   not sync Stable               PreparingRebalance   as above, or the leader joins again any Dead Empty and
//   without offsets, deleted, or the partition moved away
//
// Dead is final: the object only serves callbacks that are still under way.
enum class GroupState { kEmpty, kPreparingRebalance, kCompletingRebalance, kStable, kDead };

// "PreparingRebalance", as the protocol spells it.
std::string_view state_name(GroupState state);

struct Member {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  int32_t rebalance_timeout_ms = 0;
  int32_t session_timeout_ms = 0;
  // By preference.
  std::vector<GroupProtocol> protocols;
  OwnedBytes assignment;

  // In its first generation: its JoinGroup is not answered yet, so it cannot send heartbeats.
  bool is_new = false;
  std::unique_ptr<Timer> session_timer;

  // The metadata for a protocol, empty where the member does not have it.
  const OwnedBytes& metadata(std::string_view protocol) const;
  bool awaiting_join() const { return join_callback != nullptr; }
  bool awaiting_sync() const { return sync_callback != nullptr; }

  // Set and called through the Group alone.
  JoinCallback join_callback;
  SyncCallback sync_callback;
};

class Group : public std::enable_shared_from_this<Group> {
 public:
  using Members = std::map<std::string, Member, std::less<>>;

  Group(std::string id, int64_t now_ms);
  // The group that a record describes: Stable with members, Empty without. Members have no timers yet.
  static std::shared_ptr<Group> restore(const std::string& id, const GroupValue& value, int64_t now_ms);

  const std::string& id() const { return id_; }
  GroupState state() const { return state_; }
  bool is(GroupState state) const { return state_ == state; }
  // REQUIRES: a row of the table above. `now_ms` is wall time.
  void transition_to(GroupState state, int64_t now_ms);
  bool can_rebalance() const;

  int32_t generation() const { return generation_; }
  const std::optional<std::string>& protocol_type() const { return protocol_type_; }
  const std::optional<std::string>& protocol_name() const { return protocol_name_; }
  const std::optional<std::string>& leader() const { return leader_; }
  bool is_leader(std::string_view member_id) const { return leader_ == member_id; }
  // Wall time of the last transition; nullopt where the group was read from a record that does not say.
  std::optional<int64_t> state_timestamp() const { return state_timestamp_; }

  Members& members() { return members_; }
  const Members& members() const { return members_; }
  // Null where there is none; valid until it is removed, also when its id is replaced.
  Member* find(std::string_view member_id);
  // Null where no member has the instance id.
  const std::string* static_member_id(const std::string& instance_id) const;
  // NONE, or why a request by these two ids is refused: FENCED_INSTANCE_ID, UNKNOWN_MEMBER_ID.
  ErrorCode validate_member(std::string_view member_id, const std::optional<std::string>& instance_id) const;

  // The first member decides the group's protocol type. REQUIRES: supports_protocols; ids that no member has.
  Member& add(Member member, const std::string& protocol_type, JoinCallback callback);
  // Answers what the member is still waiting for with UNKNOWN_MEMBER_ID.
  void remove(const std::string& member_id);
  // A static member came back: gives it a new id and fences whoever waits with the old one.
  Member& replace_static_member(const std::string& instance_id, const std::string& old_id,
                                const std::string& new_id);
  void update_member(Member& member, std::vector<GroupProtocol> protocols, int32_t rebalance_timeout_ms,
                     int32_t session_timeout_ms, JoinCallback callback);

  void await_sync(Member& member, SyncCallback callback);
  // Answers a waiting member; false where it does not wait.
  bool answer_join(Member& member, JoinGroupResult result);
  bool answer_sync(Member& member, SyncGroupResult result);
  // The answer to `member`'s JoinGroup in the current generation: the leader gets the members.
  JoinGroupResult join_result(const Member& member) const;

  size_t awaiting_join_count() const { return awaiting_join_; }
  bool all_members_joined() const { return members_.size() == awaiting_join_ && pending_members.empty(); }
  // The longest of the members'.
  int32_t rebalance_timeout_ms() const;
  // Whether a member with these protocols can be in the group: the same type, and one that all members have.
  bool supports_protocols(const std::string& type, const std::vector<GroupProtocol>& protocols) const;
  // The one of the common protocols that most members prefer. REQUIRES: members.
  std::string select_protocol() const;
  // Moves leadership to a member that joined, where the leader did not. False where nobody joined or there is
  // no leader.
  bool elect_joined_leader();
  // REQUIRES: PreparingRebalance. On to CompletingRebalance, or Empty without members.
  void start_next_generation(int64_t now_ms);

  // Whether a consumer group's members read `topic`; true where their subscriptions cannot be read.
  bool is_subscribed_to(const std::string& topic) const;
  bool knows_subscriptions() const { return subscribed_topics_.has_value(); }

  // The record of the group, with the given assignments or, without one, the members' own.
  GroupValue to_value() const;
  GroupValue to_value(const std::map<std::string, OwnedBytes>& assignments) const;
  // Stops all timers; for a group that is Dead.
  void stop_timers();

  // What GroupShard keeps of a rebalance, in memory alone.
  // Members that were told their id (MEMBER_ID_REQUIRED) and have not joined with it yet; each expires.
  std::map<std::string, std::unique_ptr<Timer>, std::less<>> pending_members;
  // Members of this generation that have not sent their SyncGroup.
  std::set<std::string> pending_sync;
  std::unique_ptr<Timer> join_timer;
  std::unique_ptr<Timer> sync_timer;
  // The wait for more members of a group that was empty (KIP-134): how long, and how much longer it may be
  // extended.
  struct InitialDelay {
    int64_t delay_ms;
    int64_t remaining_ms;
  };
  std::optional<InitialDelay> initial_delay;
  bool new_member_added = false;

 private:
  void count_protocols(const Member& member, int by);
  void update_subscribed_topics();

  std::string id_;
  GroupState state_ = GroupState::kEmpty;
  std::optional<int64_t> state_timestamp_;
  int32_t generation_ = 0;
  std::optional<std::string> protocol_type_;
  std::optional<std::string> protocol_name_;
  std::optional<std::string> leader_;
  Members members_;
  std::unordered_map<std::string, std::string> static_members_;
  // How many members have each protocol.
  std::map<std::string, size_t, std::less<>> supported_;
  size_t awaiting_join_ = 0;
  std::optional<std::set<std::string>> subscribed_topics_;
};

constexpr std::string_view kConsumerProtocolType = "consumer";

}  // namespace ottla::groups
