// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/fetch/read.h"

#include <algorithm>

#include "broker/apis/partition_lookup.h"
#include "broker/config/broker_config.h"
#include "protocol/base/log.h"

namespace ottla::fetch {
namespace {

// Before version 3 a client cannot be told that a batch is larger than its limit: it gets the batch, as long
// as the answer is below fetch.max.bytes.
constexpr int16_t kFirstWithMaxBytes = 3;
// Kafka 2.8 (up to version 12) serves whoever calls itself a replica; later ones only those assigned.
constexpr int16_t kFirstThatChecksReplicas = 13;

bool is_assigned_follower(const Services& services, const FetchTarget& target, int32_t replica_id) {
  const TopicMetadata* topic = services.metadata.find(target.topic);
  if (topic == nullptr || static_cast<size_t>(target.partition) >= topic->partitions.size()) return false;
  const auto& replicas = topic->partitions[static_cast<size_t>(target.partition)].replicas;
  return replica_id != services.config.broker_id &&
         std::find(replicas.begin(), replicas.end(), replica_id) != replicas.end();
}

FoundPartition find(Services& services, const Parameters& parameters, const FetchTarget& target) {
  if (target.topic.empty() && parameters.version >= 13) return {ErrorCode::UNKNOWN_TOPIC_ID, nullptr};
  FoundPartition found =
      find_partition(services, target.topic, target.partition, target.current_leader_epoch);
  if (found.partition != nullptr && !target.topic_id.is_zero() &&
      found.partition->topic_id() != target.topic_id) {
    return {ErrorCode::INCONSISTENT_TOPIC_ID, nullptr};
  }
  if (found.partition != nullptr && parameters.from_follower() &&
      parameters.version >= kFirstThatChecksReplicas &&
      !is_assigned_follower(services, target, parameters.replica_id)) {
    return {target.current_leader_epoch >= 0 ? ErrorCode::UNKNOWN_LEADER_EPOCH
                                             : ErrorCode::NOT_LEADER_OR_FOLLOWER,
            nullptr};
  }
  return found;
}

ErrorCode check_last_fetched_epoch(const storage::Log& log, const FetchTarget& target, PartitionRead& out) {
  const auto end = log.end_of_epoch(target.last_fetched_epoch);
  if (end.epoch < 0 || end.end_offset < 0 || target.fetch_offset < log.log_start_offset()) {
    return ErrorCode::OFFSET_OUT_OF_RANGE;
  }
  if (end.epoch < target.last_fetched_epoch || end.end_offset < target.fetch_offset) out.diverging = end;
  return ErrorCode::NONE;
}

struct Limit {
  int64_t bytes;
  bool at_least_one;
};

ErrorCode read_records(const storage::Log& log, const Parameters& parameters, const FetchTarget& target,
                       const Limit& limit, PartitionRead& out) {
  if (target.last_fetched_epoch >= 0) {
    const ErrorCode error = check_last_fetched_epoch(log, target, out);
    if (error != ErrorCode::NONE || out.diverging.epoch >= 0) return error;
  }
  const int64_t max_bytes = std::min<int64_t>(target.max_bytes, limit.bytes);
  if (max_bytes < 0) return ErrorCode::UNKNOWN_SERVER_ERROR;
  int64_t end = log.high_watermark();
  if (parameters.read_committed) end = log.last_stable_offset();
  if (parameters.from_follower()) end = log.log_end_offset();
  if (!parameters.cold_too && target.fetch_offset < end) {
    out.cold = log.place_of(target.fetch_offset, static_cast<uint32_t>(max_bytes));
    if (out.cold.length > 0) return ErrorCode::NONE;
  }
  auto read = log.read(target.fetch_offset, static_cast<uint32_t>(max_bytes), end, limit.at_least_one,
                       parameters.read_committed && !parameters.from_follower());
  if (!read.ok()) {
    if (read.status().code() != ErrorCode::OFFSET_OUT_OF_RANGE) {
      log_error("broker.partitions", "Fetch of {}-{}: {}", target.topic, target.partition,
                read.status().message());
    }
    return read.status().code();
  }
  out.slice = std::move(read->slice);
  out.aborted = std::move(read->aborted);
  return ErrorCode::NONE;
}

PartitionRead read_target(Services& services, const Parameters& parameters, const FetchTarget& target,
                          const Limit& limit) {
  PartitionRead out;
  const FoundPartition found = find(services, parameters, target);
  out.error = found.error;
  if (found.error != ErrorCode::NONE) return out;
  const storage::Log& log = found.partition->log();
  out.error = read_records(log, parameters, target, limit, out);
  if (out.error != ErrorCode::NONE) return out;
  out.high_watermark = log.high_watermark();
  out.last_stable_offset = log.last_stable_offset();
  out.log_start_offset = log.log_start_offset();
  return out;
}

}  // namespace

Progress read_targets(Services& services, const Parameters& parameters, std::span<const FetchTarget> targets,
                      std::vector<PartitionRead>& reads) {
  reads.clear();
  Progress progress;
  Limit limit{parameters.max_bytes, true};
  for (const FetchTarget& target : targets) {
    const PartitionRead& read = reads.emplace_back(read_target(services, parameters, target, limit));
    const uint32_t length = std::max(read.slice.length, read.cold.length);
    progress.bytes += length;
    progress.cold = progress.cold || read.cold.length > 0;
    progress.urgent = progress.urgent || read.error != ErrorCode::NONE || read.diverging.epoch >= 0;
    limit.bytes = std::max<int64_t>(0, limit.bytes - length);
    // Where each partition gets a batch, a thousand of them must not cost a gigabyte.
    if (length > 0 && (parameters.version >= kFirstWithMaxBytes || limit.bytes == 0))
      limit.at_least_one = false;
  }
  return progress;
}

}  // namespace ottla::fetch
