// SPDX-License-Identifier: Apache-2.0
// Splits a segment that holds offsets further than 2^31-1 behind its base, as Kafka before 1.0 made them
// where it compacted several segments into one (KAFKA-6264): no index entry can tell such an offset. (kafka
// LocalLog.splitOverflowedSegment.) Nothing of the file is dropped, a torn end goes into the last part.
//
// Each step is on the disk before the next, and what a start finds after a crash is what finish_swaps in
// log_load.cc knows:
//   1. the parts as .log.cleaned                       thrown away; the segment is whole
//   2. .cleaned -> .swap, the last part first          thrown away too, while the first part, whose base is
//                                                      the smallest, is .cleaned
//   3. .swap -> "", the first part first (finish_swap) the .swap files that are left take their places
// The indexes of the old segment go in step 3; those of the parts are made as those of any segment without.
#include <algorithm>

#include "protocol/base/log.h"
#include "storage/log/file_names.h"
#include "storage/log/log.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";
constexpr uint64_t kCopyBytes = 1 << 20;

Status copy_range(const File& from, uint64_t begin, uint64_t end, File& to) {
  std::vector<uint8_t> piece;
  Status status = to.truncate(0);
  for (uint64_t at = begin; status.ok() && at < end; at += piece.size()) {
    piece.resize(std::min(kCopyBytes, end - at));
    status = from.read_exactly_at(piece, at);
    if (status.ok()) status = to.write_at(piece, at - begin);
  }
  return status.ok() ? to.sync() : status;
}

}  // namespace

// The bases of the parts, the segment's own first. Nothing where the offsets do not ascend, run into the next
// segment, or leave a gap though nothing was ever compacted: those are damaged (no checksum covers the offset
// of a batch), and no sign of a long segment.
Result<std::vector<int64_t>> Log::split(int64_t base, int64_t next_base) {
  if (!config_.cleanup_compact && base >= cleaned_up_to_) return std::vector<int64_t>();
  const Segment& segment = *segments_.at(base);
  std::vector<std::pair<int64_t, uint64_t>> parts{{base, 0}};  // base offset, first byte
  int64_t end = base;
  bool ascending = true;
  const auto scanned = scan_batches(segment.file(), 0, segment.size(), [&](const BatchPosition& at) {
    ascending = at.header.base_offset >= end && at.header.last_offset < next_base;
    end = at.header.last_offset + 1;
    if (at.header.last_offset - parts.back().first > INT32_MAX)
      parts.emplace_back(at.header.base_offset, at.position);
    return ascending;
  });
  if (!scanned.ok()) return scanned.status();
  if (!ascending || parts.size() == 1) return std::vector<int64_t>();
  log_warn(kComponent, "{}: its offsets reach to {}, too far for one segment: splitting it into {}",
           segment.log_path(), end - 1, parts.size());
  Status status = write_parts(segment.file(), parts, segment.size());
  if (!status.ok()) return status;
  // What was learned of the segment counts no more: its parts are loaded as any other.
  segments_.erase(base);
  producers_.clear();
  producers_end_.reset();
  const auto entries = files_.list(directory_);
  if (!entries.ok()) return entries.status();
  std::vector<int64_t> bases;
  for (const auto& [part, begin] : parts) {
    status = finish_swap(part, *entries);
    if (!status.ok()) return status;
    bases.push_back(part);
  }
  status = files_.sync_directory(directory_);
  if (!status.ok()) return status;
  return bases;
}

// Steps 1 and 2.
Status Log::write_parts(const File& whole, const std::vector<std::pair<int64_t, uint64_t>>& parts,
                        uint64_t size) {
  const auto log_name = [&](size_t part) {
    return directory_ + "/" + offset_file_name(parts[part].first, kLogSuffix);
  };
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto file = files_.open(log_name(i) + kCleanedSuffix, true);
    if (!file.ok()) return file.status();
    const uint64_t end = i + 1 == parts.size() ? size : parts[i + 1].second;
    const Status copied = copy_range(whole, parts[i].second, end, **file);
    if (!copied.ok()) return copied;
  }
  Status status = files_.sync_directory(directory_);
  for (size_t i = parts.size(); status.ok() && i-- > 0;)
    status = files_.rename(log_name(i) + kCleanedSuffix, log_name(i) + kSwapSuffix);
  return status.ok() ? files_.sync_directory(directory_) : status;
}

}  // namespace ottla::storage
