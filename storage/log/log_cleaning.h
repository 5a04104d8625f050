// SPDX-License-Identifier: Apache-2.0
// One cleaning of one log (kafka Cleaner): of every key that has a newer record in the dirty range, the older
// records go.
//
//   1. Mapping: the dirty range is read, and the latest offset of every key of it is noted, as far as the map
//      has room. A range that does not fit is cleaned in several rounds.
//   2. Cleaning: all segments up to where the map came are read and written again, several small ones into
//      one, without the records that are over. Each new segment is given to the log (ready), which puts it in
//      the place of the old ones, before the next is begun.
//
// What stays: the latest record of each key; records behind the map; tombstones until the delete horizon that
// their batch gets when it is first cleaned (KIP-534: attribute bit 6; 2.8 reads such batches and ignores the
// bit) has passed; markers likewise, from when their transaction is empty; the last batch of every active
// producer, if need be empty, and of the range. What goes besides older records: data of aborted
// transactions, records without a key, batches that are empty.
//
// Batches of the old formats stay or go as a whole: a compressed set of which one record is the latest stays.
// Their tombstones stay, since nothing in them says when they were first cleaned.
//
// Work is cut into steps, so that whoever drives it can throttle, give up, and let others at the pool. The
// first error ends it. CORRUPT_MESSAGE and the like: the log cannot be cleaned. KAFKA_STORAGE_ERROR: the
// disk.
//
// Threads: one at a time: steps on the pool, the rest on the loop between steps.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/records/batch_filter.h"
#include "protocol/records/record_reader.h"
#include "storage/log/batch_reader.h"
#include "storage/log/cleaned_transactions.h"
#include "storage/log/cleaning_source.h"
#include "storage/log/offset_map.h"
#include "storage/log/segment.h"

namespace ottla::storage {

class LogCleaning {
 public:
  struct Limits {
    uint64_t map_bytes = 128 << 20;
    double map_load = 0.9;
    size_t buffer_bytes = 256 << 10;
    uint64_t seed = 0;  // of the map's hash
  };
  enum class State { kWorking, kReady, kDone };

  LogCleaning(FileSystem& files, CleaningSource source, const Limits& limits, int64_t now_ms);
  ~LogCleaning();

  // Moves on by about `budget` bytes, read and written. kReady: a segment is complete and on the disk; swap
  // it in, then go on. kDone: end_offset() is what the log is clean up to, and that is on the disk.
  Result<State> step(uint64_t budget);
  // Bytes read and written since the last call.
  uint64_t take_moved_bytes() { return std::exchange(moved_bytes_, 0); }
  // REQUIRES: kReady. `cleaned` is null once it was swapped in.
  std::span<const CleanableSegment> replaced() const;
  std::unique_ptr<Segment>& cleaned() { return cleaned_; }
  // Removes what was begun.
  Status discard();

  const CleaningSource& source() const { return source_; }
  int64_t end_offset() const { return map_end_; }
  uint64_t map_memory_bytes() const { return map_.memory_bytes(); }
  struct Stats {
    uint64_t bytes_read = 0;
    uint64_t bytes_written = 0;
    uint64_t records_read = 0;
    uint64_t records_kept = 0;
  };
  const Stats& stats() const { return stats_; }

 private:
  enum class Phase { kBegin, kMapping, kOpenGroup, kCleaning, kSwapped, kDone };

  Status begin();
  void open_segment(size_t index, uint64_t position = 0);
  // The next batch of the segment, at an offset where it may be: what no CRC covers is checked here.
  Result<BatchReader::Batch> next_batch();
  Status map_some(uint64_t budget);
  // False: the map is full.
  Result<bool> map_batch(const BatchReader::Batch& batch);
  void group_segments();
  Status open_group();
  Status clean_some(uint64_t budget);
  Status clean_batch(const BatchReader::Batch& batch);
  void keep_nothing_of(const BatchHeader& header, const records::RecordBatchView& view);
  Status rewrite_batch(const BatchReader::Batch& batch, std::optional<int64_t> delete_horizon_ms);
  Status clean_old_batch(const BatchReader::Batch& batch);
  bool is_last_of_producer(const BatchHeader& header) const;
  // What is_over() needs of a record.
  struct Seen {
    OffsetMap::Hash key;
    int64_t offset;
    bool has_key;
    bool has_value;
  };
  Seen seen(const records::RecordView& record) const;
  bool is_over(const Seen& record, bool tombstones_are_over) const;
  // Decides on those that were seen and not decided on yet; whether a tombstone stays.
  bool decide(bool tombstones_are_over);
  bool map_seen();
  void keep_whole(const BatchReader::Batch& batch);
  void kept_from(size_t begin);
  Status write_out();
  Status finish_group();

  FileSystem& files_;
  const CleaningSource source_;
  const int64_t now_ms_;
  OffsetMap map_;
  int64_t map_end_;  // the map has all keys from the dirty offset up to here
  Phase phase_ = Phase::kBegin;
  BatchReader reader_;
  records::RecordReader records_;
  records::BatchFilter filter_;
  size_t segment_ = 0;       // the one that is read
  int64_t next_offset_ = 0;  // no batch of it begins before
  std::optional<CleanedTransactions> transactions_;
  std::vector<size_t> group_ends_;  // indexes behind the last segment of each
  size_t group_ = 0;
  std::unique_ptr<Segment> cleaned_;
  std::vector<AbortedTransaction> still_aborted_;
  bool changed_ = false;
  std::vector<Seen> seen_;  // a few, so that looks at the map overlap
  std::vector<bool> kept_;  // of the records of the batch
  std::vector<uint8_t> out_;
  std::vector<BatchHeader> out_headers_;
  uint64_t moved_bytes_ = 0;
  Stats stats_;
};

}  // namespace ottla::storage
