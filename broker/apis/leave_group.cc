// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/leave_group.h"

#include "broker/apis/services.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/base/log.h"
#include "protocol/generated/leave_group_request.h"
#include "protocol/generated/leave_group_response.h"

namespace ottla {
namespace {

constexpr int16_t kFirstWithMembers = 3;

groups::LeaveGroup to_leave(const protocol::LeaveGroupRequest& asked, int16_t version) {
  groups::LeaveGroup leave;
  leave.group_id = asked.group_id;
  if (version < kFirstWithMembers) leave.members.emplace_back().member_id = asked.member_id;
  for (const auto& member : asked.members) {
    auto& leaving = leave.members.emplace_back();
    leaving.member_id = member.member_id;
    if (member.group_instance_id) leaving.group_instance_id.emplace(*member.group_instance_id);
    if (member.reason && !member.reason->empty()) {
      log_info("broker.apis", "member {} leaves group {}: {}", member.member_id, asked.group_id,
               *member.reason);
    }
  }
  return leave;
}

}  // namespace

void handle_leave_group(Request& request) {
  protocol::LeaveGroupRequest asked;
  if (!request.decode(asked)) return;
  const groups::LeaveGroupResult result =
      request.services.groups.leave_group(to_leave(asked, request.version));
  protocol::LeaveGroupResponse response;
  ErrorCode error = result.error;
  if (request.version < kFirstWithMembers && error == ErrorCode::NONE && !result.members.empty()) {
    error = result.members.front().error;
  }
  response.error_code = static_cast<int16_t>(error);
  for (const auto& member : result.members) {
    auto& out = response.members.emplace_back();
    out.member_id = member.member_id;
    out.group_instance_id = member.group_instance_id;
    out.error_code = static_cast<int16_t>(member.error);
  }
  request.responder.send(response);
}

}  // namespace ottla
