// SPDX-License-Identifier: Apache-2.0
#include "protocol/base/manual_loop.h"

namespace ottla {

class ManualLoop::ManualTimer : public Timer {
 public:
  ManualTimer(ManualLoop& loop, std::function<void()> callback)
      : loop_(loop), callback_(std::move(callback)) {}
  ~ManualTimer() override { stop(); }

  void start(int64_t delay_ms) override {
    stop();
    position_ = loop_.timers_.emplace(loop_.monotonic_ms_ + delay_ms, this);
    active_ = true;
  }
  void stop() override {
    if (active_) loop_.timers_.erase(position_);
    active_ = false;
  }
  bool active() const override { return active_; }
  void fire() {
    stop();
    // The callback may destroy this timer.
    const std::function<void()> callback = callback_;
    callback();
  }

 private:
  ManualLoop& loop_;
  std::function<void()> callback_;
  std::multimap<int64_t, ManualTimer*>::iterator position_;
  bool active_ = false;
};

std::unique_ptr<Timer> ManualLoop::make_timer(std::function<void()> callback) {
  return std::make_unique<ManualTimer>(*this, std::move(callback));
}

void ManualLoop::run_in_background(std::function<void()> work, std::function<void()> done) {
  (holding_ ? held_ : posted_).push_back([work = std::move(work), done = std::move(done)] {
    work();
    done();
  });
}

void ManualLoop::hold_background(bool hold) {
  holding_ = hold;
  if (hold) return;
  for (auto& work : held_) posted_.push_back(std::move(work));
  held_.clear();
}

std::unique_ptr<FdWatch> ManualLoop::watch_fd(int, std::function<void(bool, bool)>) {
  class NoWatch : public FdWatch {
    void update(bool, bool) override {}
  };
  return std::make_unique<NoWatch>();
}

void ManualLoop::run_pending() {
  while (!deferred_.empty() || !posted_.empty()) {
    auto& queue = deferred_.empty() ? posted_ : deferred_;
    const std::function<void()> next = std::move(queue.front());
    queue.pop_front();
    next();
  }
}

void ManualLoop::advance(int64_t ms) {
  const int64_t end = monotonic_ms_ + ms;
  run_pending();
  while (!timers_.empty() && timers_.begin()->first <= end) {
    monotonic_ms_ = std::max(monotonic_ms_, timers_.begin()->first);
    timers_.begin()->second->fire();
    run_pending();
  }
  monotonic_ms_ = end;
}

}  // namespace ottla
