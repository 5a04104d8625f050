// SPDX-License-Identifier: Apache-2.0
#include "storage/log/segment.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "protocol/base/log.h"
#include "protocol/wire/reader.h"
#include "storage/log/batch_reader.h"
#include "storage/log/file_names.h"
#include "storage/log/transaction_index.h"

namespace ottla::storage {
namespace {

constexpr size_t kRecoveryReadBytes = 1 << 20;
// What was written so short a time ago is not looked for.
constexpr uint64_t kHotBytes = 4 << 20;

bool all_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

Segment::Segment(FileSystem& files, std::string directory, std::string suffix, int64_t base_offset,
                 uint32_t index_interval_bytes, std::shared_ptr<File> file, uint64_t size)
    : files_(files),
      directory_(std::move(directory)),
      suffix_(std::move(suffix)),
      base_offset_(base_offset),
      index_interval_bytes_(index_interval_bytes),
      file_(std::move(file)),
      size_(size),
      size_at_open_(size),
      offset_index_(files, path(kOffsetIndexSuffix)),
      time_index_(files, path(kTimeIndexSuffix)),
      next_offset_(base_offset) {}

Result<std::unique_ptr<Segment>> Segment::open(FileSystem& files, std::string directory, int64_t base_offset,
                                               uint32_t index_interval_bytes) {
  const std::string name = directory + "/" + offset_file_name(base_offset, kLogSuffix);
  auto file = files.open(name, true);
  if (!file.ok()) return file.status();
  const auto size = (*file)->size();
  if (!size.ok()) return size.status();
  return std::unique_ptr<Segment>(new Segment(files, std::move(directory), "", base_offset,
                                              index_interval_bytes, std::move(*file), *size));
}

Result<std::unique_ptr<Segment>> Segment::create_cleaned(FileSystem& files, std::string directory,
                                                         int64_t base_offset, uint32_t index_interval_bytes) {
  const std::string stem = directory + "/" + offset_file_name(base_offset, "");
  for (const char* kind : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
    const Status removed = files.remove_file(stem + kind + kCleanedSuffix);
    if (!removed.ok()) return removed;
  }
  auto file = files.open(stem + kLogSuffix + kCleanedSuffix, true);
  if (!file.ok()) return file.status();
  return std::unique_ptr<Segment>(new Segment(files, std::move(directory), kCleanedSuffix, base_offset,
                                              index_interval_bytes, std::move(*file), 0));
}

std::string Segment::path(const char* suffix) const {
  return directory_ + "/" + offset_file_name(base_offset_, suffix) + suffix_;
}

Status Segment::append(Bytes batches, std::span<const BatchHeader> headers) {
  const Status written = file_->write_at(batches, size_);
  if (!written.ok()) {
    // Whatever part of it arrived must not stand behind the last batch.
    const Status cut = file_->truncate(size_);
    return cut.ok() ? written : cut;
  }
  for (const BatchHeader& header : headers) {
    index_batch(header, size_, header.size);
    size_ += header.size;
  }
  return {};
}

// Kafka's order: the batch counts for the time first; an entry is made before the batch that passes the
// interval.
void Segment::index_batch(const BatchHeader& header, uint64_t position, uint32_t length) {
  if (header.max_timestamp > max_timestamp_) {
    max_timestamp_ = header.max_timestamp;
    offset_of_max_timestamp_ = header.last_offset;
  }
  if (first_batch_timestamp_ < 0) first_batch_timestamp_ = header.max_timestamp;
  if (bytes_since_entry_ > index_interval_bytes_) {
    const auto relative = static_cast<int32_t>(header.last_offset - base_offset_);
    offset_index_.append({relative, static_cast<int32_t>(position)});
    note_max_timestamp();
    bytes_since_entry_ = 0;
  }
  bytes_since_entry_ += length;
  next_offset_ = header.last_offset + 1;
}

void Segment::note_max_timestamp() {
  const auto& times = time_index_.entries();
  if (max_timestamp_ <= (times.empty() ? -1 : times.back().timestamp)) return;
  time_index_.append({max_timestamp_, static_cast<int32_t>(offset_of_max_timestamp_ - base_offset_)});
}

Result<std::optional<BatchPosition>> Segment::find(int64_t offset) const {
  const int64_t relative = std::min<int64_t>(offset - base_offset_, std::numeric_limits<int32_t>::max());
  const auto entry = lookup(offset_index_, static_cast<int32_t>(std::max<int64_t>(relative, 0)));
  std::optional<BatchPosition> found;
  const auto from = static_cast<uint64_t>(entry.position);
  const auto scan = [&](uint64_t position) {
    const auto look = [&](const BatchPosition& at) {
      if (position > 0 && at.position == position && at.header.base_offset > offset) return false;
      if (at.header.last_offset >= offset) found = at;
      return !found.has_value();
    };
    // By reference: a function that holds this much would be allocated, for every fetch.
    return scan_batches(*file_, position, size_, std::ref(look));
  };
  auto scanned = scan(from);
  // An index that points into the middle of a batch shows nothing readable there, one that points too far a
  // batch behind the offset: the file itself is the truth.
  if (scanned.ok() && !found && from > 0 && offset < next_offset_) scanned = scan(0);
  if (!scanned.ok()) return scanned.status();
  return found;
}

FileSlice Segment::place_of(int64_t offset, uint32_t max_bytes) const {
  const int64_t relative = std::clamp<int64_t>(offset - base_offset_, 0, std::numeric_limits<int32_t>::max());
  const auto position = static_cast<uint64_t>(lookup(offset_index_, static_cast<int32_t>(relative)).position);
  if (position >= size_ || position >= std::max(size_at_open_, size_ - std::min(size_, kHotBytes))) return {};
  const uint64_t wanted = uint64_t{max_bytes} + index_interval_bytes_;
  return slice(position, static_cast<uint32_t>(std::min(wanted, size_ - position)));
}

Result<std::optional<BatchPosition>> Segment::find_timestamp(int64_t timestamp, int64_t from_offset) const {
  std::optional<BatchPosition> found;
  if (max_timestamp_ < timestamp) return found;
  const auto time_entry = lookup(time_index_, timestamp);
  const int64_t relative = std::max<int64_t>(time_entry.relative_offset, from_offset - base_offset_);
  const auto offset_entry =
      lookup(offset_index_, static_cast<int32_t>(std::clamp<int64_t>(relative, 0, INT32_MAX)));
  bool plausible = false;
  const auto scan = [&](uint64_t position) {
    return scan_batches(*file_, position, size_, [&](const BatchPosition& at) {
      // What the entry promises: a batch that ends at its offset (Kafka's: or before).
      if (at.position == position) {
        plausible = position == 0 || at.header.last_offset <= base_offset_ + offset_entry.relative_offset;
        if (!plausible) return false;
      }
      if (at.header.max_timestamp >= timestamp && at.header.last_offset >= from_offset) found = at;
      return !found.has_value();
    });
  };
  auto scanned = scan(static_cast<uint64_t>(offset_entry.position));
  if (scanned.ok() && !plausible && offset_entry.position > 0) scanned = scan(0);
  if (!scanned.ok()) return scanned.status();
  return found;
}

Result<uint64_t> Segment::batch_end_at_or_before(uint64_t from, uint64_t limit) const {
  const auto& entries = offset_index_.entries();
  const auto after =
      std::upper_bound(entries.begin(), entries.end(), limit, [](uint64_t wanted, const OffsetEntry& entry) {
        return wanted < static_cast<uint64_t>(entry.position);
      });
  uint64_t end = from;
  if (after != entries.begin())
    end = std::max<uint64_t>(end, static_cast<uint64_t>(std::prev(after)->position));
  bool at_a_batch = false;
  const auto scan = [&] {
    return scan_batches(*file_, end, size_, [&](const BatchPosition& at) {
      at_a_batch = true;
      if (at.position + at.header.size > limit) return false;
      end = at.position + at.header.size;
      return true;
    });
  };
  auto scanned = scan();
  // Where the index points into the middle of a batch, the way there is walked.
  if (scanned.ok() && !at_a_batch && end > from && end < size_) {
    end = from;
    scanned = scan();
  }
  if (!scanned.ok()) return scanned.status();
  return end;
}

Status Segment::load() {
  const Status status = load_indexes();
  return status.ok() ? load_tail() : status;
}

Status Segment::load_indexes() {
  Status status = offset_index_.load();
  if (status.ok()) status = time_index_.load();
  if (status.ok()) status = load_aborted();
  if (!status.ok() || size_ == 0) return status;
  if (!offset_index_.found()) return {ErrorCode::KAFKA_STORAGE_ERROR, "there is no " + offset_index_.path()};
  if (!time_index_.found()) return {ErrorCode::KAFKA_STORAGE_ERROR, "there is no " + time_index_.path()};
  return {};
}

// Learns the end of the segment from the batches behind the last index entry.
Status Segment::load_tail() {
  if (size_ == 0) return {};
  uint64_t from = 0;
  if (!offset_index_.entries().empty()) from = static_cast<uint64_t>(offset_index_.entries().back().position);
  if (from >= size_) {
    return {ErrorCode::KAFKA_STORAGE_ERROR,
            "index " + offset_index_.path() + " points behind the end of its segment"};
  }
  if (!time_index_.entries().empty()) {
    max_timestamp_ = time_index_.entries().back().timestamp;
    offset_of_max_timestamp_ = base_offset_ + time_index_.entries().back().relative_offset;
  }
  const auto end = scan_batches(*file_, from, size_, [&](const BatchPosition& at) {
    if (at.header.max_timestamp > max_timestamp_) {
      max_timestamp_ = at.header.max_timestamp;
      offset_of_max_timestamp_ = at.header.last_offset;
    }
    if (at.position == 0) first_batch_timestamp_ = at.header.max_timestamp;
    next_offset_ = at.header.last_offset + 1;
    bytes_since_entry_ = at.position + at.header.size - from;
    return true;
  });
  if (!end.ok()) return end.status();
  const bool entry_fits = offset_index_.entries().empty() ||
                          next_offset_ > base_offset_ + offset_index_.entries().back().relative_offset;
  if (*end != size_ || !entry_fits) {
    return {ErrorCode::KAFKA_STORAGE_ERROR, "segment " + log_path() + " does not end with a whole batch"};
  }
  if (from == 0) return {};
  const auto first = scan_batches(*file_, 0, size_, [&](const BatchPosition& at) {
    first_batch_timestamp_ = at.header.max_timestamp;
    return false;
  });
  return first.status();
}

Status Segment::forget_contents() {
  Status status = offset_index_.truncate(0);
  if (status.ok()) status = time_index_.truncate(0);
  aborted_.clear();
  if (status.ok()) status = files_.remove_file(path(kTransactionIndexSuffix));
  next_offset_ = base_offset_;
  max_timestamp_ = offset_of_max_timestamp_ = first_batch_timestamp_ = -1;
  bytes_since_entry_ = 0;
  return status;
}

// Takes over what lies before `from_offset`, as its indexes tell it; the value is the position behind it.
Result<uint64_t> Segment::keep_flushed(int64_t from_offset) {
  if (from_offset <= base_offset_) return uint64_t{0};
  Status status = load_indexes();
  if (!status.ok()) return status;
  const int64_t relative = std::min<int64_t>(from_offset - base_offset_, std::numeric_limits<int32_t>::max());
  const auto entry = lookup(offset_index_, static_cast<int32_t>(relative));
  const auto first = static_cast<uint64_t>(entry.position);
  bool plausible = first == 0;
  int64_t kept_to = base_offset_;
  const auto kept = scan_batches(*file_, first, size_, [&](const BatchPosition& at) {
    // Kafka's entries name the last offset of an append, which may have been of several batches.
    if (at.position == first && first > 0)
      plausible = at.header.last_offset <= base_offset_ + entry.relative_offset;
    if (!plausible || at.header.last_offset >= from_offset) return false;
    kept_to = at.header.last_offset + 1;
    return true;
  });
  if (!kept.ok()) return kept;
  if (!plausible)
    return Status(ErrorCode::KAFKA_STORAGE_ERROR, offset_index_.path() + " points beside a batch");
  const auto& offsets = offset_index_.entries();
  const auto& times = time_index_.entries();
  status = offset_index_.truncate(
      static_cast<size_t>(std::count_if(offsets.begin(), offsets.end(), [&](const OffsetEntry& one) {
        return static_cast<uint64_t>(one.position) < *kept;
      })));
  if (status.ok()) {
    status = time_index_.truncate(
        static_cast<size_t>(std::count_if(times.begin(), times.end(), [&](const TimeEntry& one) {
          return base_offset_ + one.relative_offset < kept_to;
        })));
  }
  const size_t again = std::erase_if(
      aborted_, [&](const AbortedTransaction& aborted) { return aborted.last_offset >= kept_to; });
  if (status.ok() && again > 0) status = write_aborted();
  // The end of what is kept, as if the file ended there.
  const uint64_t whole = std::exchange(size_, *kept);
  if (status.ok()) status = load_tail();
  size_ = whole;
  if (!status.ok()) return status;
  return kept;
}

Result<Segment::Recovered> Segment::recover(int64_t from_offset,
                                            const std::function<Status(const BatchHeader&, Bytes)>& visit) {
  uint64_t position = 0;
  if (from_offset > base_offset_) {
    const auto kept = keep_flushed(from_offset);
    if (kept.ok()) position = *kept;
    if (!kept.ok()) log_warn("storage", "{}: walking all of it: {}", log_path(), kept.status().message());
  }
  Status status;
  if (position == 0) status = forget_contents();
  if (!status.ok()) return status;
  const uint64_t begin = position;
  const uint64_t old_size = size_;
  std::vector<uint8_t> buffer;
  uint64_t buffered_from = 0;
  // The bytes at `at`, read in large pieces; at least `count` of them are there when the file has them.
  const auto bytes_at = [&](uint64_t at, size_t count) -> Result<Bytes> {
    if (at < buffered_from || at + count > buffered_from + buffer.size()) {
      const size_t wanted = std::min<uint64_t>(std::max(count, kRecoveryReadBytes), old_size - at);
      buffer.resize(wanted);
      buffered_from = at;
      const Status read = file_->read_exactly_at(buffer, at);
      if (!read.ok()) return read;
    }
    return Bytes(buffer).subspan(at - buffered_from, count);
  };
  while (position < old_size) {
    const auto front = bytes_at(position, std::min<uint64_t>(kV2HeaderBytes, old_size - position));
    if (!front.ok()) return front.status();
    const auto header = decode_batch_header(*front, old_size - position);
    if (!header || header->base_offset < next_offset_) break;
    const auto batch = bytes_at(position, header->size);
    if (!batch.ok()) return batch.status();
    if (!checksum_is_good(*header, *batch)) break;
    if (header->last_offset - base_offset_ > INT32_MAX) return Recovered{position - begin, 0, position};
    index_batch(*header, position, header->size);
    status = visit(*header, *batch);
    if (!status.ok()) return status;
    position += header->size;
  }
  const Recovered recovered{old_size - begin, old_size - position, std::nullopt};
  if (recovered.cut_bytes > 0) status = cut_tail(position);
  if (!status.ok()) return status;
  return recovered;
}

// What is cut is kept for a person to look at, as all that was cut before, unless it is all zero (the file
// system grew the file and never got the bytes).
Status Segment::cut_tail(uint64_t position) {
  const std::string aside_path = unused_cut_name(files_, log_path());
  std::shared_ptr<File> aside;
  std::vector<uint8_t> piece;
  Status status;
  for (uint64_t at = position; at < size_; at += piece.size()) {
    piece.resize(std::min<uint64_t>(kRecoveryReadBytes, size_ - at));
    status = file_->read_exactly_at(piece, at);
    if (!status.ok()) return status;
    if (!aside && all_zero(piece)) continue;
    if (!aside) {
      auto opened = files_.open(aside_path + ".tmp", true);
      if (!opened.ok()) return opened.status();
      aside = std::move(*opened);
      status = aside->truncate(0);
    }
    if (status.ok()) status = aside->write_at(piece, at - position);
    if (!status.ok()) return status;
  }
  // On the disk before the original is cut.
  if (aside) status = aside->sync();
  if (aside && status.ok()) status = files_.rename(aside_path + ".tmp", aside_path);
  if (aside && status.ok()) status = files_.sync_directory(directory_);
  if (!status.ok()) return status;
  log_warn("storage", "{}: bytes {} to {} hold no whole good batch: cut off{}{}", log_path(), position, size_,
           aside ? ", kept in " : " (all zero)", aside ? aside_path : "");
  status = file_->truncate(position);
  if (status.ok()) size_ = position;
  return status;
}

Status Segment::truncate_to(int64_t offset) {
  const auto at = find(offset);
  if (!at.ok()) return at.status();
  if (!at->has_value()) return {};
  const uint64_t position = (*at)->position;
  const auto keep_offsets = static_cast<size_t>(std::count_if(
      offset_index_.entries().begin(), offset_index_.entries().end(),
      [&](const OffsetEntry& entry) { return static_cast<uint64_t>(entry.position) < position; }));
  const auto keep_times = static_cast<size_t>(
      std::count_if(time_index_.entries().begin(), time_index_.entries().end(), [&](const TimeEntry& entry) {
        return base_offset_ + entry.relative_offset < (*at)->header.base_offset;
      }));
  Status status = file_->truncate(position);
  if (!status.ok()) return status;
  size_ = position;
  next_offset_ = base_offset_;
  max_timestamp_ = offset_of_max_timestamp_ = first_batch_timestamp_ = -1;
  bytes_since_entry_ = 0;
  status = offset_index_.truncate(keep_offsets);
  if (status.ok()) status = time_index_.truncate(keep_times);
  const size_t removed = std::erase_if(
      aborted_, [&](const AbortedTransaction& aborted) { return aborted.last_offset >= offset; });
  if (status.ok() && removed > 0) status = write_aborted();
  return status.ok() ? load_tail() : status;
}

Status Segment::for_each_batch(int64_t from_offset, int64_t end_offset,
                               const std::function<Status(const BatchPosition&)>& visit) const {
  const auto first = find(from_offset);
  if (!first.ok() || !first->has_value()) return first.status();
  Status status;
  const auto scanned = scan_batches(*file_, (*first)->position, size_, [&](const BatchPosition& at) {
    if (at.header.base_offset >= end_offset) return false;
    status = visit(at);
    return status.ok();
  });
  if (!scanned.ok()) return scanned.status();
  return status;
}

Status Segment::append_aborted(const AbortedTransaction& transaction) {
  aborted_.push_back(transaction);
  return write_aborted();
}

Status Segment::set_aborted(std::vector<AbortedTransaction> transactions) {
  aborted_ = std::move(transactions);
  return aborted_.empty() ? files_.remove_file(path(kTransactionIndexSuffix)) : write_aborted();
}

Status Segment::write_aborted() {
  const Status written = write_transaction_index(files_, path(kTransactionIndexSuffix), aborted_);
  aborted_saved_ = written.ok();
  return written;
}

Status Segment::load_aborted() {
  return read_transaction_index(files_, path(kTransactionIndexSuffix), aborted_);
}

Status Segment::collect_files(std::vector<std::shared_ptr<File>>& out) {
  out.push_back(file_);
  const Status saved = save_indexes(&out);
  if (!saved.ok() || !files_.exists(path(kTransactionIndexSuffix))) return saved;
  auto opened = files_.open(path(kTransactionIndexSuffix), false);
  if (opened.ok()) out.push_back(std::move(*opened));
  return opened.status();
}

Status Segment::save_indexes(std::vector<std::shared_ptr<File>>* out) {
  if (!aborted_saved_) {
    const Status written = write_aborted();
    if (!written.ok()) return written;
  }
  auto offsets = offset_index_.save();
  if (!offsets.ok()) return offsets.status();
  auto times = time_index_.save();
  if (!times.ok()) return times.status();
  if (out != nullptr) {
    out->push_back(std::move(*offsets));
    out->push_back(std::move(*times));
  }
  return {};
}

Status Segment::make_index_files() {
  for (const char* kind : {kOffsetIndexSuffix, kTimeIndexSuffix}) {
    const auto made = files_.open(path(kind), true);
    if (!made.ok()) return made.status();
  }
  return {};
}

Status Segment::seal() {
  note_max_timestamp();
  return save_indexes(nullptr);
}

Status Segment::rename_with_suffix(const std::string& suffix) {
  for (const char* kind : {kLogSuffix, kOffsetIndexSuffix, kTimeIndexSuffix, kTransactionIndexSuffix}) {
    const std::string from = path(kind);
    if (!files_.exists(from)) continue;
    const Status renamed =
        files_.rename(from, directory_ + "/" + offset_file_name(base_offset_, kind) + suffix);
    if (!renamed.ok()) return renamed;
  }
  suffix_ = suffix;
  place_indexes();
  return {};
}

void Segment::set_directory(std::string directory) {
  directory_ = std::move(directory);
  place_indexes();
}

void Segment::place_indexes() {
  offset_index_.set_path(path(kOffsetIndexSuffix));
  time_index_.set_path(path(kTimeIndexSuffix));
}

}  // namespace ottla::storage
