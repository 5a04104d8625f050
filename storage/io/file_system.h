// SPDX-License-Identifier: Apache-2.0
// The one way to files: everything that storage and coordination keep on disk goes through here, so that a
// test can put a file system below that forgets what was not synced and fails the call it is told to
// (faulty_file_system.h).
//
// Threads: any; one File is written by one thread at a time, and may be read by others meanwhile. Every call
// may block. Errors are Status values with errno and the path. Short writes and EINTR are looped over inside.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/wire/file_slice.h"
#include "protocol/wire/reader.h"

namespace ottla::storage {

// An open regular file.
class File : public ReadableFile {
 public:
  virtual const std::string& path() const = 0;
  // Writes all of `bytes` at `position` (the file grows as needed).
  virtual Status write_at(Bytes bytes, uint64_t position) = 0;
  // Reads exactly out.size() bytes at `position`; an end of file before that is an error.
  Status read_exactly_at(std::span<uint8_t> out, uint64_t position) const;
  virtual Result<uint64_t> size() const = 0;
  // When it was written last, in milliseconds since the epoch; -1 where the file system does not tell.
  virtual int64_t modified_ms() const { return -1; }
  virtual Status truncate(uint64_t size) = 0;
  // fdatasync: contents and size survive a power cut. The name does too only after sync_directory of its
  // parent.
  virtual Status sync() = 0;
  // Reserves space up to `size` without changing what size() says; may do nothing.
  virtual Status reserve(uint64_t size) = 0;
};

// Held until destroyed; the kernel gives it up when the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

// What has to reach the disk together.
struct Unsynced {
  std::vector<std::shared_ptr<File>> files;
  std::vector<std::string> directories;  // whose names changed

  void add(Unsynced others);
};

struct DiskSpace {
  uint64_t total_bytes = 0;
  uint64_t usable_bytes = 0;
};

// Whether a call failed for want of space, inodes or descriptors: nothing is wrong with the disk, and the
// same call may succeed later.
bool is_shortage(const Status& status);

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // Opens for reading and writing; made where it misses if `create`.
  virtual Result<std::shared_ptr<File>> open(const std::string& path, bool create) = 0;
  // Opens for reading and writing, empty: made where it misses, cut where it is there.
  virtual Result<std::shared_ptr<File>> open_empty(const std::string& path);
  // For files that belong to somebody else, or to nobody any more; writing fails.
  virtual Result<std::shared_ptr<File>> open_for_reading(const std::string& path) {
    return open(path, false);
  }
  virtual bool exists(const std::string& path) = 0;
  // Makes the directory and its parents; fine where it is there.
  virtual Status make_directories(const std::string& path) = 0;
  // Makes the directory, and its parents where they miss; whether it was not there.
  virtual Result<bool> make_new_directory(const std::string& path);
  // Names without "." and "..", in no order.
  virtual Result<std::vector<DirectoryEntry>> list(const std::string& path) = 0;
  // Replaces `to` where it exists; atomic.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  // Fine where it does not exist.
  virtual Status remove_file(const std::string& path) = 0;
  // The directory with all that is in it; fine where it does not exist.
  virtual Status remove_all(const std::string& path) = 0;
  // Makes names created, renamed and removed in `path` survive a power cut.
  virtual Status sync_directory(const std::string& path) = 0;
  // File::sync and sync_directory of all of it. Where it is much, and of one file system, one flush of the
  // disk serves all.
  virtual Status sync_all(const Unsynced& unsynced);
  // An exclusive lock on `path`, which is made where it misses. errno EWOULDBLOCK: another process has it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  // When the contents of a file changed last, by the wall clock.
  virtual Result<int64_t> modified_ms(const std::string& path) = 0;
  virtual Result<DiskSpace> space(const std::string& path) = 0;

  // The whole file as text; at most `max_bytes`.
  Result<std::string> read_text(const std::string& path, uint64_t max_bytes = 16 << 20);
  // The same, or nothing where the file is missing.
  Result<std::optional<std::string>> read_text_if_there(const std::string& path,
                                                        uint64_t max_bytes = 16 << 20);
  // Replaces `path` so that a crash leaves the old or the new content: "<path>.tmp", sync, rename, sync of
  // the directory.
  Status write_atomically(const std::string& path, Bytes content);
};

// The machine's own files.
std::unique_ptr<FileSystem> posix_file_system();

// The part of `path` before its last '/', "." where there is none.
std::string parent_directory(const std::string& path);

}  // namespace ottla::storage
