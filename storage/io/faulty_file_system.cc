// SPDX-License-Identifier: Apache-2.0
#include "storage/io/faulty_file_system.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ottla::storage {

class FaultyFileSystem::MemoryFile : public File {
 public:
  MemoryFile(FaultyFileSystem& files, std::shared_ptr<Inode> inode, std::string path)
      : files_(files), inode_(std::move(inode)), path_(std::move(path)) {}

  const std::string& path() const override { return path_; }
  int descriptor() const override { return -1; }
  ssize_t read_at(std::span<uint8_t> out, uint64_t position) const override {
    if (const int error = files_.enter(Call::kRead)) return -error;
    const auto& bytes = inode_->live;
    if (position >= bytes.size()) return 0;
    const size_t count = std::min<size_t>(out.size(), bytes.size() - position);
    std::memcpy(out.data(), bytes.data() + position, count);
    return static_cast<ssize_t>(count);
  }
  Status write_at(Bytes bytes, uint64_t position) override {
    if (const int error = files_.enter(Call::kWrite)) return Status::from_errno(error, "write " + path_);
    auto& live = inode_->live;
    if (live.size() < position + bytes.size()) live.resize(position + bytes.size());
    std::copy(bytes.begin(), bytes.end(), live.begin() + static_cast<ptrdiff_t>(position));
    return {};
  }
  Result<uint64_t> size() const override { return uint64_t{inode_->live.size()}; }
  Status truncate(uint64_t size) override {
    if (const int error = files_.enter(Call::kTruncate))
      return Status::from_errno(error, "truncate " + path_);
    inode_->live.resize(size);
    return {};
  }
  Status sync() override {
    if (const int error = files_.enter(Call::kSync)) return Status::from_errno(error, "fdatasync " + path_);
    inode_->synced = inode_->live;
    return {};
  }
  Status reserve(uint64_t) override { return {}; }

 private:
  FaultyFileSystem& files_;
  std::shared_ptr<Inode> inode_;
  std::string path_;
};

class FaultyFileSystem::MemoryLock : public FileLock {
 public:
  MemoryLock(FaultyFileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}
  ~MemoryLock() override { files_.locked_.erase(path_); }

 private:
  FaultyFileSystem& files_;
  std::string path_;
};

FaultyFileSystem::FaultyFileSystem() = default;
FaultyFileSystem::~FaultyFileSystem() = default;

int FaultyFileSystem::enter(Call call) {
  ++counts_[call];
  for (auto failure = failures_.begin(); failure != failures_.end(); ++failure) {
    if (failure->call != call || (failure->left > 0 && --failure->left > 0)) continue;
    const int error = failure->error_number;
    if (!failure->for_ever) failures_.erase(failure);
    return error;
  }
  return 0;
}

void FaultyFileSystem::fail_call(Call call, int n, int error_number) {
  failures_.push_back({call, n, error_number, false});
}
void FaultyFileSystem::fail_calls_from(Call call, int n, int error_number) {
  failures_.push_back({call, n, error_number, true});
}

int FaultyFileSystem::count(Call call) const {
  const auto found = counts_.find(call);
  return found == counts_.end() ? 0 : found->second;
}

void FaultyFileSystem::crash(size_t kept_of_unsynced_tail) {
  names_ = synced_names_;
  for (auto& [path, inode] : names_) {
    const size_t old_size = inode->synced.size();
    const size_t kept = std::min(inode->live.size(), old_size + kept_of_unsynced_tail);
    if (kept > old_size) {
      inode->synced.insert(inode->synced.end(), inode->live.begin() + static_cast<ptrdiff_t>(old_size),
                           inode->live.begin() + static_cast<ptrdiff_t>(kept));
    }
    inode->live = inode->synced;
  }
  locked_.clear();
  failures_.clear();
}

std::vector<uint8_t>& FaultyFileSystem::contents(const std::string& path) {
  OTTLA_CHECK(names_.contains(path));
  return names_[path]->live;
}

