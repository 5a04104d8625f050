// SPDX-License-Identifier: Apache-2.0
// One segment of a log: a .log file of record batches, its two indexes, and the list of aborted transactions
// in it (kafka LogSegment, TransactionIndex). The file formats are Kafka's, byte for byte.
//
// Threads: one at a time. FileSlices that read() gives out stay valid after the segment is closed, renamed or
// deleted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/wire/file_slice.h"
#include "storage/io/file_system.h"
#include "storage/log/batch_scan.h"
#include "storage/log/producer_state.h"
#include "storage/log/segment_index.h"

namespace ottla::storage {

class Segment {
 public:
  // Opens `directory`/<base_offset>.log, made where it misses, as an empty segment or one whose indexes
  // load() or rebuild() will bring. `index_interval_bytes`: an index entry at most that often.
  static Result<std::unique_ptr<Segment>> open(FileSystem& files, std::string directory, int64_t base_offset,
                                               uint32_t index_interval_bytes);
  // Makes `directory`/<base_offset>.log.cleaned, empty whatever was there: the segment that a cleaner writes.
  static Result<std::unique_ptr<Segment>> create_cleaned(FileSystem& files, std::string directory,
                                                         int64_t base_offset, uint32_t index_interval_bytes);

  int64_t base_offset() const { return base_offset_; }
  uint64_t size() const { return size_; }
  // The offset after the last batch; base_offset() for an empty segment.
  int64_t next_offset() const { return next_offset_; }
  int64_t max_timestamp() const { return max_timestamp_; }
  int64_t offset_of_max_timestamp() const { return offset_of_max_timestamp_; }
  // When the segment began: the first batch's largest timestamp (segment.ms counts from there); -1 for an
  // empty one.
  int64_t first_batch_timestamp() const { return first_batch_timestamp_; }
  int64_t created_ms() const { return created_ms_; }
  void set_created_ms(int64_t now_ms) { created_ms_ = now_ms; }
  // No room for one more entry in an index of `limit` bytes.
  bool index_is_full(size_t limit) const {
    return offset_index_.size_in_bytes() + OffsetEntry::kBytes > limit ||
           time_index_.size_in_bytes() + TimeEntry::kBytes > limit;
  }
  size_t offset_index_bytes() const { return offset_index_.size_in_bytes(); }
  size_t time_index_bytes() const { return time_index_.size_in_bytes(); }
  std::string log_path() const { return path(".log"); }

  // Appends whole batches whose offsets are set; `headers` are theirs, in order.
  Status append(Bytes batches, std::span<const BatchHeader> headers);
  Status append_aborted(const AbortedTransaction& transaction);
  Status set_aborted(std::vector<AbortedTransaction> transactions);

  // The first batch whose last offset is at or after `offset`; nothing where there is none.
  Result<std::optional<BatchPosition>> find(int64_t offset) const;
  // The first batch that holds a record with a timestamp at or after `timestamp`, and whose last offset is at
  // or after `from_offset`.
  Result<std::optional<BatchPosition>> find_timestamp(int64_t timestamp, int64_t from_offset) const;
  // The last end of a batch at or before `limit`, of those from the batch at `from` on; `from` where the
  // first does not fit.
  Result<uint64_t> batch_end_at_or_before(uint64_t from, uint64_t limit) const;
  // Where a read of `max_bytes` from `offset` on looks in the file, as far as the index tells; empty where
  // that is what this process has appended of late, which the page cache has.
  FileSlice place_of(int64_t offset, uint32_t max_bytes) const;
  // The bytes of the file from `position`.
  FileSlice slice(uint64_t position, uint32_t length) const { return {file_, position, length}; }
  const File& file() const { return *file_; }
  const std::shared_ptr<File>& shared_file() const { return file_; }
  const std::vector<AbortedTransaction>& aborted() const { return aborted_; }

  // Trusts the indexes as they stand, after looking at their last entries; the caller recovers where this
  // fails or one misses.
  Status load();
  struct Recovered {
    uint64_t walked_bytes = 0;
    uint64_t cut_bytes = 0;
    // Where a good batch begins whose offsets no index entry can tell; the walk ended there, nothing was cut.
    std::optional<uint64_t> far_at;
  };
  // Walks the file from the batch that holds `from_offset` on, checks every batch (length, offsets, CRC),
  // makes the indexes anew from there, and cuts the file behind the last good batch; bytes that are not all
  // zero are kept in <base>.log.cut beside it. What is before `from_offset` was flushed with its indexes;
  // where these say otherwise, all is walked. `visit` sees each good batch that was walked. Aborted
  // transactions that end there are forgotten: whoever replays the batches brings them back.
  Result<Recovered> recover(int64_t from_offset,
                            const std::function<Status(const BatchHeader&, Bytes)>& visit);
  // Cuts the file at `position`, as recover() does: it has walked up to there.
  Status cut_tail(uint64_t position);
  // The segment reaches further than an index entry can tell (KAFKA-6264).
  bool reaches_too_far() const { return next_offset_ - 1 - base_offset_ > INT32_MAX; }
  // Cuts everything from `offset` on; a batch that holds it goes too.
  Status truncate_to(int64_t offset);
  // Walks the headers of the batches that have offsets in [from_offset, end_offset).
  Status for_each_batch(int64_t from_offset, int64_t end_offset,
                        const std::function<Status(const BatchPosition&)>& visit) const;

  // Adds all files of the segment to `out`, open, for whoever syncs them.
  Status collect_files(std::vector<std::shared_ptr<File>>& out);
  // Reserves room on the disk for a segment of `size` bytes.
  Status reserve(uint64_t size) { return file_->reserve(size); }
  // Makes the index files where they miss, empty. What is in the indexes comes later, but Kafka says of a
  // segment without the files, which a kill leaves, that they were lost.
  Status make_index_files();
  // Makes the last time index entry, as Kafka does when a segment ends, and writes both index files.
  Status seal();
  // Renames all files to <name><suffix>, the .log first; slices handed out stay readable.
  Status rename_with_suffix(const std::string& suffix);
  // The directory of the log was renamed.
  void set_directory(std::string directory);

 private:
  Segment(FileSystem& files, std::string directory, std::string suffix, int64_t base_offset,
          uint32_t index_interval_bytes, std::shared_ptr<File> file, uint64_t size);
  void place_indexes();
  std::string path(const char* suffix) const;
  void index_batch(const BatchHeader& header, uint64_t position, uint32_t length);
  void note_max_timestamp();
  Status save_indexes(std::vector<std::shared_ptr<File>>* out);
  Status load_indexes();
  Status load_tail();
  Status load_aborted();
  Status write_aborted();
  Status forget_contents();
  Result<uint64_t> keep_flushed(int64_t from_offset);

  FileSystem& files_;
  std::string directory_;
  std::string suffix_;
  int64_t base_offset_;
  uint32_t index_interval_bytes_;
  std::shared_ptr<File> file_;
  uint64_t size_;
  uint64_t size_at_open_;
  OffsetIndex offset_index_;
  TimeIndex time_index_;
  std::vector<AbortedTransaction> aborted_;
  bool aborted_saved_ = true;
  int64_t next_offset_;
  int64_t max_timestamp_ = -1;
  int64_t offset_of_max_timestamp_ = -1;
  int64_t first_batch_timestamp_ = -1;
  int64_t created_ms_ = 0;
  uint64_t bytes_since_entry_ = 0;
};

}  // namespace ottla::storage
