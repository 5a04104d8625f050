// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "storage/dump/dump.h"
#include "storage/log/file_names.h"
#include "storage/log/segment_index.h"
#include "storage/log/transaction_index.h"

namespace ottla::storage {
namespace {

constexpr uint64_t kLargestIndex = uint64_t{1} << 31;

Status corrupt(std::string message) { return {ErrorCode::CORRUPT_MESSAGE, std::move(message)}; }

// All entries of a file, zeros that Kafka preallocated too; what is left over at the end is no entry.
template <typename Entry>
std::vector<Entry> entries_of(const std::string& content) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(content.data());
  std::vector<Entry> entries(content.size() / Entry::kBytes);
  for (size_t i = 0; i < entries.size(); ++i) entries[i] = Entry::decode(bytes + i * Entry::kBytes);
  return entries;
}

// Where an offset index leads for an offset; entry 0 of an empty one.
uint64_t position_for(const std::vector<OffsetEntry>& entries, int64_t relative_offset) {
  const auto after = std::upper_bound(
      entries.begin(), entries.end(), relative_offset,
      [](int64_t wanted, const OffsetEntry& entry) { return wanted < entry.relative_offset; });
  return after == entries.begin() ? 0 : static_cast<uint64_t>(std::prev(after)->position);
}

}  // namespace

Status Dump::check_offset_index(const std::string& path, uint64_t size, int64_t base,
                                int64_t last_offset) const {
  const char* dot = as_2_8() ? "." : "";
  if (last_offset < base) {
    return corrupt(
        fmt::format("Corrupt index found, index file {} has non-zero size but the last offset is {} which is "
                    "less than the base offset {}{}",
                    as_2_8() ? fmt::format("({})", path) : path, last_offset, base, dot));
  }
  if (size % OffsetEntry::kBytes != 0) {
    return corrupt(fmt::format(
        "Index file {} is corrupt, found {} bytes which is neither positive nor a multiple of {}{}", path,
        size, OffsetEntry::kBytes, dot));
  }
  sinks_.out(fmt::format("{} passed sanity check.", path));
  return {};
}

Status Dump::dump_offset_index(const std::string& path) {
  const auto base = offset_in_name(path);
  if (!base.ok()) return base.status();
  const auto log = files_.open_for_reading(sibling(path, kLogSuffix));
  if (!log.ok()) return log.status();
  const auto log_size = (*log)->size();
  if (!log_size.ok()) return log_size.status();
  const auto content = files_.read_text(path, kLargestIndex);
  if (!content.ok()) return content.status();
  const auto entries = entries_of<OffsetEntry>(*content);
  if (entries.empty()) {
    sinks_.out(fmt::format("{} is empty.", path));
    return {};
  }
  if (options_.index_sanity_only)
    return check_offset_index(path, content->size(), *base, *base + entries.back().relative_offset);
  for (size_t i = 0; i < entries.size(); ++i) {
    const OffsetEntry& entry = entries[i];
    // The zeros behind the last entry of a segment that is written, or of a broker that was killed.
    if (entry.relative_offset == 0 && i > 0) return {};
    if (entry.position < 0 || static_cast<uint64_t>(entry.position) > *log_size) {
      return corrupt(fmt::format("{}: entry {} says position {}, the segment has {} bytes", path, i,
                                 entry.position, *log_size));
    }
    const auto from = static_cast<uint64_t>(entry.position);
    const uint64_t end =
        std::min<uint64_t>(*log_size, from + static_cast<uint64_t>(options_.max_message_size));
    FileBatches batches(*log, from, end);
    const auto batch = batches.next();
    if (!batch.ok()) return batch.status();
    if (!batch->has_value())
      return corrupt(fmt::format("{}: no batch begins at position {}, which entry {} says", path, from, i));
    const int64_t offset = *base + entry.relative_offset;
    if ((*batch)->last_offset != offset) add_finding(index_mismatches_, path, offset, (*batch)->last_offset);
    if (!options_.verify_index_only)
      sinks_.out(fmt::format("offset: {} position: {}", offset, entry.position));
  }
  return {};
}

