// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "storage/io/file_system.h"

namespace ottla::storage {
namespace {

constexpr uint64_t kLookEvery = 64 << 10;
// Each fdatasync of a file that grew is a commit of the journal and a flush of the disk: milliseconds. One
// syncfs is two of them, and takes along what others have written.
constexpr size_t kSyncedOneByOne = 8;

// Calls again while a signal interrupts.
template <typename Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class PosixFile : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override { ::close(fd_); }

  const std::string& path() const override { return path_; }
  int descriptor() const override { return fd_; }

  ssize_t read_at(std::span<uint8_t> out, uint64_t position) const override {
    const ssize_t count =
        retried([&] { return ::pread(fd_, out.data(), out.size(), static_cast<off_t>(position)); });
    return count < 0 ? -errno : count;
  }
  // The kernel reads ahead in pieces larger than kLookEvery.
  bool in_memory(uint64_t position, uint32_t length) const override {
    const uint64_t end = position + length;
    for (uint64_t at = position; at < end;
         at += std::min<uint64_t>(kLookEvery, std::max<uint64_t>(end - 1 - at, 1))) {
      uint8_t byte = 0;
      iovec look{&byte, 1};
      const ssize_t count =
          retried([&] { return ::preadv2(fd_, &look, 1, static_cast<off_t>(at), RWF_NOWAIT); });
      if (count < 0) return errno != EAGAIN;
    }
    return true;
  }
  Status write_at(Bytes bytes, uint64_t position) override {
    while (!bytes.empty()) {
      const ssize_t count =
          retried([&] { return ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(position)); });
      if (count < 0) return Status::from_errno(errno, "write " + path_);
      bytes = bytes.subspan(static_cast<size_t>(count));
      position += static_cast<uint64_t>(count);
    }
    return {};
  }
  Result<uint64_t> size() const override {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) return Status::from_errno(errno, "stat " + path_);
    return static_cast<uint64_t>(info.st_size);
  }
  int64_t modified_ms() const override {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) return -1;
    return info.st_mtim.tv_sec * int64_t{1000} + info.st_mtim.tv_nsec / 1'000'000;
  }
  Status truncate(uint64_t size) override {
    if (retried([&] { return ::ftruncate(fd_, static_cast<off_t>(size)); }) != 0) {
      return Status::from_errno(errno, "truncate " + path_);
    }
    return {};
  }
  Status sync() override {
    if (::fdatasync(fd_) != 0) return Status::from_errno(errno, "fdatasync " + path_);
    return {};
  }
  Status reserve(uint64_t size) override {
    // A file system without it is no reason to fail: writes allocate as they go.
    if (::fallocate(fd_, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) != 0 && errno != EOPNOTSUPP &&
        errno != ENOSYS) {
      return Status::from_errno(errno, "fallocate " + path_);
    }
    return {};
  }

 private:
  int fd_;
  std::string path_;
};

class PosixLock : public FileLock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}
  ~PosixLock() override { ::close(fd_); }

 private:
  int fd_;
};

// Somebody may have put a partition's directory on another disk and a link in its place.
bool on_one_file_system(const Unsynced& unsynced) {
  struct stat first {};
  if (::fstat(unsynced.files.front()->descriptor(), &first) != 0) return false;
  const auto same = [&](int result, const struct stat& info) {
    return result == 0 && info.st_dev == first.st_dev;
  };
  struct stat info {};
  for (const auto& file : unsynced.files) {
    if (!same(::fstat(file->descriptor(), &info), info)) return false;
  }
  for (const std::string& directory : unsynced.directories) {
    if (!same(::stat(directory.c_str(), &info), info)) return false;
  }
  return true;
}

