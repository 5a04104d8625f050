// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/find_coordinator.h"

#include "broker/apis/live_brokers.h"
#include "broker/apis/services.h"
#include "broker/controller/topic_admin.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/generated/find_coordinator_request.h"
#include "protocol/generated/find_coordinator_response.h"

namespace ottla {
namespace {

using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;

constexpr int16_t kFirstWithSeveralKeys = 4;
constexpr int8_t kGroupKey = 0;
constexpr int8_t kTransactionKey = 1;
constexpr std::string_view kOffsetsTopic = "__consumer_offsets";

struct Found {
  ErrorCode error = ErrorCode::NONE;
  int32_t node_id = -1;
  std::string_view host;
  int32_t port = -1;
};

Found failed(ErrorCode error) {
  Found found;
  found.error = error;
  return found;
}

std::string_view message_of(ErrorCode error) {
  if (error == ErrorCode::COORDINATOR_NOT_AVAILABLE) return "The coordinator is not available.";
  if (error == ErrorCode::INVALID_REQUEST)
    return "The request asks for a type of coordinator that does not exist.";
  return error_name(error);
}

Found find_group(const Request& request, std::string_view group_id) {
  const Services& services = request.services;
  const TopicMetadata* topic = services.metadata.find(kOffsetsTopic);
  if (topic == nullptr) return failed(ErrorCode::COORDINATOR_NOT_AVAILABLE);
  const auto partition = static_cast<size_t>(services.groups.partition_for(std::string(group_id)));
  if (partition >= topic->partitions.size()) return failed(ErrorCode::COORDINATOR_NOT_AVAILABLE);
  const int32_t leader = topic->partitions[partition].leader;
  const Endpoint* endpoint = live_endpoint(services.metadata, leader, request.listener);
  if (endpoint == nullptr) return failed(ErrorCode::COORDINATOR_NOT_AVAILABLE);
  return {ErrorCode::NONE, leader, endpoint->host, endpoint->port};
}

Found find(const Request& request, int8_t key_type, std::string_view key) {
  if (key_type == kGroupKey) return find_group(request, key);
  if (key_type == kTransactionKey) return failed(ErrorCode::COORDINATOR_NOT_AVAILABLE);
  return failed(ErrorCode::INVALID_REQUEST);
}

}  // namespace

void handle_find_coordinator(Request& request) {
  FindCoordinatorRequest asked;
  if (!request.decode(asked)) return;
  const Services& services = request.services;
  const bool missing = asked.key_type == kGroupKey && services.metadata.find(kOffsetsTopic) == nullptr;
  FindCoordinatorResponse response;
  if (request.version < kFirstWithSeveralKeys) {
    const Found found = find(request, asked.key_type, asked.key);
    response.error_code = static_cast<int16_t>(found.error);
    response.error_message = message_of(found.error);
    response.node_id = found.node_id;
    response.host = found.host;
    response.port = found.port;
  }
  for (const std::string_view key : asked.coordinator_keys) {
    const Found found = find(request, asked.key_type, key);
    auto& coordinator = response.coordinators.emplace_back();
    coordinator.key = key;
    coordinator.error_code = static_cast<int16_t>(found.error);
    coordinator.node_id = found.node_id;
    coordinator.host = found.host;
    coordinator.port = found.port;
  }
  request.responder.send(response);
  // After the answer, whose views point into the metadata. How the creation ends is logged there; clients ask
  // again.
  if (missing) services.topics.auto_create(std::string(kOffsetsTopic), [](const TopicOutcome&) {});
}

}  // namespace ottla
