// SPDX-License-Identifier: Apache-2.0
#include "storage/log/segment_index.h"

#include <algorithm>

namespace ottla::storage {
namespace {

template <typename Number>
void put(uint8_t* out, Number value) {
  for (size_t i = 0; i < sizeof(Number); ++i) {
    out[i] = static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * (sizeof(Number) - 1 - i)));
  }
}

template <typename Number>
Number get(const uint8_t* in) {
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) value = (value << 8) | in[i];
  return static_cast<Number>(value);
}

}  // namespace

void OffsetEntry::encode(uint8_t* out) const {
  put(out, relative_offset);
  put(out + 4, position);
}
OffsetEntry OffsetEntry::decode(const uint8_t* in) { return {get<int32_t>(in), get<int32_t>(in + 4)}; }

void TimeEntry::encode(uint8_t* out) const {
  put(out, timestamp);
  put(out + 8, relative_offset);
}
TimeEntry TimeEntry::decode(const uint8_t* in) { return {get<int64_t>(in), get<int32_t>(in + 8)}; }

template <typename Entry>
Status EntryFile<Entry>::load() {
  entries_.clear();
  saved_ = 0;
  found_ = false;
  const auto read = files_->read_text_if_there(path_, uint64_t{1} << 31);
  if (!read.ok()) return read.status();
  if (!*read) return {};
  found_ = true;
  const std::string* const text = &**read;
  if (text->size() % Entry::kBytes != 0) {
    return {ErrorCode::KAFKA_STORAGE_ERROR,
            "index " + path_ + " has " + std::to_string(text->size()) + " bytes, not whole entries"};
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(text->data());
  for (size_t at = 0; at < text->size(); at += Entry::kBytes) {
    const Entry entry = Entry::decode(bytes + at);
    // The rest is what Kafka preallocated: an entry behind another is never all zero, and a first one that is
    // says nothing.
    if (entry.is_zero()) break;
    if (!entries_.empty() && !entry.follows(entries_.back())) {
      entries_.clear();
      return {ErrorCode::KAFKA_STORAGE_ERROR,
              "index " + path_ + " does not ascend at entry " + std::to_string(at / Entry::kBytes)};
    }
    entries_.push_back(entry);
  }
  entries_.shrink_to_fit();
  saved_ = entries_.size();
  return {};
}

template <typename Entry>
Status EntryFile<Entry>::truncate(size_t count) {
  entries_.resize(std::min(count, entries_.size()));
  saved_ = std::min(saved_, entries_.size());
  if (!files_->exists(path_)) return {};
  const auto file = files_->open(path_, false);
  return file.ok() ? (*file)->truncate(saved_ * Entry::kBytes) : file.status();
}

template <typename Entry>
Result<std::shared_ptr<File>> EntryFile<Entry>::save() {
  auto file = files_->open(path_, true);
  if (!file.ok()) return file;
  std::vector<uint8_t> bytes((entries_.size() - saved_) * Entry::kBytes);
  for (size_t i = saved_; i < entries_.size(); ++i)
    entries_[i].encode(bytes.data() + (i - saved_) * Entry::kBytes);
  Status status;
  if (!bytes.empty()) status = (*file)->write_at(bytes, saved_ * Entry::kBytes);
  if (status.ok()) status = (*file)->truncate(size_in_bytes());
  if (!status.ok()) return status;
  saved_ = entries_.size();
  return file;
}

template class EntryFile<OffsetEntry>;
template class EntryFile<TimeEntry>;

OffsetEntry lookup(const OffsetIndex& index, int32_t relative_offset) {
  const auto& entries = index.entries();
  const auto after = std::upper_bound(
      entries.begin(), entries.end(), relative_offset,
      [](int32_t wanted, const OffsetEntry& entry) { return wanted < entry.relative_offset; });
  return after == entries.begin() ? OffsetEntry{} : *std::prev(after);
}

TimeEntry lookup(const TimeIndex& index, int64_t timestamp) {
  const auto& entries = index.entries();
  const auto after =
      std::upper_bound(entries.begin(), entries.end(), timestamp,
                       [](int64_t wanted, const TimeEntry& entry) { return wanted < entry.timestamp; });
  return after == entries.begin() ? TimeEntry{-1, 0} : *std::prev(after);
}

}  // namespace ottla::storage
