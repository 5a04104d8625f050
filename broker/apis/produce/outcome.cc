// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/produce/outcome.h"

#include <algorithm>

#include "broker/apis/current_leader.h"

namespace ottla::produce {
namespace {

using protocol::ProduceResponse;

constexpr int16_t kFirstWithStorageError = 4;
constexpr int16_t kFirstWithLeaders = 10;

// `fenced`: others may lead by now, so that what was appended is no promise.
void describe(const PartitionOutcome& outcome, int16_t version, bool fenced,
              ProduceResponse::PartitionProduceResponse& out) {
  storage::AppendInfo refused;
  refused.error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
  const storage::AppendInfo& info = fenced && outcome.info.error == ErrorCode::NONE ? refused : outcome.info;
  out.index = outcome.index;
  const bool unknown = info.error == ErrorCode::KAFKA_STORAGE_ERROR && version < kFirstWithStorageError;
  out.error_code = static_cast<int16_t>(unknown ? ErrorCode::NOT_LEADER_OR_FOLLOWER : info.error);
  out.base_offset = info.first_offset;
  out.log_append_time_ms = info.error == ErrorCode::NONE ? info.log_append_time_ms : -1;
  out.log_start_offset = info.log_start_offset;
  out.record_errors.clear();
  for (const records::RecordError& error : info.record_errors) {
    auto& one = out.record_errors.emplace_back();
    one.batch_index = error.batch_index;
    one.batch_index_error_message = error.message;
  }
  out.error_message = std::nullopt;
  if (!info.message.empty()) out.error_message = info.message;
  out.current_leader = {};
}

}  // namespace

bool Outcome::ok() const {
  return std::all_of(topics.begin(), topics.end(), [](const TopicOutcome& topic) {
    return std::all_of(topic.partitions.begin(), topic.partitions.end(),
                       [](const PartitionOutcome& one) { return one.info.error == ErrorCode::NONE; });
  });
}

void answer(Services& services, Responder& responder, std::string_view listener, const Outcome& outcome,
            ProduceResponse& response) {
  const bool fenced = services.may_lead && !services.may_lead();
  response.node_endpoints.clear();
  response.responses.resize(outcome.topics.size());
  for (size_t t = 0; t < outcome.topics.size(); ++t) {
    const TopicOutcome& topic = outcome.topics[t];
    auto& out = response.responses[t];
    out.name = topic.name;
    out.topic_id = topic.id;
    out.partition_responses.resize(topic.partitions.size());
    for (size_t p = 0; p < topic.partitions.size(); ++p) {
      const PartitionOutcome& one = topic.partitions[p];
      describe(one, responder.version(), fenced, out.partition_responses[p]);
      if (!fenced && one.info.error == ErrorCode::NOT_LEADER_OR_FOLLOWER &&
          responder.version() >= kFirstWithLeaders) {
        name_leader(current_leader(services, topic.resolved_name, one.index, listener), response,
                    out.partition_responses[p]);
      }
    }
  }
  responder.send(response);
}

}  // namespace ottla::produce
