// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/group_coordinator.h"

#include <algorithm>
#include <utility>

#include "broker/groups/java_text.h"
#include "protocol/base/log.h"

namespace ottla::groups {
namespace {

constexpr std::string_view kComponent = "broker.groups";
constexpr std::string_view kClassicType = "classic";

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

bool passes(const std::vector<std::string>& filter, std::string_view value) {
  return filter.empty() || std::any_of(filter.begin(), filter.end(), [&](const std::string& wanted) {
           return equal_ignoring_case(wanted, value);
         });
}

void describe(const Group& group, DescribedGroup& described) {
  described.state = state_name(group.state());
  described.protocol_type = group.protocol_type().value_or("");
  const bool stable = group.is(GroupState::kStable);
  if (stable) described.protocol = group.protocol_name().value_or("");
  for (const auto& [member_id, member] : group.members()) {
    DescribedGroup::Member described_member;
    described_member.member_id = member_id;
    described_member.group_instance_id = member.instance_id;
    described_member.client_id = member.client_id;
    described_member.client_host = member.client_host;
    if (stable) {
      described_member.metadata = member.metadata(described.protocol);
      described_member.assignment = member.assignment;
    }
    described.members.push_back(std::move(described_member));
  }
}

}  // namespace

GroupCoordinator::GroupCoordinator(EventLoop& loop, const GroupConfig& config, OffsetsLog& log,
                                   RandomBytes random)
    : loop_(loop),
      config_(config),
      log_(log),
      random_(std::move(random)),
      partition_count_(config.offsets_topic_num_partitions),
      expiry_timer_(loop.make_timer([this] { expire_offsets(); })),
      alive_(std::make_shared<GroupCoordinator*>(this)) {}

GroupCoordinator::~GroupCoordinator() { unload_all(); }

void GroupCoordinator::start() {
  active_ = true;
  expiry_timer_->start(config_.offsets_retention_check_interval_ms);
}

void GroupCoordinator::stop() {
  active_ = false;
  expiry_timer_->stop();
  unload_all();
}

void GroupCoordinator::unload_all() {
  for (auto& [partition, shard] : std::exchange(shards_, {})) shard->unload();
}

void GroupCoordinator::expire_offsets() {
  for (auto& [partition, shard] : shards_) {
    if (!shard->loading()) shard->expire_offsets();
  }
  expiry_timer_->start(config_.offsets_retention_check_interval_ms);
}

void GroupCoordinator::set_partition_count(int32_t count) {
  OTTLA_CHECK(count > 0);
  partition_count_ = count;
}

int32_t GroupCoordinator::partition_for(const std::string& group_id) const {
  return partition_of_group(group_id, partition_count_);
}

void GroupCoordinator::on_partition_elected(int32_t partition) {
  if (shards_.contains(partition)) return;
  const auto shard = std::make_shared<GroupShard>(partition, loop_, config_, log_, random_);
  shards_[partition] = shard;
  shard->load(
      [alive = std::weak_ptr(alive_), partition, loaded = std::weak_ptr(shard)](const Status& status) {
        if (const auto coordinator = alive.lock()) (*coordinator)->finish_load(partition, loaded, status);
      });
}

// A partition that cannot be read is not served: an empty answer would send consumers back to where they
// began.
void GroupCoordinator::finish_load(int32_t partition, const std::weak_ptr<GroupShard>& loaded,
                                   const Status& status) {
  if (status.ok()) return;
  log_error(kComponent, "Could not load groups from __consumer_offsets-{}: {}", partition, status.message());
  const auto shard = shards_.find(partition);
  if (shard == shards_.end() || shard->second != loaded.lock()) return;
  const auto failed = shard->second;
  shards_.erase(shard);
  failed->unload();
}

void GroupCoordinator::on_partition_resigned(int32_t partition) {
  const auto node = shards_.extract(partition);
  if (!node.empty()) node.mapped()->unload();
}

void GroupCoordinator::on_topics_deleted(const std::vector<std::string>& topics) {
  for (auto& [partition, shard] : shards_) {
    if (!shard->loading()) shard->on_topics_deleted(topics);
  }
}

GroupCoordinator::Found GroupCoordinator::find(const std::string& group_id, EmptyId empty_id) const {
  if (group_id.empty() && empty_id == EmptyId::kRefused) return {ErrorCode::INVALID_GROUP_ID, nullptr};
  if (!active_) return {ErrorCode::COORDINATOR_NOT_AVAILABLE, nullptr};
  const auto shard = shards_.find(partition_for(group_id));
  if (shard == shards_.end()) return {ErrorCode::NOT_COORDINATOR, nullptr};
  if (shard->second->loading()) return {ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, nullptr};
  return {ErrorCode::NONE, shard->second};
}

void GroupCoordinator::join_group(JoinGroup request, JoinCallback callback) {
  const Found found = find(request.group_id, EmptyId::kRefused);
  if (found.shard != nullptr) return found.shard->join_group(std::move(request), std::move(callback));
  JoinGroupResult result;
  result.error = found.error;
  result.member_id = std::move(request.member_id);
  callback(std::move(result));
}

void GroupCoordinator::sync_group(SyncGroup request, SyncCallback callback) {
  const Found found = find(request.group_id, EmptyId::kRefused);
  if (found.shard != nullptr) return found.shard->sync_group(std::move(request), std::move(callback));
  SyncGroupResult result;
  // The rebalance was lost with the old coordinator, and old clients do not know LOAD_IN_PROGRESS here: they
  // join again.
  const bool loading = found.error == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
  result.error = loading ? ErrorCode::REBALANCE_IN_PROGRESS : found.error;
  callback(std::move(result));
}

ErrorCode GroupCoordinator::heartbeat(const Heartbeat& request) {
  const Found found = find(request.group_id, EmptyId::kRefused);
  if (found.shard != nullptr) return found.shard->heartbeat(request);
  // Sessions start anew when the group is loaded.
  return found.error == ErrorCode::COORDINATOR_LOAD_IN_PROGRESS ? ErrorCode::NONE : found.error;
}

LeaveGroupResult GroupCoordinator::leave_group(const LeaveGroup& request) {
  const Found found = find(request.group_id, EmptyId::kRefused);
  if (found.shard != nullptr) return found.shard->leave_group(request);
  LeaveGroupResult result;
  result.error = found.error;
  return result;
}

void GroupCoordinator::commit_offsets(CommitOffsets request, CommitCallback callback) {
  const Found found = find(request.group_id, EmptyId::kAllowed);
  if (found.shard != nullptr) return found.shard->commit_offsets(std::move(request), std::move(callback));
  callback(std::vector<ErrorCode>(request.partitions.size(), found.error));
}

FetchOffsetsResult GroupCoordinator::fetch_offsets(const std::string& group_id,
                                                   const std::vector<TopicPartition>& partitions,
                                                   bool require_stable) const {
  const Found found = find(group_id, EmptyId::kAllowed);
  if (found.shard == nullptr) return {found.error, {}};
  return found.shard->fetch_offsets(group_id, &partitions, require_stable);
}

FetchOffsetsResult GroupCoordinator::fetch_all_offsets(const std::string& group_id,
                                                       bool require_stable) const {
  const Found found = find(group_id, EmptyId::kAllowed);
  if (found.shard == nullptr) return {found.error, {}};
  return found.shard->fetch_offsets(group_id, nullptr, require_stable);
}

DescribedGroup GroupCoordinator::describe_group(const std::string& group_id, int16_t version) const {
  DescribedGroup described;
  described.group_id = group_id;
  const Found found = find(group_id, EmptyId::kAllowed);
  if (found.shard == nullptr) {
    described.error = found.error;
    return described;
  }
  if (const Group* group = found.shard->find_group(group_id)) {
    describe(*group, described);
    return described;
  }
  described.state = state_name(GroupState::kDead);
  if (version >= 6) {
    described.error = ErrorCode::GROUP_ID_NOT_FOUND;
    described.error_message = "Group " + group_id + " not found.";
  }
  return described;
}

ListGroupsResult GroupCoordinator::list_groups(const std::vector<std::string>& states_filter,
                                               const std::vector<std::string>& types_filter) const {
  ListGroupsResult result;
  if (!active_) {
    result.error = ErrorCode::COORDINATOR_NOT_AVAILABLE;
    return result;
  }
  for (const auto& [partition, shard] : shards_) {
    if (shard->loading()) {
      result.error = ErrorCode::COORDINATOR_LOAD_IN_PROGRESS;
      continue;
    }
    for (const auto& [group_id, group] : shard->groups()) {
      if (!passes(states_filter, state_name(group->state())) || !passes(types_filter, kClassicType)) continue;
      result.groups.push_back({group_id, group->protocol_type().value_or(""),
                               std::string(state_name(group->state())), std::string(kClassicType)});
    }
  }
  return result;
}

void GroupCoordinator::delete_groups(const std::vector<std::string>& group_ids,
                                     DeleteGroupsCallback callback) {
  struct Progress {
    std::vector<DeletedGroup> results;
    size_t waiting = 0;
    DeleteGroupsCallback callback;
  };
  const auto progress = std::make_shared<Progress>();
  for (const std::string& group_id : group_ids) progress->results.push_back({group_id, ErrorCode::NONE});
  // One more than the groups, so that answers given at once do not end it early.
  progress->waiting = group_ids.size() + 1;
  progress->callback = std::move(callback);
  const auto finish_one = [progress] {
    if (--progress->waiting == 0) progress->callback(std::move(progress->results));
  };
  for (size_t i = 0; i < group_ids.size(); ++i) {
    const auto done = [progress, finish_one, i](ErrorCode error) {
      progress->results[i].error = error;
      finish_one();
    };
    const Found found = find(group_ids[i], EmptyId::kAllowed);
    if (found.shard == nullptr) {
      done(found.error);
    } else {
      found.shard->delete_group(group_ids[i], done);
    }
  }
  finish_one();
}

void GroupCoordinator::delete_offsets(const std::string& group_id,
                                      const std::vector<TopicPartition>& partitions,
                                      DeleteOffsetsCallback callback) {
  const Found found = find(group_id, EmptyId::kRefused);
  if (found.shard != nullptr) return found.shard->delete_offsets(group_id, partitions, std::move(callback));
  DeleteOffsetsResult result;
  result.error = found.error;
  callback(std::move(result));
}

}  // namespace ottla::groups
