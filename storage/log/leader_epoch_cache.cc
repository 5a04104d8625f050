// SPDX-License-Identifier: Apache-2.0
#include "storage/log/leader_epoch_cache.h"

#include <algorithm>

namespace ottla::storage {

Status LeaderEpochCache::load() {
  auto read = read_epoch_checkpoint(*files_, path_);
  if (!read.ok()) return read.status();
  entries_ = std::move(*read);
  return {};
}

Status LeaderEpochCache::write() {
  saved_ = false;
  std::string content = "0\n" + std::to_string(entries_.size()) + "\n";
  for (const EpochEntry& entry : entries_) {
    content += std::to_string(entry.epoch) + " " + std::to_string(entry.start_offset) + "\n";
  }
  const std::string temporary = path_ + ".tmp";
  const auto file = files_->open_empty(temporary);
  if (!file.ok()) return file.status();
  Status status = (*file)->write_at({reinterpret_cast<const uint8_t*>(content.data()), content.size()}, 0);
  if (status.ok()) status = files_->rename(temporary, path_);
  saved_ = status.ok();
  return status;
}

Status LeaderEpochCache::assign(int32_t epoch, int64_t start_offset) {
  if (epoch < 0) return {};
  if (!entries_.empty() && epoch <= entries_.back().epoch && start_offset >= entries_.back().start_offset)
    return {};
  const std::vector<EpochEntry> before = entries_;
  // A newer epoch that begins earlier takes the place of what it covers (the log was cut).
  std::erase_if(entries_, [&](const EpochEntry& entry) {
    return entry.epoch >= epoch || entry.start_offset >= start_offset;
  });
  entries_.push_back({epoch, start_offset});
  Status written = write();
  // Whoever tries again must find that it is not written.
  if (!written.ok()) entries_ = before;
  return written;
}

std::optional<int32_t> LeaderEpochCache::latest_epoch() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.back().epoch;
}

LeaderEpochCache::EpochEnd LeaderEpochCache::end_of(int32_t epoch, int64_t log_end_offset) const {
  if (epoch < 0 || entries_.empty() || epoch > entries_.back().epoch) return {};
  if (epoch == entries_.back().epoch) return {epoch, log_end_offset};
  const auto next =
      std::upper_bound(entries_.begin(), entries_.end(), epoch,
                       [](int32_t wanted, const EpochEntry& entry) { return wanted < entry.epoch; });
  // Older than all that is known: the epoch itself, ending where the first known one begins.
  if (next == entries_.begin()) return {epoch, next->start_offset};
  return {std::prev(next)->epoch, next->start_offset};
}

std::optional<int32_t> LeaderEpochCache::epoch_at(int64_t offset) const {
  std::optional<int32_t> found;
  for (const EpochEntry& entry : entries_) {
    if (entry.start_offset > offset) break;
    found = entry.epoch;
  }
  return found;
}

Status LeaderEpochCache::truncate_from_end(int64_t offset) {
  const size_t removed =
      std::erase_if(entries_, [&](const EpochEntry& entry) { return entry.start_offset >= offset; });
  return removed == 0 ? Status() : write();
}

Status LeaderEpochCache::clear() {
  if (entries_.empty()) return {};
  entries_.clear();
  return write();
}

void LeaderEpochCache::truncate_from_start(int64_t offset) {
  size_t first = 0;
  while (first + 1 < entries_.size() && entries_[first + 1].start_offset <= offset) ++first;
  if (entries_.empty() || (first == 0 && entries_[0].start_offset >= offset)) return;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(first));
  entries_[0].start_offset = std::max(entries_[0].start_offset, offset);
  saved_ = false;
}

}  // namespace ottla::storage
