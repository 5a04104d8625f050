// SPDX-License-Identifier: Apache-2.0
// The log of one partition: a directory of segments in Kafka's own format (kafka UnifiedLog, LocalLog).
//
// Offsets: log_start <= high_watermark <= log_end; the last stable offset is the first offset of the oldest
// open transaction, or the high watermark. With one replica the high watermark is the log's end; in durable
// mode it is flushed_offset(), up to which the batches are on the disk. Where copies on other brokers count
// it is held, and moved by advance_high_watermark() alone. recovery_point() <= flushed_offset(): up to there
// the indexes are too, and a start has nothing to walk.
//
// Errors: a client's fault carries its wire code (CORRUPT_MESSAGE, OFFSET_OUT_OF_RANGE, ...); the
// environment's carries KAFKA_STORAGE_ERROR with errno and path, and is told to the failure handler (the
// LogManager, which takes the directory offline). A disk that is full, or a want of descriptors, is no
// failure: what needs room is refused with the same error, all else goes on, and so does that when there is
// room again.
//
// Threads: the loop's, but for open() and begin_close(), which run on the pool while nobody else touches the
// log, those of other logs beside them. FileSlices that read() gives out stay valid whatever happens to the
// log.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/base/uuid.h"
#include "protocol/records/validation.h"
#include "protocol/wire/file_slice.h"
#include "storage/io/file_system.h"
#include "storage/log/cleaning_source.h"
#include "storage/log/leader_epoch_cache.h"
#include "storage/log/producer_state.h"
#include "storage/log/segment.h"

namespace ottla::storage {

// The settings of a topic that its logs act on, with Kafka's defaults (LogConfig).
struct LogConfig {
  int64_t segment_bytes = 1 << 30;
  int64_t segment_ms = int64_t{7} * 24 * 3600 * 1000;
  int64_t segment_jitter_ms = 0;  // a segment rolls up to that much earlier
  int64_t segment_index_bytes = 10 << 20;
  int64_t index_interval_bytes = 4096;
  int64_t flush_messages = INT64_MAX;
  int64_t flush_ms = INT64_MAX;
  int64_t retention_ms = int64_t{7} * 24 * 3600 * 1000;  // -1: for ever
  int64_t retention_bytes = -1;                          // -1: no limit
  int64_t max_message_bytes = 1048588;
  int64_t file_delete_delay_ms = 60000;
  bool cleanup_delete = true;
  bool cleanup_compact = false;
  bool log_append_time = false;  // message.timestamp.type=LogAppendTime
  int64_t timestamp_before_max_ms = INT64_MAX;
  // Nothing: what the release that a client knows has, no limit or an hour.
  std::optional<int64_t> timestamp_after_max_ms;
  std::optional<records::Compression> compression;  // nothing: the producer's (compression.type=producer)
  records::CompressionLevel compression_level;      // of that codec
  // The format of what is appended: 2, or an old one (message.format.version), in which records have neither
  // headers nor producers, and in 0 no time.
  int8_t magic = records::kMagicV2;
  int32_t min_insync_replicas = 1;
  bool preallocate = false;
  // ottla.durability=flush: only what is on the disk counts toward the high watermark.
  bool durable = false;
  int64_t producer_id_expiration_ms = 86400000;
  int64_t delete_retention_ms = 86400000;  // how long a tombstone stays after its first cleaning
  int64_t min_compaction_lag_ms = 0;
  int64_t max_compaction_lag_ms = INT64_MAX;
  double min_cleanable_dirty_ratio = 0.5;

