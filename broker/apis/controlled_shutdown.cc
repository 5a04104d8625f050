// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/controlled_shutdown.h"

#include "broker/apis/services.h"
#include "broker/controller/cluster_control.h"
#include "protocol/generated/controlled_shutdown_request.h"
#include "protocol/generated/controlled_shutdown_response.h"

namespace ottla {

void handle_controlled_shutdown(Request& request) {
  protocol::ControlledShutdownRequest asked;
  if (!request.decode(asked)) return;
  request.services.cluster.controlled_shutdown(
      asked.broker_id, asked.broker_epoch,
      [responder = std::move(request.responder).share()](
          ErrorCode error, const std::vector<std::pair<std::string, int32_t>>& remaining) {
        protocol::ControlledShutdownResponse response;
        response.error_code = static_cast<int16_t>(error);
        for (const auto& [topic, index] : remaining) {
          auto& left = response.remaining_partitions.emplace_back();
          left.topic_name = topic;
          left.partition_index = index;
        }
        responder->send(response);
      });
}

}  // namespace ottla
