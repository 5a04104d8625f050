// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/delete_topics.h"

#include <map>
#include <optional>
#include <vector>

#include "broker/apis/services.h"
#include "broker/config/broker_config.h"
#include "broker/controller/topic_admin.h"
#include "protocol/generated/delete_topics_request.h"
#include "protocol/generated/delete_topics_response.h"

namespace ottla {
namespace {

using protocol::DeleteTopicsRequest;
using protocol::DeleteTopicsResponse;

constexpr int16_t kFirstWithDeletionDisabled = 3;
constexpr int16_t kFirstById = 6;

// A request whose topics are under way.
struct Pending {
  struct Topic {
    std::optional<std::string> name;
    Uuid id;
    ErrorCode error = ErrorCode::NONE;
    std::string message;

    void refuse(ErrorCode code, std::string why) {
      error = code;
      message = std::move(why);
    }
  };

  std::shared_ptr<Responder> responder;
  std::vector<Topic> topics;
  // Answers that are still to come, and the request itself until all are asked for.
  size_t open = 1;
};

void arrived(Pending& pending) {
  if (--pending.open > 0) return;
  DeleteTopicsResponse response;
  for (const Pending::Topic& topic : pending.topics) {
    auto& result = response.responses.emplace_back();
    result.name = topic.name;
    result.topic_id = topic.id;
    result.error_code = static_cast<int16_t>(topic.error);
    if (!topic.message.empty()) result.error_message = topic.message;
  }
  pending.responder->send(response);
}

// The entries of the request, with names found by id.
std::vector<Pending::Topic> entries(const DeleteTopicsRequest& asked, int16_t version,
                                    const MetadataCache& metadata) {
  std::vector<Pending::Topic> topics;
  if (version < kFirstById) {
    for (const std::string_view name : asked.topic_names) topics.emplace_back().name.emplace(name);
    return topics;
  }
  for (const auto& entry : asked.topics) {
    Pending::Topic& topic = topics.emplace_back();
    if (entry.name) topic.name.emplace(*entry.name);
    topic.id = entry.topic_id;
    if (entry.name.has_value() != entry.topic_id.is_zero()) {
      topic.refuse(ErrorCode::INVALID_REQUEST, entry.name
                                                   ? "Topic name and topic ID can not both be specified."
                                                   : "Neither topic name nor topic ID was specified.");
    } else if (!entry.name) {
      const TopicMetadata* known = metadata.find(entry.topic_id);
      if (known != nullptr) {
        topic.name = known->name;
      } else {
        topic.refuse(ErrorCode::UNKNOWN_TOPIC_ID, "This server does not host this topic ID.");
      }
    }
  }
  return topics;
}

}  // namespace

void handle_delete_topics(Request& request) {
  DeleteTopicsRequest asked;
  if (!request.decode(asked)) return;
  const Services& services = request.services;
  const auto pending = std::make_shared<Pending>();
  pending->topics = entries(asked, request.version, services.metadata);
  pending->responder = std::move(request.responder).share();
  std::map<std::string, std::vector<size_t>> by_name;
  for (size_t i = 0; i < pending->topics.size(); ++i) {
    Pending::Topic& topic = pending->topics[i];
    if (!services.config.delete_topic_enable) {
      topic.refuse(request.version < kFirstWithDeletionDisabled ? ErrorCode::INVALID_REQUEST
                                                                : ErrorCode::TOPIC_DELETION_DISABLED,
                   "Topic deletion is disabled.");
    } else if (topic.error == ErrorCode::NONE) {
      const TopicMetadata* known = services.metadata.find(*topic.name);
      if (known != nullptr) topic.id = known->id;
      by_name[*topic.name].push_back(i);
    }
  }
  for (const auto& [name, places] : by_name) {
    ++pending->open;
    services.topics.delete_topic(name, asked.timeout_ms, [pending, places](const TopicOutcome& outcome) {
      for (const size_t place : places) {
        if (outcome.error != ErrorCode::NONE) pending->topics[place].refuse(outcome.error, outcome.message);
      }
      arrived(*pending);
    });
  }
  arrived(*pending);
}

}  // namespace ottla
