// SPDX-License-Identifier: Apache-2.0
// Offsets: committed, fetched, expired, and removed with their topics and groups.
#include <algorithm>
#include <utility>

#include "broker/groups/group_shard.h"
#include "broker/groups/java_text.h"
#include "protocol/base/log.h"

namespace ottla::groups {
namespace {

constexpr std::string_view kComponent = "broker.groups";

// Tombstones in one batch: at the longest group id and topic name that is well below max.message.bytes.
constexpr size_t kTombstonesPerBatch = 1000;

// What a failed append of offsets means to the committer (GroupMetadataManager.storeOffsets).
ErrorCode commit_append_error(ErrorCode error) {
  return append_error_of_coordinator(error, ErrorCode::INVALID_COMMIT_OFFSET_SIZE);
}

}  // namespace

ErrorCode GroupShard::validate_commit(Group& group, const CommitOffsets& request) {
  // A consumer outside of group management, or an administrator: only while nobody else owns the offsets.
  if (request.generation_id < 0 && group.is(GroupState::kEmpty)) return ErrorCode::NONE;
  const ErrorCode error = group.validate_member(request.member_id, request.group_instance_id);
  if (error != ErrorCode::NONE) return error;
  if (request.generation_id != group.generation()) return ErrorCode::ILLEGAL_GENERATION;
  // The member has this generation, but its assignment is not made yet.
  if (group.is(GroupState::kCompletingRebalance)) return ErrorCode::REBALANCE_IN_PROGRESS;
  // While a rebalance is prepared members still commit what they read before it.
  Member& member = *group.find(request.member_id);
  restart_session_timer(group, member, member.session_timeout_ms);
  return ErrorCode::NONE;
}

void GroupShard::commit_offsets(CommitOffsets request, CommitCallback callback) {
  std::vector<ErrorCode> errors(request.partitions.size(), ErrorCode::NONE);
  const GroupPtr group =
      request.generation_id < 0 ? group_or_create(request.group_id) : group_or_null(request.group_id);
  const ErrorCode error = group == nullptr ? ErrorCode::ILLEGAL_GENERATION : validate_commit(*group, request);
  if (error != ErrorCode::NONE) {
    std::fill(errors.begin(), errors.end(), error);
    return callback(std::move(errors));
  }
  const int64_t now = now_ms();
  std::vector<LogRecord> records;
  std::vector<TopicPartition> appended;
  for (size_t i = 0; i < request.partitions.size(); ++i) {
    CommitOffsets::Partition& partition = request.partitions[i];
    if (java_length(partition.metadata) > config_.offset_metadata_max_bytes) {
      errors[i] = ErrorCode::OFFSET_METADATA_TOO_LARGE;
      continue;
    }
    CommittedOffset committed;
    committed.offset = partition.offset;
    committed.leader_epoch = partition.leader_epoch;
    committed.metadata = std::move(partition.metadata);
    committed.commit_timestamp = partition.commit_timestamp == -1 ? now : partition.commit_timestamp;
    if (request.retention_time_ms != -1) committed.expire_timestamp = now + request.retention_time_ms;
    records.push_back(
        {encode_offset_key(request.group_id, partition.topic_partition), encode_offset_value(committed)});
    offsets_.add_in_flight(request.group_id, partition.topic_partition);
    appended.push_back(std::move(partition.topic_partition));
  }
  if (records.empty()) return callback(std::move(errors));

  append(std::move(records),
         [self = shared_from_this(), group_id = std::move(request.group_id), appended = std::move(appended),
          errors = std::move(errors), callback = std::move(callback)](ErrorCode append_error) mutable {
           for (const TopicPartition& topic_partition : appended) {
             self->offsets_.remove_in_flight(group_id, topic_partition);
           }
           const ErrorCode answer = commit_append_error(append_error);
           std::replace(errors.begin(), errors.end(), ErrorCode::NONE, answer);
           callback(std::move(errors));
         });
}

FetchOffsetsResult GroupShard::fetch_offsets(const std::string& group_id,
                                             const std::vector<TopicPartition>* partitions,
                                             bool require_stable) const {
  FetchOffsetsResult result;
  const bool known = groups_.contains(group_id);
  const auto fetch = [&](const TopicPartition& topic_partition) {
    FetchedOffset fetched;
    fetched.topic_partition = topic_partition;
    if (known && require_stable && offsets_.unstable(group_id, topic_partition)) {
      fetched.error = ErrorCode::UNSTABLE_OFFSET_COMMIT;
    } else if (const CommittedOffset* found = known ? offsets_.find(group_id, topic_partition) : nullptr) {
      fetched.offset = found->offset;
      fetched.leader_epoch = found->leader_epoch;
      fetched.metadata = found->metadata;
    }
    result.offsets.push_back(std::move(fetched));
  };
  if (partitions != nullptr) {
    for (const TopicPartition& topic_partition : *partitions) fetch(topic_partition);
  } else if (known) {
    for (const auto& [topic_partition, entry] : offsets_.offsets_of(group_id)) fetch(topic_partition);
  }
  return result;
}

void GroupShard::delete_group(const std::string& group_id, std::function<void(ErrorCode)> callback) {
  const GroupPtr group = group_or_null(group_id);
  if (group == nullptr) return callback(ErrorCode::GROUP_ID_NOT_FOUND);
  if (!group->is(GroupState::kEmpty)) return callback(ErrorCode::NON_EMPTY_GROUP);
  remove_offsets(group, offsets_.keys_of(group_id), true, std::move(callback));
}

void GroupShard::delete_offsets(const std::string& group_id, const std::vector<TopicPartition>& partitions,
                                DeleteOffsetsCallback callback) {
  DeleteOffsetsResult result;
  const GroupPtr group = group_or_null(group_id);
  if (group == nullptr) {
    result.error = ErrorCode::GROUP_ID_NOT_FOUND;
    return callback(std::move(result));
  }
  const bool empty = group->is(GroupState::kEmpty);
  if (!empty && group->protocol_type() != kConsumerProtocolType) {
    result.error = ErrorCode::NON_EMPTY_GROUP;
    return callback(std::move(result));
  }
  std::vector<TopicPartition> removed;
  for (const TopicPartition& topic_partition : partitions) {
    const bool subscribed = !empty && group->is_subscribed_to(topic_partition.topic);
    result.partitions.push_back(subscribed ? ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC : ErrorCode::NONE);
    if (!subscribed && offsets_.find(group_id, topic_partition) != nullptr)
      removed.push_back(topic_partition);
  }
  const bool remove_group = keeps_nothing_but(*group, removed);
  remove_offsets(group, removed, remove_group,
                 [result = std::move(result), callback = std::move(callback)](ErrorCode error) mutable {
                   result.error = error;
                   if (error != ErrorCode::NONE) result.partitions.clear();
                   callback(std::move(result));
                 });
}

void GroupShard::on_topics_deleted(const std::vector<std::string>& topics) {
  const auto groups = groups_;
  for (const auto& [group_id, group] : groups) {
    std::vector<TopicPartition> removed;
    for (const TopicPartition& topic_partition : offsets_.keys_of(group_id)) {
      if (std::find(topics.begin(), topics.end(), topic_partition.topic) != topics.end()) {
        removed.push_back(topic_partition);
      }
    }
    if (removed.empty()) continue;
    log_info(kComponent, "Group {}: removing {} offsets of deleted topics", group_id, removed.size());
    remove_offsets(group, removed, keeps_nothing_but(*group, removed), [](ErrorCode) {});
  }
}

void GroupShard::expire_offsets() {
  const int64_t now = now_ms();
  const auto groups = groups_;
  for (const auto& [group_id, group] : groups) {
    const std::vector<TopicPartition> removed = expired_offsets(*group, now);
    const bool remove_group = keeps_nothing_but(*group, removed);
    if (removed.empty() && !remove_group) continue;
    log_info(kComponent, "Group {}: {} offsets expired{}", group_id, removed.size(),
             remove_group ? ", and the group with them" : "");
    remove_offsets(group, removed, remove_group, [](ErrorCode) {});
  }
}

// Whose clock runs (KIP-211): from the last commit of a consumer outside of group management; from when a
// group became empty; of a group with members only for topics that none of them reads.
std::vector<TopicPartition> GroupShard::expired_offsets(const Group& group, int64_t now) const {
  std::vector<TopicPartition> result;
  const int64_t retention_ms = config_.offsets_retention_minutes * 60'000;
  const bool standalone = !group.protocol_type();
  const bool emptied = !standalone && group.is(GroupState::kEmpty);
  const bool stable = group.protocol_type() == kConsumerProtocolType && group.is(GroupState::kStable) &&
                      group.knows_subscriptions();
  if (!standalone && !emptied && !stable) return result;
  for (const auto& [topic_partition, entry] : offsets_.offsets_of(group.id())) {
    if (stable && group.is_subscribed_to(topic_partition.topic)) continue;
    if (offsets_.in_flight(group.id(), topic_partition)) continue;
    const CommittedOffset& committed = entry.committed;
    const int64_t since =
        emptied ? group.state_timestamp().value_or(committed.commit_timestamp) : committed.commit_timestamp;
    const bool expired =
        committed.expire_timestamp != -1 ? now >= committed.expire_timestamp : now - since >= retention_ms;
    if (expired) result.push_back(topic_partition);
  }
  return result;
}

bool GroupShard::keeps_nothing_but(const Group& group, const std::vector<TopicPartition>& partitions) const {
  if (!group.is(GroupState::kEmpty)) return false;
  const std::vector<TopicPartition> keys = offsets_.keys_of(group.id());
  return std::all_of(keys.begin(), keys.end(), [&](const TopicPartition& key) {
    return !offsets_.unstable(group.id(), key) &&
           std::find(partitions.begin(), partitions.end(), key) != partitions.end();
  });
}

// The group goes from memory at once, so that a member that joins meanwhile finds a new one; where its
// tombstones cannot be stored, it comes back.
void GroupShard::remove_offsets(const GroupPtr& group, const std::vector<TopicPartition>& partitions,
                                bool remove_group, Done done) {
  std::vector<LogRecord> records;
  records.reserve(partitions.size() + 1);  // and the group's own
  for (const TopicPartition& topic_partition : partitions) {
    records.push_back({encode_offset_key(group->id(), topic_partition), std::nullopt});
  }
  const GroupValue value = group->to_value();
  if (remove_group) {
    // A group that never had a generation has no record either.
    if (group->generation() > 0) records.push_back({encode_group_key(group->id()), std::nullopt});
    group->transition_to(GroupState::kDead, now_ms());
    group->stop_timers();
    groups_.erase(group->id());
  }
  if (records.empty()) return done(ErrorCode::NONE);

  struct Progress {
    size_t batches = 0;
    ErrorCode error = ErrorCode::NONE;
  };
  const auto progress = std::make_shared<Progress>();
  progress->batches = (records.size() + kTombstonesPerBatch - 1) / kTombstonesPerBatch;
  const auto finish = [self = shared_from_this(), progress, group_id = group->id(), value, remove_group,
                       done = std::move(done)](ErrorCode error) {
    if (error != ErrorCode::NONE) progress->error = commit_append_error(error);
    if (--progress->batches > 0) return;
    if (progress->error != ErrorCode::NONE) {
      log_warn(kComponent, "Group {}: offsets could not be removed: {}", group_id,
               error_name(progress->error));
      if (remove_group && !self->unloaded_) {
        self->groups_.try_emplace(group_id, Group::restore(group_id, value, self->now_ms()));
      }
    }
    done(progress->error);
  };
  for (size_t start = 0; start < records.size(); start += kTombstonesPerBatch) {
    const size_t end = std::min(records.size(), start + kTombstonesPerBatch);
    append({std::make_move_iterator(records.begin() + static_cast<ptrdiff_t>(start)),
            std::make_move_iterator(records.begin() + static_cast<ptrdiff_t>(end))},
           finish);
  }
}

}  // namespace ottla::groups
