// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/create_partitions.h"

#include <set>
#include <string>
#include <vector>

#include "broker/apis/services.h"
#include "broker/controller/topic_admin.h"
#include "protocol/generated/create_partitions_request.h"
#include "protocol/generated/create_partitions_response.h"

namespace ottla {
namespace {

using protocol::CreatePartitionsRequest;
using protocol::CreatePartitionsResponse;
using AskedTopic = CreatePartitionsRequest::CreatePartitionsTopic;

// A request whose topics are under way.
struct Pending {
  struct Topic {
    std::string name;
    TopicOutcome outcome;
  };

  std::shared_ptr<Responder> responder;
  std::vector<Topic> topics;
  // Answers that are still to come, and the request itself until all are asked for.
  size_t open = 1;
};

void arrived(Pending& pending) {
  if (--pending.open > 0) return;
  CreatePartitionsResponse response;
  for (const Pending::Topic& topic : pending.topics) {
    auto& result = response.results.emplace_back();
    result.name = topic.name;
    result.error_code = static_cast<int16_t>(topic.outcome.error);
    const bool failed = topic.outcome.error != ErrorCode::NONE;
    if (failed && !topic.outcome.message.empty()) result.error_message = topic.outcome.message;
  }
  pending.responder->send(response);
}

// Assignments that are there but empty: TopicAdmin takes an empty list for none, Kafka does not.
bool too_few_assignments(const AskedTopic& asked, const MetadataCache& metadata, TopicOutcome& outcome) {
  if (!asked.assignments || !asked.assignments->empty()) return false;
  const TopicMetadata* topic = metadata.find(asked.name);
  if (topic == nullptr || asked.count <= static_cast<int32_t>(topic->partitions.size())) return false;
  outcome.error = ErrorCode::INVALID_REPLICA_ASSIGNMENT;
  outcome.message = "Increasing the number of partitions by " +
                    std::to_string(asked.count - static_cast<int32_t>(topic->partitions.size())) +
                    " but 0 assignments provided.";
  return true;
}

}  // namespace

void handle_create_partitions(Request& request) {
  CreatePartitionsRequest asked;
  if (!request.decode(asked)) return;
  const Services& services = request.services;
  const auto pending = std::make_shared<Pending>();
  pending->responder = std::move(request.responder).share();
  std::set<std::string_view> names;
  std::set<std::string_view> twice;
  for (const AskedTopic& topic : asked.topics) {
    if (!names.insert(topic.name).second) twice.insert(topic.name);
  }
  pending->topics.resize(names.size());
  size_t place = 0;
  for (const AskedTopic& topic : asked.topics) {
    if (names.erase(topic.name) == 0) continue;
    const size_t mine = place++;
    TopicOutcome& outcome = pending->topics[mine].outcome;
    pending->topics[mine].name = topic.name;
    if (twice.contains(topic.name)) {
      outcome.error = ErrorCode::INVALID_REQUEST;
      outcome.message = "Duplicate topic in request.";
      continue;
    }
    if (too_few_assignments(topic, services.metadata, outcome)) continue;
    std::vector<std::vector<int32_t>> assignments;
    if (topic.assignments) {
      for (const auto& assignment : *topic.assignments) assignments.push_back(assignment.broker_ids);
    }
    ++pending->open;
    services.topics.create_partitions(std::string(topic.name), topic.count, std::move(assignments),
                                      asked.timeout_ms, asked.validate_only,
                                      [pending, mine](TopicOutcome reached) {
                                        pending->topics[mine].outcome = std::move(reached);
                                        arrived(*pending);
                                      });
  }
  arrived(*pending);
}

}  // namespace ottla
