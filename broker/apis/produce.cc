// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/produce.h"

#include <fmt/format.h>

#include <algorithm>

#include "broker/apis/partition_lookup.h"
#include "broker/apis/produce/delayed_produce.h"
#include "broker/apis/produce/outcome.h"
#include "protocol/generated/produce_request.h"
#include "protocol/records/record_batch.h"

namespace ottla {
namespace {

using protocol::ProduceRequest;
using protocol::ProduceResponse;

// Reused from request to request, so that a steady stream allocates nothing. Threads: the loop's.
struct Scratch {
  ProduceRequest request;
  ProduceResponse response;
  produce::Outcome outcome;
};

constexpr int16_t kFirstWithBatches = 3;
constexpr int16_t kFirstByTopicId = 13;
// A request that took more memory takes it with it. Each element of a list keeps what its largest
// predecessor needed, so that the square of this is what can add up.
constexpr size_t kKeptBytes = 32 * 1024;

bool valid_acks(int16_t acks) { return acks == -1 || acks == 0 || acks == 1; }

// The frame that the records are a view into may be written to: batches are patched where they stand.
std::span<uint8_t> writable(std::span<uint8_t> frame, Bytes view) {
  const auto offset = static_cast<size_t>(view.data() - frame.data());
  OTTLA_CHECK(offset <= frame.size() && view.size() <= frame.size() - offset);
  return frame.subspan(offset, view.size());
}

storage::AppendInfo failed(ErrorCode error, std::string message) {
  storage::AppendInfo info;
  info.error = error;
  info.message = std::move(message);
  return info;
}

bool is_transactional(Bytes records) {
  if (records.size() < records::kBatchHeaderSize) return false;
  const records::RecordBatchView batch(records);
  return batch.magic() == records::kMagicV2 && batch.is_transactional();
}

// Message sets of the old versions may be empty, or hold less than one message: nothing is appended, and that
// is no error.
bool holds_nothing(Bytes records) {
  records::BatchWalker walker(records);
  return !walker.next().has_value() && walker.status().ok();
}

struct Refusal {
  ErrorCode error = ErrorCode::NONE;
  const char* message = "";
};

// What is wrong with the request before any partition is asked, in Kafka's order.
Refusal check(const Request& request, const ProduceRequest& produce, ErrorCode found,
              const RecordsField& records) {
  if (found == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) return {found};
  if (!valid_acks(produce.acks)) return {ErrorCode::INVALID_REQUIRED_ACKS};
  if (records.is_null) return {ErrorCode::INVALID_RECORD, "a partition without records"};
  if (is_transactional(records.bytes)) {
    return {produce.transactional_id.value_or("").empty() ? ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                                                          : ErrorCode::INVALID_TXN_STATE};
  }
  if (found == ErrorCode::NONE && request.version >= kFirstWithBatches && holds_nothing(records.bytes))
    return {ErrorCode::INVALID_RECORD, "a partition without a record batch"};
  return {found};
}

storage::AppendInfo append(Request& request, const ProduceRequest& produce, std::string_view topic,
                           const ProduceRequest::PartitionProduceData& data) {
  if (request.services.may_lead && !request.services.may_lead())
    return failed(ErrorCode::NOT_LEADER_OR_FOLLOWER, "");
  const FoundPartition found = find_partition(request.services, topic, data.index);
  const Refusal refusal = check(request, produce, found.error, data.records);
  if (refusal.error != ErrorCode::NONE) return failed(refusal.error, refusal.message);
  Partition& partition = *found.partition;
  storage::Log& log = partition.log();
  if (produce.acks == -1 && !partition.has_enough_in_sync()) {
    return failed(ErrorCode::NOT_ENOUGH_REPLICAS,
                  fmt::format("min.insync.replicas is {}, and the partition has {} in sync",
                              log.config().min_insync_replicas, partition.in_sync_count()));
  }
  storage::AppendInfo info = log.append_as_leader(
      writable(request.frame, data.records.bytes), partition.leader_epoch(), storage::AppendOrigin::kClient,
      request.version, request.services.loop.wall_ms(), request.answered_as_2_8());
  if (info.error != ErrorCode::NONE) return info;
  if (!info.duplicate) partition.on_progress();
  if (produce.acks == -1 && log.high_watermark() <= info.last_offset)
    info.commit_offset = info.last_offset + 1;
  return info;
}

void append_topic(Request& request, const ProduceRequest& asked, const ProduceRequest::TopicProduceData& data,
                  produce::TopicOutcome& out) {
  std::optional<std::string_view> name = data.name;
  if (request.version >= kFirstByTopicId) name = topic_name_of(request.services, data.topic_id);
  out.name = data.name;
  out.resolved_name = name.value_or("");
  out.id = data.topic_id;
  out.partitions.resize(data.partition_data.size());
  for (size_t p = 0; p < data.partition_data.size(); ++p) {
    const auto& partition = data.partition_data[p];
    out.partitions[p].index = partition.index;
    out.partitions[p].info =
        name ? append(request, asked, *name, partition) : failed(ErrorCode::UNKNOWN_TOPIC_ID, "");
  }
}

void serve(Request& request, Scratch& scratch) {
  const ProduceRequest& asked = scratch.request;
  produce::Outcome& outcome = scratch.outcome;
  outcome.acks = asked.acks;
  outcome.topics.resize(asked.topic_data.size());
  for (size_t t = 0; t < asked.topic_data.size(); ++t)
    append_topic(request, asked, asked.topic_data[t], outcome.topics[t]);
  if (asked.acks == 0) {
    // The client waits for no answer; only a closed connection makes it look again.
    if (outcome.ok()) return request.responder.send_nothing();
    return request.reject("a record with acks=0 could not be appended");
  }
  if (produce::DelayedProduce::is_needed(request.services, outcome)) {
    produce::DelayedProduce::start(request, std::move(outcome), asked.timeout_ms);
  } else {
    produce::answer(request.services, request.responder, request.listener, outcome, scratch.response);
  }
}

}  // namespace

void handle_produce(Request& request) {
  static thread_local Scratch scratch;
  if (!request.decode(scratch.request)) {
    scratch = Scratch();
    return;
  }
  serve(request, scratch);
  if (request.body.memory_taken() > kKeptBytes) scratch = Scratch();
}

}  // namespace ottla
