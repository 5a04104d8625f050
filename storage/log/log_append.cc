// SPDX-License-Identifier: Apache-2.0
// How records get into a log (kafka UnifiedLog.append): validate, check the producer, roll if needed, set
// offsets and epoch in place, one write, then the state that readers see.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "protocol/base/log.h"
#include "protocol/records/control_records.h"
#include "protocol/records/legacy_records.h"
#include "protocol/records/record_reader.h"
#include "storage/log/file_names.h"
#include "storage/log/log.h"

namespace ottla::storage {
namespace {

constexpr int64_t kHourMs = 3600 * 1000;

ProducerBatch producer_batch(const BatchHeader& header) {
  ProducerBatch batch;
  batch.producer_id = header.producer_id;
  batch.producer_epoch = header.producer_epoch;
  batch.base_sequence = header.base_sequence;
  // Not the count of records: compaction leaves records out and keeps the offsets.
  batch.last_sequence =
      sequence_after(header.base_sequence, static_cast<int32_t>(header.last_offset - header.base_offset));
  batch.first_offset = header.base_offset;
  batch.last_offset = header.last_offset;
  batch.timestamp = header.max_timestamp;
  batch.transactional = header.transactional;
  return batch;
}

// Nothing for control batches of other kinds.
std::optional<EndMarker> decode_marker(const BatchHeader& header, Bytes batch) {
  records::RecordReader reader;
  if (!reader.open(batch).ok()) return std::nullopt;
  const auto record = reader.next();
  if (!record) return std::nullopt;
  const auto parsed = records::parse_end_transaction_marker(*record);
  if (!parsed.ok()) return std::nullopt;
  EndMarker marker;
  marker.coordinator_epoch = parsed->coordinator_epoch;
  marker.commit = parsed->commit;
  marker.producer_id = header.producer_id;
  marker.producer_epoch = header.producer_epoch;
  marker.offset = header.last_offset;
  marker.timestamp = record->timestamp;
  return marker;
}

}  // namespace

AppendInfo Log::append_as_leader(std::span<uint8_t> bytes, int32_t leader_epoch, AppendOrigin origin,
                                 int16_t produce_version, int64_t now_ms, bool as_2_8) {
  AppendInfo info;
  info.log_start_offset = log_start_offset_;
  if (const Status usable = check_online(); !usable.ok()) {
    info.error = usable.code();
    info.message = usable.message();
    return info;
  }
  records::ValidationRules rules;
  rules.from_client = origin == AppendOrigin::kClient;
  rules.produce_version = produce_version;
  rules.compacted = config_.cleanup_compact;
  rules.max_message_bytes = config_.max_message_bytes;
  rules.log_append_time = config_.log_append_time;
  rules.timestamp_before_max_ms = config_.timestamp_before_max_ms;
  rules.timestamp_after_max_ms = config_.timestamp_after_max_ms.value_or(as_2_8 ? INT64_MAX : kHourMs);
  rules.refuse_log_append_bit = as_2_8;
  rules.compression = config_.compression;
  rules.compression_level = config_.compression_level;
  rules.now_ms = now_ms;
  rules.topic_partition = name();
  records::ValidatedRecords validated = records::validate_records(bytes, rules);
  if (validated.ok() && validated.batch.empty()) return info;
  info.log_append_time_ms = validated.log_append_time_ms;
  Status status;
  if (validated.ok()) {
    status = noted(append_validated(validated, leader_epoch, origin, now_ms, info));
  } else {
    status = {validated.error, std::move(validated.message)};
    info.record_errors = std::move(validated.record_errors);
  }
  info.error = status.code();
  info.message = status.message();
  return info;
}

Status Log::append_validated(records::ValidatedRecords& validated, int32_t leader_epoch, AppendOrigin origin,
                             int64_t now_ms, AppendInfo& info) {
  const size_t size = validated.batch.size();
  if (size > static_cast<uint64_t>(config_.segment_bytes)) {
    return {ErrorCode::RECORD_LIST_TOO_LARGE, "Message batch size is " + std::to_string(size) +
                                                  " bytes in append to partition " + std::string(name()) +
                                                  ", which exceeds the maximum configured segment size of " +
                                                  std::to_string(config_.segment_bytes) + "."};
  }
  records::assign_offsets(validated, log_end_offset_, leader_epoch);
  const auto header = decode_batch_header(validated.batch, size);
  OTTLA_CHECK(header.has_value() && header->size == size);
  Status status = check_producer(*header, origin, info);
  if (info.duplicate && config_.durable && info.last_offset >= flushed_offset_)
    info.flush_offset = info.last_offset + 1;
  if (!status.ok() || info.duplicate) return status;
  if (config_.magic < records::kMagicV2 && (header->producer_id >= 0 || header->transactional)) {
    return {ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT,
            fmt::format("{} records cannot be used with magic version {}",
                        header->transactional ? "Transactional" : "Idempotent", config_.magic)};
  }
  if (roll_needed(*header, now_ms)) status = roll(now_ms);
  if (config_.magic < records::kMagicV2) {
    if (status.ok()) status = append_in_old_format(validated.batch, *header);
  } else {
    if (status.ok() && leader_epoch > epochs_.latest_epoch().value_or(-1))
      status = epochs_.assign(leader_epoch, log_end_offset_);
    if (status.ok()) status = active().append(validated.batch, {&*header, 1});
  }
  if (!status.ok()) return status;
  if (header->producer_id >= 0) take_producer(*header, validated.batch);
  info.first_offset = header->base_offset;
  info.last_offset = header->last_offset;
  log_end_offset_ = header->last_offset + 1;
  appended_bytes_ += header->size;
  if (std::exchange(short_, false)) log_info("storage", "{}: there is room again", name());
  if (!config_.durable && !high_watermark_held_) high_watermark_ = log_end_offset_;
  if (!config_.durable && unflushed_records() < config_.flush_messages) return {};
  info.flush_offset = log_end_offset_;
  return ask_for_commit();
}

// (kafka LogValidator with an old target format.) Old messages carry no epoch: one that is known would say
// something wrong of them.
Status Log::append_in_old_format(Bytes batch, const BatchHeader& header) {
  records::RecordReader reader;
  Status status = reader.open(batch);
  while (status.ok()) {
    const auto record = reader.next();
    if (!record) break;
    if (record->header_count > 0) {
      return {ErrorCode::UNKNOWN_SERVER_ERROR,
              fmt::format("Magic v{} does not support record headers", config_.magic)};
    }
  }
  Writer converted;
  if (status.ok()) status = records::down_convert(batch, config_.magic, header.base_offset, converted);
  if (!status.ok()) return {ErrorCode::UNKNOWN_SERVER_ERROR, status.message()};
  std::vector<BatchHeader> headers;
  for (Bytes rest = converted.buffer(); !rest.empty(); rest = rest.subspan(headers.back().size)) {
    const auto message = decode_batch_header(rest, rest.size());
    OTTLA_CHECK(message.has_value());
    if (message->size > static_cast<uint64_t>(config_.max_message_bytes)) {
      return {
          ErrorCode::MESSAGE_TOO_LARGE,
          fmt::format("Message batch size is {} bytes in append to partition {} which exceeds the maximum "
                      "configured size of {}.",
                      message->size, name(), config_.max_message_bytes)};
    }
    headers.push_back(*message);
  }
  if (epochs_.latest_epoch()) status = epochs_.clear();
  return status.ok() ? active().append(converted.buffer(), headers) : status;
}

Status Log::check_producer(const BatchHeader& header, AppendOrigin origin, AppendInfo& info) const {
  if (origin != AppendOrigin::kClient || header.producer_id < 0 || header.control) return {};
  const ProducerState::Check check = producers_.check(producer_batch(header));
  if (check.error != ErrorCode::NONE)
    return {check.error, check.message + " in partition " + std::string(name())};
  if (!check.duplicate) return {};
  info.duplicate = true;
  info.first_offset = check.duplicate->first_offset;
  info.last_offset = check.duplicate->last_offset;
  if (config_.log_append_time) info.log_append_time_ms = check.duplicate->timestamp;
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
  const bool there = std::any_of(known.begin(), known.end(), [&](const AbortedTransaction& one) {
    return one.last_offset == aborted.last_offset;
  });
  // Where there is no room the list is written with the next flush.
  if (!there) static_cast<void>(noted(home->second->append_aborted(aborted)));
}

// Spreads the rolls of segments that began together; the same for a segment whenever it is asked.
int64_t Log::roll_jitter_ms(int64_t base_offset) const {
  const int64_t most = std::min(config_.segment_jitter_ms, config_.max_segment_ms());
  if (most <= 0) return 0;
  const uint64_t hash = std::hash<std::string>()(directory_) * 31 + static_cast<uint64_t>(base_offset);
  return static_cast<int64_t>(hash % static_cast<uint64_t>(most));
}

bool Log::roll_needed(const BatchHeader& next, int64_t now_ms, uint64_t pending) const {
  const Segment& segment = active();
  const uint64_t size = segment.size() + pending;
  if (size == 0) return false;
  if (size + next.size > static_cast<uint64_t>(config_.segment_bytes)) return true;
  if (segment.index_is_full(static_cast<size_t>(config_.segment_index_bytes))) return true;
  // Relative offsets are 32 bits wide.
  if (next.last_offset - segment.base_offset() > INT32_MAX) return true;
  const int64_t age = segment.first_batch_timestamp() >= 0
                          ? next.max_timestamp - segment.first_batch_timestamp()
                          : now_ms - segment.created_ms();
  return age > config_.max_segment_ms() - roll_jitter_ms(segment.base_offset());
}

Status Log::roll(int64_t now_ms) {
  Status status = active().seal();
  if (!status.ok()) return status;
  // Taken even where no producer is known: without one, the next start walks the log to find that out.
  status = take_snapshot(false);
  if (status.ok()) status = remove_old_snapshots();
  if (status.ok()) status = start_segment(log_end_offset_, now_ms);
  return status.ok() ? active().make_index_files() : status;
}

Status Log::take_snapshot(bool sync) {
  if (snapshots_.contains(log_end_offset_)) return {};
  const Status written = producers_.write_snapshot(files_, snapshot_path(log_end_offset_), sync);
  if (written.ok()) snapshots_.insert(log_end_offset_);
  snapshot_bytes_ = appended_bytes_;
  return written;
}

// Kafka keeps one per segment; two are enough to come up fast, and older state comes from the batches.
Status Log::remove_old_snapshots() {
  Status status;
  while (status.ok() && snapshots_.size() > 2) {
    const int64_t oldest = *snapshots_.begin();
    status = remove_snapshots([oldest](int64_t offset) { return offset == oldest; });
  }
  return status;
}

}  // namespace ottla::storage
