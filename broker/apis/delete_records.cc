// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/delete_records.h"

#include "broker/apis/partition_lookup.h"
#include "protocol/base/log.h"
#include "protocol/generated/delete_records_request.h"
#include "protocol/generated/delete_records_response.h"

namespace ottla {
namespace {

using protocol::DeleteRecordsRequest;
using protocol::DeleteRecordsResponse;

constexpr int64_t kHighWatermark = -1;

ErrorCode delete_before(storage::Log& log, int64_t offset) {
  if (!log.config().cleanup_delete) return ErrorCode::POLICY_VIOLATION;
  if (offset < kHighWatermark) return ErrorCode::OFFSET_OUT_OF_RANGE;
  const Status deleted = log.delete_records(offset == kHighWatermark ? log.high_watermark() : offset);
  if (deleted.code() == ErrorCode::KAFKA_STORAGE_ERROR)
    log_error("broker.partitions", "DeleteRecords: {}", deleted.message());
  return deleted.code();
}

}  // namespace

void handle_delete_records(Request& request) {
  DeleteRecordsRequest asked;
  if (!request.decode(asked)) return;
  DeleteRecordsResponse response;
  for (const auto& topic : asked.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      auto& result = answered.partitions.emplace_back();
      result.partition_index = partition.partition_index;
      result.low_watermark = -1;
      const FoundPartition found = find_partition(request.services, topic.name, partition.partition_index);
      ErrorCode error = is_internal_topic(topic.name) ? ErrorCode::INVALID_TOPIC_EXCEPTION : found.error;
      if (error == ErrorCode::NONE) error = delete_before(found.partition->log(), partition.offset);
      if (error == ErrorCode::NONE) {
        result.low_watermark = found.partition->log().log_start_offset();
        found.partition->notify_waiters();
      }
      result.error_code = static_cast<int16_t>(error);
    }
  }
  request.responder.send(response);
}

}  // namespace ottla
