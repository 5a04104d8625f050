// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/list_offsets.h"

#include <algorithm>
#include <set>

#include "broker/apis/partition_lookup.h"
#include "protocol/base/event_loop.h"
#include "protocol/base/log.h"
#include "protocol/generated/list_offsets_request.h"
#include "protocol/generated/list_offsets_response.h"

namespace ottla {
namespace {

using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using Answer = ListOffsetsResponse::ListOffsetsPartitionResponse;

constexpr int64_t kLatest = -1;
constexpr int64_t kEarliest = -2;
constexpr int64_t kMaxTimestamp = -3;
constexpr int64_t kEarliestLocal = -4;
constexpr int64_t kLatestTiered = -5;
constexpr int64_t kEarliestPendingUpload = -6;
constexpr int8_t kReadCommitted = 1;
constexpr int16_t kFirstWithOffsetNotAvailable = 5;

// The first version that knows a special timestamp; 32767 for one that nobody knows.
int16_t known_since(int64_t timestamp) {
  switch (timestamp) {
    case kLatest:
    case kEarliest:
      return 0;
    case kMaxTimestamp:
      return 7;
    case kEarliestLocal:
      return 8;
    case kLatestTiered:
      return 9;
    case kEarliestPendingUpload:
      return 11;
    default:
      return INT16_MAX;
  }
}

Result<storage::TimestampOffset> look_up(Partition& partition, int64_t timestamp, int64_t bound) {
  const storage::Log& log = partition.log();
  if (timestamp == kLatest) return storage::TimestampOffset{-1, bound, partition.leader_epoch()};
  if (timestamp == kEarliest || timestamp == kEarliestLocal) {
    const int64_t start = log.log_start_offset();
    return storage::TimestampOffset{-1, start, log.epoch_at(start).value_or(-1)};
  }
  if (timestamp == kLatestTiered || timestamp == kEarliestPendingUpload) return storage::TimestampOffset{};
  if (log.config().magic == records::kMagicV0) {
    return Status(ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT, "messages of format 0 have no time");
  }
  auto found = timestamp == kMaxTimestamp ? log.max_timestamp() : log.find_timestamp(timestamp);
  if (found.ok() && found->offset >= bound) return storage::TimestampOffset{};
  return found;
}

// A new leader may know a lower high watermark than the one before it: it does not tell one, until all that
// it had is committed (KIP-207).
bool is_behind_its_epoch(const Partition& partition) {
  const InSyncReplicas* in_sync = partition.in_sync();
  return in_sync != nullptr && partition.log().high_watermark() < in_sync->epoch_start();
}

// Version 0 (kafka UnifiedLog.legacyFetchOffsetsBefore): the log's end and the starts of its segments, newest
// first, from the newest on that is not younger than the timestamp; nothing above the high watermark.
void answer_old_style(storage::Log& log, const ListOffsetsRequest::ListOffsetsPartition& asked,
                      int64_t now_ms, Answer& out) {
  auto starts = log.segment_starts();
  if (starts.back().offset < log.log_end_offset()) starts.push_back({log.log_end_offset(), now_ms});
  auto newest = starts.rbegin();
  if (asked.timestamp == kEarliest) {
    newest = std::prev(starts.rend());
  } else if (asked.timestamp != kLatest) {
    newest = std::find_if(starts.rbegin(), starts.rend(),
                          [&](const auto& start) { return start.max_timestamp <= asked.timestamp; });
  }
  const int64_t high_watermark = log.high_watermark();
  const auto most = static_cast<size_t>(std::max(asked.max_num_offsets, 0));
  for (; newest != starts.rend() && out.old_style_offsets.size() < most; ++newest) {
    out.old_style_offsets.push_back(std::min(newest->offset, high_watermark));
  }
}

ErrorCode answer(Request& request, std::string_view topic, const ListOffsetsRequest& asked,
                 const ListOffsetsRequest::ListOffsetsPartition& partition, Answer& out) {
  if (partition.timestamp < 0 && request.version > 0 && request.version < known_since(partition.timestamp)) {
    return ErrorCode::UNSUPPORTED_VERSION;
  }
  const FoundPartition found =
      find_partition(request.services, topic, partition.partition_index, partition.current_leader_epoch);
  if (found.error != ErrorCode::NONE) return found.error;
  storage::Log& log = found.partition->log();
  if (request.version == 0) {
    answer_old_style(log, partition, request.services.loop.wall_ms(), out);
    return ErrorCode::NONE;
  }
  int64_t bound = asked.isolation_level == kReadCommitted ? log.last_stable_offset() : log.high_watermark();
  if (asked.replica_id >= 0) {
    bound = log.log_end_offset();
  } else if (partition.timestamp == kLatest && is_behind_its_epoch(*found.partition)) {
    return request.version >= kFirstWithOffsetNotAvailable ? ErrorCode::OFFSET_NOT_AVAILABLE
                                                           : ErrorCode::LEADER_NOT_AVAILABLE;
  }
  const auto looked_up = look_up(*found.partition, partition.timestamp, bound);
  if (!looked_up.ok()) {
    log_error("broker.partitions", "ListOffsets of {}-{}: {}", topic, partition.partition_index,
              looked_up.status().message());
    return looked_up.status().code();
  }
  out.timestamp = looked_up->timestamp;
  out.offset = looked_up->offset;
  out.leader_epoch = looked_up->leader_epoch;
  return ErrorCode::NONE;
}

// Partitions that the request names more than once.
std::set<std::pair<std::string_view, int32_t>> duplicates(const ListOffsetsRequest& asked) {
  std::set<std::pair<std::string_view, int32_t>> seen;
  std::set<std::pair<std::string_view, int32_t>> twice;
  for (const auto& topic : asked.topics) {
    for (const auto& partition : topic.partitions) {
      if (!seen.insert({topic.name, partition.partition_index}).second)
        twice.insert({topic.name, partition.partition_index});
    }
  }
  return twice;
}

}  // namespace

void handle_list_offsets(Request& request) {
  ListOffsetsRequest asked;
  if (!request.decode(asked)) return;
  const auto twice = duplicates(asked);
  ListOffsetsResponse response;
  for (const auto& topic : asked.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& partition : topic.partitions) {
      Answer& result = answered.partitions.emplace_back();
      result.partition_index = partition.partition_index;
      const bool named_twice = twice.contains({topic.name, partition.partition_index});
      const ErrorCode error =
          named_twice ? ErrorCode::INVALID_REQUEST : answer(request, topic.name, asked, partition, result);
      result.error_code = static_cast<int16_t>(error);
    }
  }
  request.responder.send(response);
}

}  // namespace ottla