  bool operator==(const LogConfig&) const = default;
  // A segment of a compacted log ends in time to be cleaned.
  int64_t max_segment_ms() const {
    return cleanup_compact ? std::min(segment_ms, std::max<int64_t>(max_compaction_lag_ms, 1)) : segment_ms;
  }
};

enum class AppendOrigin { kClient, kCoordinator };

struct AppendInfo {
  ErrorCode error = ErrorCode::NONE;
  std::string message;
  std::vector<records::RecordError> record_errors;
  int64_t first_offset = -1;
  int64_t last_offset = -1;
  int64_t log_append_time_ms = -1;  // -1: records keep their producer's times
  int64_t log_start_offset = -1;
  bool duplicate = false;  // was appended before; the offsets are those of then
  // >= 0: to be answered when flushed_offset() has come there (durable mode, flush.messages).
  int64_t flush_offset = -1;
  // >= 0: to be answered when high_watermark() has come there (acks=all). Whoever appends sets it.
  int64_t commit_offset = -1;
};

struct LogReadInfo {
  FileSlice slice;  // length 0: nothing there yet
  // Those whose records may be in the slice, ordered by first offset. Filled where asked for.
  std::vector<AbortedTransaction> aborted;
};

struct SegmentStart {
  int64_t offset = 0;  // the log's start for the first segment
  int64_t max_timestamp = -1;
};

struct TimestampOffset {
  int64_t timestamp = -1;
  int64_t offset = -1;
  int32_t leader_epoch = -1;
};

class Log {
 public:
  struct OpenOptions {
    std::string directory;  // ".../topic-0", exists
    LogConfig config;
    int64_t recovery_point = 0;
    int64_t log_start_offset = 0;
    int64_t cleaned_up_to = 0;   // of cleaner-offset-checkpoint
    int64_t high_watermark = 0;  // of replication-offset-checkpoint
    bool clean_shutdown = false;
    bool is_new = false;  // the directory was just made: there is nothing to look for in it
    int64_t now_ms = 0;
    // Told the size of each segment that was walked.
    std::function<void(uint64_t)> recovery_progress;
  };

  // Loads the directory: leftovers of deletions and swaps are dealt with, indexes and producer state come
  // from their files, or from the batches where the last stop was not clean or a file can not be trusted.
  // Blocking.
  static Result<std::unique_ptr<Log>> open(FileSystem& files, OpenOptions options);
  // The size of the segments that open() will have to walk, all or in part.
  static uint64_t bytes_to_recover(FileSystem& files, const OpenOptions& options);
  ~Log();

  const std::string& directory() const { return directory_; }
  const LogConfig& config() const { return config_; }
  void update_config(const LogConfig& config) { config_ = config; }
  // "topic-0", for messages.
  std::string_view name() const { return std::string_view(directory_).substr(directory_.rfind('/') + 1); }
  const Uuid& topic_id() const { return topic_id_; }
  // Writes partition.metadata where the log has no id yet.
  Status set_topic_id(const Uuid& id);

  int64_t log_start_offset() const { return log_start_offset_; }
  int64_t log_end_offset() const { return log_end_offset_; }
  int64_t high_watermark() const { return high_watermark_; }
  int64_t last_stable_offset() const;
  int64_t flushed_offset() const { return flushed_offset_; }
  int64_t recovery_point() const { return recovery_point_; }
  uint64_t size_in_bytes() const;
  size_t segment_count() const { return segments_.size(); }

  // Appends what a leader gets. Offsets and leader epoch are set in place in `records`; compressed or
  // old-format records are rebuilt where the topic's settings ask for it. `produce_version`: of the request,
  // for the rules on formats. `as_2_8`: with Kafka 2.8's rules on times, which later releases changed.
  AppendInfo append_as_leader(std::span<uint8_t> records, int32_t leader_epoch, AppendOrigin origin,
                              int16_t produce_version, int64_t now_ms, bool as_2_8 = true);
  // Appends what a follower fetched: whole batches of any format, with the offsets and epochs that its leader
  // gave them, from the log's end on (there may be gaps). Batches that end before the log's end are passed
  // over. CORRUPT_MESSAGE where a CRC is wrong; nothing behind such a batch is appended.
  Status append_as_follower(Bytes records, int64_t now_ms);
  // The epoch that this broker leads in begins at the log's end.
  Status begin_epoch(int32_t leader_epoch);

