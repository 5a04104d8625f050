// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/describe_cluster.h"

#include <string>

#include "broker/apis/authorized_operations.h"
#include "broker/apis/services.h"
#include "protocol/base/error_code.h"
#include "protocol/generated/describe_cluster_request.h"
#include "protocol/generated/describe_cluster_response.h"

namespace ottla {
namespace {

constexpr int8_t kBrokerEndpoint = 1;
constexpr int8_t kControllerEndpoint = 2;

}  // namespace

void handle_describe_cluster(Request& request) {
  protocol::DescribeClusterRequest asked;
  if (!request.decode(asked)) return;
  protocol::DescribeClusterResponse response;
  if (asked.endpoint_type != kBrokerEndpoint) {
    const bool controller = asked.endpoint_type == kControllerEndpoint;
    const std::string message = controller
                                    ? "This endpoint is a broker's, the request wants a controller's."
                                    : "Unsupported endpoint type " + std::to_string(asked.endpoint_type);
    const ErrorCode error =
        controller ? ErrorCode::MISMATCHED_ENDPOINT_TYPE : ErrorCode::UNSUPPORTED_ENDPOINT_TYPE;
    response.error_code = static_cast<int16_t>(error);
    response.error_message = message;
    return request.responder.send(response);
  }
  const MetadataCache& metadata = request.services.metadata;
  response.cluster_id = metadata.cluster_id;
  for (const auto& [id, node] : metadata.brokers) {
    const Endpoint* endpoint = node.endpoint(request.listener);
    if (endpoint == nullptr) continue;
    auto& broker = response.brokers.emplace_back();
    broker.broker_id = id;
    broker.host = endpoint->host;
    broker.port = endpoint->port;
    if (node.rack) broker.rack = *node.rack;
    if (id == metadata.controller_id) response.controller_id = id;
  }
  if (asked.include_cluster_authorized_operations)
    response.cluster_authorized_operations = kClusterOperations;
  request.responder.send(response);
}

}  // namespace ottla
