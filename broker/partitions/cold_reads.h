// SPDX-License-Identifier: Apache-2.0
// Brings parts of files into the page cache, on the pool: a consumer of old data waits for the disk, the loop
// does not.
//
// Few at once, so that threads are left for what flushes and loads. Threads: the loop's.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "protocol/base/event_loop.h"
#include "protocol/wire/file_slice.h"

namespace ottla {

class ColdReads {
 public:
  static constexpr size_t kAtOnce = 2;

  explicit ColdReads(EventLoop& loop) : loop_(loop) {}

  // Calls `done` in a later turn, when all of `slices` were read once; never after this is gone. A failed
  // read is for who reads again to see.
  void bring(std::vector<FileSlice> slices, std::function<void()> done);

 private:
  struct Job {
    std::vector<FileSlice> slices;
    std::function<void()> done;
  };
  void start_next();

  EventLoop& loop_;
  std::deque<Job> jobs_;
  size_t running_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ottla