  // Copies on other brokers count: the high watermark stays where it is until it is advanced. What the
  // checkpoint said at the load is where the first call since then takes it back to: what lies behind may be
  // on no other broker.
  void hold_high_watermark();
  // This copy is all that counts.
  void release_high_watermark();
  // Raises it towards `offset`, as far as the log (durable mode: what is flushed) goes. Whether it moved.
  bool advance_high_watermark(int64_t offset);

  // Whole batches of up to `max_bytes` together, from the one that holds `offset`, of what lies below
  // `end_offset` (a watermark); at least one batch where `at_least_one`, whatever its size.
  // OFFSET_OUT_OF_RANGE outside [log_start, log_end]; KAFKA_STORAGE_ERROR, of which the failure handler is
  // not told, in a hole: where a segment is missing that was there once.
  Result<LogReadInfo> read(int64_t offset, uint32_t max_bytes, int64_t end_offset, bool at_least_one,
                           bool with_aborted = false) const;
  // Where read() looks in the files, for who wants them in memory first; empty where they are.
  FileSlice place_of(int64_t offset, uint32_t max_bytes) const;
  // The first record with a timestamp at or after `timestamp`; offset -1 where there is none.
  Result<TimestampOffset> find_timestamp(int64_t timestamp) const;
  // The record with the largest timestamp; offset -1 in an empty log.
  Result<TimestampOffset> max_timestamp() const;
  // For ListOffsets v0, the oldest first.
  std::vector<SegmentStart> segment_starts() const;
  LeaderEpochCache::EpochEnd end_of_epoch(int32_t epoch) const;
  std::optional<int32_t> latest_epoch() const { return epochs_.latest_epoch(); }
  std::optional<int32_t> epoch_at(int64_t offset) const { return epochs_.epoch_at(offset); }

  // Raises the log's start (DeleteRecords); OFFSET_OUT_OF_RANGE above the high watermark. Whole segments
  // below it go.
  Status delete_records(int64_t offset);
  // Cuts the log so that it ends at `offset`.
  Status truncate_to(int64_t offset);
  // Starts over, empty, at `offset`.
  Status truncate_fully_and_start_at(int64_t offset);
  // Removes whole segments that retention.ms, retention.bytes or the log's start say are over; the value
  // counts them.
  Result<int> apply_retention(int64_t now_ms);
  // The oldest segment, where it may go: it is not written to, lies below the high watermark, and the log is
  // no table (cleanup.policy has "delete").
  struct OldestSegment {
    int64_t max_timestamp = -1;
    uint64_t size = 0;
  };
  std::optional<OldestSegment> oldest_closed_segment() const;
  // REQUIRES: there is one.
  Status drop_oldest_segment();
  // What must reach the disk, the indexes included, for everything up to the log's end as it is now; when it
  // has, mark_flushed().
  Result<Unsynced> begin_flush();
  void mark_flushed(int64_t offset);
  // Both at once; blocks.
  Status flush();
  // What a start after a crash would have to walk.
  uint64_t unflushed_bytes() const { return appended_bytes_ - flushed_bytes_; }
  int64_t unflushed_records() const { return log_end_offset_ - flushed_offset_; }

  // The same for the batches alone, which is all that an acknowledgement waits for; group_commit.h does it
  // for many logs at once. `handler` is called when an append must be flushed before it is answered, once
  // until begin_commit(). Without one, the append itself flushes.
  void set_commit_handler(std::function<void()> handler) { commit_handler_ = std::move(handler); }
  struct Commit {
    Unsynced unsynced;
    int64_t end_offset = 0;
    uint64_t truncations = 0;
    uint64_t name_changes = 0;
  };
  Commit begin_commit();
  // What begin_commit() gave is on the disk.
  void end_commit(const Commit& commit);
  // Writes what a clean directory has besides the batches: indexes, a producer snapshot at the end. When all
  // that it gives is on the disk and mark_flushed(), the directory is clean.
  Result<Unsynced> begin_close();
  // Both at once; blocks.
  Status close_clean();
  // Moves the directory (to its "-delete" name); the log can still be read.
  Status rename_directory(const std::string& directory);