Status Dump::check_time_index(const std::string& path, const std::string& content, int64_t base) const {
  const auto entries = entries_of<TimeEntry>(content);
  if (!entries.empty()) {
    const TimeEntry& last = entries.back();
    if (last.timestamp < entries.front().timestamp) {
      return corrupt(
          fmt::format("Corrupt time index found, time index file ({}) has non-zero size but the last "
                      "timestamp is {} which is less than the first timestamp {}",
                      path, last.timestamp, entries.front().timestamp));
    }
    if (last.relative_offset < 0) {
      return corrupt(
          fmt::format("Corrupt time index found, time index file ({}) has non-zero size but the last "
                      "offset is {} which is less than the first offset {}",
                      path, base + last.relative_offset, base));
    }
  }
  if (content.size() % TimeEntry::kBytes != 0) {
    return corrupt(
        fmt::format("Time index file {} is corrupt, found {} bytes which is neither positive nor a "
                    "multiple of {}{}",
                    path, content.size(), TimeEntry::kBytes, as_2_8() ? "." : ""));
  }
  sinks_.out(fmt::format("{} passed sanity check.", path));
  return {};
}

Status Dump::dump_time_index(const std::string& path) {
  const auto base = offset_in_name(path);
  if (!base.ok()) return base.status();
  const auto log = files_.open_for_reading(sibling(path, kLogSuffix));
  if (!log.ok()) return log.status();
  const auto offsets = files_.read_text(sibling(path, kOffsetIndexSuffix), kLargestIndex);
  if (!offsets.ok()) return offsets.status();
  const auto content = files_.read_text(path, kLargestIndex);
  if (!content.ok()) return content.status();
  if (options_.index_sanity_only) return check_time_index(path, *content, *base);
  const auto positions = entries_of<OffsetEntry>(*offsets);
  const auto entries = entries_of<TimeEntry>(*content);
  int64_t previous = -1;
  for (size_t i = 0; i < entries.size(); ++i) {
    const TimeEntry& entry = entries[i];
    if (entry.relative_offset == 0 && i > 0) return {};
    const Status status = check_time_entry(path, *log, position_for(positions, entry.relative_offset),
                                           entry.timestamp, *base + entry.relative_offset, previous);
    if (!status.ok()) return status;
    if (!options_.verify_index_only)
      sinks_.out(fmt::format("timestamp: {} offset: {}", entry.timestamp, *base + entry.relative_offset));
    previous = entry.timestamp;
  }
  return {};
}

Status Dump::check_time_entry(const std::string& path, const std::shared_ptr<File>& log, uint64_t position,
                              int64_t timestamp, int64_t offset, int64_t previous_timestamp) {
  const auto size = log->size();
  if (!size.ok()) return size.status();
  if (position > *size)
    return corrupt(fmt::format("{}: its offset index says position {}, the segment has {} bytes", path,
                               position, *size));
  FileBatches batches(log, position, *size);
  while (true) {
    const auto batch = batches.next();
    if (!batch.ok()) return batch.status();
    if (!batch->has_value()) {
      add_finding(offsets_not_found_, path, offset, -1);
      return {};
    }
    const DumpedBatch& found = **batch;
    if (found.last_offset < offset) continue;
    if (found.last_offset != offset) {
      add_finding(offsets_not_found_, path, offset, found.last_offset);
      return {};
    }
    int64_t largest = -1;
    const Status read = for_each_record(found, [&](const records::RecordView& record) {
      largest = std::max(largest, record.timestamp);
      return Status();
    });
    if (!read.ok()) return read;
    if (largest != timestamp) add_finding(time_mismatches_, path, timestamp, largest);
    if (previous_timestamp >= timestamp)
      add_finding(times_out_of_order_, path, timestamp, previous_timestamp);
    return {};
  }
}

Status Dump::dump_transaction_index(const std::string& path) {
  std::vector<AbortedTransaction> aborted;
  const Status read = read_transaction_index(files_, path, aborted);
  for (const AbortedTransaction& one : aborted) {
    sinks_.out(fmt::format("version: {} producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}",
                           kAbortedTransactionVersion, one.producer_id, one.first_offset, one.last_offset,
                           one.last_stable_offset));
  }
  return read;
}

}  // namespace ottla::storage
