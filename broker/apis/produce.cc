// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/produce.h"

#include <utility>

#include "broker/apis/partition_lookup.h"
#include "protocol/base/log.h"
#include "protocol/generated/produce_request.h"
#include "protocol/generated/produce_response.h"
#include "protocol/records/record_batch.h"

namespace ottla {
namespace {

using protocol::ProduceRequest;
using protocol::ProduceResponse;

// Reused from request to request, so that a steady stream allocates nothing. Threads: the loop's.
struct Scratch {
  ProduceRequest request;
  ProduceResponse response;
  std::vector<storage::AppendInfo> infos;  // keeps alive what the response's views point to
  std::vector<Partition*> appended;
};

bool valid_acks(int16_t acks) { return acks == -1 || acks == 0 || acks == 1; }

// The frame that the records are a view into may be written to: batches are patched where they stand.
std::span<uint8_t> writable(std::span<uint8_t> frame, Bytes view) {
  const auto offset = static_cast<size_t>(view.data() - frame.data());
  OTTLA_CHECK(offset <= frame.size() && view.size() <= frame.size() - offset);
  return frame.subspan(offset, view.size());
}

storage::AppendInfo failed(ErrorCode error, std::string message = {}) {
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

storage::AppendInfo append(Request& request, const ProduceRequest& produce, std::string_view topic,
                           const ProduceRequest::PartitionProduceData& data, std::vector<Partition*>& appended) {
  if (!valid_acks(produce.acks)) return failed(ErrorCode::INVALID_REQUIRED_ACKS);
  if (data.records.is_null || data.records.bytes.empty()) {
    return failed(ErrorCode::INVALID_RECORD, "a partition without records");
  }
  if (is_transactional(data.records.bytes)) {
    return failed(produce.transactional_id.value_or("").empty() ? ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED
                                                                 : ErrorCode::INVALID_TXN_STATE);
  }
  const FoundPartition found = find_partition(request.services, topic, data.index);
  if (found.error != ErrorCode::NONE) return failed(found.error);
  storage::Log& log = found.partition->log();
  if (produce.acks == -1 && log.config().min_insync_replicas > 1) {
    return failed(ErrorCode::NOT_ENOUGH_REPLICAS, "min.insync.replicas is " + std::to_string(log.config().min_insync_replicas) +
                                                      ", and the partition has one replica in sync");
  }
  storage::AppendInfo info =
      log.append_as_leader(writable(request.frame, data.records.bytes), found.partition->leader_epoch(),
                           storage::AppendOrigin::kClient, request.version, request.services.loop.wall_ms());
  if (info.error == ErrorCode::NONE && !info.duplicate) appended.push_back(found.partition);
  if (info.error == ErrorCode::KAFKA_STORAGE_ERROR) {
    log_error("broker.partitions", "cannot append to {}-{}: {}", topic, data.index, info.message);
  }
  return info;
}

void describe(const storage::AppendInfo& info, int32_t index, ProduceResponse::PartitionProduceResponse& out) {
  out.index = index;
  out.error_code = static_cast<int16_t>(info.error);
  out.base_offset = info.first_offset;
  out.log_append_time_ms = info.log_append_time_ms;
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

void handle_produce(Request& request) {
  static thread_local Scratch scratch;
  ProduceRequest& produce = scratch.request;
  if (!request.decode(produce)) return;
  size_t count = 0;
  for (const auto& topic : produce.topic_data) count += topic.partition_data.size();
  scratch.infos.clear();
  scratch.infos.reserve(count);
  scratch.appended.clear();
  bool failed_one = false;
  auto& topics = scratch.response.responses;
  topics.resize(produce.topic_data.size());
  for (size_t t = 0; t < topics.size(); ++t) {
    const auto& data = produce.topic_data[t];
    std::optional<std::string_view> name = data.name;
    if (request.version >= 13) name = topic_name_of(request.services, data.topic_id);
    topics[t].name = data.name;
    topics[t].topic_id = data.topic_id;
    topics[t].partition_responses.resize(data.partition_data.size());
    for (size_t p = 0; p < data.partition_data.size(); ++p) {
      scratch.infos.push_back(name ? append(request, produce, *name, data.partition_data[p], scratch.appended)
                                   : failed(ErrorCode::UNKNOWN_TOPIC_ID));
      describe(scratch.infos.back(), data.partition_data[p].index, topics[t].partition_responses[p]);
      failed_one = failed_one || scratch.infos.back().error != ErrorCode::NONE;
    }
  }
  if (produce.acks != 0) {
    request.responder.send(scratch.response);
  } else if (failed_one) {
    // The client waits for no answer; only a closed connection makes it look again.
    request.reject("a record with acks=0 could not be appended");
  } else {
    request.responder.send_nothing();
  }
  // After the answer: a waiter that finishes may let another connection be read, and so come back here: the list is taken out.
  std::vector<Partition*> appended = std::exchange(scratch.appended, {});
  for (Partition* partition : appended) partition->notify_waiters();
  scratch.appended = std::move(appended);
}

}  // namespace ottla
