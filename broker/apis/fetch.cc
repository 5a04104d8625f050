// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/fetch.h"

#include <algorithm>

#include "broker/apis/fetch/answer.h"
#include "broker/apis/fetch/delayed_fetch.h"
#include "broker/apis/fetch/read.h"
#include "broker/apis/partition_lookup.h"
#include "broker/config/broker_config.h"
#include "broker/partitions/replica_manager.h"
#include "protocol/generated/fetch_request.h"

namespace ottla {
namespace {

using protocol::FetchRequest;

constexpr int16_t kFirstByTopicId = 13;
constexpr int16_t kFirstWithReplicaState = 15;
constexpr int8_t kReadCommitted = 1;
// A request that took more memory takes it with it. Each element of a list keeps what its largest
// predecessor needed, so that the square of this is what can add up.
constexpr size_t kKeptBytes = 32 * 1024;
// A session's partitions count too.
constexpr size_t kKeptTargets = 4096;

// Reused from request to request. Threads: the loop's.
struct Scratch {
  FetchRequest request;
  std::vector<FetchTarget> targets;
  std::vector<ForgottenPartition> forgotten;
  std::vector<fetch::PartitionRead> reads;
};

void collect(const Services& services, const FetchRequest& asked, bool by_id, Scratch& scratch) {
  scratch.targets.clear();
  for (const auto& topic : asked.topics) {
    const std::string_view name = by_id ? topic_name_of(services, topic.topic_id).value_or("") : topic.topic;
    for (const auto& partition : topic.partitions) {
      scratch.targets.push_back({name,
                                 topic.topic_id,
                                 partition.partition,
                                 partition.fetch_offset,
                                 partition.partition_max_bytes,
                                 partition.current_leader_epoch,
                                 partition.last_fetched_epoch,
                                 {}});
    }
  }
  scratch.forgotten.clear();
  for (const auto& topic : asked.forgotten_topics_data) {
    for (const int32_t partition : topic.partitions)
      scratch.forgotten.push_back({topic.topic, topic.topic_id, partition});
  }
}

fetch::Parameters parameters_of(const Request& request, const FetchRequest& asked) {
  fetch::Parameters parameters;
  parameters.version = request.version;
  parameters.replica_id =
      request.version >= kFirstWithReplicaState ? asked.replica_state.replica_id : asked.replica_id;
  parameters.read_committed = asked.isolation_level == kReadCommitted;
  parameters.max_bytes = std::min(asked.max_bytes, request.services.config.fetch_max_bytes);
  parameters.min_bytes = std::min(asked.min_bytes, parameters.max_bytes);
  return parameters;
}

// A follower that asks for an offset has what lies before it, unless its log is another one. What that
// commits goes with the answer.
void note_follower(Services& services, int32_t replica_id, Scratch& scratch) {
  for (size_t i = 0; i < scratch.targets.size(); ++i) {
    const FetchTarget& target = scratch.targets[i];
    fetch::PartitionRead& read = scratch.reads[i];
    if (read.error != ErrorCode::NONE || read.diverging.epoch >= 0) continue;
    Partition* partition = services.partitions.find(target.topic, target.partition);
    if (partition == nullptr) continue;
    services.replicas.on_follower_fetch(*partition, replica_id, target.fetch_offset);
    read.high_watermark = partition->log().high_watermark();
  }
}

void serve(Request& request, Scratch& scratch) {
  const FetchRequest& asked = scratch.request;
  if (!request.decode(scratch.request)) return;
  Services& services = request.services;
  const bool by_id = request.version >= kFirstByTopicId;
  collect(services, asked, by_id, scratch);
  if (asked.isolation_level < 0 || asked.isolation_level > kReadCommitted) {
    return fetch::answer_error(request.responder, ErrorCode::UNKNOWN_SERVER_ERROR, asked.session_id,
                               scratch.targets);
  }
  const fetch::Parameters parameters = parameters_of(request, asked);
  FetchContext context = services.fetch_sessions.begin(
      {asked.session_id, asked.session_epoch, by_id, parameters.from_follower()}, scratch.targets,
      scratch.forgotten, [&services](const Uuid& id) { return topic_name_of(services, id).value_or(""); },
      services.loop.monotonic_ms());
  if (context.error() != ErrorCode::NONE)
    return fetch::answer_error(request.responder, context.error(), 0, {});
  const auto progress = fetch::read_targets(services, parameters, scratch.targets, scratch.reads);
  if (parameters.from_follower()) note_follower(services, parameters.replica_id, scratch);
  if (progress.cold)
    return fetch::DelayedFetch::start_cold(request, parameters, std::move(context), scratch.targets,
                                           asked.max_wait_ms, scratch.reads);
  const bool enough = progress.bytes >= static_cast<uint64_t>(std::max(parameters.min_bytes, 0));
  if (enough || progress.urgent || scratch.targets.empty() || asked.max_wait_ms <= 0) {
    fetch::answer(services, request.responder, parameters, context, scratch.targets, scratch.reads,
                  request.listener);
  } else {
    fetch::DelayedFetch::start(request, parameters, std::move(context), scratch.targets, asked.max_wait_ms);
  }
}

}  // namespace

void handle_fetch(Request& request) {
  static thread_local Scratch scratch;
  serve(request, scratch);
  const bool large = !request.body.ok() || request.body.memory_taken() > kKeptBytes;
  if (large || scratch.targets.capacity() > kKeptTargets) scratch = Scratch();
}

}  // namespace ottla
