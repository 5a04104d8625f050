// SPDX-License-Identifier: Apache-2.0
// An EventLoop for tests: no threads, no descriptors, time that moves only through advance(). One run is the
// same as the next.
#pragma once

#include <deque>
#include <map>

#include "protocol/base/event_loop.h"

namespace ottla {

class ManualLoop : public EventLoop {
 public:
  int64_t monotonic_ms() const override { return monotonic_ms_; }
  int64_t wall_ms() const override { return wall_base_ms_ + monotonic_ms_; }
  std::unique_ptr<Timer> make_timer(std::function<void()> callback) override;
  void defer(std::function<void()> callback) override { deferred_.push_back(std::move(callback)); }
  void post(std::function<void()> callback) override { posted_.push_back(std::move(callback)); }
  // Runs `work` at the next run_pending(), then `done`; not while the background is held.
  void run_in_background(std::function<void()> work, std::function<void()> done) override;
  // A pool that is busy, or a disk that hangs.
  void hold_background(bool hold);
  std::unique_ptr<FdWatch> watch_fd(int fd, std::function<void(bool, bool)> callback) override;

  // Runs everything posted, deferred and in the background until nothing is left.
  void run_pending();
  // Moves time on by `ms`, firing timers in order of their due time, and runs what is pending after each.
  void advance(int64_t ms);
  void set_wall_ms(int64_t wall_ms) { wall_base_ms_ = wall_ms - monotonic_ms_; }

 private:
  class ManualTimer;

  int64_t monotonic_ms_ = 0;
  int64_t wall_base_ms_ = 1'700'000'000'000;
  std::multimap<int64_t, ManualTimer*> timers_;
  std::deque<std::function<void()>> deferred_;
  std::deque<std::function<void()>> posted_;
  std::deque<std::function<void()>> held_;
  bool holding_ = false;
};

}  // namespace ottla
