// SPDX-License-Identifier: Apache-2.0
#include "broker/groups/records.h"

#include <fmt/format.h>

#include "protocol/generated/consumer_protocol_subscription.h"
#include "protocol/generated/group_metadata_key.h"
#include "protocol/generated/group_metadata_value.h"
#include "protocol/generated/offset_commit_key.h"
#include "protocol/generated/offset_commit_value.h"
#include "protocol/wire/writer.h"

namespace ottla::groups {
namespace {

using protocol::ConsumerProtocolSubscription;
using protocol::GroupMetadataKey;
using protocol::GroupMetadataValue;
using protocol::OffsetCommitKey;
using protocol::OffsetCommitValue;

constexpr int16_t kOffsetValueVersion = 3;
constexpr int16_t kOffsetValueWithExpiryVersion = 1;
constexpr int16_t kGroupValueVersion = 3;

OwnedBytes owned(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

std::optional<std::string> owned(std::optional<std::string_view> text) {
  if (!text) return std::nullopt;
  return std::string(*text);
}

template <typename Message>
OwnedBytes encode(const Message& message, int16_t version) {
  Writer writer;
  writer.int16(version);
  message.encode(writer, version);
  return owned(writer.buffer());
}

// The version, then the message at it.
template <typename Message>
Status decode(Reader& reader, Message& message, int16_t& version, const char* what) {
  version = reader.int16();
  if (reader.ok() && (version < Message::kLowestVersion || version > Message::kHighestVersion)) {
    return {ErrorCode::CORRUPT_MESSAGE, fmt::format("{} of unknown version {}", what, version)};
  }
  if (reader.ok()) message.decode(reader, version);
  if (reader.ok()) return {};
  return {ErrorCode::CORRUPT_MESSAGE, fmt::format("{}: {}", what, reader.error())};
}

}  // namespace

OwnedBytes encode_offset_key(const std::string& group_id, const TopicPartition& topic_partition) {
  OffsetCommitKey key;
  key.group = group_id;
  key.topic = topic_partition.topic;
  key.partition = topic_partition.partition;
  return encode(key, OffsetCommitKey::kHighestVersion);
}

OwnedBytes encode_group_key(const std::string& group_id) {
  GroupMetadataKey key;
  key.group = group_id;
  return encode(key, GroupMetadataKey::kHighestVersion);
}

OwnedBytes encode_offset_value(const CommittedOffset& committed) {
  OffsetCommitValue value;
  value.offset = committed.offset;
  value.leader_epoch = committed.leader_epoch;
  value.metadata = committed.metadata;
  value.commit_timestamp = committed.commit_timestamp;
  value.expire_timestamp = committed.expire_timestamp;
  return encode(value,
                committed.expire_timestamp == -1 ? kOffsetValueVersion : kOffsetValueWithExpiryVersion);
}

OwnedBytes encode_group_value(const GroupValue& group) {
  GroupMetadataValue value;
  value.protocol_type = group.protocol_type;
  value.generation = group.generation;
  value.protocol = group.protocol;
  value.leader = group.leader;
  value.current_state_timestamp = group.current_state_timestamp;
  for (const GroupValue::Member& member : group.members) {
    GroupMetadataValue::MemberMetadata& stored = value.members.emplace_back();
    stored.member_id = member.member_id;
    stored.group_instance_id = member.group_instance_id;
    stored.client_id = member.client_id;
    stored.client_host = member.client_host;
    stored.rebalance_timeout = member.rebalance_timeout_ms;
    stored.session_timeout = member.session_timeout_ms;
    stored.subscription = member.subscription;
    stored.assignment = member.assignment;
  }
  return encode(value, kGroupValueVersion);
}

Result<RecordKey> decode_key(Bytes bytes) {
  RecordKey key;
  key.version = Reader(bytes).int16();
  Reader reader(bytes);
  if (key.version > GroupMetadataKey::kHighestVersion) return key;
  if (key.version > OffsetCommitKey::kHighestVersion) {
    GroupMetadataKey group_key;
    const Status status = decode(reader, group_key, key.version, "group key");
    if (!status.ok()) return status;
    key.kind = RecordKey::Kind::kGroup;
    key.id.group_id = group_key.group;
    return key;
  }
  OffsetCommitKey offset_key;
  const Status status = decode(reader, offset_key, key.version, "offset key");
  if (!status.ok()) return status;
  key.kind = RecordKey::Kind::kOffset;
  key.id = {std::string(offset_key.group), {std::string(offset_key.topic), offset_key.partition}};
  return key;
}

Result<CommittedOffset> decode_offset_value(Bytes bytes) {
  Reader reader(bytes);
  OffsetCommitValue value;
  int16_t version = 0;
  const Status status = decode(reader, value, version, "offset value");
  if (!status.ok()) return status;
  return CommittedOffset{value.offset, value.leader_epoch, std::string(value.metadata),
                         value.commit_timestamp, value.expire_timestamp};
}

Result<GroupValue> decode_group_value(Bytes bytes) {
  Reader reader(bytes);
  GroupMetadataValue value;
  int16_t version = 0;
  const Status status = decode(reader, value, version, "group value");
  if (!status.ok()) return status;
  GroupValue group{std::string(value.protocol_type),
                   value.generation,
                   owned(value.protocol),
                   owned(value.leader),
                   value.current_state_timestamp,
                   {}};
  for (const GroupMetadataValue::MemberMetadata& stored : value.members) {
    // Before version 1 the session timeout bounded the rebalance too.
    const int32_t rebalance_timeout_ms = version == 0 ? stored.session_timeout : stored.rebalance_timeout;
    group.members.push_back({std::string(stored.member_id), owned(stored.group_instance_id),
                             std::string(stored.client_id), std::string(stored.client_host),
                             rebalance_timeout_ms, stored.session_timeout, owned(stored.subscription),
                             owned(stored.assignment)});
  }
  return group;
}

std::optional<std::vector<std::string>> decode_subscribed_topics(Bytes metadata) {
  Reader reader(metadata);
  const int16_t version = reader.int16();
  ConsumerProtocolSubscription subscription;
  if (reader.ok() && version >= 0) subscription.decode(reader, ConsumerProtocolSubscription::kLowestVersion);
  if (!reader.ok() || version < 0) return std::nullopt;
  return std::vector<std::string>(subscription.topics.begin(), subscription.topics.end());
}

}  // namespace ottla::groups
