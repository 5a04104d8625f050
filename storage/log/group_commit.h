// SPDX-License-Identifier: Apache-2.0
// Group commit: what the logs of one directory have to flush before they answer goes to the disk together,
// one flush after the other. Whatever is appended while one is under way shares the next.
//
//   1. an append asks (Log::set_commit_handler)
//   2. at the end of the turn, if none is under way: all that asked are flushed on the pool
//   3. their flushed_offset() moves; those that asked meanwhile are next
// A flush fails: the logs are told (Log::report_failure), and it is not tried again: the kernel may have
// dropped the pages and call the next one a success (fsyncgate).
//
// Threads: the loop's. `files` and `loop` outlive it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "protocol/base/event_loop.h"
#include "storage/io/file_system.h"
#include "storage/log/log.h"

namespace ottla::storage {

class GroupCommit {
 public:
  GroupCommit(FileSystem& files, EventLoop& loop) : files_(files), loop_(loop) {}

  void add(std::shared_ptr<Log> log);
  // Begins none any more; `done` when none is under way, now or later.
  void stop(std::function<void()> done);

 private:
  struct Window;

  void begin();
  void end(const Window& window);

  FileSystem& files_;
  EventLoop& loop_;
  std::vector<std::shared_ptr<Log>> waiting_;
  bool running_ = false;
  bool scheduled_ = false;
  bool stopping_ = false;
  std::function<void()> stopped_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ottla::storage
