// SPDX-License-Identifier: Apache-2.0
#include "tests/coordination/poll_loop.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "protocol/base/status.h"

namespace ottla {

class PollLoop::PollTimer : public Timer {
 public:
  PollTimer(PollLoop& loop, std::function<void()> callback) : loop_(loop), callback_(std::move(callback)) {}
  ~PollTimer() override { stop(); }
  void start(int64_t delay_ms) override {
    stop();
    position_ = loop_.timers_.emplace(loop_.monotonic_ms() + delay_ms, this);
    active_ = true;
  }
  void stop() override {
    if (active_) loop_.timers_.erase(position_);
    active_ = false;
  }
  bool active() const override { return active_; }
  void fire() {
    stop();
    const auto callback = callback_;
    callback();
  }

 private:
  PollLoop& loop_;
  std::function<void()> callback_;
  std::multimap<int64_t, PollTimer*>::iterator position_;
  bool active_ = false;
};

class PollLoop::PollWatch : public FdWatch {
 public:
  PollWatch(PollLoop& loop, int fd, std::function<void(bool, bool)> callback)
      : fd(fd), callback(std::move(callback)), loop_(loop) {
    loop_.watches_.insert(this);
  }
  ~PollWatch() override { loop_.watches_.erase(this); }
  void update(bool want_readable, bool want_writable) override {
    events = static_cast<short>((want_readable ? POLLIN : 0) | (want_writable ? POLLOUT : 0));
  }
  const int fd;
  short events = 0;
  const std::function<void(bool, bool)> callback;

 private:
  PollLoop& loop_;
};

PollLoop::PollLoop() {
  OTTLA_CHECK(pipe2(wake_, O_NONBLOCK | O_CLOEXEC) == 0);
  worker_ = std::thread([this] { work_in_background(); });
}

PollLoop::~PollLoop() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  work_ready_.notify_all();
  worker_.join();
  ::close(wake_[0]);
  ::close(wake_[1]);
}

int64_t PollLoop::monotonic_ms() const {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

int64_t PollLoop::wall_ms() const {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::unique_ptr<Timer> PollLoop::make_timer(std::function<void()> callback) {
  return std::make_unique<PollTimer>(*this, std::move(callback));
}

std::unique_ptr<FdWatch> PollLoop::watch_fd(int fd, std::function<void(bool, bool)> callback) {
  return std::make_unique<PollWatch>(*this, fd, std::move(callback));
}

void PollLoop::post(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(callback));
  }
  const char byte = 0;
  static_cast<void>(::write(wake_[1], &byte, 1) == 1);
}

void PollLoop::run_in_background(std::function<void()> work, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    work_.push_back([this, work = std::move(work), done = std::move(done)]() mutable {
      work();
      post(std::move(done));
    });
  }
  work_ready_.notify_one();
}

void PollLoop::work_in_background() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_ready_.wait(lock, [this] { return closing_ || !work_.empty(); });
    if (work_.empty()) return;
    const auto job = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

int PollLoop::wait_ms() const {
  if (!deferred_.empty()) return 0;
  if (timers_.empty()) return 10'000;
  return static_cast<int>(std::clamp<int64_t>(timers_.begin()->first - monotonic_ms(), 0, 10'000));
}

void PollLoop::run_ready() {
  while (!timers_.empty() && timers_.begin()->first <= monotonic_ms()) timers_.begin()->second->fire();
  std::deque<std::function<void()>> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
  }
  for (const auto& callback : posted) callback();
  while (!deferred_.empty()) {
    const auto callback = std::move(deferred_.front());
    deferred_.pop_front();
    callback();
  }
}

void PollLoop::turn() {
  std::vector<pollfd> polled{{wake_[0], POLLIN, 0}};
  std::vector<PollWatch*> watched{nullptr};
  for (PollWatch* watch : watches_) {
    if (watch->events == 0) continue;
    polled.push_back({watch->fd, watch->events, 0});
    watched.push_back(watch);
  }
  if (::poll(polled.data(), polled.size(), wait_ms()) > 0) {
    char bytes[64];
    while (::read(wake_[0], bytes, sizeof bytes) > 0) {
    }
    for (size_t i = 1; i < polled.size(); ++i) {
      if (polled[i].revents == 0 || watches_.count(watched[i]) == 0) continue;
      const auto callback = watched[i]->callback;
      const bool broken = (polled[i].revents & (POLLERR | POLLHUP)) != 0;
      callback((polled[i].revents & POLLIN) != 0 || broken, (polled[i].revents & POLLOUT) != 0);
    }
  }
  run_ready();
}

void PollLoop::run() {
  stopped_ = false;
  run_ready();
  while (!stopped_) turn();
}

}  // namespace ottla
