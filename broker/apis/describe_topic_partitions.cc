// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/describe_topic_partitions.h"

#include <algorithm>
#include <set>

#include "broker/apis/authorized_operations.h"
#include "broker/apis/live_brokers.h"
#include "broker/apis/services.h"
#include "broker/controller/topic_admin.h"
#include "protocol/base/error_code.h"
#include "protocol/generated/describe_topic_partitions_request.h"
#include "protocol/generated/describe_topic_partitions_response.h"

namespace ottla {
namespace {

using protocol::DescribeTopicPartitionsRequest;
using protocol::DescribeTopicPartitionsResponse;
using Topic = DescribeTopicPartitionsResponse::DescribeTopicPartitionsResponseTopic;

constexpr int32_t kMaxPartitions = 2000;

// The topics from the cursor on, by name.
std::set<std::string_view> wanted_topics(const MetadataCache& metadata,
                                         const DescribeTopicPartitionsRequest& asked) {
  const std::string_view from = asked.cursor ? asked.cursor->topic_name : "";
  std::set<std::string_view> wanted;
  if (asked.topics.empty()) {
    for (auto topic = metadata.topics().lower_bound(from); topic != metadata.topics().end(); ++topic) {
      wanted.insert(wanted.end(), topic->first);
    }
  }
  for (const auto& topic : asked.topics) {
    if (topic.name >= from) wanted.insert(topic.name);
  }
  return wanted;
}

Topic unknown(std::string_view name) {
  Topic topic;
  const ErrorCode error = invalid_topic_name_reason(name).empty() ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                                                                  : ErrorCode::INVALID_TOPIC_EXCEPTION;
  topic.error_code = static_cast<int16_t>(error);
  topic.name = name;
  topic.is_internal = is_internal_topic(name);
  topic.topic_authorized_operations = kTopicOperations;
  return topic;
}

// The partitions [first, end) of a topic.
Topic known(const MetadataCache& metadata, const TopicMetadata& from, size_t first, size_t end,
            std::string_view listener) {
  Topic topic;
  topic.name = from.name;
  topic.topic_id = from.id;
  topic.is_internal = is_internal_topic(from.name);
  topic.topic_authorized_operations = kTopicOperations;
  for (size_t i = first; i < end; ++i) {
    const PartitionMetadata& source = from.partitions[i];
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = static_cast<int32_t>(i);
    const bool reachable_leader = live_endpoint(metadata, source.leader, listener) != nullptr;
    partition.leader_id = reachable_leader ? source.leader : -1;
    partition.leader_epoch = source.leader_epoch;
    partition.replica_nodes = source.replicas;
    partition.isr_nodes = source.isr;
    partition.eligible_leader_replicas.emplace();
    partition.last_known_elr.emplace();
    partition.offline_replicas = unreachable(metadata, source.replicas, listener);
  }
  return topic;
}

void fill(const Request& request, const DescribeTopicPartitionsRequest& asked,
          const std::set<std::string_view>& wanted, DescribeTopicPartitionsResponse& response) {
  const MetadataCache& metadata = request.services.metadata;
  auto left = static_cast<size_t>(std::clamp(asked.response_partition_limit, 1, kMaxPartitions));
  for (const std::string_view name : wanted) {
    size_t next = 0;
    if (asked.cursor && asked.cursor->topic_name == name)
      next = static_cast<size_t>(asked.cursor->partition_index);
    const TopicMetadata* topic = left > 0 ? metadata.find(name) : nullptr;
    if (topic != nullptr) {
      const size_t count = topic->partitions.size();
      const size_t first = std::min(next, count);
      next = std::min(count, first + left);
      response.topics.push_back(known(metadata, *topic, first, next, request.listener));
      left -= next - first;
      if (next == count) continue;
    } else if (left > 0) {
      // A topic of the cursor may have been deleted since the last page; who asks for all is not told.
      if (!asked.topics.empty()) response.topics.push_back(unknown(name));
      continue;
    }
    response.next_cursor.emplace();
    response.next_cursor->topic_name = name;
    response.next_cursor->partition_index = static_cast<int32_t>(next);
    return;
  }
}

}  // namespace

void handle_describe_topic_partitions(Request& request) {
  DescribeTopicPartitionsRequest asked;
  if (!request.decode(asked)) return;
  DescribeTopicPartitionsResponse response;
  const auto wanted = wanted_topics(request.services.metadata, asked);
  const bool bad_cursor =
      asked.cursor && (asked.cursor->partition_index < 0 ||
                       (!asked.topics.empty() && !wanted.contains(asked.cursor->topic_name)));
  if (bad_cursor) {
    for (const auto& topic : asked.topics) {
      auto& answered = response.topics.emplace_back();
      answered.error_code = static_cast<int16_t>(ErrorCode::INVALID_REQUEST);
      answered.name = topic.name;
    }
  } else {
    fill(request, asked, wanted, response);
  }
  request.responder.send(response);
}

}  // namespace ottla
