// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/list_groups.h"

#include "broker/apis/services.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/generated/list_groups_request.h"
#include "protocol/generated/list_groups_response.h"

namespace ottla {

void handle_list_groups(Request& request) {
  protocol::ListGroupsRequest asked;
  if (!request.decode(asked)) return;
  const groups::ListGroupsResult result =
      request.services.groups.list_groups({asked.states_filter.begin(), asked.states_filter.end()},
                                          {asked.types_filter.begin(), asked.types_filter.end()});
  protocol::ListGroupsResponse response;
  response.error_code = static_cast<int16_t>(result.error);
  for (const groups::ListedGroup& group : result.groups) {
    auto& out = response.groups.emplace_back();
    out.group_id = group.group_id;
    out.protocol_type = group.protocol_type;
    out.group_state = group.state;
    out.group_type = group.type;
  }
  request.responder.send(response);
}

}  // namespace ottla
