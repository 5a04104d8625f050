// SPDX-License-Identifier: Apache-2.0
#include "storage/io/file_system.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

namespace ottla::storage {

Status File::read_exactly_at(std::span<uint8_t> out, uint64_t position) const {
  while (!out.empty()) {
    const ssize_t count = read_at(out, position);
    if (count < 0) return Status::from_errno(static_cast<int>(-count), "read " + path());
    if (count == 0) {
      return Status::from_errno(
          EIO, "read " + path() + " at " + std::to_string(position) + ": the file ends before that");
    }
    out = out.subspan(static_cast<size_t>(count));
    position += static_cast<uint64_t>(count);
  }
  return {};
}

Result<std::shared_ptr<File>> FileSystem::open_empty(const std::string& path) {
  auto file = open(path, true);
  if (!file.ok()) return file;
  const Status cut = (*file)->truncate(0);
  if (!cut.ok()) return cut;
  return file;
}

Result<bool> FileSystem::make_new_directory(const std::string& path) {
  if (exists(path)) return false;
  const Status made = make_directories(path);
  if (!made.ok()) return made;
  return true;
}

Result<std::string> FileSystem::read_text(const std::string& path, uint64_t max_bytes) {
  const auto file = open_for_reading(path);
  if (!file.ok()) return file.status();
  const auto size = (*file)->size();
  if (!size.ok()) return size.status();
  if (*size > max_bytes) return Status::from_errno(EFBIG, "read " + path);
  std::string text(*size, '\0');
  const Status read = (*file)->read_exactly_at({reinterpret_cast<uint8_t*>(text.data()), text.size()}, 0);
  if (!read.ok()) return read;
  return text;
}

Result<std::optional<std::string>> FileSystem::read_text_if_there(const std::string& path,
                                                                  uint64_t max_bytes) {
  auto text = read_text(path, max_bytes);
  if (text.ok()) return std::optional(std::move(*text));
  if (text.status().error_number() == ENOENT) return std::optional<std::string>();
  return text.status();
}

Status FileSystem::write_atomically(const std::string& path, Bytes content) {
  const std::string temporary = path + ".tmp";
  const auto file = open_empty(temporary);
  if (!file.ok()) return file.status();
  Status status = (*file)->write_at(content, 0);
  if (status.ok()) status = (*file)->sync();
  if (status.ok()) status = rename(temporary, path);
  if (status.ok()) status = sync_directory(parent_directory(path));
  return status;
}

bool is_shortage(const Status& status) {
  switch (status.error_number()) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
      return true;
    default:
      return false;
  }
}

void Unsynced::add(Unsynced others) {
  std::move(others.files.begin(), others.files.end(), std::back_inserter(files));
  std::move(others.directories.begin(), others.directories.end(), std::back_inserter(directories));
}

Status FileSystem::sync_all(const Unsynced& unsynced) {
  Status status;
  for (const auto& file : unsynced.files) {
    if (status.ok()) status = file->sync();
  }
  for (const std::string& directory : unsynced.directories) {
    if (status.ok()) status = sync_directory(directory);
  }
  return status;
}

std::string parent_directory(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace ottla::storage
