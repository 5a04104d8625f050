// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/metadata.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "broker/apis/authorized_operations.h"
#include "broker/apis/live_brokers.h"
#include "broker/apis/services.h"
#include "broker/config/broker_config.h"
#include "broker/controller/topic_admin.h"
#include "protocol/base/error_code.h"
#include "protocol/generated/metadata_request.h"
#include "protocol/generated/metadata_response.h"

namespace ottla {
namespace {

using protocol::MetadataRequest;
using protocol::MetadataResponse;
using AskedTopic = MetadataRequest::MetadataRequestTopic;
using Topic = MetadataResponse::MetadataResponseTopic;
using TopicPartition = MetadataResponse::MetadataResponsePartition;

constexpr int16_t kFirstWithNullForAll = 1;
constexpr int16_t kFirstWithListenerNotFound = 6;
constexpr int16_t kFirstByTopicId = 12;

class Answer {
 public:
  Answer(Request& request, const MetadataRequest& asked)
      : asked_(asked),
        services_(request.services),
        metadata_(request.services.metadata),
        listener_(request.listener),
        version_(request.version),
        as_2_8_(request.answered_as_2_8()) {}

  MetadataResponse build();

 private:
  bool all_topics() const {
    return version_ < kFirstWithNullForAll ? asked_.topics->empty() : !asked_.topics.has_value();
  }
  bool asks_too_much() const;
  void add_brokers(MetadataResponse& response) const;
  void create_missing_topics();
  ErrorCode create(std::string_view name);
  Topic refused(const AskedTopic& topic) const;
  Topic topic_by_id(const Uuid& id) const;
  Topic topic_by_name(std::string_view name) const;
  Topic existing(const TopicMetadata& topic) const;
  TopicPartition partition(const PartitionMetadata& known, int32_t index) const;

