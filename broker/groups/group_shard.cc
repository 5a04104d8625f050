// SPDX-License-Identifier: Apache-2.0
// Loading, unloading, and the way of records into the log and back.
#include "broker/groups/group_shard.h"

#include <utility>

#include "protocol/base/log.h"

namespace ottla::groups {
namespace {

constexpr std::string_view kComponent = "broker.groups";

// What a failed append of a group's record means to its members (GroupMetadataManager.storeGroup).
ErrorCode group_append_error(ErrorCode error) {
  if (error == ErrorCode::REQUEST_TIMED_OUT) return ErrorCode::REBALANCE_IN_PROGRESS;
  return append_error_of_coordinator(error, ErrorCode::UNKNOWN_SERVER_ERROR);
}

}  // namespace

GroupShard::GroupShard(int32_t partition, EventLoop& loop, const GroupConfig& config, OffsetsLog& log,
                       const RandomBytes& random)
    : partition_(partition), loop_(loop), config_(config), log_(log), random_(random) {}

ErrorCode append_error_of_coordinator(ErrorCode error, ErrorCode too_large) {
  switch (error) {
    case ErrorCode::UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode::NOT_ENOUGH_REPLICAS:
    case ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND:
      return ErrorCode::COORDINATOR_NOT_AVAILABLE;
    case ErrorCode::NOT_LEADER_OR_FOLLOWER:
    case ErrorCode::KAFKA_STORAGE_ERROR:
      return ErrorCode::NOT_COORDINATOR;
    case ErrorCode::MESSAGE_TOO_LARGE:
    case ErrorCode::RECORD_LIST_TOO_LARGE:
    case ErrorCode::INVALID_FETCH_SIZE:
      return too_large;
    default:
      return error;
  }
}

void GroupShard::load(std::function<void(Status)> done) {
  OTTLA_CHECK(!loading_ && !unloaded_ && groups_.empty());
  loading_ = true;
  const auto self = shared_from_this();
  log_.read(
      partition_,
      [self](const StoredRecord& record) {
        if (!self->unloaded_) self->replay(record);
      },
      [self, done = std::move(done)](Status status) {
        if (self->unloaded_) return;
        if (status.ok()) self->finish_load();
        done(std::move(status));
      });
}

void GroupShard::finish_load() {
  for (const std::string& group_id : offsets_.group_ids()) group_or_create(group_id);
  loading_ = false;
  if (!groups_.empty())
    log_info(kComponent, "Loaded {} groups from __consumer_offsets-{}", groups_.size(), partition_);
  // A rebalance may end in the same turn; it does not change the set of groups.
  for (const auto& [group_id, group] : groups_) {
    for (auto& [member_id, member] : group->members()) {
      restart_session_timer(*group, member, member.session_timeout_ms);
    }
    if (group->members().size() > static_cast<size_t>(config_.group_max_size)) {
      prepare_rebalance(group, "the group read back is larger than group.max.size");
    }
  }
}

void GroupShard::unload() {
  unloaded_ = true;
  for (const auto& [group_id, group] : groups_) {
    group->transition_to(GroupState::kDead, now_ms());
    group->stop_timers();
    for (auto& [member_id, member] : group->members()) {
      JoinGroupResult join;
      join.error = ErrorCode::NOT_COORDINATOR;
      join.member_id = member_id;
      group->answer_join(member, std::move(join));
      SyncGroupResult sync;
      sync.error = ErrorCode::NOT_COORDINATOR;
      group->answer_sync(member, std::move(sync));
    }
  }
  groups_.clear();
  offsets_.clear();
}

const Group* GroupShard::find_group(const std::string& group_id) const {
  return group_or_null(group_id).get();
}

GroupShard::GroupPtr GroupShard::group_or_null(const std::string& group_id) const {
  const auto found = groups_.find(group_id);
  return found == groups_.end() ? nullptr : found->second;
}

GroupShard::GroupPtr GroupShard::group_or_create(const std::string& group_id) {
  auto& group = groups_[group_id];
  if (group == nullptr) group = std::make_shared<Group>(group_id, now_ms());
  return group;
}

void GroupShard::append(std::vector<LogRecord> records, Done done) {
  const auto kept = std::make_shared<const std::vector<LogRecord>>(std::move(records));
  log_.append(
      partition_, *kept,
      [self = shared_from_this(), kept, done = std::move(done)](ErrorCode error, int64_t base_offset) {
        if (error == ErrorCode::NONE && !self->unloaded_) {
          for (const LogRecord& record : *kept) {
            StoredRecord stored;
            stored.offset = base_offset++;
            stored.key = record.key;
            if (record.value) stored.value = *record.value;
            self->replay(stored);
          }
        }
        done(error);
      });
}

void GroupShard::store_group(const Group& group, const GroupValue& value, Done done) {
  std::vector<LogRecord> records;
  records.push_back({encode_group_key(group.id()), encode_group_value(value)});
  append(std::move(records), [group_id = group.id(), done = std::move(done)](ErrorCode error) {
    if (error != ErrorCode::NONE) {
      log_warn(kComponent, "Could not store group {}: {}", group_id, error_name(error));
    }
    done(group_append_error(error));
  });
}

void GroupShard::replay(const StoredRecord& record) {
  if (record.control != StoredRecord::Control::kNone) {
    offsets_.replay_end_transaction(record.producer_id, record.control == StoredRecord::Control::kCommit);
    return;
  }
  const Result<RecordKey> key = decode_key(record.key.value_or(Bytes{}));
  if (!key.ok()) {
    log_warn(kComponent, "Skipped offset {} of __consumer_offsets-{}: {}", record.offset, partition_,
             key.status().message());
  } else if (key->kind == RecordKey::Kind::kOffset) {
    replay_offset(key->id, record);
  } else if (key->kind == RecordKey::Kind::kGroup) {
    // Once loaded, a group is ahead of its record.
    if (loading_) replay_group(key->id.group_id, record);
  } else {
    log_warn(kComponent,
             "Skipped offset {} of __consumer_offsets-{}: record of kind {}, of a newer group protocol",
             record.offset, partition_, key->version);
  }
}

void GroupShard::replay_offset(const OffsetKey& key, const StoredRecord& record) {
  std::optional<CommittedOffset> committed;
  if (record.value) {
    Result<CommittedOffset> value = decode_offset_value(*record.value);
    if (!value.ok()) {
      log_warn(kComponent, "Skipped offset {} of __consumer_offsets-{}: {}", record.offset, partition_,
               value.status().message());
      return;
    }
    committed = std::move(*value);
  }
  if (record.transactional) {
    offsets_.replay_transactional(record.producer_id, key, std::move(committed), record.offset);
  } else {
    offsets_.replay(key, std::move(committed), record.offset);
  }
}

void GroupShard::replay_group(const std::string& group_id, const StoredRecord& record) {
  if (!record.value) {
    groups_.erase(group_id);
    return;
  }
  const Result<GroupValue> value = decode_group_value(*record.value);
  if (!value.ok()) {
    log_warn(kComponent, "Skipped offset {} of __consumer_offsets-{}: {}", record.offset, partition_,
             value.status().message());
    return;
  }
  groups_[group_id] = Group::restore(group_id, *value, now_ms());
}

}  // namespace ottla::groups
