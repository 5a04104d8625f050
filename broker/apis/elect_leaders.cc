// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/elect_leaders.h"

#include <optional>
#include <vector>

#include "broker/apis/services.h"
#include "broker/controller/cluster_control.h"
#include "protocol/generated/elect_leaders_request.h"
#include "protocol/generated/elect_leaders_response.h"

namespace ottla {
namespace {

using protocol::ElectLeadersRequest;
using protocol::ElectLeadersResponse;

constexpr int8_t kPreferred = 0;
constexpr int8_t kUnclean = 1;

void respond(Responder& responder, const std::vector<ClusterControl::Elected>& elected, bool all) {
  ElectLeadersResponse response;
  for (const ClusterControl::Elected& one : elected) {
    // Whoever asks for all hears of those where there was something to do.
    if (all && one.error == ErrorCode::ELECTION_NOT_NEEDED) continue;
    if (response.replica_election_results.empty() ||
        response.replica_election_results.back().topic != one.topic)
      response.replica_election_results.emplace_back().topic = one.topic;
    auto& result = response.replica_election_results.back().partition_result.emplace_back();
    result.partition_id = one.index;
    result.error_code = static_cast<int16_t>(one.error);
    result.error_message = std::nullopt;
    if (one.error != ErrorCode::NONE) result.error_message = one.message;
  }
  responder.send(response);
}

}  // namespace

void handle_elect_leaders(Request& request) {
  ElectLeadersRequest asked;
  if (!request.decode(asked)) return;
  if (asked.election_type != kPreferred && asked.election_type != kUnclean)
    return request.reject("an election of a type that does not exist");
  std::optional<std::vector<std::pair<std::string, int32_t>>> partitions;
  if (asked.topic_partitions) {
    partitions.emplace();
    for (const auto& topic : *asked.topic_partitions) {
      for (const int32_t index : topic.partitions) partitions->emplace_back(topic.topic, index);
    }
  }
  const bool all = !partitions;
  request.services.cluster.elect_leaders(std::move(partitions), asked.election_type == kUnclean,
                                         [all, responder = std::move(request.responder).share()](
                                             const auto& elected) { respond(*responder, elected, all); });
}

}  // namespace ottla
