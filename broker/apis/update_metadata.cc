// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/update_metadata.h"

#include <map>
#include <vector>

#include "broker/apis/partition_changes.h"
#include "broker/apis/services.h"
#include "broker/controller/cluster_control.h"
#include "protocol/generated/update_metadata_request.h"
#include "protocol/generated/update_metadata_response.h"

namespace ottla {
namespace {

using protocol::UpdateMetadataRequest;
using protocol::UpdateMetadataResponse;

constexpr int16_t kFirstWithListeners = 3;

const char* security_protocol_name(int16_t id) {
  switch (id) {
    case 1:
      return "SSL";
    case 2:
      return "SASL_PLAINTEXT";
    case 3:
      return "SASL_SSL";
    default:
      return "PLAINTEXT";
  }
}

BrokerNode node_of(const UpdateMetadataRequest::UpdateMetadataBroker& broker, int16_t version) {
  BrokerNode node;
  node.id = broker.id;
  if (version >= 2 && broker.rack) node.rack = *broker.rack;
  if (version == 0)
    node.endpoints.push_back({"PLAINTEXT", "PLAINTEXT", std::string(broker.v0_host), broker.v0_port});
  for (const auto& endpoint : broker.endpoints) {
    const char* protocol = security_protocol_name(endpoint.security_protocol);
    node.endpoints.push_back({version >= kFirstWithListeners ? std::string(endpoint.listener) : protocol,
                              protocol, std::string(endpoint.host), endpoint.port});
  }
  return node;
}

}  // namespace

void handle_update_metadata(Request& request) {
  UpdateMetadataRequest asked;
  if (!request.decode(asked)) return;
  ClusterControl& cluster = request.services.cluster;
  auto changes = partition_changes_of(
      asked, [](const auto& state, PartitionState& out) { out.zk_version = state.zk_version; });
  std::map<int32_t, BrokerNode> brokers;
  for (const auto& broker : asked.live_brokers) brokers[broker.id] = node_of(broker, request.version);
  cluster.take_word_of(asked.controller_id, asked.controller_epoch, asked.broker_epoch,
                       [&cluster, changes = std::move(changes), brokers = std::move(brokers),
                        responder = std::move(request.responder).share()](ErrorCode heard) {
                         if (heard == ErrorCode::NONE) cluster.update_metadata(changes, brokers);
                         UpdateMetadataResponse response;
                         response.error_code = static_cast<int16_t>(heard);
                         responder->send(response);
                       });
}

}  // namespace ottla
