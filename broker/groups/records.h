// SPDX-License-Identifier: Apache-2.0
// The records of __consumer_offsets, in Kafka's format: key and value each start with an int16 version, and
// the key's version also names the kind (0 and 1 an offset, 2 a group; later ones belong to the consumer and
// share protocols).
//
// Written so that Kafka 2.8 and all later ones read them: offset key 1, offset value 3 (1 where an explicit
// retention was asked for), group key 2, group value 3. Read: every version up to 4 of both values. Source:
// kafka.coordinator.group.GroupMetadataManager (2.8), CoordinatorRecordHelpers (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/groups/offsets_log.h"
#include "broker/groups/requests.h"

namespace ottla::groups {

struct OffsetKey {
  std::string group_id;
  TopicPartition topic_partition;
};

struct RecordKey {
  // kOther: a kind of record that this coordinator does not keep.
  enum class Kind { kOffset, kGroup, kOther };

  Kind kind = Kind::kOther;
  int16_t version = 0;
  // The topic and partition are those of kOffset.
  OffsetKey id;
};

struct CommittedOffset {
  int64_t offset = -1;
  // -1: not known.
  int32_t leader_epoch = -1;
  std::string metadata;
  // Milliseconds since the epoch.
  int64_t commit_timestamp = -1;
  // -1: offsets.retention.minutes decides.
  int64_t expire_timestamp = -1;
};

struct GroupValue {
  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    int32_t rebalance_timeout_ms = -1;
    int32_t session_timeout_ms = 0;
    OwnedBytes subscription;
    OwnedBytes assignment;
  };

  std::string protocol_type;
  int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  // Milliseconds since the epoch, -1 in versions that do not say.
  int64_t current_state_timestamp = -1;
  std::vector<Member> members;
};

OwnedBytes encode_offset_key(const std::string& group_id, const TopicPartition& topic_partition);
OwnedBytes encode_group_key(const std::string& group_id);
OwnedBytes encode_offset_value(const CommittedOffset& value);
OwnedBytes encode_group_value(const GroupValue& value);

// CORRUPT_MESSAGE where the bytes are not what their version says.
Result<RecordKey> decode_key(Bytes bytes);
Result<CommittedOffset> decode_offset_value(Bytes bytes);
Result<GroupValue> decode_group_value(Bytes bytes);

// The topics of a "consumer" member's metadata (ConsumerProtocolSubscription, of which every version starts
// as version 0 does), nullopt where the bytes are not one.
std::optional<std::vector<std::string>> decode_subscribed_topics(Bytes metadata);

}  // namespace ottla::groups