  // Compaction (log_compaction.cc; storage/log/log_cleaner.h drives it). Up to here every key's older records
  // are gone; what lies behind is dirty. Truncation takes it back, and must reach the checkpoint before
  // anything is appended again: the handler below is told.
  int64_t cleaned_up_to() const { return cleaned_up_to_; }
  void set_cleaned_up_to(int64_t offset) { cleaned_up_to_ = std::min(offset, log_end_offset_); }
  // How often the log was cut.
  uint64_t truncations() const { return truncations_; }
  void set_uncleaned_handler(std::function<void()> handler) { uncleaned_handler_ = std::move(handler); }
  CleaningPlan cleaning_plan(int64_t now_ms) const;
  CleaningSource cleaning_source(const CleaningPlan& plan) const;
  // Puts `cleaned`, whose files are on the disk as .cleaned, in the place of `replaced`. False, and nothing
  // done, where the log was cut, or lost one of them, since the source was taken. The directory is to be
  // synced by the caller, before anything relies on the new files.
  Result<bool> replace_segments(const CleaningSource& source, std::span<const CleanableSegment> replaced,
                                std::unique_ptr<Segment>& cleaned);

  const ProducerState& producers() const { return producers_; }
  void expire_producers(int64_t now_ms) { producers_.expire(now_ms, config_.producer_id_expiration_ms); }
  // Files to unlink later (segments renamed to .deleted); taken over by the caller.
  std::vector<std::string> take_deleted_files();
  int64_t first_base_offset() const { return segments_.begin()->first; }
  int64_t active_base_offset() const { return segments_.rbegin()->first; }

  // Called with every KAFKA_STORAGE_ERROR of a call above, from within that call.
  void set_failure_handler(std::function<void(const Status&)> handler) {
    failure_handler_ = std::move(handler);
  }
  // Something that was to reach the disk has not: the same, whatever the reason.
  void report_failure(const Status& why) const;
  // From now on everything that touches files answers KAFKA_STORAGE_ERROR.
  void set_offline();
  bool offline() const { return offline_; }
  // Called when flushed_offset() moved, or the log went offline; may be called from within any call above.
  void set_progress_handler(std::function<void()> handler) { progress_handler_ = std::move(handler); }

 private:
  Log(FileSystem& files, OpenOptions options);

  // log_load.cc
  Status begin(int64_t now_ms);
  Status load(bool clean_shutdown, int64_t now_ms);
  Result<std::vector<int64_t>> clean_up_leftovers();
  Status finish_swaps(const std::vector<DirectoryEntry>& entries);
  Status finish_swap(int64_t base, const std::vector<DirectoryEntry>& entries);
  // What a start finds out about a segment.
  struct Found {
    bool cut = false;
    bool far = false;                // its offsets are too far apart for one segment
    std::optional<uint64_t> far_at;  // where the walk of its batches ended for that
  };
  Status load_segments(std::vector<int64_t> base_offsets, bool clean_shutdown);
  Status recover_segment(Segment& segment, Found& found);
  Status load_or_recover(Segment& segment, bool flushed, bool last, Found& found);
  Status load_producers();
  Status load_producers_up_to(int64_t end_offset);
  Status follow_producers(const BatchHeader& header, Bytes batch);
  Status load_topic_id();
  Status replay_producers(const Segment& segment, int64_t from_offset, int64_t end_offset);
  bool ends_before(const Segment& segment, int64_t next_base) const;
  Status doubt_holes();
  Status drop_segments_after(int64_t base_offset);

  // log_split.cc
  Result<std::vector<int64_t>> split(int64_t base, int64_t next_base);
  Status write_parts(const File& whole, const std::vector<std::pair<int64_t, uint64_t>>& parts,
                     uint64_t size);

