// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/offset_commit.h"

#include "broker/apis/services.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/generated/offset_commit_request.h"
#include "protocol/generated/offset_commit_response.h"

namespace ottla {
namespace {

using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;

constexpr int16_t kFirstWithTopicIds = 10;

// A request whose offsets are being committed.
struct Pending {
  struct Topic {
    std::string name;
    Uuid id;
    std::vector<OffsetCommitResponse::OffsetCommitResponsePartition> partitions;
  };

  std::shared_ptr<Responder> responder;
  std::vector<Topic> topics;
  // Where the partitions that the coordinator was given stand in `topics`.
  std::vector<std::pair<size_t, size_t>> asked;
};

void respond(const Pending& pending) {
  OffsetCommitResponse response;
  for (const Pending::Topic& topic : pending.topics) {
    auto& out = response.topics.emplace_back();
    out.name = topic.name;
    out.topic_id = topic.id;
    out.partitions = topic.partitions;
  }
  pending.responder->send(response);
}

groups::CommitOffsets::Partition to_commit(const std::string& topic,
                                           const OffsetCommitRequest::OffsetCommitRequestPartition& asked) {
  groups::CommitOffsets::Partition commit;
  commit.topic_partition = {topic, asked.partition_index};
  commit.offset = asked.committed_offset;
  commit.leader_epoch = asked.committed_leader_epoch;
  commit.metadata = asked.committed_metadata.value_or("");
  commit.commit_timestamp = asked.commit_timestamp;
  return commit;
}

// Sorts the partitions of the request into those that exist, for the coordinator, and errors.
void add_topics(const OffsetCommitRequest& asked, int16_t version, const MetadataCache& metadata,
                Pending& pending, groups::CommitOffsets& commit) {
  for (const auto& topic : asked.topics) {
    const bool by_id = version >= kFirstWithTopicIds;
    const TopicMetadata* known = by_id ? metadata.find(topic.topic_id) : metadata.find(topic.name);
    Pending::Topic& answered = pending.topics.emplace_back();
    answered.name = known != nullptr ? std::string_view(known->name) : topic.name;
    answered.id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      auto& result = answered.partitions.emplace_back();
      result.partition_index = partition.partition_index;
      const bool exists = known != nullptr && partition.partition_index >= 0 &&
                          static_cast<size_t>(partition.partition_index) < known->partitions.size();
      if (exists) {
        pending.asked.emplace_back(pending.topics.size() - 1, answered.partitions.size() - 1);
        commit.partitions.push_back(to_commit(answered.name, partition));
        continue;
      }
      const bool unknown_id = by_id && known == nullptr;
      result.error_code = static_cast<int16_t>(unknown_id ? ErrorCode::UNKNOWN_TOPIC_ID
                                                          : ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
  }
}

}  // namespace

void handle_offset_commit(Request& request) {
  OffsetCommitRequest asked;
  if (!request.decode(asked)) return;
  const auto pending = std::make_shared<Pending>();
  groups::CommitOffsets commit;
  commit.group_id = asked.group_id;
  commit.generation_id = asked.generation_id_or_member_epoch;
  commit.member_id = asked.member_id;
  if (asked.group_instance_id) commit.group_instance_id.emplace(*asked.group_instance_id);
  commit.retention_time_ms = asked.retention_time_ms;
  add_topics(asked, request.version, request.services.metadata, *pending, commit);
  pending->responder = std::move(request.responder).share();
  // With nothing left to commit Kafka does not ask the coordinator.
  if (commit.partitions.empty()) return respond(*pending);
  request.services.groups.commit_offsets(std::move(commit), [pending](const std::vector<ErrorCode>& errors) {
    for (size_t i = 0; i < errors.size(); ++i) {
      const auto [topic, partition] = pending->asked[i];
      pending->topics[topic].partitions[partition].error_code = static_cast<int16_t>(errors[i]);
    }
    respond(*pending);
  });
}

}  // namespace ottla
