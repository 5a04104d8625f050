// SPDX-License-Identifier: Apache-2.0
// An EventLoop on poll(2) for coordination_tool, so that real peers (ZooKeeper's own server and clients) can
// be met without the program. One thread, and one more for background work.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "protocol/base/event_loop.h"

namespace ottla {

class PollLoop : public EventLoop {
 public:
  PollLoop();
  ~PollLoop() override;

  int64_t monotonic_ms() const override;
  int64_t wall_ms() const override;
  std::unique_ptr<Timer> make_timer(std::function<void()> callback) override;
  void defer(std::function<void()> callback) override { deferred_.push_back(std::move(callback)); }
  void post(std::function<void()> callback) override;
  void run_in_background(std::function<void()> work, std::function<void()> done) override;
  std::unique_ptr<FdWatch> watch_fd(int fd, std::function<void(bool, bool)> callback) override;

  void run();
  void stop() { stopped_ = true; }

 private:
  class PollTimer;
  class PollWatch;

  void turn();
  void run_ready();
  int wait_ms() const;
  void work_in_background();

  bool stopped_ = false;
  int wake_[2];
  std::multimap<int64_t, PollTimer*> timers_;
  std::set<PollWatch*> watches_;
  std::deque<std::function<void()>> deferred_;
  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  std::condition_variable work_ready_;
  std::deque<std::function<void()>> work_;
  bool closing_ = false;
  std::thread worker_;
};

}  // namespace ottla
