// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/heartbeat.h"

#include "broker/apis/services.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/generated/heartbeat_request.h"
#include "protocol/generated/heartbeat_response.h"

namespace ottla {

void handle_heartbeat(Request& request) {
  protocol::HeartbeatRequest asked;
  if (!request.decode(asked)) return;
  groups::Heartbeat heartbeat;
  heartbeat.group_id = asked.group_id;
  heartbeat.generation_id = asked.generation_id;
  heartbeat.member_id = asked.member_id;
  if (asked.group_instance_id) heartbeat.group_instance_id.emplace(*asked.group_instance_id);
  protocol::HeartbeatResponse response;
  response.error_code = static_cast<int16_t>(request.services.groups.heartbeat(heartbeat));
  request.responder.send(response);
}

}  // namespace ottla