  const MetadataRequest& asked_;
  const Services& services_;
  const MetadataCache& metadata_;
  std::string_view listener_;
  int16_t version_;
  bool as_2_8_;
  // What became of the creation of topics that are missing.
  std::map<std::string_view, ErrorCode> created_;
};

MetadataResponse Answer::build() {
  MetadataResponse response;
  // First, since the views below must not see the metadata change.
  create_missing_topics();
  add_brokers(response);
  response.cluster_id = metadata_.cluster_id;
  response.controller_id = metadata_.controller_id;
  if (asked_.include_cluster_authorized_operations)
    response.cluster_authorized_operations = kClusterOperations;
  if (all_topics()) {
    for (const auto& [name, topic] : metadata_.topics()) response.topics.push_back(existing(topic));
    return response;
  }
  const bool refuse = asks_too_much();
  std::set<std::string_view> names;
  std::set<Uuid> ids;
  for (const AskedTopic& topic : *asked_.topics) {
    if (refuse || (!topic.name && topic.topic_id.is_zero())) {
      response.topics.push_back(refused(topic));
    } else if (!topic.topic_id.is_zero()) {
      if (ids.insert(topic.topic_id).second) response.topics.push_back(topic_by_id(topic.topic_id));
    } else if (names.insert(*topic.name).second) {
      response.topics.push_back(topic_by_name(*topic.name));
    }
  }
  return response;
}

// Versions 10 and 11 can carry what they do not support.
bool Answer::asks_too_much() const {
  return version_ < kFirstByTopicId &&
         std::any_of(asked_.topics->begin(), asked_.topics->end(),
                     [](const AskedTopic& topic) { return !topic.name || !topic.topic_id.is_zero(); });
}

void Answer::add_brokers(MetadataResponse& response) const {
  for (const auto& [id, node] : metadata_.brokers) {
    const Endpoint* endpoint = node.endpoint(listener_);
    if (endpoint == nullptr) continue;
    auto& broker = response.brokers.emplace_back();
    broker.node_id = id;
    broker.host = endpoint->host;
    broker.port = endpoint->port;
    if (node.rack) broker.rack = *node.rack;
  }
}

void Answer::create_missing_topics() {
  const bool allowed = asked_.allow_auto_topic_creation && services_.config.auto_create_topics_enable;
  if (!allowed || all_topics() || asks_too_much()) return;
  for (const AskedTopic& topic : *asked_.topics) {
    if (!topic.name || !topic.topic_id.is_zero() || *topic.name == "__transaction_state") continue;
    if (metadata_.find(*topic.name) != nullptr || !invalid_topic_name_reason(*topic.name).empty()) continue;
    if (!created_.contains(*topic.name)) created_[*topic.name] = create(*topic.name);
  }
}

// What Kafka's AutoTopicCreationManager answers: a refusal is known at once, everything else goes on. While
// it does, 2.8 calls the topic leaderless and later releases call it unknown.
ErrorCode Answer::create(std::string_view name) {
  const auto outcome = std::make_shared<std::optional<ErrorCode>>();
  services_.topics.auto_create(std::string(name),
                               [outcome](const TopicOutcome& reached) { *outcome = reached.error; });
  const ErrorCode error = outcome->value_or(ErrorCode::NONE);
  const bool goes_on = error == ErrorCode::NONE || error == ErrorCode::TOPIC_ALREADY_EXISTS ||
                       error == ErrorCode::REQUEST_TIMED_OUT;
  if (!goes_on) return error;
  return as_2_8_ ? ErrorCode::LEADER_NOT_AVAILABLE : ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
}

Topic Answer::refused(const AskedTopic& asked) const {
  Topic topic;
  topic.error_code = static_cast<int16_t>(ErrorCode::INVALID_REQUEST);
  topic.name = asked.name;
  if (!topic.name && version_ < kFirstByTopicId) topic.name = "";
  topic.topic_id = asked.topic_id;
  return topic;
}

Topic Answer::topic_by_id(const Uuid& id) const {
  if (const TopicMetadata* known = metadata_.find(id)) return existing(*known);
  Topic topic;
  topic.error_code = static_cast<int16_t>(ErrorCode::UNKNOWN_TOPIC_ID);
  topic.name = std::nullopt;
  topic.topic_id = id;
  return topic;
}

Topic Answer::topic_by_name(std::string_view name) const {
  if (const TopicMetadata* known = metadata_.find(name)) return existing(*known);
  ErrorCode error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
  if (const auto created = created_.find(name); created != created_.end()) {
    error = created->second;
  } else if (!invalid_topic_name_reason(name).empty()) {
    error = ErrorCode::INVALID_TOPIC_EXCEPTION;
  }
  Topic topic;
  topic.error_code = static_cast<int16_t>(error);
  topic.name = name;
  topic.is_internal = is_internal_topic(name);
  if (asked_.include_topic_authorized_operations) topic.topic_authorized_operations = kTopicOperations;
  return topic;
}

Topic Answer::existing(const TopicMetadata& known) const {
  Topic topic;
  topic.name = known.name;
  topic.topic_id = known.id;
  topic.is_internal = is_internal_topic(known.name);
  if (asked_.include_topic_authorized_operations) topic.topic_authorized_operations = kTopicOperations;
  topic.partitions.reserve(known.partitions.size());
  for (size_t i = 0; i < known.partitions.size(); ++i) {
    topic.partitions.push_back(partition(known.partitions[i], static_cast<int32_t>(i)));
  }
  return topic;
}

TopicPartition Answer::partition(const PartitionMetadata& known, int32_t index) const {
  TopicPartition partition;
  partition.partition_index = index;
  partition.leader_epoch = known.leader_epoch;
  // Version 0 knows no offline replicas: it is shown the live ones, and an error for the lack of the others.
  const bool live_only = version_ == 0;
  partition.replica_nodes = live_only ? reachable(metadata_, known.replicas, listener_) : known.replicas;
  partition.isr_nodes = live_only ? reachable(metadata_, known.isr, listener_) : known.isr;
  partition.offline_replicas = unreachable(metadata_, known.replicas, listener_);
  ErrorCode error = ErrorCode::NONE;
  if (live_endpoint(metadata_, known.leader, listener_) != nullptr) {
    partition.leader_id = known.leader;
    const bool fewer = partition.replica_nodes.size() < known.replicas.size() ||
                       partition.isr_nodes.size() < known.isr.size();
    if (fewer) error = ErrorCode::REPLICA_NOT_AVAILABLE;
  } else {
    partition.leader_id = -1;
    const bool alive = metadata_.brokers.contains(known.leader);
    error = alive && version_ >= kFirstWithListenerNotFound ? ErrorCode::LISTENER_NOT_FOUND
                                                            : ErrorCode::LEADER_NOT_AVAILABLE;
  }
  partition.error_code = static_cast<int16_t>(error);
  return partition;
}

}  // namespace

void handle_metadata(Request& request) {
  MetadataRequest asked;
  if (!request.decode(asked)) return;
  request.responder.send(Answer(request, asked).build());
}

}  // namespace ottla
