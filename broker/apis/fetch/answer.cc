// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/fetch/answer.h"

#include <algorithm>
#include <deque>

#include "broker/apis/current_leader.h"
#include "broker/apis/partition_lookup.h"
#include "broker/config/config_store.h"
#include "protocol/base/log.h"
#include "protocol/generated/fetch_response.h"
#include "protocol/records/legacy_records.h"

namespace ottla::fetch {
namespace {

using protocol::FetchResponse;
using PartitionData = FetchResponse::PartitionData;

constexpr int16_t kFirstWithZstd = 10;
constexpr int16_t kFirstWithBatches = 4;
constexpr int16_t kFirstWithStorageError = 6;
constexpr int16_t kFirstWithLeaders = 16;
constexpr int16_t kFirstByTopicId = 13;
constexpr size_t kKeptPartitions = 4096;

// Reused from answer to answer. Threads: the loop's.
struct Scratch {
  FetchResponse response;
  size_t topics_used = 0;
  std::vector<FetchOutcome> outcomes;
  std::deque<Writer> converted;

  void begin() {
    response.error_code = 0;
    response.session_id = 0;
    response.node_endpoints.clear();
    topics_used = 0;
    outcomes.clear();
    converted.clear();
  }
  // Files are let go; the memory stays, unless it is much.
  void end() {
    if (outcomes.capacity() > kKeptPartitions || response.responses.capacity() > kKeptPartitions) {
      *this = Scratch();
      return;
    }
    for (auto& topic : response.responses) {
      for (PartitionData& partition : topic.partitions) partition.records = RecordsField::empty();
    }
    converted.clear();
  }
  // A partition's place behind those that are there, under its topic where that was the last.
  PartitionData& add(const FetchTarget& target) {
    auto& topics = response.responses;
    const bool same = topics_used > 0 && topics[topics_used - 1].topic == target.topic &&
                      topics[topics_used - 1].topic_id == target.topic_id;
    if (!same) {
      if (topics_used == topics.size()) topics.emplace_back();
      auto& topic = topics[topics_used++];
      topic.topic = target.topic;
      topic.topic_id = target.topic_id;
      topic.partitions.clear();
    }
    PartitionData& data = topics[topics_used - 1].partitions.emplace_back();
    data.partition_index = target.partition;
    data.records = RecordsField::empty();
    return data;
  }
};

Scratch& scratch_of_thread() {
  static thread_local Scratch scratch;
  return scratch;
}

Status read_into(const FileSlice& slice, std::vector<uint8_t>& out) {
  out.resize(slice.length);
  size_t count = 0;
  while (count < out.size()) {
    const ssize_t got = slice.file->read_at(std::span(out).subspan(count), slice.position + count);
    if (got < 0) return Status::from_errno(static_cast<int>(-got), "read of a segment");
    if (got == 0) return {ErrorCode::KAFKA_STORAGE_ERROR, "a segment ends before its last batch"};
    count += static_cast<size_t>(got);
  }
  return {};
}

// Format 2 is what is kept; older clients get it converted, whole messages up to the size that was read (what
// is left they ask for next). The bytes live as long as `converted`.
Result<RecordsField> convert(const FetchTarget& target, int16_t version, const FileSlice& slice,
                             std::deque<Writer>& converted) {
  std::vector<uint8_t> batches;
  Status status = read_into(slice, batches);
  if (!status.ok()) return status;
  Writer& out = converted.emplace_back();
  status = records::down_convert(batches, version <= 1 ? records::kMagicV0 : records::kMagicV1,
                                 target.fetch_offset, out, slice.length);
  if (!status.ok()) return status;
  return RecordsField::of(out.buffer());
}

// Why records that are there may not be sent to a client of `version`.
ErrorCode refusal(Services& services, const Parameters& parameters, const FetchTarget& target) {
  Partition* partition = services.partitions.find(target.topic, target.partition);
  if (partition == nullptr) return ErrorCode::NONE;
  if (parameters.version < kFirstWithZstd &&
      partition->log().config().compression == records::Compression::kZstd) {
    return ErrorCode::UNSUPPORTED_COMPRESSION_TYPE;
  }
  if (parameters.version < kFirstWithBatches && !parameters.from_follower() &&
      !services.configs.topic_config(target.topic).message_downconversion_enable) {
    return ErrorCode::UNSUPPORTED_VERSION;
  }
  return ErrorCode::NONE;
}

void fill_error(ErrorCode error, int16_t version, PartitionData& out) {
  if (error == ErrorCode::KAFKA_STORAGE_ERROR && version < kFirstWithStorageError)
    error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
  out.error_code = static_cast<int16_t>(error);
  out.high_watermark = -1;
  out.last_stable_offset = -1;
  out.log_start_offset = -1;
}

void fill_records(const Parameters& parameters, const FetchTarget& target, PartitionRead& read,
                  Scratch& scratch, PartitionData& out) {
  if (read.slice.length == 0) return;
  if (parameters.version >= kFirstWithBatches) {
    out.records = RecordsField::of(std::move(read.slice));
    return;
  }
  auto converted = convert(target, parameters.version, read.slice, scratch.converted);
  if (converted.ok()) {
    out.records = *converted;
    return;
  }
  log_warn("broker.partitions", "cannot convert records of {}-{} for Fetch version {}: {}", target.topic,
           target.partition, parameters.version, converted.status().message());
  fill_error(converted.status().code(), parameters.version, out);
}

void fill(Services& services, const Parameters& parameters, const FetchTarget& target, PartitionRead& read,
          std::string_view listener, Scratch& scratch, PartitionData& out) {
  out.aborted_transactions = std::nullopt;
  ErrorCode error = read.error;
  if (error == ErrorCode::NONE && parameters.version < kFirstWithZstd)
    error = refusal(services, parameters, target);
  if (error != ErrorCode::NONE) {
    fill_error(error, parameters.version, out);
    const bool moved = error == ErrorCode::NOT_LEADER_OR_FOLLOWER || error == ErrorCode::FENCED_LEADER_EPOCH;
    if (moved && parameters.version >= kFirstWithLeaders)
      name_leader(current_leader(services, target.topic, target.partition, listener), scratch.response, out);
    return;
  }
  out.high_watermark = read.high_watermark;
  out.last_stable_offset = read.last_stable_offset;
  out.log_start_offset = read.log_start_offset;
  if (read.diverging.epoch >= 0) {
    out.diverging_epoch.epoch = read.diverging.epoch;
    out.diverging_epoch.end_offset = read.diverging.end_offset;
  }
  if (parameters.read_committed && !parameters.from_follower()) {
    auto& aborted = out.aborted_transactions.emplace();
    for (const auto& one : read.aborted) {
      auto& transaction = aborted.emplace_back();
      transaction.producer_id = one.producer_id;
      transaction.first_offset = one.first_offset;
    }
  }
  fill_records(parameters, target, read, scratch, out);
}

FetchOutcome outcome_of(const PartitionRead& read) {
  FetchOutcome outcome;
  outcome.high_watermark = read.high_watermark;
  outcome.log_start_offset = read.log_start_offset;
  outcome.has_records = read.slice.length > 0;
  outcome.failed = read.error != ErrorCode::NONE;
  outcome.diverging = read.diverging.epoch >= 0;
  return outcome;
}

}  // namespace

void answer(Services& services, Responder& responder, const Parameters& parameters,
            const FetchContext& context, std::span<const FetchTarget> targets,
            std::vector<PartitionRead>& reads, std::string_view listener) {
  Scratch& scratch = scratch_of_thread();
  scratch.begin();
  for (const PartitionRead& read : reads) scratch.outcomes.push_back(outcome_of(read));
  const auto finished =
      services.fetch_sessions.finish(context, targets, scratch.outcomes, services.loop.monotonic_ms());
  scratch.response.error_code = static_cast<int16_t>(finished.error);
  scratch.response.session_id = finished.session_id;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (!scratch.outcomes[i].included) continue;
    fill(services, parameters, targets[i], reads[i], listener, scratch, scratch.add(targets[i]));
  }
  scratch.response.responses.resize(scratch.topics_used);
  responder.send(scratch.response);
  scratch.end();
  reads.clear();
}

void answer_error(Responder& responder, ErrorCode error, int32_t session_id,
                  std::span<const FetchTarget> targets) {
  Scratch& scratch = scratch_of_thread();
  scratch.begin();
  scratch.response.error_code = static_cast<int16_t>(error);
  scratch.response.session_id = session_id;
  if (responder.version() < kFirstByTopicId) {
    for (const FetchTarget& target : targets) fill_error(error, responder.version(), scratch.add(target));
  }
  scratch.response.responses.resize(scratch.topics_used);
  responder.send(scratch.response);
  scratch.end();
}

}  // namespace ottla::fetch
