// SPDX-License-Identifier: Apache-2.0
// How a log comes up from its directory (kafka LogLoader):
//   1. leftovers: .deleted and .cleaned files go; a .swap file takes the place it was made for; index files
//      without a segment go
//   2. segments in order; clean stop: indexes are trusted after a look, else every segment past the recovery
//      point is walked and cut behind its last good batch. Nothing behind a cut is kept as log: whole
//      segments go aside as .cut files. A segment whose offsets lie too far apart is split (log_split.cc)
//   3. producer state: the newest good snapshot, then the batches after it
#include <algorithm>

#include "protocol/base/log.h"
#include "storage/log/file_names.h"
#include "storage/log/log.h"
#include "storage/log/partition_metadata.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";

std::string without_suffix(const std::string& name, std::string_view suffix) {
  return name.substr(0, name.size() - suffix.size());
}

// Whether every offset from the segment's base to its end has its record.
Result<bool> is_dense(const Segment& segment) {
  bool dense = true;
  int64_t next = segment.base_offset();
  const auto scanned = scan_batches(segment.file(), 0, segment.size(), [&](const BatchPosition& at) {
    dense = at.header.base_offset == next && at.header.last_offset - next + 1 == at.header.record_count;
    next = at.header.last_offset + 1;
    return dense;
  });
  if (!scanned.ok()) return scanned.status();
  return dense;
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(FileSystem& files, OpenOptions options) {
  const bool clean = options.clean_shutdown, is_new = options.is_new;
  const int64_t now_ms = options.now_ms;
  std::unique_ptr<Log> log(new Log(files, std::move(options)));
  const Status loaded = is_new ? log->begin(now_ms) : log->load(clean, now_ms);
  if (!loaded.ok()) return loaded;
  return log;
}

Log::Log(FileSystem& files, OpenOptions options)
    : files_(files),
      directory_(std::move(options.directory)),
      config_(options.config),
      epochs_(files, directory_ + "/" + kLeaderEpochCheckpoint),
      log_start_offset_(options.log_start_offset),
      loaded_high_watermark_(options.high_watermark),
      recovery_point_(options.recovery_point),
      cleaned_up_to_(options.cleaned_up_to),
      recovery_progress_(std::move(options.recovery_progress)) {}

uint64_t Log::bytes_to_recover(FileSystem& files, const OpenOptions& options) {
  const auto entries = files.list(options.directory);
  if (options.clean_shutdown || !entries.ok()) return 0;
  std::set<int64_t> bases;
  for (const DirectoryEntry& entry : *entries) {
    if (const auto base = offset_of_file_name(entry.name, kLogSuffix)) bases.insert(*base);
  }
  uint64_t bytes = 0;
  for (auto base = bases.rbegin(); base != bases.rend(); ++base) {
    const auto file = files.open(options.directory + "/" + offset_file_name(*base, kLogSuffix), false);
    const auto size = file.ok() ? (*file)->size() : Result<uint64_t>(file.status());
    if (size.ok()) bytes += *size;
    if (*base <= options.recovery_point) break;
  }
  return bytes;
}

Status Log::load(bool clean_shutdown, int64_t now_ms) {
  const auto base_offsets = clean_up_leftovers();
  if (!base_offsets.ok()) return base_offsets.status();
  Status status = load_topic_id();
  if (!status.ok()) return status;
  status = epochs_.load();
  if (!status.ok()) {
    log_warn(kComponent, "{}: rebuilding the leader epochs from the batches: {}", directory_,
             status.message());
    clean_shutdown = false;
    recovery_point_ = 0;
  }
  status = load_segments(*base_offsets, clean_shutdown);
  if (!status.ok()) return status;
  if (segments_.empty()) {
    status = start_segment(log_start_offset_, now_ms);
    if (!status.ok()) return status;
  } else {
    parent_synced_ = clean_shutdown || recovery_point_ > 0;
  }
  status = doubt_holes();
  if (!status.ok()) return status;
  for (auto& [base, segment] : segments_) segment->set_created_ms(now_ms);
  log_end_offset_ = active().next_offset();
  log_start_offset_ = std::max(log_start_offset_, segments_.begin()->first);
  if (log_end_offset_ < log_start_offset_) {
    log_warn(kComponent, "{}: the log ends at {}, before its start {}: starting over, empty, at {}",
             directory_, log_end_offset_, log_start_offset_, log_start_offset_);
    status = start_over_at(log_start_offset_);
    if (!status.ok()) return status;
  }
  // A recovery cut the log: what is appended from now on was never cleaned.
  if (cleaned_up_to_ > log_end_offset_) cleaned_up_to_ = log_start_offset_;
  high_watermark_ = log_end_offset_;
  recovery_point_ = clean_shutdown ? log_end_offset_ : std::min(recovery_point_, log_end_offset_);
  flushed_offset_ = recovery_point_;
  if (!clean_shutdown) ++name_changes_;
  status = epochs_.truncate_from_end(log_end_offset_);
  epochs_.truncate_from_start(log_start_offset_);
  return status.ok() ? load_producers() : status;
}

Result<std::vector<int64_t>> Log::clean_up_leftovers() {
  auto entries = files_.list(directory_);
  if (!entries.ok()) return entries.status();
  if (entries->empty()) return std::vector<int64_t>();  // new
  Status status;
  const auto is_swap = [](const DirectoryEntry& entry) { return entry.name.ends_with(kSwapSuffix); };
  if (std::ranges::any_of(*entries, is_swap)) {
    status = finish_swaps(*entries);
    if (!status.ok()) return status;
    entries = files_.list(directory_);
    if (!entries.ok()) return entries.status();
  }
  const auto remove = [&](const std::string& name) {
    if (status.ok()) status = files_.remove_file(directory_ + "/" + name);
  };
  for (DirectoryEntry& entry : *entries) {
    if (entry.name.ends_with(kDeletedSuffix) || entry.name.ends_with(kCleanedSuffix) ||
        entry.name.ends_with(".tmp")) {
      remove(entry.name);
      entry.name.clear();
    }
  }
  std::set<int64_t> bases;
  for (const DirectoryEntry& entry : *entries) {
    if (const auto base = offset_of_file_name(entry.name, kLogSuffix)) bases.insert(*base);
    if (const auto offset = offset_of_file_name(entry.name, kProducerSnapshotSuffix))
      snapshots_.insert(*offset);
  }
  for (const DirectoryEntry& entry : *entries) {
    for (const char* index : {kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
      const auto base = offset_of_file_name(entry.name, index);
      if (base && !bases.contains(*base)) remove(entry.name);
    }
  }
  if (!status.ok()) return status;
  return std::vector<int64_t>(bases.begin(), bases.end());
}

// Swaps that a crash interrupted; log_compaction.cc has their steps.
Status Log::finish_swaps(const std::vector<DirectoryEntry>& entries) {
  int64_t first_cleaned = INT64_MAX;
  std::set<int64_t> swaps;
  for (const DirectoryEntry& entry : entries) {
    const auto cleaned = offset_of_file_name(entry.name, std::string(kLogSuffix) + kCleanedSuffix);
    if (cleaned) first_cleaned = std::min(first_cleaned, *cleaned);
    const auto swap = offset_of_file_name(entry.name, std::string(kLogSuffix) + kSwapSuffix);
    if (swap) swaps.insert(*swap);
  }
  Status status;
  for (const int64_t base : swaps) {
    if (status.ok() && base < first_cleaned) status = finish_swap(base, entries);
    // An old Kafka split a segment and did not come to its end: the segment is still there (KAFKA-6264). The
    // .log goes last: without it the others would be taken for indexes that follow their .log.
    for (const char* kind : {kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix, kLogSuffix}) {
      if (status.ok() && base >= first_cleaned)
        status = files_.remove_file(directory_ + "/" + offset_file_name(base, kind) + kSwapSuffix);
    }
  }
  for (const DirectoryEntry& entry : entries) {
    for (const char* kind : {kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
      const auto base = offset_of_file_name(entry.name, std::string(kind) + kSwapSuffix);
      if (!status.ok() || !base || swaps.contains(*base)) continue;
      const std::string swap = directory_ + "/" + entry.name;
      status = files_.exists(directory_ + "/" + offset_file_name(*base, kLogSuffix))
                   ? files_.rename(swap, without_suffix(swap, kSwapSuffix))
                   : files_.remove_file(swap);
    }
  }
  return status;
}

// The .log gets its name last: until then the next start does all of this again.
Status Log::finish_swap(int64_t base, const std::vector<DirectoryEntry>& entries) {
  const auto name = [&](int64_t offset, const char* kind) {
    return directory_ + "/" + offset_file_name(offset, kind);
  };
  const auto file = files_.open(name(base, kLogSuffix) + kSwapSuffix, false);
  if (!file.ok()) return file.status();
  const auto size = (*file)->size();
  if (!size.ok()) return size.status();
  int64_t end = base;
  const auto scanned = scan_batches(**file, 0, *size, [&](const BatchPosition& at) {
    end = at.header.last_offset + 1;
    return true;
  });
  Status status = scanned.status();
  for (const char* kind : {kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
    if (status.ok()) status = files_.remove_file(name(base, kind));
    if (status.ok() && files_.exists(name(base, kind) + kSwapSuffix))
      status = files_.rename(name(base, kind) + kSwapSuffix, name(base, kind));
  }
  for (const DirectoryEntry& entry : entries) {
    const auto replaced = offset_of_file_name(entry.name, kLogSuffix);
    if (!replaced || *replaced <= base || *replaced >= end) continue;
    for (const char* kind : {kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix, kLogSuffix}) {
      if (status.ok()) status = files_.remove_file(name(*replaced, kind));
    }
  }
  log_info(kComponent, "{}: finishing the swap of a cleaned segment at offset {}", directory_, base);
  return status.ok() ? files_.rename(name(base, kLogSuffix) + kSwapSuffix, name(base, kLogSuffix)) : status;
}

Status Log::load_topic_id() {
  const std::string path = directory_ + "/" + kPartitionMetadata;
  const auto id = read_partition_metadata(files_, path);
  if (id.ok()) {
    topic_id_ = *id;
    return {};
  }
  if (id.status().code() != ErrorCode::CORRUPT_MESSAGE) return id.status();
  // Made just before the machine lost power: whoever opens the partition next brings the id.
  log_warn(kComponent, "{}: removed", id.status().message());
  return files_.remove_file(path);
}

Status Log::load_segments(std::vector<int64_t> base_offsets, bool clean_shutdown) {
  std::set<int64_t> parts;  // of segments that were split here; what was between them was one file's
  for (size_t i = 0; i < base_offsets.size(); ++i) {
    const int64_t base = base_offsets[i];
    auto opened = open_segment(base);
    if (!opened.ok()) return opened.status();
    Segment& segment = *(segments_[base] = std::move(*opened));
    const bool last = i + 1 == base_offsets.size();
    const int64_t next_base = last ? INT64_MAX : base_offsets[i + 1];
    const bool flushed = clean_shutdown || (!last && next_base <= recovery_point_);
    Found found;
    Status status = load_or_recover(segment, flushed, last, found);
    if (!status.ok()) return status;
    if (found.far) {
      const auto bases = split(base, next_base);
      if (!bases.ok()) return bases.status();
      if (!bases->empty()) {
        parts.insert(bases->begin() + 1, bases->end());
        base_offsets.insert(base_offsets.begin() + static_cast<std::ptrdiff_t>(i) + 1, bases->begin() + 1,
                            bases->end());
        --i;
        continue;
      }
      found.cut = found.far_at.has_value();
      if (found.far_at) status = segment.cut_tail(*found.far_at);
      if (status.ok()) status = last ? segment.make_index_files() : segment.seal();
      if (!status.ok()) return status;
    }
    const bool hole = !last && !found.cut && !parts.contains(next_base) && ends_before(segment, next_base);
    // What was flushed and is gone, somebody took away: the rest is no worse for it.
    if (!last && (found.cut || (hole && !flushed))) return drop_segments_after(base);
    if (hole) holes_.emplace(segment.next_offset(), next_base);
  }
  return {};
}

// Whether batches are missing between `segment` and the one at `next_base`. The machine lost power: the later
// one had reached the disk, the end of this one had not.
bool Log::ends_before(const Segment& segment, int64_t next_base) const {
  // Compaction leaves gaps too, and what lies below the log's start nobody misses.
  if (segment.next_offset() >= next_base || config_.cleanup_compact || next_base <= cleaned_up_to_ ||
      next_base <= log_start_offset_)
    return false;
  log_error(kComponent,
            "{}: ends at offset {}, the next segment begins at {}: nothing of what was between is here",
            segment.log_path(), segment.next_offset(), next_base);
  return true;
}

// A hole that nobody may read across is one between segments that are dense themselves. Where they are not,
// the topic was compacted once, here or where its records were copied from, though it is not now.
Status Log::doubt_holes() {
  for (auto hole = holes_.begin(); hole != holes_.end();) {
    const auto after = segments_.find(hole->second);
    const auto before_is_dense = is_dense(*std::prev(after)->second);
    if (!before_is_dense.ok()) return before_is_dense.status();
    const auto after_is_dense = is_dense(*after->second);
    if (!after_is_dense.ok()) return after_is_dense.status();
    hole = *before_is_dense && *after_is_dense ? std::next(hole) : holes_.erase(hole);
  }
  return {};
}

Status Log::load_or_recover(Segment& segment, bool flushed, bool last, Found& found) {
  if (flushed) {
    const Status loaded = segment.load();
    found.far = loaded.ok() && segment.reaches_too_far();
    if (loaded.ok()) return loaded;
    log_warn(kComponent, "{}: rebuilding its indexes: {}", segment.log_path(), loaded.message());
  }
  const Status recovered = recover_segment(segment, found);
  if (!recovered.ok() || found.far) return recovered;
  return last ? segment.make_index_files() : segment.seal();
}

Status Log::recover_segment(Segment& segment, Found& found) {
  // Producer state from behind the recovery point says nothing now; what is walked says it again, aborted
  // transactions included.
  const int64_t from = std::max(recovery_point_, segment.base_offset());
  Status status = remove_snapshots([&](int64_t offset) { return offset > from; });
  if (!status.ok()) return status;
  const auto recovered = segment.recover(from, [&](const BatchHeader& header, Bytes batch) {
    const Status followed = follow_producers(header, batch);
    if (!followed.ok() || header.leader_epoch <= epochs_.latest_epoch().value_or(-1)) return followed;
    return epochs_.assign(header.leader_epoch, header.base_offset);
  });
  if (!recovered.ok()) return recovered.status();
  found.cut = recovered->cut_bytes > 0;
  found.far_at = recovered->far_at;
  found.far = found.far_at || (!found.cut && segment.reaches_too_far());
  if (found.far) return {};
  appended_bytes_ += recovered->walked_bytes;
  if (recovery_progress_) recovery_progress_(segment.size());
  return {};
}

// Behind a cut nothing can be served: the segments after it are kept aside, not deleted, for a person to look
// at.
Status Log::drop_segments_after(int64_t base_offset) {
  const auto entries = files_.list(directory_);
  if (!entries.ok()) return entries.status();
  for (const DirectoryEntry& entry : *entries) {
    for (const char* kind : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
      const auto base = offset_of_file_name(entry.name, kind);
      if (!base || *base <= base_offset) continue;
      const std::string path = directory_ + "/" + entry.name;
      const std::string aside = unused_cut_name(files_, path);
      log_warn(kComponent, "{}: taken out of the log, since something is missing before it; kept as {}", path,
               aside);
      const Status renamed = files_.rename(path, aside);
      if (!renamed.ok()) return renamed;
    }
  }
  return {};
}

Status Log::load_producers() {
  const Status status = remove_snapshots([this](int64_t offset) { return offset > log_end_offset_; });
  // A walk that came to the end has seen all of them.
  if (!status.ok() || producers_end_ == log_end_offset_) return status;
  return load_producers_up_to(log_end_offset_);
}

Status Log::load_producers_up_to(int64_t end_offset) {
  producers_.clear();
  // What lies below the log's start but is still there counts too: its producers go on from there.
  int64_t from = segments_.begin()->first;
  for (auto later = snapshots_.upper_bound(end_offset); later != snapshots_.begin();) {
    const auto newest = std::prev(later);
    const Status read = producers_.read_snapshot(files_, snapshot_path(*newest));
    if (read.ok()) {
      from = std::max(from, *newest);
      break;
    }
    log_warn(kComponent, "{}", read.message());
    producers_.clear();
    const Status removed = files_.remove_file(snapshot_path(*newest));
    if (!removed.ok()) return removed;
    later = snapshots_.erase(newest);
  }
  Status status;
  for (const auto& [base, segment] : segments_) {
    if (status.ok() && segment->next_offset() > from && base < end_offset)
      status = replay_producers(*segment, from, end_offset);
  }
  return status;
}

// The producers of a batch that recovery walks, so that no batch is read again for them. Before the first one
// comes what lies in front of it.
Status Log::follow_producers(const BatchHeader& header, Bytes batch) {
  if (!producers_end_) {
    const Status before = load_producers_up_to(header.base_offset);
    if (!before.ok()) return before;
  }
  producers_end_ = header.last_offset + 1;
  if (header.producer_id >= 0) take_producer(header, batch);
  return {};
}

Status Log::replay_producers(const Segment& segment, int64_t from_offset, int64_t end_offset) {
  std::vector<uint8_t> marker;
  return segment.for_each_batch(from_offset, end_offset, [&](const BatchPosition& at) {
    if (at.header.producer_id < 0) return Status();
    marker.clear();
    if (at.header.control) {
      marker.resize(at.header.size);
      const Status read = segment.file().read_exactly_at(marker, at.position);
      if (!read.ok()) return read;
    }
    take_producer(at.header, marker);
    return Status();
  });
}

}  // namespace ottla::storage