Result<std::shared_ptr<File>> FaultyFileSystem::open(const std::string& path, bool create) {
  if (const int error = enter(Call::kOpen)) return Status::from_errno(error, "open " + path);
  if (directories_.contains(path)) return Status::from_errno(EISDIR, "open " + path);
  auto found = names_.find(path);
  if (found == names_.end()) {
    if (!create || !exists(parent_directory(path))) return Status::from_errno(ENOENT, "open " + path);
    found = names_.emplace(path, std::make_shared<Inode>()).first;
  }
  return std::shared_ptr<File>(std::make_shared<MemoryFile>(*this, found->second, path));
}

bool FaultyFileSystem::exists(const std::string& path) {
  return path == "/" || path == "." || names_.contains(path) || directories_.contains(path);
}

// Directories are taken as durable at once: what matters to us are the files in them.
Status FaultyFileSystem::make_directories(const std::string& path) {
  for (std::string at = path; at != "/" && at != "."; at = parent_directory(at)) directories_.insert(at);
  return {};
}

Result<std::vector<DirectoryEntry>> FaultyFileSystem::list(const std::string& path) {
  if (!exists(path)) return Status::from_errno(ENOENT, "list " + path);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, inode] : names_) {
    if (parent_directory(name) == path) entries.push_back({name.substr(path.size() + 1), false});
  }
  for (const std::string& name : directories_) {
    if (name != path && parent_directory(name) == path)
      entries.push_back({name.substr(path.size() + 1), true});
  }
  return entries;
}

void FaultyFileSystem::move_tree(Names& names, const std::string& from, const std::string& to) {
  Names moved;
  for (auto name = names.lower_bound(from); name != names.end() && name->first.starts_with(from);) {
    const std::string rest = name->first.substr(from.size());
    if (rest.empty() || rest[0] == '/') {
      moved[to + rest] = name->second;
      name = names.erase(name);
    } else {
      ++name;
    }
  }
  for (auto& [name, inode] : moved) names[name] = inode;
}

Status FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  if (const int error = enter(Call::kRename)) return Status::from_errno(error, "rename " + from);
  if (!exists(from)) return Status::from_errno(ENOENT, "rename " + from + " to " + to);
  move_tree(names_, from, to);
  std::set<std::string> moved;
  for (const std::string& directory : directories_) {
    const bool inside = directory == from || directory.starts_with(from + "/");
    moved.insert(inside ? to + directory.substr(from.size()) : directory);
  }
  // The files of a renamed directory go with it, synced as far as they were.
  if (directories_.contains(from)) move_tree(synced_names_, from, to);
  directories_ = std::move(moved);
  return {};
}

Status FaultyFileSystem::remove_file(const std::string& path) {
  if (const int error = enter(Call::kRemove)) return Status::from_errno(error, "remove " + path);
  names_.erase(path);
  return {};
}

Status FaultyFileSystem::remove_all(const std::string& path) {
  if (const int error = enter(Call::kRemove)) return Status::from_errno(error, "remove " + path);
  const auto below = [&](const std::string& name) { return name == path || name.starts_with(path + "/"); };
  std::erase_if(names_, [&](const auto& entry) { return below(entry.first); });
  std::erase_if(synced_names_, [&](const auto& entry) { return below(entry.first); });
  std::erase_if(directories_, below);
  return {};
}

Status FaultyFileSystem::sync_directory(const std::string& path) {
  if (const int error = enter(Call::kSyncDirectory))
    return Status::from_errno(error, "fsync directory " + path);
  std::erase_if(synced_names_, [&](const auto& entry) { return parent_directory(entry.first) == path; });
  for (const auto& [name, inode] : names_) {
    if (parent_directory(name) == path) synced_names_[name] = inode;
  }
  return {};
}

Result<std::unique_ptr<FileLock>> FaultyFileSystem::lock(const std::string& path) {
  if (!locked_.insert(path).second) return Status::from_errno(EWOULDBLOCK, "lock " + path);
  return std::unique_ptr<FileLock>(std::make_unique<MemoryLock>(*this, path));
}

Result<int64_t> FaultyFileSystem::modified_ms(const std::string& path) {
  const auto found = modified_ms_.find(path);
  if (found == modified_ms_.end()) return Status::from_errno(ENOENT, "stat " + path);
  return found->second;
}

Result<DiskSpace> FaultyFileSystem::space(const std::string&) { return DiskSpace{1ULL << 40, 1ULL << 39}; }

}  // namespace ottla::storage