  // log_append.cc
  Status append_validated(records::ValidatedRecords& validated, int32_t leader_epoch, AppendOrigin origin,
                          int64_t now_ms, AppendInfo& info);
  Status append_in_old_format(Bytes batch, const BatchHeader& header);
  Status check_producer(const BatchHeader& header, AppendOrigin origin, AppendInfo& info) const;
  void take_producer(const BatchHeader& header, Bytes batch);
  Status append_fetched(Bytes batches, std::span<const BatchHeader> headers);
  int64_t roll_jitter_ms(int64_t base_offset) const;
  // `pending`: bytes that are to be appended before `next`.
  bool roll_needed(const BatchHeader& next, int64_t now_ms, uint64_t pending = 0) const;
  Status roll(int64_t now_ms);
  Status take_snapshot(bool sync);
  Status remove_old_snapshots();

  // log_flush.cc
  Status sync_and_mark(const Result<Unsynced>& unsynced);
  Status ask_for_commit();
  void note_flushed(int64_t offset);

  Status check_online() const;
  // Tells the failure handler where `status` is the environment's; hands it on.
  Status noted(Status status) const;
  Segment& active() { return *segments_.rbegin()->second; }
  const Segment& active() const { return *segments_.rbegin()->second; }
  Status start_segment(int64_t base_offset, int64_t now_ms);
  Result<std::unique_ptr<Segment>> open_segment(int64_t base_offset);
  Result<uint64_t> readable_end(const Segment& segment, const BatchPosition& first, uint32_t max_bytes,
                                int64_t end_offset) const;
  Status cut_to(int64_t offset);
  void lower_cleaned_up_to(int64_t offset);
  void forget_holes_from(int64_t offset);
  Status start_over_at(int64_t offset);
  Status remove_segment(int64_t base_offset);
  Status raise_start(int64_t offset);
  std::string snapshot_path(int64_t offset) const;
  Status remove_snapshots(const std::function<bool(int64_t)>& condemned);

  FileSystem& files_;
  std::string directory_;
  LogConfig config_;
  Uuid topic_id_;
  std::map<int64_t, std::unique_ptr<Segment>> segments_;  // by base offset, never empty
  LeaderEpochCache epochs_;
  ProducerState producers_;
  std::map<int64_t, int64_t> holes_;  // from, to: what a start found missing
  std::set<int64_t> snapshots_;       // offsets of the producer snapshots in the directory
  int64_t log_start_offset_ = 0;
  int64_t log_end_offset_ = 0;
  int64_t high_watermark_ = 0;
  std::optional<int64_t> loaded_high_watermark_;  // of the checkpoint, until this log leads or follows
  bool high_watermark_held_ = false;
  int64_t flushed_offset_ = 0;
  int64_t recovery_point_ = 0;
  int64_t cleaned_up_to_ = 0;
  uint64_t truncations_ = 0;
  std::vector<std::string> deleted_files_;
  std::function<void(const Status&)> failure_handler_;
  std::function<void()> uncleaned_handler_;
  std::function<void()> commit_handler_;
  std::function<void()> progress_handler_;
  bool commit_asked_ = false;
  bool offline_ = false;
  mutable bool short_ = false;  // of room, and said so
  bool parent_synced_ = false;  // the directory's own name is on disk
  // How often the directory got a new segment, and how many of these are on disk.
  uint64_t name_changes_ = 0;
  uint64_t name_changes_synced_ = 0;
  // Of the batches: all that came, those that the last flush that ended has covered, and the one under way.
  uint64_t appended_bytes_ = 0;
  uint64_t flushed_bytes_ = 0;
  uint64_t flushing_bytes_ = 0;
  uint64_t snapshot_bytes_ = 0;  // what there was at the last producer snapshot
  std::function<void(uint64_t)> recovery_progress_;
  std::optional<int64_t> producers_end_;  // of the batches whose producers a recovery has seen
};

}  // namespace ottla::storage
