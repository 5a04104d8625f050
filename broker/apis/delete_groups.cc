// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/delete_groups.h"

#include <set>

#include "broker/apis/services.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/generated/delete_groups_request.h"
#include "protocol/generated/delete_groups_response.h"

namespace ottla {

void handle_delete_groups(Request& request) {
  protocol::DeleteGroupsRequest asked;
  if (!request.decode(asked)) return;
  std::set<std::string_view> seen;
  std::vector<std::string> ids;
  for (const std::string_view id : asked.groups_names) {
    if (seen.insert(id).second) ids.emplace_back(id);
  }
  request.services.groups.delete_groups(ids, [responder = std::move(request.responder).share()](
                                                 const std::vector<groups::DeletedGroup>& deleted) {
    protocol::DeleteGroupsResponse response;
    for (const groups::DeletedGroup& group : deleted) {
      auto& result = response.results.emplace_back();
      result.group_id = group.group_id;
      result.error_code = static_cast<int16_t>(group.error);
    }
    responder->send(response);
  });
}

}  // namespace ottla
