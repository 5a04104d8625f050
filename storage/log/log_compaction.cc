// SPDX-License-Identifier: Apache-2.0
// The log's side of compaction: what may be cleaned, and how cleaned segments take the place of others (kafka
// LogCleanerManager.cleanableOffsets, LocalLog.replaceSegments).
//
// The swap, each step a rename, and what a start finds after a crash in it (finish_swaps in log_load.cc):
//   1. .cleaned -> .swap, the .log first.  Before: .cleaned is thrown away. After: the .swap counts.
//   2. each replaced segment -> .deleted.  The .swap takes the place of those that are left.
//   3. .swap -> "", the .log first.        Indexes that still have the suffix follow.
#include <algorithm>

#include "storage/log/file_names.h"
#include "storage/log/log.h"

namespace ottla::storage {

CleaningPlan Log::cleaning_plan(int64_t now_ms) const {
  CleaningPlan plan;
  // DeleteRecords may have gone past what was cleaned.
  plan.first_dirty_offset = std::max(cleaned_up_to_, log_start_offset_);
  int64_t bound = std::min(last_stable_offset(), active_base_offset());
  const auto first_dirty = std::prev(segments_.upper_bound(plan.first_dirty_offset));
  const auto written_to = std::prev(segments_.end());
  int64_t oldest = INT64_MAX;
  bool young = false;
  for (auto at = first_dirty; at != written_to; ++at) {
    const Segment& segment = *at->second;
    young = young || (config_.min_compaction_lag_ms > 0 &&
                      segment.max_timestamp() > now_ms - config_.min_compaction_lag_ms);
    if (young) bound = std::min(bound, at->first);
    if (segment.first_batch_timestamp() > 0) oldest = std::min(oldest, segment.first_batch_timestamp());
  }
  bound = std::max(bound, segments_.begin()->first);
  plan.uncleanable_offset = std::prev(segments_.upper_bound(bound))->first;
  plan.overdue = oldest < now_ms - std::min(std::max<int64_t>(config_.max_compaction_lag_ms, 0), now_ms);
  for (const auto& [base, segment] : segments_) {
    if (base < plan.first_dirty_offset) plan.clean_bytes += segment->size();
  }
  for (auto at = first_dirty; at != written_to && at->first < plan.uncleanable_offset; ++at) {
    if (plan.first_dirty_offset < plan.uncleanable_offset) plan.dirty_bytes += at->second->size();
  }
  return plan;
}

CleaningSource Log::cleaning_source(const CleaningPlan& plan) const {
  CleaningSource source;
  source.name = name();
  source.directory = directory_;
  source.first_dirty_offset = plan.first_dirty_offset;
  source.uncleanable_offset = plan.uncleanable_offset;
  source.truncations = truncations_;
  source.segment_bytes = static_cast<uint64_t>(config_.segment_bytes);
  source.segment_index_bytes = static_cast<uint64_t>(config_.segment_index_bytes);
  source.index_interval_bytes = static_cast<uint32_t>(config_.index_interval_bytes);
  source.delete_retention_ms = config_.delete_retention_ms;
  for (const auto& [base, segment] : segments_) {
    source.aborted.insert(source.aborted.end(), segment->aborted().begin(), segment->aborted().end());
    if (base >= plan.uncleanable_offset) continue;
    source.segments.push_back({base, segment->next_offset(), segment->size(), segment->offset_index_bytes(),
                               segment->time_index_bytes(), segment->shared_file()});
  }
  for (const auto& [id, producer] : producers_.producers()) {
    LastOfProducer& last = source.producers[id];
    last.epoch = producer.epoch;
    if (!producer.batches.empty()) last.data_offset = producer.batches.back().last_offset;
  }
  return source;
}

Result<bool> Log::replace_segments(const CleaningSource& source, std::span<const CleanableSegment> replaced,
                                   std::unique_ptr<Segment>& cleaned) {
  if (const Status usable = check_online(); !usable.ok()) return usable;
  if (source.truncations != truncations_ || source.directory != directory_) return false;
  for (const CleanableSegment& old : replaced) {
    const auto found = segments_.find(old.base_offset);
    if (found == segments_.end() || found->second->shared_file() != old.file) return false;
    OTTLA_CHECK(found->second->size() == old.size && found->first != active_base_offset());
  }
  Status status = cleaned->rename_with_suffix(kSwapSuffix);
  for (const CleanableSegment& old : replaced) {
    if (status.ok()) status = remove_segment(old.base_offset);
  }
  if (status.ok()) status = cleaned->rename_with_suffix("");
  if (!status.ok()) return noted(status);
  const int64_t base = cleaned->base_offset();
  segments_[base] = std::move(cleaned);
  return true;
}

void Log::lower_cleaned_up_to(int64_t offset) {
  ++truncations_;
  if (cleaned_up_to_ <= offset) return;
  cleaned_up_to_ = offset;
  if (uncleaned_handler_) uncleaned_handler_();
}

}  // namespace ottla::storage
