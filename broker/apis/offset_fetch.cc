// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/offset_fetch.h"

#include <deque>

#include "broker/apis/services.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/generated/offset_fetch_request.h"
#include "protocol/generated/offset_fetch_response.h"

namespace ottla {
namespace {

using groups::FetchedOffset;
using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;

constexpr int16_t kFirstWithErrorOfWhole = 2;
constexpr int16_t kFirstWithGroups = 8;
constexpr int16_t kFirstWithTopicIds = 10;

struct Topic {
  std::string name;
  Uuid id;
  std::vector<FetchedOffset> partitions;
};

struct Group {
  ErrorCode error = ErrorCode::NONE;
  std::vector<Topic> topics;
};

FetchedOffset nothing_for(int32_t partition, ErrorCode error) {
  FetchedOffset offset;
  offset.topic_partition.partition = partition;
  offset.error = error;
  return offset;
}

// All offsets of the group; they come ordered by topic.
Group fetch_all(const Request& request, std::string_view group_id, bool require_stable) {
  const Services& services = request.services;
  auto fetched = services.groups.fetch_all_offsets(std::string(group_id), require_stable);
  Group group{fetched.error, {}};
  for (FetchedOffset& offset : fetched.offsets) {
    const std::string& name = offset.topic_partition.topic;
    if (group.topics.empty() || group.topics.back().name != name) {
      const TopicMetadata* known = services.metadata.find(name);
      group.topics.push_back({name, known != nullptr ? known->id : Uuid{}, {}});
    }
    group.topics.back().partitions.push_back(std::move(offset));
  }
  if (request.version >= kFirstWithTopicIds) {
    std::erase_if(group.topics, [](const Topic& topic) { return topic.id.is_zero(); });
  }
  return group;
}

// The offsets asked for. `Asked` has a name, or an id, and partition_indexes.
template <typename Asked>
Group fetch_some(const Request& request, std::string_view group_id, const std::vector<Asked>& topics,
                 bool require_stable) {
  Group group;
  std::vector<groups::TopicPartition> wanted;
  // Parallel to `wanted`: the topic that each answer belongs to.
  std::vector<size_t> places;
  for (const Asked& asked : topics) {
    Topic& topic = group.topics.emplace_back();
    topic.name = asked.name;
    bool known = true;
    if constexpr (requires { asked.topic_id; }) {
      if (request.version >= kFirstWithTopicIds) {
        topic.id = asked.topic_id;
        const TopicMetadata* found = request.services.metadata.find(asked.topic_id);
        known = found != nullptr;
        if (known) topic.name = found->name;
      }
    }
    for (const int32_t index : asked.partition_indexes) {
      if (known) {
        wanted.push_back({topic.name, index});
        places.push_back(group.topics.size() - 1);
      } else {
        topic.partitions.push_back(nothing_for(index, ErrorCode::UNKNOWN_TOPIC_ID));
      }
    }
  }
  auto fetched = request.services.groups.fetch_offsets(std::string(group_id), wanted, require_stable);
  group.error = fetched.error;
  for (size_t i = 0; i < fetched.offsets.size(); ++i) {
    group.topics[places[i]].partitions.push_back(std::move(fetched.offsets[i]));
  }
  return group;
}

template <typename Out>
void fill_topics(const Group& group, std::vector<Out>& topics) {
  for (const Topic& topic : group.topics) {
    Out& out = topics.emplace_back();
    out.name = topic.name;
    if constexpr (requires { out.topic_id; }) out.topic_id = topic.id;
    for (const FetchedOffset& offset : topic.partitions) {
      auto& partition = out.partitions.emplace_back();
      partition.partition_index = offset.topic_partition.partition;
      partition.committed_offset = offset.offset;
      partition.committed_leader_epoch = offset.leader_epoch;
      partition.metadata = offset.metadata;
      partition.error_code = static_cast<int16_t>(offset.error);
    }
  }
}

// Versions 0 and 1 have errors on partitions only; for version 0 that nothing is committed is one.
void move_errors_to_partitions(const OffsetFetchRequest& asked, int16_t version, Group& group) {
  if (group.error != ErrorCode::NONE) {
    group.topics.clear();
    for (const auto& topic : *asked.topics) {
      Topic& failed = group.topics.emplace_back();
      failed.name = topic.name;
      for (const int32_t index : topic.partition_indexes)
        failed.partitions.push_back(nothing_for(index, group.error));
    }
    group.error = ErrorCode::NONE;
  }
  if (version > 0) return;
  for (Topic& topic : group.topics) {
    for (FetchedOffset& offset : topic.partitions) {
      const bool absent = offset.offset == -1 && offset.error == ErrorCode::NONE;
      if (absent) offset.error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    }
  }
}

void answer_one(Request& request, const OffsetFetchRequest& asked) {
  Group group = asked.topics ? fetch_some(request, asked.group_id, *asked.topics, asked.require_stable)
                             : fetch_all(request, asked.group_id, asked.require_stable);
  if (request.version < kFirstWithErrorOfWhole) move_errors_to_partitions(asked, request.version, group);
  OffsetFetchResponse response;
  response.error_code = static_cast<int16_t>(group.error);
  if (group.error == ErrorCode::NONE) fill_topics(group, response.topics);
  request.responder.send(response);
}

void answer_several(Request& request, const OffsetFetchRequest& asked) {
  OffsetFetchResponse response;
  // What the response's views point into.
  std::deque<Group> groups;
  for (const auto& wanted : asked.groups) {
    const Group& group = groups.emplace_back(
        wanted.topics ? fetch_some(request, wanted.group_id, *wanted.topics, asked.require_stable)
                      : fetch_all(request, wanted.group_id, asked.require_stable));
    auto& out = response.groups.emplace_back();
    out.group_id = wanted.group_id;
    out.error_code = static_cast<int16_t>(group.error);
    if (group.error == ErrorCode::NONE) fill_topics(group, out.topics);
  }
  request.responder.send(response);
}

}  // namespace

void handle_offset_fetch(Request& request) {
  OffsetFetchRequest asked;
  if (!request.decode(asked)) return;
  if (request.version < kFirstWithGroups) {
    answer_one(request, asked);
  } else {
    answer_several(request, asked);
  }
}

}  // namespace ottla
