// SPDX-License-Identifier: Apache-2.0
// Bytes of an open file that a response carries without reading them: the connection sends them with
// sendfile, or reads them where it cannot (TLS, an in-memory file system).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>

namespace ottla {

// An open file for positioned reads. Any thread.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // The descriptor, for sendfile; -1 where there is none (in-memory files).
  virtual int descriptor() const = 0;
  // Reads up to out.size() bytes at `position`. Returns the count, 0 at the end, -errno on failure.
  virtual ssize_t read_at(std::span<uint8_t> out, uint64_t position) const = 0;
  // Whether reading these bytes needs no disk, as far as a look at a few of them tells. A guess: what is
  // there now may go, and what no look fell on may be missing.
  virtual bool in_memory(uint64_t /*position*/, uint32_t /*length*/) const { return true; }
};

// `length` bytes from `position`. Holds the file open; valid also after the file was renamed or unlinked.
struct FileSlice {
  std::shared_ptr<const ReadableFile> file;
  uint64_t position = 0;
  uint32_t length = 0;
};

}  // namespace ottla
