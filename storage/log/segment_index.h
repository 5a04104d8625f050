// SPDX-License-Identifier: Apache-2.0
// The two indexes of a segment: offset -> position in the .log file, and timestamp -> offset (kafka
// OffsetIndex, TimeIndex).
//
// Entries live in memory as compact arrays, in the file in Kafka's format: big-endian (int32 relative offset,
// int32 position) and (int64 timestamp, int32 relative offset). They reach the file at save(): when the
// segment is flushed, ends or is closed. Before that the file has no worth, since whoever finds the segment
// not closed walks it anyway; so an append costs no call, and no descriptor is held. Never mmapped.
//
// Indexes are hints that are checked where they are used: a lookup gives a place at or before the one asked
// for. What load() cannot trust it refuses, and the segment rebuilds.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/io/file_system.h"

namespace ottla::storage {

template <typename Entry>
class EntryFile {
 public:
  EntryFile(FileSystem& files, std::string path) : files_(&files), path_(std::move(path)) {}

  const std::vector<Entry>& entries() const { return entries_; }
  size_t size_in_bytes() const { return entries_.size() * Entry::kBytes; }
  const std::string& path() const { return path_; }
  void set_path(std::string path) { path_ = std::move(path); }

  // Reads the file; trailing zero entries (Kafka preallocates) are dropped. KAFKA_STORAGE_ERROR where the
  // entries do not ascend or the size is none of whole entries: the caller rebuilds.
  Status load();
  // Whether the last load() found a file.
  bool found() const { return found_; }
  void append(const Entry& entry) { entries_.push_back(entry); }
  // Keeps the first `count` entries, in the file too.
  Status truncate(size_t count);
  // Makes the file hold exactly the entries; it is made where there is none. The file, for whoever syncs it.
  Result<std::shared_ptr<File>> save();

 private:
  FileSystem* files_;
  std::string path_;
  std::vector<Entry> entries_;
  size_t saved_ = 0;  // entries that the file has
  bool found_ = false;
};

struct OffsetEntry {
  static constexpr size_t kBytes = 8;
  int32_t relative_offset = 0;
  int32_t position = 0;

  void encode(uint8_t* out) const;
  static OffsetEntry decode(const uint8_t* in);
  bool is_zero() const { return relative_offset == 0 && position == 0; }
  bool follows(const OffsetEntry& before) const {
    return relative_offset > before.relative_offset && position > before.position;
  }
};

struct TimeEntry {
  static constexpr size_t kBytes = 12;
  int64_t timestamp = 0;
  int32_t relative_offset = 0;

  void encode(uint8_t* out) const;
  static TimeEntry decode(const uint8_t* in);
  bool is_zero() const { return timestamp == 0 && relative_offset == 0; }
  bool follows(const TimeEntry& before) const {
    return timestamp >= before.timestamp && relative_offset >= before.relative_offset;
  }
};

using OffsetIndex = EntryFile<OffsetEntry>;
using TimeIndex = EntryFile<TimeEntry>;

// The greatest entry whose relative offset is at most `relative_offset`; {0, 0} before the first.
OffsetEntry lookup(const OffsetIndex& index, int32_t relative_offset);
// The greatest entry whose timestamp is at most `timestamp`; {-1, 0} before the first.
TimeEntry lookup(const TimeIndex& index, int64_t timestamp);

}  // namespace ottla::storage
