// SPDX-License-Identifier: Apache-2.0
#include "storage/log/log_cleaning.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "protocol/base/log.h"
#include "protocol/records/record_batch.h"
#include "storage/log/file_names.h"

namespace ottla::storage {
namespace {

constexpr size_t kWriteBytes = 1 << 20;
// Looks at the map whose misses overlap.
constexpr size_t kLooksAtOnce = 64;
// The swap of a group is a few renames per segment on the loop's thread.
constexpr size_t kLargestGroup = 100;

int64_t saturating_sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

}  // namespace

LogCleaning::LogCleaning(FileSystem& files, CleaningSource source, const Limits& limits, int64_t now_ms)
    : files_(files),
      source_(std::move(source)),
      now_ms_(now_ms),
      map_(static_cast<uint64_t>(
               std::max<int64_t>(source_.uncleanable_offset - source_.first_dirty_offset, 1)),
           limits.map_bytes, limits.map_load, limits.seed),
      map_end_(source_.first_dirty_offset),
      reader_(limits.buffer_bytes) {}

LogCleaning::~LogCleaning() = default;

Result<LogCleaning::State> LogCleaning::step(uint64_t budget) {
  Status status;
  switch (phase_) {
    case Phase::kBegin:
      status = begin();
      break;
    case Phase::kMapping:
      status = map_some(budget);
      break;
    case Phase::kSwapped:
      // The names of the swap, before they are relied on.
      status = files_.sync_directory(source_.directory);
      if (status.ok()) phase_ = group_ == group_ends_.size() ? Phase::kDone : Phase::kOpenGroup;
      break;
    case Phase::kOpenGroup:
      status = open_group();
      break;
    case Phase::kCleaning:
      status = clean_some(budget);
      break;
    case Phase::kDone:
      break;
  }
  if (!status.ok()) return status;
  if (phase_ == Phase::kDone) return State::kDone;
  return phase_ == Phase::kSwapped && cleaned_ ? State::kReady : State::kWorking;
}

// A .cleaned file that an earlier try left would make a start after a crash doubt the swaps of this one.
Status LogCleaning::begin() {
  const auto entries = files_.list(source_.directory);
  if (!entries.ok()) return entries.status();
  for (const DirectoryEntry& entry : *entries) {
    if (!entry.name.ends_with(kCleanedSuffix)) continue;
    const Status removed = files_.remove_file(source_.directory + "/" + entry.name);
    if (!removed.ok()) return removed;
  }
  const auto holds_dirty = [&](const CleanableSegment& segment) {
    return segment.base_offset > source_.first_dirty_offset;
  };
  const auto behind = std::find_if(source_.segments.begin(), source_.segments.end(), holds_dirty);
  segment_ =
      behind == source_.segments.begin() ? 0 : static_cast<size_t>(behind - source_.segments.begin()) - 1;
  transactions_.emplace(source_.aborted);
  phase_ = Phase::kMapping;
  if (segment_ >= source_.segments.size()) return {};
  const CleanableSegment& first = source_.segments[segment_];
  // Hops over what is clean.
  uint64_t position = 0;
  const auto scanned = scan_batches(*first.file, 0, first.size, [&](const BatchPosition& at) {
    position = at.position;
    return at.header.last_offset < source_.first_dirty_offset;
  });
  if (!scanned.ok()) return scanned.status();
  open_segment(segment_, std::min(position, first.size));
  return {};
}

void LogCleaning::open_segment(size_t index, uint64_t position) {
  segment_ = index;
  const CleanableSegment& segment = source_.segments[index];
  next_offset_ = segment.base_offset;
  reader_.open(segment.file, position, segment.size);
}

Result<BatchReader::Batch> LogCleaning::next_batch() {
  auto batch = reader_.next();
  if (!batch.ok()) return batch;
  const CleanableSegment& segment = source_.segments[segment_];
  const BatchHeader& header = batch->header;
  if (header.base_offset < next_offset_ || header.last_offset >= segment.next_offset) {
    return Status(ErrorCode::CORRUPT_MESSAGE,
                  fmt::format("{}: a batch claims offsets {} to {}, between {} and {}", segment.file->path(),
                              header.base_offset, header.last_offset, next_offset_, segment.next_offset));
  }
  next_offset_ = header.last_offset + 1;
  return batch;
}

Status LogCleaning::map_some(uint64_t budget) {
  uint64_t used = 0;
  while (segment_ < source_.segments.size() && used < budget) {
    if (reader_.at_end()) {
      const bool last = ++segment_ == source_.segments.size();
      map_end_ =
          std::max(map_end_, last ? source_.uncleanable_offset : source_.segments[segment_].base_offset);
      if (!last) open_segment(segment_);
      continue;
    }
    const auto batch = next_batch();
    if (!batch.ok()) return batch.status();
    used += batch->header.size;
    const auto fits = map_batch(*batch);
    if (!fits.ok()) return fits.status();
    if (!*fits) {
      segment_ = source_.segments.size();
      break;
    }
    map_end_ = std::max(map_end_, batch->header.last_offset + 1);
  }
  moved_bytes_ += used;
  if (segment_ == source_.segments.size()) group_segments();
  return {};
}

Result<bool> LogCleaning::map_batch(const BatchReader::Batch& batch) {
  if (batch.header.control) {
    static_cast<void>(transactions_->may_discard_marker(batch.header, batch.bytes, [](const auto&) {}));
    return true;
  }
  if (transactions_->may_discard(batch.header)) return true;
  Status status = records_.open(batch.bytes);
  if (!status.ok()) return status;
  seen_.clear();
  while (const auto record = records_.next()) {
    if (!record->key || record->offset < source_.first_dirty_offset) continue;
    seen_.push_back(seen(*record));
    if (seen_.size() == kLooksAtOnce && !map_seen()) return false;
  }
  if (!records_.status().ok()) return records_.status();
  return map_seen();
}

bool LogCleaning::map_seen() {
  for (const Seen& record : seen_) {
    if (!map_.put(record.key, record.offset)) return false;
    map_end_ = record.offset + 1;
  }
  seen_.clear();
  return true;
}

LogCleaning::Seen LogCleaning::seen(const records::RecordView& record) const {
  return {record.key ? map_.hash(*record.key) : OffsetMap::Hash{}, record.offset, record.key.has_value(),
          record.value.has_value()};
}

// As Kafka groups them: what fits into one segment, its indexes, and 32 bits of offsets.
void LogCleaning::group_segments() {
  transactions_.emplace(source_.aborted);
  const auto& segments = source_.segments;
  size_t begin = 0;
  while (begin < segments.size() && segments[begin].base_offset < map_end_) {
    uint64_t size = segments[begin].size;
    size_t offset_index = segments[begin].offset_index_bytes;
    size_t time_index = segments[begin].time_index_bytes;
    size_t end = begin + 1;
    for (; end < segments.size() && segments[end].base_offset < map_end_ && end - begin < kLargestGroup;
         ++end) {
      const CleanableSegment& next = segments[end];
      if (size + next.size > source_.segment_bytes) break;
      if (offset_index + next.offset_index_bytes > source_.segment_index_bytes) break;
      if (time_index + next.time_index_bytes > source_.segment_index_bytes) break;
      if (next.next_offset - 1 - segments[begin].base_offset > std::numeric_limits<int32_t>::max()) break;
      size += next.size;
      offset_index += next.offset_index_bytes;
      time_index += next.time_index_bytes;
    }
    group_ends_.push_back(end);
    begin = end;
  }
  segment_ = 0;
  phase_ = group_ends_.empty() ? Phase::kDone : Phase::kOpenGroup;
}

Status LogCleaning::open_group() {
  const CleanableSegment& first = source_.segments[segment_];
  auto made =
      Segment::create_cleaned(files_, source_.directory, first.base_offset, source_.index_interval_bytes);
  if (!made.ok()) return made.status();
  cleaned_ = std::move(*made);
  still_aborted_.clear();
  changed_ = group_ends_[group_] - segment_ > 1;
  open_segment(segment_);
  phase_ = Phase::kCleaning;
  return {};
}

std::span<const CleanableSegment> LogCleaning::replaced() const {
  const size_t begin = group_ > 1 ? group_ends_[group_ - 2] : 0;
  return std::span(source_.segments).subspan(begin, group_ends_[group_ - 1] - begin);
}

Status LogCleaning::clean_some(uint64_t budget) {
  Status status;
  const uint64_t before = moved_bytes_;
  while (status.ok() && moved_bytes_ - before < budget) {
    if (reader_.at_end()) {
      if (++segment_ == group_ends_[group_]) return finish_group();
      open_segment(segment_);
      continue;
    }
    const auto batch = next_batch();
    if (!batch.ok()) return batch.status();
    moved_bytes_ += batch->header.size;
    stats_.bytes_read += batch->header.size;
    status = batch->header.magic < records::kMagicV2 ? clean_old_batch(*batch) : clean_batch(*batch);
    if (status.ok() && out_.size() >= kWriteBytes) status = write_out();
  }
  return status;
}

bool LogCleaning::is_last_of_producer(const BatchHeader& header) const {
  if (header.producer_id < 0) return false;
  const auto found = source_.producers.find(header.producer_id);
  if (found == source_.producers.end()) return false;
  if (found->second.data_offset) return header.last_offset == *found->second.data_offset;
  return header.control && header.producer_epoch == found->second.epoch;
}

bool LogCleaning::is_over(const Seen& record, bool tombstones_are_over) const {
  if (record.offset >= map_end_) return false;
  if (!record.has_key) return true;
  const auto latest = map_.find(record.key);
  return (latest && record.offset < *latest) || (!record.has_value && tombstones_are_over);
}

bool LogCleaning::decide(bool tombstones_are_over) {
  bool tombstones = false;
  for (const Seen& record : seen_) {
    const bool keep = !is_over(record, tombstones_are_over);
    kept_.push_back(keep);
    tombstones = tombstones || (keep && !record.has_value);
  }
  seen_.clear();
  return tombstones;
}

Status LogCleaning::clean_batch(const BatchReader::Batch& batch) {
  const records::RecordBatchView view(batch.bytes);
  const bool horizon_passed = view.has_delete_horizon() && view.base_timestamp() <= now_ms_;
  bool discard = false;
  bool marker_of_empty = false;
  if (batch.header.control) {
    marker_of_empty = transactions_->may_discard_marker(
        batch.header, batch.bytes, [this](const auto& aborted) { still_aborted_.push_back(aborted); });
    discard = marker_of_empty && horizon_passed;
  } else {
    discard = transactions_->may_discard(batch.header);
  }
  const Status opened = records_.open(batch.bytes);
  if (!opened.ok()) return opened;
  kept_.clear();
  seen_.clear();
  bool tombstones = false;
  while (const auto record = records_.next()) {
    if (discard || batch.header.control) {
      kept_.push_back(!discard);
      continue;
    }
    seen_.push_back(seen(*record));
    if (seen_.size() == kLooksAtOnce) tombstones |= decide(horizon_passed);
  }
  tombstones |= decide(horizon_passed);
  const auto count = static_cast<uint64_t>(std::count(kept_.begin(), kept_.end(), true));
  if (!records_.status().ok()) return records_.status();
  stats_.records_read += kept_.size();
  stats_.records_kept += count;
  if (count == 0) {
    keep_nothing_of(batch.header, view);
    return {};
  }
  const bool set_horizon = (tombstones || marker_of_empty) && !view.has_delete_horizon();
  if (count == kept_.size() && !set_horizon) {
    keep_whole(batch);
    return {};
  }
  std::optional<int64_t> horizon;
  if (view.has_delete_horizon()) horizon = view.base_timestamp();
  if (set_horizon) horizon = saturating_sum(now_ms_, source_.delete_retention_ms);
  return rewrite_batch(batch, horizon);
}

void LogCleaning::keep_nothing_of(const BatchHeader& header, const records::RecordBatchView& view) {
  const bool needed = header.last_offset + 1 == source_.uncleanable_offset || is_last_of_producer(header);
  changed_ = changed_ || header.record_count > 0 || !needed;
  if (!needed) return;
  const size_t begin = out_.size();
  filter_.write_empty(view, out_);
  kept_from(begin);
}

// Reads the batch once more: its records are in memory one at a time.
Status LogCleaning::rewrite_batch(const BatchReader::Batch& batch, std::optional<int64_t> delete_horizon_ms) {
  changed_ = true;
  const records::RecordBatchView view(batch.bytes);
  const size_t begin = out_.size();
  Status status = records_.open(batch.bytes);
  bool first = true;
  for (size_t i = 0; i < kept_.size() && status.ok(); ++i) {
    const auto record = records_.next();
    OTTLA_CHECK(record.has_value());
    if (!kept_[i]) continue;
    if (std::exchange(first, false)) {
      filter_.begin(view, delete_horizon_ms.value_or(record->timestamp), delete_horizon_ms.has_value(), out_);
    }
    status = filter_.keep(*record);
  }
  if (status.ok()) status = filter_.finish();
  if (status.ok()) kept_from(begin);
  return status;
}

// Old formats: whole or not at all (see the header).
Status LogCleaning::clean_old_batch(const BatchReader::Batch& batch) {
  const Status opened = records_.open(batch.bytes);
  if (!opened.ok()) return opened;
  uint64_t count = 0;
  bool keep = false;
  while (const auto record = records_.next()) {
    ++count;
    keep = keep || !is_over(seen(*record), false);
  }
  if (!records_.status().ok()) return records_.status();
  stats_.records_read += count;
  changed_ = changed_ || !keep;
  if (!keep) return {};
  stats_.records_kept += count;
  keep_whole(batch);
  return {};
}

void LogCleaning::keep_whole(const BatchReader::Batch& batch) {
  out_.insert(out_.end(), batch.bytes.begin(), batch.bytes.end());
  out_headers_.push_back(batch.header);
}

void LogCleaning::kept_from(size_t begin) {
  const Bytes bytes = Bytes(out_).subspan(begin);
  const auto header = decode_batch_header(bytes, bytes.size());
  OTTLA_CHECK(header.has_value() && header->size == bytes.size());
  out_headers_.push_back(*header);
}

Status LogCleaning::write_out() {
  if (out_.empty()) return {};
  const Status written = cleaned_->append(out_, out_headers_);
  moved_bytes_ += out_.size();
  stats_.bytes_written += out_.size();
  out_.clear();
  out_headers_.clear();
  return written;
}

Status LogCleaning::finish_group() {
  Status status = write_out();
  ++group_;
  if (status.ok() && !changed_) {
    // Byte for byte what is there already.
    phase_ = group_ == group_ends_.size() ? Phase::kDone : Phase::kOpenGroup;
    return discard();
  }
  if (status.ok()) status = cleaned_->set_aborted(std::move(still_aborted_));
  if (status.ok()) status = cleaned_->seal();
  std::vector<std::shared_ptr<File>> written;
  if (status.ok()) status = cleaned_->collect_files(written);
  for (const auto& file : written) {
    if (status.ok()) status = file->sync();
  }
  if (status.ok()) status = files_.sync_directory(source_.directory);
  phase_ = Phase::kSwapped;
  return status;
}

Status LogCleaning::discard() {
  if (!cleaned_) return {};
  const int64_t base = cleaned_->base_offset();
  cleaned_.reset();
  Status status;
  for (const char* kind : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
    if (status.ok())
      status = files_.remove_file(source_.directory + "/" + offset_file_name(base, kind) + kCleanedSuffix);
  }
  return status;
}

}  // namespace ottla::storage
