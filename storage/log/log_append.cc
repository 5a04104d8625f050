// SPDX-License-Identifier: Apache-2.0
// How records get into a log (kafka UnifiedLog.append): validate, check the producer, roll if needed, set offsets and epoch in
// place, one write, then the state that readers see.
#include <algorithm>

#include "protocol/base/log.h"
#include "protocol/records/record_batch.h"
#include "protocol/wire/reader.h"
#include "storage/log/file_names.h"
#include "storage/log/log.h"

namespace ottla::storage {
namespace {

constexpr size_t kRecordsPosition = kV2HeaderBytes;

ProducerBatch producer_batch(const BatchHeader& header) {
  ProducerBatch batch;
  batch.producer_id = header.producer_id;
  batch.producer_epoch = header.producer_epoch;
  batch.base_sequence = header.base_sequence;
  batch.last_sequence = sequence_after(header.base_sequence, header.record_count - 1);
  batch.first_offset = header.base_offset;
  batch.last_offset = header.last_offset;
  batch.timestamp = header.max_timestamp;
  batch.transactional = header.transactional;
  return batch;
}

// The marker in a control batch: key = version, type; value = version, coordinator epoch (EndTransactionMarker).
std::optional<EndMarker> decode_marker(const BatchHeader& header, Bytes batch) {
  Reader reader(batch.subspan(std::min(kRecordsPosition, batch.size())));
  reader.varint();    // length
  reader.int8();      // attributes
  reader.varlong();   // timestamp delta
  reader.varint();    // offset delta
  const int32_t key_size = reader.varint();
  Reader key(reader.raw(key_size < 0 ? 0 : static_cast<size_t>(key_size)));
  const int32_t value_size = reader.varint();
  Reader value(reader.raw(value_size < 0 ? 0 : static_cast<size_t>(value_size)));
  key.int16();
  const int16_t type = key.int16();
  value.int16();
  EndMarker marker;
  marker.coordinator_epoch = value.int32();
  if (!key.ok() || !value.ok() || (type != 0 && type != 1)) return std::nullopt;
  marker.commit = type == 1;
  marker.producer_id = header.producer_id;
  marker.producer_epoch = header.producer_epoch;
  marker.offset = header.last_offset;
  marker.timestamp = header.max_timestamp;
  return marker;
}

}  // namespace

AppendInfo Log::append_as_leader(std::span<uint8_t> bytes, int32_t leader_epoch, AppendOrigin origin,
                                 int16_t produce_version, int64_t now_ms) {
  records::ValidationOptions options;
  options.from_client = origin == AppendOrigin::kClient;
  options.produce_version = produce_version;
  options.compacted = config_.cleanup_compact;
  options.max_message_bytes = config_.max_message_bytes;
  options.log_append_time = config_.log_append_time;
  options.timestamp_before_max_ms = config_.timestamp_before_max_ms;
  options.timestamp_after_max_ms = config_.timestamp_after_max_ms;
  options.target_compression = config_.compression;
  options.now_ms = now_ms;
  records::ValidatedRecords validated = records::validate_for_append(bytes, options);
  if (validated.error == ErrorCode::NONE) return append_validated(validated, leader_epoch, origin, now_ms);
  AppendInfo info;
  info.error = validated.error;
  info.message = std::move(validated.message);
  info.record_errors = std::move(validated.record_errors);
  info.log_start_offset = log_start_offset_;
  return info;
}

AppendInfo Log::append_validated(records::ValidatedRecords& validated, int32_t leader_epoch, AppendOrigin origin,
                                 int64_t now_ms) {
  AppendInfo info;
  info.log_start_offset = log_start_offset_;
  info.log_append_time_ms = config_.log_append_time ? now_ms : -1;
  const auto fail = [&](const Status& status) {
    info.error = status.code();
    info.message = status.message();
    return info;
  };
  const std::span<uint8_t> bytes = validated.bytes;
  headers_.clear();
  int64_t next = log_end_offset_;
  for (size_t at = 0; at < bytes.size();) {
    auto header = decode_batch_header(bytes.subspan(at), bytes.size() - at);
    OTTLA_CHECK(header.has_value());
    records::set_base_offset(bytes.subspan(at), next);
    records::set_partition_leader_epoch(bytes.subspan(at), leader_epoch);
    header->last_offset += next - header->base_offset;
    header->base_offset = next;
    header->leader_epoch = leader_epoch;
    next = header->last_offset + 1;
    at += header->size;
    headers_.push_back(*header);
  }
  if (headers_.empty()) {
    return fail({ErrorCode::INVALID_RECORD, "no records in the request"});
  }
  if (bytes.size() > static_cast<size_t>(config_.segment_bytes)) {
    return fail({ErrorCode::RECORD_LIST_TOO_LARGE, "Message batch size is " + std::to_string(bytes.size()) +
                                                       " bytes in append to " + directory_ + ", which exceeds the maximum configured segment size of " +
                                                       std::to_string(config_.segment_bytes) + "."});
  }
  Status status = check_producer(headers_, origin, info);
  if (!status.ok() || info.duplicate) return status.ok() ? info : fail(status);
  if (roll_needed(headers_.front(), bytes.size(), now_ms)) status = roll(now_ms);
  if (status.ok() && leader_epoch > epochs_.latest_epoch().value_or(-1)) status = epochs_.assign(leader_epoch, log_end_offset_);
  if (status.ok()) status = active().append(bytes, headers_);
  if (!status.ok()) return fail(status);
  size_t at = 0;
  for (const BatchHeader& header : headers_) {
    if (header.producer_id >= 0) take_producer(header, Bytes(bytes).subspan(at, header.size));
    at += header.size;
  }
  info.first_offset = headers_.front().base_offset;
  info.last_offset = headers_.back().last_offset;
  log_end_offset_ = next;
  high_watermark_ = next;
  return info;
}

Status Log::check_producer(std::span<const BatchHeader> headers, AppendOrigin origin, AppendInfo& info) const {
  if (origin != AppendOrigin::kClient) return {};
  for (const BatchHeader& header : headers) {
    if (header.producer_id < 0 || header.control) continue;
    const ProducerState::Check check = producers_.check(producer_batch(header));
    if (check.error != ErrorCode::NONE) return {check.error, check.message + " in " + directory_};
    if (!check.duplicate) continue;
    info.duplicate = true;
    info.first_offset = check.duplicate->first_offset;
    info.last_offset = check.duplicate->last_offset;
    if (config_.log_append_time) info.log_append_time_ms = check.duplicate->timestamp;
  }
  return {};
}

void Log::take_producer(const BatchHeader& header, Bytes batch) {
  if (!header.control) {
    if (header.base_sequence >= 0) producers_.update(producer_batch(header));
    return;
  }
  const auto marker = decode_marker(header, batch);
  if (!marker) return;
  const auto first = producers_.end_transaction(*marker);
  if (!first || marker->commit) return;
  const AbortedTransaction aborted{marker->producer_id, *first, marker->offset,
                                   producers_.first_open_offset().value_or(marker->offset + 1)};
  const auto home = std::prev(segments_.upper_bound(marker->offset));
  const auto& known = home->second->aborted();
  const bool there = std::any_of(known.begin(), known.end(),
                                 [&](const AbortedTransaction& one) { return one.last_offset == aborted.last_offset; });
  if (there) return;
  const Status written = home->second->append_aborted(aborted);
  if (!written.ok()) log_error("storage", "{}: {}", directory_, written.message());
}

bool Log::roll_needed(const BatchHeader& next, uint64_t bytes, int64_t now_ms) const {
  const Segment& segment = active();
  if (segment.size() == 0) return false;
  if (segment.size() + bytes > static_cast<uint64_t>(config_.segment_bytes)) return true;
  if (segment.index_bytes() + 12 > static_cast<size_t>(config_.segment_index_bytes)) return true;
  // Relative offsets are 32 bits wide.
  if (next.last_offset + 1 - segment.base_offset() > INT32_MAX) return true;
  const int64_t limit = config_.segment_ms - config_.segment_jitter_ms;
  const int64_t age = segment.first_batch_timestamp() >= 0 && next.max_timestamp >= 0
                          ? next.max_timestamp - segment.first_batch_timestamp()
                          : now_ms - segment.created_ms();
  return age > limit;
}

Status Log::roll(int64_t now_ms) {
  Status status = active().seal();
  if (!status.ok()) return status;
  active().close();
  // The snapshot is for the recovery of the new segment: it begins with the producers as they were here.
  if (!producers_.empty()) {
    status = producers_.write_snapshot(files_, snapshot_path(log_end_offset_), false);
    snapshots_.insert(log_end_offset_);
    // Kafka keeps the snapshots of the last two segments.
    while (status.ok() && snapshots_.size() > 2) {
      const int64_t oldest = *snapshots_.begin();
      status = remove_snapshots([oldest](int64_t offset) { return offset == oldest; });
    }
  }
  if (!status.ok()) return status;
  auto made = new_segment(log_end_offset_);
  if (!made.ok()) return made.status();
  (*made)->set_created_ms(now_ms);
  segments_[log_end_offset_] = std::move(*made);
  return {};
}

}  // namespace ottla::storage
