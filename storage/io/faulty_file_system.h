// SPDX-License-Identifier: Apache-2.0
// A file system in memory for tests: crash() brings back what a power cut leaves (only what was synced, names
// and bytes), and fail_call() makes the n-th call fail with an errno.
//
// A crash drops unsynced bytes whole, or keeps the first `kept` bytes of each file's unsynced tail (a torn
// write). Files opened before a crash must not be used after it. Threads: one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/io/file_system.h"

namespace ottla::storage {

class FaultyFileSystem : public FileSystem {
 public:
  enum class Call { kOpen, kRead, kWrite, kSync, kTruncate, kRename, kRemove, kSyncDirectory };

  FaultyFileSystem();
  ~FaultyFileSystem() override;

  // The machine loses power and comes back.
  void crash(size_t kept_of_unsynced_tail = 0);
  // The process dies: nothing is lost. Locks are free again.
  void kill() { locked_.clear(); }
  // Fails the `n`-th call of that kind from now on (1: the next one) with `error_number`; once.
  void fail_call(Call call, int n, int error_number);
  // Fails every call of that kind from the n-th on, until clear_failures().
  void fail_calls_from(Call call, int n, int error_number);
  void clear_failures() { failures_.clear(); }
  int count(Call call) const;
  void set_modified(const std::string& path, int64_t wall_ms) { modified_ms_[path] = wall_ms; }
  // The bytes of a file as a running program sees them; for tests to look at and to damage.
  std::vector<uint8_t>& contents(const std::string& path);

  Result<std::shared_ptr<File>> open(const std::string& path, bool create) override;
  bool exists(const std::string& path) override;
  Status make_directories(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove_file(const std::string& path) override;
  Status remove_all(const std::string& path) override;
  Status sync_directory(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  // As set_modified() says; an error where it said nothing.
  Result<int64_t> modified_ms(const std::string& path) override;
  Result<DiskSpace> space(const std::string& path) override;

 private:
  class MemoryFile;
  class MemoryLock;
  struct Inode {
    std::vector<uint8_t> live;
    std::vector<uint8_t> synced;
  };
  struct Failure {
    Call call;
    int left;
    int error_number;
    bool for_ever;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  // 0, or the errno that this call must fail with.
  int enter(Call call);
  static void move_tree(Names& names, const std::string& from, const std::string& to);

  Names names_;         // as the running program sees them
  Names synced_names_;  // as they stand on disk
  std::set<std::string> directories_;
  std::set<std::string> locked_;
  std::map<Call, int> counts_;
  std::map<std::string, int64_t> modified_ms_;
  std::vector<Failure> failures_;
};

}  // namespace ottla::storage
