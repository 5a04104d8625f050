// SPDX-License-Identifier: Apache-2.0
// What the group APIs ask and get, as values that own their bytes: a JoinGroup may be answered minutes after
// its request's frame is gone. API handlers convert between these and the generated messages; where a version
// cannot carry a field, the handler leaves it out (a null protocol name is "" before JoinGroup version 7).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker/groups/offsets_log.h"

namespace ottla::groups {

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

// A protocol that a member can follow (an assignor's name) with the member's metadata for it (its
// subscription).
struct GroupProtocol {
  std::string name;
  OwnedBytes metadata;
  bool operator==(const GroupProtocol&) const = default;
};

struct JoinGroup {
  // Of the request: below 1 there is no rebalance timeout, from 4 on a new member is told its id first
  // (KIP-394), from 9 on a static leader may be told to skip the assignment (KIP-814).
  int16_t version = 0;
  std::string group_id;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::string client_id;
  // As Java prints an address: "/127.0.0.1".
  std::string client_host;
  int32_t rebalance_timeout_ms = -1;
  int32_t session_timeout_ms = 0;
  std::string protocol_type;
  std::vector<GroupProtocol> protocols;
};

struct JoinGroupResult {
  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    OwnedBytes metadata;
  };

  ErrorCode error = ErrorCode::NONE;
  std::string member_id;
  int32_t generation_id = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string leader;
  bool skip_assignment = false;
  // For the leader alone.
  std::vector<Member> members;
};
using JoinCallback = std::function<void(JoinGroupResult)>;

struct SyncGroup {
  struct Assignment {
    std::string member_id;
    OwnedBytes assignment;
  };

  std::string group_id;
  int32_t generation_id = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  // From the leader alone.
  std::vector<Assignment> assignments;
};

struct SyncGroupResult {
  ErrorCode error = ErrorCode::NONE;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  OwnedBytes assignment;
};
using SyncCallback = std::function<void(SyncGroupResult)>;

struct Heartbeat {
  std::string group_id;
  int32_t generation_id = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
};

struct LeaveGroup {
  struct Member {
    // Empty where an administrator removes a static member by its instance id.
    std::string member_id;
    std::optional<std::string> group_instance_id;
  };

  std::string group_id;
  // One before version 3; the handler of those versions answers with the error of that member.
  std::vector<Member> members;
};

struct LeaveGroupResult {
  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    ErrorCode error = ErrorCode::NONE;
  };

  ErrorCode error = ErrorCode::NONE;
  // Empty where `error` is set.
  std::vector<Member> members;
};

struct CommitOffsets {
  struct Partition {
    TopicPartition topic_partition;
    int64_t offset = -1;
    int32_t leader_epoch = -1;
    // A null one is "".
    std::string metadata;
    // Version 1 alone; -1 is now.
    int64_t commit_timestamp = -1;
  };

  std::string group_id;
  // -1 with an empty member id: a consumer that keeps its offsets here and does its own assignment, or an
  // administrator.
  int32_t generation_id = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  // Versions 2 to 4; -1 leaves expiry to offsets.retention.minutes.
  int64_t retention_time_ms = -1;
  std::vector<Partition> partitions;
};
// One error per partition, in the order of the request.
using CommitCallback = std::function<void(std::vector<ErrorCode>)>;

struct FetchedOffset {
  TopicPartition topic_partition;
  // -1 where nothing is committed.
  int64_t offset = -1;
  int32_t leader_epoch = -1;
  std::string metadata;
  ErrorCode error = ErrorCode::NONE;
};

struct FetchOffsetsResult {
  // Where set, `offsets` is empty, and versions 0 and 1 answer it for each partition that was asked for.
  ErrorCode error = ErrorCode::NONE;
  // In the order asked for; all of the group, by topic and partition, where the request named none.
  std::vector<FetchedOffset> offsets;
};

struct DescribedGroup {
  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    // For the chosen protocol; empty while the group is not Stable.
    OwnedBytes metadata;
    OwnedBytes assignment;
  };

  ErrorCode error = ErrorCode::NONE;
  std::optional<std::string> error_message;
  std::string group_id;
  std::string state;
  std::string protocol_type;
  std::string protocol;
  std::vector<Member> members;
};

struct ListedGroup {
  std::string group_id;
  std::string protocol_type;
  std::string state;
  std::string type;
};

struct ListGroupsResult {
  ErrorCode error = ErrorCode::NONE;
  std::vector<ListedGroup> groups;
};

struct DeletedGroup {
  std::string group_id;
  ErrorCode error = ErrorCode::NONE;
};
using DeleteGroupsCallback = std::function<void(std::vector<DeletedGroup>)>;

struct DeleteOffsetsResult {
  // Where set, `partitions` is empty.
  ErrorCode error = ErrorCode::NONE;
  // In the order of the request.
  std::vector<ErrorCode> partitions;
};
using DeleteOffsetsCallback = std::function<void(DeleteOffsetsResult)>;

}  // namespace ottla::groups
