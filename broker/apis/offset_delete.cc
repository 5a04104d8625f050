// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/offset_delete.h"

#include "broker/apis/services.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/generated/offset_delete_request.h"
#include "protocol/generated/offset_delete_response.h"

namespace ottla {
namespace {

using protocol::OffsetDeleteResponse;

// A request whose offsets are being deleted.
struct Pending {
  struct Topic {
    std::string name;
    std::vector<OffsetDeleteResponse::OffsetDeleteResponsePartition> partitions;
  };

  std::shared_ptr<Responder> responder;
  std::vector<Topic> topics;
  // Where the partitions that the coordinator was given stand in `topics`.
  std::vector<std::pair<size_t, size_t>> asked;
};

void respond(Pending& pending, const groups::DeleteOffsetsResult& result) {
  OffsetDeleteResponse response;
  response.error_code = static_cast<int16_t>(result.error);
  for (size_t i = 0; i < result.partitions.size(); ++i) {
    const auto [topic, partition] = pending.asked[i];
    pending.topics[topic].partitions[partition].error_code = static_cast<int16_t>(result.partitions[i]);
  }
  if (result.error == ErrorCode::NONE) {
    for (const Pending::Topic& topic : pending.topics) {
      auto& out = response.topics.emplace_back();
      out.name = topic.name;
      out.partitions = topic.partitions;
    }
  }
  pending.responder->send(response);
}

}  // namespace

void handle_offset_delete(Request& request) {
  protocol::OffsetDeleteRequest asked;
  if (!request.decode(asked)) return;
  const auto pending = std::make_shared<Pending>();
  std::vector<groups::TopicPartition> wanted;
  for (const auto& topic : asked.topics) {
    const TopicMetadata* known = request.services.metadata.find(topic.name);
    Pending::Topic& answered = pending->topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      const int32_t index = partition.partition_index;
      auto& result = answered.partitions.emplace_back();
      result.partition_index = index;
      if (known != nullptr && index >= 0 && static_cast<size_t>(index) < known->partitions.size()) {
        pending->asked.emplace_back(pending->topics.size() - 1, answered.partitions.size() - 1);
        wanted.push_back({answered.name, index});
      } else {
        result.error_code = static_cast<int16_t>(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
      }
    }
  }
  pending->responder = std::move(request.responder).share();
  request.services.groups.delete_offsets(
      std::string(asked.group_id), wanted,
      [pending](const groups::DeleteOffsetsResult& result) { respond(*pending, result); });
}

}  // namespace ottla
