// SPDX-License-Identifier: Apache-2.0
// Notices when the event loop stands still: a disk that hangs holds up the write that the loop makes. A
// thread of its own says so while it lasts, with the files that calls of this process wait for; when it is
// over, the loop says for how long it was.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "protocol/base/event_loop.h"

namespace ottla {

class LoopWatch {
 public:
  // `went_on` is called on the loop after each pause that was longer than kBeatMs or so, with its length,
  // before anything else is served. Made and destroyed on the loop's thread.
  LoopWatch(EventLoop& loop, std::function<void(int64_t paused_ms)> went_on);
  ~LoopWatch();

  static constexpr int64_t kBeatMs = 500;
  static constexpr int64_t kWorthSayingMs = 2000;

  // How long ago the loop began a turn with its timers, by the clock as it is now and not as it was when this
  // turn began: more than kBeatMs where this turn is long.
  int64_t paused_ms() const;

 private:
  void beat();
  void watch();

  std::function<void(int64_t)> went_on_;
  std::atomic<int64_t> last_beat_ms_;
  std::unique_ptr<Timer> timer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ended_ = false;  // guarded by mutex_
  std::thread thread_;
};

// "fdatasync of /data/t-0/00000000000000000000.log, ...": the files that calls of this process' threads wait
// for now; empty where there are none, or the machine does not tell.
std::string calls_under_way();

}  // namespace ottla
