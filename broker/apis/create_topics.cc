// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/create_topics.h"

#include <map>
#include <vector>

#include "broker/apis/services.h"
#include "broker/config/describe.h"
#include "broker/controller/topic_admin.h"
#include "protocol/generated/create_topics_request.h"
#include "protocol/generated/create_topics_response.h"

namespace ottla {
namespace {

using protocol::CreateTopicsRequest;
using protocol::CreateTopicsResponse;

constexpr int16_t kFirstWithConfigs = 5;

// A request whose topics are under way.
struct Pending {
  struct Topic {
    std::string name;
    config::ConfigMap overrides;
    TopicOutcome outcome;
  };

  std::shared_ptr<Responder> responder;
  const config::ConfigStore& configs;
  std::vector<Topic> topics;
  // Answers that are still to come, and the request itself until all are asked for.
  size_t open = 1;
};

CreateTopicSpec spec_of(const CreateTopicsRequest::CreatableTopic& topic) {
  CreateTopicSpec spec;
  spec.name = topic.name;
  spec.partitions = topic.num_partitions;
  spec.replication_factor = topic.replication_factor;
  for (const auto& assignment : topic.assignments) {
    spec.assignments.emplace_back(assignment.partition_index, assignment.broker_ids);
  }
  for (const auto& entry : topic.configs) {
    auto& value = spec.configs[std::string(entry.name)];
    value.reset();
    if (entry.value) value.emplace(*entry.value);
  }
  return spec;
}

void add_configs(const std::vector<config::ConfigEntry>& entries,
                 CreateTopicsResponse::CreatableTopicResult& result) {
  for (const config::ConfigEntry& entry : entries) {
    auto& out = result.configs->emplace_back();
    out.name = entry.name;
    out.value = entry.value;
    out.read_only = entry.read_only;
    out.config_source = static_cast<int8_t>(entry.source);
    out.is_sensitive = entry.sensitive;
  }
}

void respond(const Pending& pending) {
  CreateTopicsResponse response;
  std::vector<std::vector<config::ConfigEntry>> described(pending.topics.size());
  for (size_t i = 0; i < pending.topics.size(); ++i) {
    const Pending::Topic& topic = pending.topics[i];
    auto& result = response.topics.emplace_back();
    result.name = topic.name;
    result.error_code = static_cast<int16_t>(topic.outcome.error);
    result.error_message = std::nullopt;
    if (topic.outcome.error != ErrorCode::NONE) {
      if (!topic.outcome.message.empty()) result.error_message = topic.outcome.message;
      continue;
    }
    result.topic_id = topic.outcome.topic_id;
    result.num_partitions = topic.outcome.partitions;
    result.replication_factor = topic.outcome.replication_factor;
    if (pending.responder->version() < kFirstWithConfigs) continue;
    if (!config::validate_topic_overrides(topic.overrides).ok()) continue;
    described[i] = config::describe_topic_overrides(pending.configs, topic.overrides, {});
    add_configs(described[i], result);
  }
  pending.responder->send(response);
}

void arrived(Pending& pending) {
  if (--pending.open == 0) respond(pending);
}

}  // namespace

void handle_create_topics(Request& request) {
  CreateTopicsRequest asked;
  if (!request.decode(asked)) return;
  std::map<std::string_view, int> times;
  for (const auto& topic : asked.topics) ++times[topic.name];
  const auto pending = std::make_shared<Pending>(
      Pending{std::move(request.responder).share(), request.services.configs, {}, 1});
  pending->topics.resize(asked.topics.size());
  for (size_t i = 0; i < asked.topics.size(); ++i) {
    Pending::Topic& topic = pending->topics[i];
    topic.name = asked.topics[i].name;
    if (times[topic.name] > 1) {
      topic.outcome.error = ErrorCode::INVALID_REQUEST;
      topic.outcome.message = "Found multiple entries for this topic.";
      continue;
    }
    CreateTopicSpec spec = spec_of(asked.topics[i]);
    for (const auto& [key, value] : spec.configs) topic.overrides[key] = value.value_or("");
    ++pending->open;
    request.services.topics.create_topic(std::move(spec), asked.timeout_ms, asked.validate_only,
                                         [pending, i](TopicOutcome outcome) {
                                           pending->topics[i].outcome = std::move(outcome);
                                           arrived(*pending);
                                         });
  }
  arrived(*pending);
}

}  // namespace ottla
