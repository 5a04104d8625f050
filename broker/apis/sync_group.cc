// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/sync_group.h"

#include "broker/apis/services.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/generated/sync_group_request.h"
#include "protocol/generated/sync_group_response.h"

namespace ottla {
namespace {

using protocol::SyncGroupRequest;

constexpr int16_t kFirstWithProtocol = 5;

groups::SyncGroup to_sync(const SyncGroupRequest& asked) {
  groups::SyncGroup sync;
  sync.group_id = asked.group_id;
  sync.generation_id = asked.generation_id;
  sync.member_id = asked.member_id;
  if (asked.group_instance_id) sync.group_instance_id.emplace(*asked.group_instance_id);
  if (asked.protocol_type) sync.protocol_type.emplace(*asked.protocol_type);
  if (asked.protocol_name) sync.protocol_name.emplace(*asked.protocol_name);
  for (const auto& entry : asked.assignments) {
    sync.assignments.push_back(
        {std::string(entry.member_id), {entry.assignment.begin(), entry.assignment.end()}});
  }
  return sync;
}

void respond(Responder& responder, const groups::SyncGroupResult& result) {
  protocol::SyncGroupResponse response;
  response.error_code = static_cast<int16_t>(result.error);
  response.protocol_type = result.protocol_type;
  response.protocol_name = result.protocol_name;
  response.assignment = result.assignment;
  responder.send(response);
}

}  // namespace

void handle_sync_group(Request& request) {
  SyncGroupRequest asked;
  if (!request.decode(asked)) return;
  if (request.version >= kFirstWithProtocol && !(asked.protocol_type && asked.protocol_name)) {
    groups::SyncGroupResult refused;
    refused.error = ErrorCode::INCONSISTENT_GROUP_PROTOCOL;
    return respond(request.responder, refused);
  }
  groups::SyncGroup sync = to_sync(asked);
  request.services.groups.sync_group(
      std::move(sync), [responder = std::move(request.responder).share()](
                           const groups::SyncGroupResult& result) { respond(*responder, result); });
}

}  // namespace ottla