class PosixFileSystem : public FileSystem {
 public:
  Result<std::shared_ptr<File>> open(const std::string& path, bool create) override {
    const int fd =
        retried([&] { return ::open(path.c_str(), O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0644); });
    if (fd < 0) return Status::from_errno(errno, "open " + path);
    return std::shared_ptr<File>(std::make_shared<PosixFile>(fd, path));
  }
  // Not by ftruncate(): of a file that was cut so, ext4 writes the bytes when it is closed.
  Result<std::shared_ptr<File>> open_empty(const std::string& path) override {
    const int fd =
        retried([&] { return ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_CREAT | O_TRUNC, 0644); });
    if (fd < 0) return Status::from_errno(errno, "open " + path);
    return std::shared_ptr<File>(std::make_shared<PosixFile>(fd, path));
  }
  Result<std::shared_ptr<File>> open_for_reading(const std::string& path) override {
    const int fd = retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
    if (fd < 0) return Status::from_errno(errno, "open " + path);
    return std::shared_ptr<File>(std::make_shared<PosixFile>(fd, path));
  }
  bool exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  Status make_directories(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return Status::from_errno(error.value(), "make directory " + path);
    return {};
  }
  Result<bool> make_new_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0777) == 0) return true;
    if (errno != EEXIST && errno != ENOENT) return Status::from_errno(errno, "make directory " + path);
    return FileSystem::make_new_directory(path);
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override {
    DIR* directory = ::opendir(path.c_str());
    if (directory == nullptr) return Status::from_errno(errno, "list " + path);
    std::vector<DirectoryEntry> entries;
    errno = 0;
    while (const dirent* entry = ::readdir(directory)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      bool is_directory = entry->d_type == DT_DIR;
      if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
        is_directory = std::filesystem::is_directory(std::filesystem::path(path) / name);
      }
      entries.push_back({name, is_directory});
    }
    const int error = errno;
    ::closedir(directory);
    if (error != 0) return Status::from_errno(error, "list " + path);
    return entries;
  }
  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      return Status::from_errno(errno, "rename " + from + " to " + to);
    return {};
  }
  Status remove_file(const std::string& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return Status::from_errno(errno, "remove " + path);
    return {};
  }
  Status remove_all(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return Status::from_errno(error.value(), "remove " + path);
    return {};
  }
  Status sync_directory(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return Status::from_errno(errno, "open directory " + path);
    const int rc = ::fsync(fd);
    const int error = errno;
    ::close(fd);
    if (rc != 0) return Status::from_errno(error, "fsync directory " + path);
    return {};
  }
  Status sync_all(const Unsynced& unsynced) override {
    const size_t count = unsynced.files.size() + unsynced.directories.size();
    if (count <= kSyncedOneByOne || unsynced.files.empty() || !on_one_file_system(unsynced))
      return FileSystem::sync_all(unsynced);
    const File& first = *unsynced.files.front();
    if (::syncfs(first.descriptor()) != 0) return Status::from_errno(errno, "syncfs " + first.path());
    // Says whether pages of this very file got lost on their way, which older kernels do not tell of a
    // syncfs.
    for (const auto& file : unsynced.files) {
      if (::sync_file_range(file->descriptor(), 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) != 0)
        return Status::from_errno(errno, "sync_file_range " + file->path());
    }
    return {};
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return Status::from_errno(errno, "open " + path);
    // A record lock, because that is what Java's FileChannel.tryLock takes: Kafka and Ottla see each other's.
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    if (::fcntl(fd, F_OFD_SETLK, &range) != 0) {
      const int error = errno == EACCES ? EWOULDBLOCK : errno;
      ::close(fd);
      return Status::from_errno(error, "lock " + path);
    }
    return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(fd));
  }
  Result<int64_t> modified_ms(const std::string& path) override {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return Status::from_errno(errno, "stat " + path);
    return int64_t{info.st_mtim.tv_sec} * 1000 + info.st_mtim.tv_nsec / 1'000'000;
  }
  Result<DiskSpace> space(const std::string& path) override {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) return Status::from_errno(errno, "statvfs " + path);
    return DiskSpace{uint64_t{info.f_blocks} * info.f_frsize, uint64_t{info.f_bavail} * info.f_frsize};
  }
};

}  // namespace

std::unique_ptr<FileSystem> posix_file_system() { return std::make_unique<PosixFileSystem>(); }

}  // namespace ottla::storage
