// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/describe_groups.h"

#include "broker/apis/authorized_operations.h"
#include "broker/apis/services.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/generated/describe_groups_request.h"
#include "protocol/generated/describe_groups_response.h"

namespace ottla {
namespace {

using protocol::DescribeGroupsResponse;

void fill(const groups::DescribedGroup& group, DescribeGroupsResponse::DescribedGroup& out) {
  out.error_code = static_cast<int16_t>(group.error);
  out.error_message = group.error_message;
  out.group_id = group.group_id;
  out.group_state = group.state;
  out.protocol_type = group.protocol_type;
  out.protocol_data = group.protocol;
  for (const auto& member : group.members) {
    auto& described = out.members.emplace_back();
    described.member_id = member.member_id;
    described.group_instance_id = member.group_instance_id;
    described.client_id = member.client_id;
    described.client_host = member.client_host;
    described.member_metadata = member.metadata;
    described.member_assignment = member.assignment;
  }
}

}  // namespace

void handle_describe_groups(Request& request) {
  protocol::DescribeGroupsRequest asked;
  if (!request.decode(asked)) return;
  DescribeGroupsResponse response;
  // What the response's views point into.
  std::vector<groups::DescribedGroup> described;
  described.reserve(asked.groups.size());
  for (const std::string_view group_id : asked.groups) {
    const groups::DescribedGroup& group = described.emplace_back(
        request.services.groups.describe_group(std::string(group_id), request.version));
    auto& out = response.groups.emplace_back();
    fill(group, out);
    if (asked.include_authorized_operations && group.error == ErrorCode::NONE) {
      out.authorized_operations = kGroupOperations;
    }
  }
  request.responder.send(response);
}

}  // namespace ottla
