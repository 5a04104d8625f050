// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/join_group.h"

#include "broker/apis/java_address.h"
#include "broker/apis/services.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/base/log.h"
#include "protocol/generated/join_group_request.h"
#include "protocol/generated/join_group_response.h"

namespace ottla {
namespace {

using protocol::JoinGroupRequest;
using protocol::JoinGroupResponse;

constexpr int16_t kFirstWithNullProtocol = 7;

groups::JoinGroup to_join(const Request& request, const JoinGroupRequest& asked) {
  groups::JoinGroup join;
  join.version = request.version;
  join.group_id = asked.group_id;
  join.member_id = asked.member_id;
  if (asked.group_instance_id) join.group_instance_id.emplace(*asked.group_instance_id);
  join.client_id = request.client_id;
  join.client_host = java_address(request.peer_address());
  join.rebalance_timeout_ms = asked.rebalance_timeout_ms;
  join.session_timeout_ms = asked.session_timeout_ms;
  join.protocol_type = asked.protocol_type;
  for (const auto& protocol : asked.protocols) {
    join.protocols.push_back(
        {std::string(protocol.name), {protocol.metadata.begin(), protocol.metadata.end()}});
  }
  return join;
}

void respond(Responder& responder, const groups::JoinGroupResult& result) {
  JoinGroupResponse response;
  response.error_code = static_cast<int16_t>(result.error);
  response.generation_id = result.generation_id;
  response.protocol_type = result.protocol_type;
  response.protocol_name = result.protocol_name;
  if (!result.protocol_name && responder.version() < kFirstWithNullProtocol) response.protocol_name = "";
  response.leader = result.leader;
  response.skip_assignment = result.skip_assignment;
  response.member_id = result.member_id;
  response.members.reserve(result.members.size());
  for (const auto& member : result.members) {
    auto& out = response.members.emplace_back();
    out.member_id = member.member_id;
    out.group_instance_id = member.group_instance_id;
    out.metadata = member.metadata;
  }
  responder.send(response);
}

}  // namespace

void handle_join_group(Request& request) {
  JoinGroupRequest asked;
  if (!request.decode(asked)) return;
  if (asked.reason && !asked.reason->empty()) {
    log_info("broker.apis", "member {} of group {} joins: {}", asked.member_id, asked.group_id,
             *asked.reason);
  }
  groups::JoinGroup join = to_join(request, asked);
  request.services.groups.join_group(
      std::move(join), [responder = std::move(request.responder).share()](
                           const groups::JoinGroupResult& result) { respond(*responder, result); });
}

}  // namespace ottla
