// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/delete_records.h"

#include <memory>
#include <string>
#include <vector>

#include "broker/apis/partition_lookup.h"
#include "protocol/base/log.h"
#include "protocol/generated/delete_records_request.h"
#include "protocol/generated/delete_records_response.h"
#include "storage/log/log_manager.h"

namespace ottla {
namespace {

using protocol::DeleteRecordsRequest;
using protocol::DeleteRecordsResponse;

constexpr int64_t kHighWatermark = -1;

struct Pending {
  struct Topic {
    std::string name;
    std::vector<DeleteRecordsResponse::DeleteRecordsPartitionResult> partitions;
  };

  std::shared_ptr<Responder> responder;
  std::vector<Topic> topics;
};

ErrorCode delete_before(storage::Log& log, int64_t offset) {
  if (!log.config().cleanup_delete) return ErrorCode::POLICY_VIOLATION;
  if (offset < kHighWatermark) return ErrorCode::OFFSET_OUT_OF_RANGE;
  const Status deleted = log.delete_records(offset == kHighWatermark ? log.high_watermark() : offset);
  if (deleted.code() == ErrorCode::KAFKA_STORAGE_ERROR)
    log_error("broker.partitions", "DeleteRecords: {}", deleted.message());
  return deleted.code();
}

void answer(Pending& pending, storage::LogManager& logs) {
  DeleteRecordsResponse response;
  for (Pending::Topic& topic : pending.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (auto& result : topic.partitions) {
      // The disk failed before the new start was on it.
      if (result.error_code == 0 && logs.find(topic.name, result.partition_index) == nullptr) {
        result.error_code = static_cast<int16_t>(ErrorCode::KAFKA_STORAGE_ERROR);
        result.low_watermark = -1;
      }
      answered.partitions.push_back(result);
    }
  }
  pending.responder->send(response);
}

}  // namespace

void handle_delete_records(Request& request) {
  DeleteRecordsRequest asked;
  if (!request.decode(asked)) return;
  const auto pending = std::make_shared<Pending>();
  std::vector<storage::TopicPartitionName> raised;
  for (const auto& topic : asked.topics) {
    Pending::Topic& answered = pending->topics.emplace_back();
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
        raised.push_back({answered.name, partition.partition_index});
        found.partition->notify_waiters();
      }
      result.error_code = static_cast<int16_t>(error);
    }
  }
  pending->responder = std::move(request.responder).share();
  storage::LogManager& logs = request.services.logs;
  if (raised.empty()) return answer(*pending, logs);
  logs.save_log_starts(raised, [pending, &logs] { answer(*pending, logs); });
}

}  // namespace ottla
