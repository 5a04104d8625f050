// SPDX-License-Identifier: Apache-2.0
// The log of a partition that has copies on other brokers (kafka UnifiedLog.appendAsFollower,
// updateHighWatermark): batches come with their offsets and epochs, and the high watermark from elsewhere.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "protocol/records/legacy_records.h"
#include "protocol/records/record_batch.h"
#include "storage/log/log.h"

namespace ottla::storage {
namespace {

bool crc_is_valid(Bytes batch) {
  if (records::BatchWalker::magic(batch) == records::kMagicV2)
    return records::RecordBatchView(batch).crc_is_valid();
  const auto message = records::parse_legacy_message(batch);
  return message.ok() && message->crc_is_valid();
}

}  // namespace

void Log::hold_high_watermark() {
  if (high_watermark_held_) return;
  high_watermark_held_ = true;
  if (!loaded_high_watermark_) return;
  high_watermark_ = std::clamp(*loaded_high_watermark_, log_start_offset_, high_watermark_);
  loaded_high_watermark_.reset();
}

void Log::release_high_watermark() {
  loaded_high_watermark_.reset();
  if (!high_watermark_held_) return;
  high_watermark_held_ = false;
  const int64_t end = config_.durable ? flushed_offset_ : log_end_offset_;
  high_watermark_ = std::max(high_watermark_, end);
  if (progress_handler_) progress_handler_();
}

bool Log::advance_high_watermark(int64_t offset) {
  const int64_t end = config_.durable ? flushed_offset_ : log_end_offset_;
  const int64_t next = std::min(offset, end);
  if (!high_watermark_held_ || next <= high_watermark_) return false;
  high_watermark_ = next;
  return true;
}

Status Log::append_as_follower(Bytes bytes, int64_t now_ms) {
  if (const Status usable = check_online(); !usable.ok()) return usable;
  records::BatchWalker walker(bytes);
  std::vector<BatchHeader> headers;
  size_t begin = 0;
  const auto append_run = [&](size_t end) {
    const Status appended =
        headers.empty() ? Status() : noted(append_fetched(bytes.subspan(begin, end - begin), headers));
    headers.clear();
    return appended;
  };
  Status status;
  int64_t expected = log_end_offset_;
  while (status.ok()) {
    const size_t at = walker.position();
    const auto batch = walker.next();
    if (!batch) {
      status = append_run(at);
      break;
    }
    const auto header = decode_batch_header(*batch, batch->size());
    if (!header || !crc_is_valid(*batch)) {
      status = append_run(at);
      if (status.ok())
        status = {
            ErrorCode::CORRUPT_MESSAGE,
            fmt::format("{}: the batch that the leader sent for offset {} is damaged", name(), expected)};
      break;
    }
    if (header->last_offset < expected) {
      status = append_run(at);
      begin = walker.position();
      continue;
    }
    if (header->base_offset < expected && header->magic == records::kMagicV2) {
      status = {ErrorCode::UNKNOWN_SERVER_ERROR,
                fmt::format("{}: the leader sent a batch from offset {} on, and the log ends at {}", name(),
                            header->base_offset, expected)};
      break;
    }
    const bool new_epoch =
        header->magic == records::kMagicV2 && header->leader_epoch > epochs_.latest_epoch().value_or(-1);
    if (headers.empty()) begin = at;
    const bool rolls = roll_needed(*header, now_ms, at - begin);
    if (rolls || new_epoch) {
      status = append_run(at);
      begin = at;
      // A gap that is too long for one segment (compaction made it) lies between two.
      if (status.ok() && rolls && header->last_offset - log_end_offset_ > INT32_MAX)
        log_end_offset_ = header->base_offset;
      if (status.ok() && rolls) status = noted(roll(now_ms));
      if (status.ok() && new_epoch) status = noted(epochs_.assign(header->leader_epoch, header->base_offset));
    }
    if (!status.ok()) break;
    headers.push_back(*header);
    expected = header->last_offset + 1;
  }
  if (!status.ok()) return status;
  return walker.status();
}

// Batches that belong into the active segment, in one write.
Status Log::append_fetched(Bytes batches, std::span<const BatchHeader> headers) {
  const Status written = active().append(batches, headers);
  if (!written.ok()) return written;
  for (const BatchHeader& header : headers) {
    // Before the producers: an aborted transaction is told up to where the log is stable.
    log_end_offset_ = header.last_offset + 1;
    if (header.producer_id >= 0) take_producer(header, batches.first(header.size));
    appended_bytes_ += header.size;
    batches = batches.subspan(header.size);
  }
  if (!config_.durable && unflushed_records() < config_.flush_messages) return {};
  return ask_for_commit();
}

}  // namespace ottla::storage
