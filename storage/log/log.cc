// SPDX-License-Identifier: Apache-2.0
#include "storage/log/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocol/base/log.h"
#include "protocol/records/record_reader.h"
#include "storage/log/file_names.h"
#include "storage/log/partition_metadata.h"

namespace ottla::storage {

Log::~Log() = default;

Status Log::check_online() const {
  return offline_ ? Status(ErrorCode::KAFKA_STORAGE_ERROR,
                           "the log directory of " + std::string(name()) + " is offline")
                  : Status();
}

Status Log::noted(Status status) const {
  if (status.code() != ErrorCode::KAFKA_STORAGE_ERROR || offline_) return status;
  if (!is_shortage(status)) {
    report_failure(status);
  } else if (!std::exchange(short_, true)) {
    log_error("storage", "{}: refused until there is room again: {}", name(), status.message());
  }
  return status;
}

void Log::report_failure(const Status& why) const {
  if (!offline_ && failure_handler_) failure_handler_(why);
}

void Log::set_offline() {
  offline_ = true;
  if (progress_handler_) progress_handler_();
}

Result<std::unique_ptr<Segment>> Log::open_segment(int64_t base_offset) {
  return Segment::open(files_, directory_, base_offset, static_cast<uint32_t>(config_.index_interval_bytes));
}

Status Log::start_segment(int64_t base_offset, int64_t now_ms) {
  auto made = open_segment(base_offset);
  if (!made.ok()) return made.status();
  (*made)->set_created_ms(now_ms);
  if (config_.preallocate) {
    const Status reserved = (*made)->reserve(static_cast<uint64_t>(config_.segment_bytes));
    if (!reserved.ok()) return reserved;
  }
  segments_[base_offset] = std::move(*made);
  ++name_changes_;
  return {};
}

// What load() comes to where there are no files.
Status Log::begin(int64_t now_ms) {
  const Status started = start_segment(log_start_offset_, now_ms);
  if (!started.ok()) return started;
  log_end_offset_ = high_watermark_ = recovery_point_ = flushed_offset_ = active().next_offset();
  return {};
}

Status Log::set_topic_id(const Uuid& id) {
  if (id.is_zero() || topic_id_ == id) return {};
  if (const Status usable = check_online(); !usable.ok()) return usable;
  const Status status = write_partition_metadata(files_, directory_ + "/" + kPartitionMetadata, id);
  if (status.ok()) topic_id_ = id;
  return noted(status);
}

int64_t Log::last_stable_offset() const {
  const auto open = producers_.first_open_offset();
  // A transaction may have begun below what was deleted.
  return open ? std::max(std::min(*open, high_watermark_), log_start_offset_) : high_watermark_;
}

uint64_t Log::size_in_bytes() const {
  uint64_t total = 0;
  for (const auto& [base, segment] : segments_) total += segment->size();
  return total;
}

Result<LogReadInfo> Log::read(int64_t offset, uint32_t max_bytes, int64_t end_offset, bool at_least_one,
                              bool with_aborted) const {
  if (offset < log_start_offset_ || offset > log_end_offset_) {
    return Status(ErrorCode::OFFSET_OUT_OF_RANGE, "offset " + std::to_string(offset) + " is outside [" +
                                                      std::to_string(log_start_offset_) + ", " +
                                                      std::to_string(log_end_offset_) + "]");
  }
  if (const Status usable = check_online(); !usable.ok()) return usable;
  LogReadInfo info;
  if (offset >= end_offset) return info;
  if (const auto hole = holes_.upper_bound(offset); hole != holes_.begin()) {
    const auto [from, to] = *std::prev(hole);
    if (offset < to) {
      return Status(ErrorCode::KAFKA_STORAGE_ERROR,
                    fmt::format("{}: offsets {} to {} are missing on the disk", name(), from, to - 1));
    }
  }
  auto at = std::prev(segments_.upper_bound(offset));
  for (; at != segments_.end(); ++at) {
    const Segment& segment = *at->second;
    const auto first = segment.find(offset);
    if (!first.ok()) return noted(first.status());
    // Nothing at or after the offset here (the rest was compacted away): the next segment begins behind it.
    if (!first->has_value()) continue;
    const BatchPosition& start = **first;
    if (start.header.base_offset >= end_offset) return info;
    if (start.header.size > max_bytes && !at_least_one) return info;
    const auto end = readable_end(segment, start, max_bytes, end_offset);
    if (!end.ok()) return noted(end.status());
    info.slice = segment.slice(start.position, static_cast<uint32_t>(*end - start.position));
    break;
  }
  if (with_aborted && at != segments_.end()) {
    for (auto later = at; later != segments_.end(); ++later) {
      for (const AbortedTransaction& aborted : later->second->aborted()) {
        if (aborted.last_offset >= offset && aborted.first_offset < end_offset)
          info.aborted.push_back(aborted);
      }
    }
    std::sort(info.aborted.begin(), info.aborted.end(),
              [](const auto& a, const auto& b) { return a.first_offset < b.first_offset; });
  }
  return info;
}

FileSlice Log::place_of(int64_t offset, uint32_t max_bytes) const {
  if (offset < log_start_offset_ || offset >= log_end_offset_ || offline_) return {};
  FileSlice place = std::prev(segments_.upper_bound(offset))->second->place_of(offset, max_bytes);
  return place.length > 0 && place.file->in_memory(place.position, place.length) ? FileSlice() : place;
}

// Where whole batches end that fit into `max_bytes` and lie below `end_offset`; at the end of `first` at
// least.
Result<uint64_t> Log::readable_end(const Segment& segment, const BatchPosition& first, uint32_t max_bytes,
                                   int64_t end_offset) const {
  uint64_t limit = segment.size();
  if (end_offset < segment.next_offset()) {
    const auto bound = segment.find(end_offset);
    if (!bound.ok()) return bound.status();
    if (bound->has_value()) limit = (*bound)->position;
  }
  const uint64_t least = std::min(first.position + first.header.size, limit);
  if (first.position + max_bytes >= limit) return limit;
  if (first.position + max_bytes <= least) return least;
  return segment.batch_end_at_or_before(first.position, first.position + max_bytes);
}

Result<TimestampOffset> Log::find_timestamp(int64_t timestamp) const {
  if (const Status usable = check_online(); !usable.ok()) return usable;
  for (const auto& [base, segment] : segments_) {
    if (segment->max_timestamp() < timestamp) continue;
    int64_t from = log_start_offset_;
    // A batch may promise a time that only its records below the log's start have: then the next one is
    // asked.
    while (true) {
      const auto found = segment->find_timestamp(timestamp, from);
      if (!found.ok()) return noted(found.status());
      if (!found->has_value()) break;
      const BatchPosition& at = **found;
      std::vector<uint8_t> batch(at.header.size);
      const Status read = segment->file().read_exactly_at(batch, at.position);
      if (!read.ok()) return noted(read);
      const auto record = records::first_record_at_or_after(batch, timestamp, log_start_offset_);
      if (!record.ok()) return record.status();
      if (record->has_value()) {
        return TimestampOffset{(*record)->timestamp, (*record)->offset,
                               epochs_.epoch_at((*record)->offset).value_or(-1)};
      }
      from = at.header.last_offset + 1;
    }
  }
  return TimestampOffset{};
}

Result<TimestampOffset> Log::max_timestamp() const {
  const Segment* best = nullptr;
  for (const auto& [base, segment] : segments_) {
    if (segment->size() > 0 && (best == nullptr || segment->max_timestamp() > best->max_timestamp()))
      best = segment.get();
  }
  if (best == nullptr || best->max_timestamp() < 0) return TimestampOffset{};
  return find_timestamp(best->max_timestamp());
}

std::vector<SegmentStart> Log::segment_starts() const {
  std::vector<SegmentStart> starts;
  starts.reserve(segments_.size());
  for (const auto& [base, segment] : segments_) {
    starts.push_back({std::max(base, log_start_offset_), segment->max_timestamp()});
  }
  return starts;
}

LeaderEpochCache::EpochEnd Log::end_of_epoch(int32_t epoch) const {
  return epochs_.end_of(epoch, log_end_offset_);
}

Status Log::begin_epoch(int32_t leader_epoch) {
  const Status usable = check_online();
  if (!usable.ok() || config_.magic < records::kMagicV2) return usable;
  return noted(epochs_.assign(leader_epoch, log_end_offset_));
}

Status Log::delete_records(int64_t offset) {
  if (const Status usable = check_online(); !usable.ok()) return usable;
  if (offset > high_watermark_) {
    return {ErrorCode::OFFSET_OUT_OF_RANGE, "cannot delete records up to " + std::to_string(offset) +
                                                ", the high watermark is " + std::to_string(high_watermark_)};
  }
  return offset <= log_start_offset_ ? Status() : noted(raise_start(offset));
}

// The start is raised before segments go, so that nobody is sent to what is not there any more (KAFKA-16073).
Status Log::raise_start(int64_t offset) {
  log_start_offset_ = offset;
  epochs_.truncate_from_start(offset);
  Status status;
  while (status.ok() && segments_.size() > 1 && std::next(segments_.begin())->first <= offset) {
    status = remove_segment(segments_.begin()->first);
  }
  if (status.ok()) status = remove_snapshots([this](int64_t at) { return at < segments_.begin()->first; });
  return status;
}

Status Log::remove_segment(int64_t base_offset) {
  const auto found = segments_.find(base_offset);
  const Status renamed = found->second->rename_with_suffix(kDeletedSuffix);
  if (!renamed.ok()) return renamed;
  for (const char* kind : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
    deleted_files_.push_back(directory_ + "/" + offset_file_name(base_offset, kind) + kDeletedSuffix);
  }
  segments_.erase(found);
  return {};
}

std::vector<std::string> Log::take_deleted_files() { return std::exchange(deleted_files_, {}); }

Status Log::truncate_to(int64_t offset) {
  const Status usable = check_online();
  if (!usable.ok()) return usable;
  // An epoch that this broker began to lead in and appended nothing to is cut as well: another leader has
  // other epochs from here on.
  if (offset >= log_end_offset_) return noted(epochs_.truncate_from_end(log_end_offset_));
  const Status cut = offset < segments_.begin()->first ? start_over_at(offset) : cut_to(offset);
  lower_cleaned_up_to(log_end_offset_);
  return noted(cut);
}

Status Log::truncate_fully_and_start_at(int64_t offset) {
  const Status usable = check_online();
  if (!usable.ok()) return usable;
  const Status emptied = start_over_at(offset);
  // Nothing of what was cleaned is there any more.
  lower_cleaned_up_to(0);
  return noted(emptied);
}

Status Log::cut_to(int64_t offset) {
  Status status;
  while (status.ok() && segments_.rbegin()->first >= offset && segments_.size() > 1) {
    status = remove_segment(segments_.rbegin()->first);
  }
  if (!status.ok()) return status;
  // Where compaction left a gap, the log ends in it; a batch that holds `offset` goes as a whole.
  const auto first_cut = active().find(offset);
  if (!first_cut.ok()) return first_cut.status();
  status = active().truncate_to(offset);
  if (!status.ok()) return status;
  log_end_offset_ = first_cut->has_value() ? std::min(offset, (*first_cut)->header.base_offset) : offset;
  forget_holes_from(log_end_offset_);
  high_watermark_ = std::min(high_watermark_, log_end_offset_);
  recovery_point_ = std::min(recovery_point_, log_end_offset_);
  flushed_offset_ = std::min(flushed_offset_, log_end_offset_);
  log_start_offset_ = std::min(log_start_offset_, log_end_offset_);
  status = epochs_.truncate_from_end(log_end_offset_);
  producers_end_.reset();
  return status.ok() ? load_producers() : status;
}

// What is appended from there on fills them.
void Log::forget_holes_from(int64_t offset) {
  holes_.erase(holes_.lower_bound(offset), holes_.end());
  if (!holes_.empty()) holes_.rbegin()->second = std::min(holes_.rbegin()->second, offset);
}

Status Log::start_over_at(int64_t offset) {
  Status status;
  holes_.clear();
  while (status.ok() && !segments_.empty()) status = remove_segment(segments_.begin()->first);
  if (status.ok()) status = remove_snapshots([](int64_t) { return true; });
  if (status.ok()) status = start_segment(offset, 0);
  if (status.ok()) status = active().make_index_files();
  if (!status.ok()) return status;
  log_start_offset_ = log_end_offset_ = high_watermark_ = flushed_offset_ = recovery_point_ = offset;
  producers_.clear();
  return epochs_.clear();
}

Result<int> Log::apply_retention(int64_t now_ms) {
  if (!config_.cleanup_delete || offline_) return 0;
  int64_t new_start = log_start_offset_;
  uint64_t size = size_in_bytes();
  int count = 0;
  for (auto at = segments_.begin(); at != segments_.end(); ++at) {
    const Segment& segment = *at->second;
    const bool last = std::next(at) == segments_.end();
    // What compaction left empty goes with what lies behind it.
    if (segment.size() == 0 && !last) continue;
    // Records of format 0 have no time: the file's counts.
    const int64_t newest_ms =
        segment.max_timestamp() >= 0 ? segment.max_timestamp() : segment.file().modified_ms();
    const bool too_old =
        config_.retention_ms >= 0 && newest_ms >= 0 && now_ms - newest_ms > config_.retention_ms;
    const bool too_much = config_.retention_bytes >= 0 &&
                          size >= static_cast<uint64_t>(config_.retention_bytes) + segment.size();
    const bool below_start = !last && std::next(at)->first <= log_start_offset_;
    if ((!too_old && !too_much && !below_start) || segment.size() == 0 ||
        segment.next_offset() > high_watermark_)
      break;
    if (last) {
      // The active segment may be over as a whole: an empty one takes its place.
      const Status rolled = noted(roll(now_ms));
      if (!rolled.ok()) return rolled;
    }
    size -= segment.size();
    new_start = std::max(new_start, segment.next_offset());
    ++count;
    if (last) break;
  }
  if (count == 0) return 0;
  const Status raised = noted(raise_start(std::max(new_start, log_start_offset_)));
  if (!raised.ok()) return raised;
  return count;
}

std::optional<Log::OldestSegment> Log::oldest_closed_segment() const {
  const Segment& oldest = *segments_.begin()->second;
  if (segments_.size() == 1 || offline_ || !config_.cleanup_delete || oldest.next_offset() > high_watermark_)
    return std::nullopt;
  return OldestSegment{oldest.max_timestamp(), oldest.size()};
}

Status Log::drop_oldest_segment() {
  OTTLA_CHECK(segments_.size() > 1);
  return noted(raise_start(std::max(log_start_offset_, std::next(segments_.begin())->first)));
}

Status Log::rename_directory(const std::string& directory) {
  const Status renamed = files_.rename(directory_, directory);
  if (!renamed.ok()) return renamed;
  directory_ = directory;
  epochs_.set_path(directory_ + "/" + kLeaderEpochCheckpoint);
  for (auto& [base, segment] : segments_) segment->set_directory(directory_);
  return {};
}

std::string Log::snapshot_path(int64_t offset) const {
  return directory_ + "/" + offset_file_name(offset, kProducerSnapshotSuffix);
}

Status Log::remove_snapshots(const std::function<bool(int64_t)>& condemned) {
  Status status;
  for (auto at = snapshots_.begin(); at != snapshots_.end() && status.ok();) {
    if (!condemned(*at)) {
      ++at;
      continue;
    }
    status = files_.remove_file(snapshot_path(*at));
    at = snapshots_.erase(at);
  }
  return status;
}

}  // namespace ottla::storage
