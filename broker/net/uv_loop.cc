// SPDX-License-Identifier: Apache-2.0
#include "broker/net/uv_loop.h"

#include <uv.h>

#include <csignal>
#include <deque>

#include "protocol/base/status.h"

namespace ottla::net {
namespace {

// Owns a libuv handle of any type: libuv frees nothing before its close callback ran.
template <typename Handle>
void close_and_delete(Handle* handle) {
  uv_close(reinterpret_cast<uv_handle_t*>(handle),
           [](uv_handle_t* closed) { delete reinterpret_cast<Handle*>(closed); });
}

class UvTimer : public Timer {
 public:
  UvTimer(uv_loop_t* loop, std::function<void()> callback)
      : handle_(new uv_timer_t), callback_(std::move(callback)) {
    uv_timer_init(loop, handle_);
    handle_->data = this;
  }
  ~UvTimer() override {
    handle_->data = nullptr;
    close_and_delete(handle_);
  }
  void start(int64_t delay_ms) override {
    const auto fire = [](uv_timer_t* handle) {
      if (handle->data != nullptr) static_cast<UvTimer*>(handle->data)->fire();
    };
    // The loop's clock stands still within a turn; without this a long turn would shorten the delay.
    uv_update_time(handle_->loop);
    uv_timer_start(handle_, fire, delay_ms > 0 ? static_cast<uint64_t>(delay_ms) : 0, 0);
  }
  void stop() override { uv_timer_stop(handle_); }
  bool active() const override { return uv_is_active(reinterpret_cast<uv_handle_t*>(handle_)) != 0; }

 private:
  void fire() {
    // The callback may destroy this timer.
    const std::function<void()> callback = callback_;
    callback();
  }

  uv_timer_t* handle_;
  std::function<void()> callback_;
};

class UvFdWatch : public FdWatch {
 public:
  UvFdWatch(uv_loop_t* loop, int fd, std::function<void(bool, bool)> callback)
      : handle_(new uv_poll_t), callback_(std::move(callback)) {
    const int rc = uv_poll_init(loop, handle_, fd);
    OTTLA_CHECK(rc == 0);
    handle_->data = this;
  }
  ~UvFdWatch() override {
    handle_->data = nullptr;
    uv_poll_stop(handle_);
    close_and_delete(handle_);
  }
  void update(bool want_readable, bool want_writable) override {
    const int events = (want_readable ? UV_READABLE : 0) | (want_writable ? UV_WRITABLE : 0);
    if (events == events_) return;
    events_ = events;
    if (events == 0) {
      uv_poll_stop(handle_);
      return;
    }
    uv_poll_start(handle_, events, [](uv_poll_t* handle, int status, int ready) {
      auto* self = static_cast<UvFdWatch*>(handle->data);
      if (self == nullptr) return;
      // An error is told as readiness: the owner's next read or write reports the errno.
      if (status < 0) ready = UV_READABLE | UV_WRITABLE;
      self->callback_((ready & UV_READABLE) != 0, (ready & UV_WRITABLE) != 0);
    });
  }

 private:
  uv_poll_t* handle_;
  int events_ = 0;
  std::function<void(bool, bool)> callback_;
};

struct BackgroundWork {
  uv_work_t request;
  std::function<void()> work;
  std::function<void()> done;
};

}  // namespace

struct UvLoop::Impl {
  uv_loop_t loop;
  uv_async_t wake;
  uv_prepare_t before_poll;
  uv_check_t after_poll;
  std::vector<uv_signal_t*> signals;
  std::deque<std::function<void()>> signal_callbacks;
  std::vector<std::function<void()>> deferred;
  std::vector<std::function<void()>> running;
  std::mutex posted_mutex;
  std::vector<std::function<void()>> posted;  // guarded by posted_mutex

  void run_deferred() {
    while (!deferred.empty()) {
      running.swap(deferred);
      for (auto& callback : running) callback();
      running.clear();
    }
  }
  void run_posted() {
    std::vector<std::function<void()>> batch;
    {
      const std::lock_guard lock(posted_mutex);
      batch.swap(posted);
    }
    for (auto& callback : batch) callback();
  }
};

UvLoop::UvLoop() : impl_(std::make_unique<Impl>()) {
  std::signal(SIGPIPE, SIG_IGN);
  OTTLA_CHECK(uv_loop_init(&impl_->loop) == 0);
  uv_async_init(&impl_->loop, &impl_->wake,
                [](uv_async_t* handle) { static_cast<Impl*>(handle->data)->run_posted(); });
  uv_prepare_init(&impl_->loop, &impl_->before_poll);
  uv_check_init(&impl_->loop, &impl_->after_poll);
  impl_->wake.data = impl_->before_poll.data = impl_->after_poll.data = impl_.get();
  uv_prepare_start(&impl_->before_poll,
                   [](uv_prepare_t* handle) { static_cast<Impl*>(handle->data)->run_deferred(); });
  uv_check_start(&impl_->after_poll,
                 [](uv_check_t* handle) { static_cast<Impl*>(handle->data)->run_deferred(); });
}

UvLoop::~UvLoop() {
  const auto close = [](auto* handle) { uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr); };
  close(&impl_->wake);
  close(&impl_->before_poll);
  close(&impl_->after_poll);
  for (uv_signal_t* handle : impl_->signals) close_and_delete(handle);
  // Runs the close callbacks, and background work that was under way.
  uv_run(&impl_->loop, UV_RUN_DEFAULT);
  uv_loop_close(&impl_->loop);
}

int64_t UvLoop::monotonic_ms() const { return static_cast<int64_t>(uv_now(&impl_->loop)); }

int64_t UvLoop::wall_ms() const {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::unique_ptr<Timer> UvLoop::make_timer(std::function<void()> callback) {
  return std::make_unique<UvTimer>(&impl_->loop, std::move(callback));
}

void UvLoop::defer(std::function<void()> callback) { impl_->deferred.push_back(std::move(callback)); }

void UvLoop::post(std::function<void()> callback) {
  {
    const std::lock_guard lock(impl_->posted_mutex);
    impl_->posted.push_back(std::move(callback));
  }
  uv_async_send(&impl_->wake);
}

void UvLoop::run_in_background(std::function<void()> work, std::function<void()> done) {
  auto* request = new BackgroundWork{{}, std::move(work), std::move(done)};
  request->request.data = request;
  const int rc = uv_queue_work(
      &impl_->loop, &request->request,
      [](uv_work_t* queued) { static_cast<BackgroundWork*>(queued->data)->work(); },
      [](uv_work_t* finished, int) {
        const std::unique_ptr<BackgroundWork> owned(static_cast<BackgroundWork*>(finished->data));
        owned->done();
      });
  OTTLA_CHECK(rc == 0);
}

std::unique_ptr<FdWatch> UvLoop::watch_fd(int fd, std::function<void(bool, bool)> callback) {
  return std::make_unique<UvFdWatch>(&impl_->loop, fd, std::move(callback));
}

void UvLoop::on_signal(int signal_number, std::function<void()> callback) {
  auto* handle = new uv_signal_t;
  uv_signal_init(&impl_->loop, handle);
  impl_->signal_callbacks.push_back(std::move(callback));
  handle->data = &impl_->signal_callbacks.back();
  uv_signal_start(
      handle, [](uv_signal_t* fired, int) { (*static_cast<std::function<void()>*>(fired->data))(); },
      signal_number);
  impl_->signals.push_back(handle);
}

void UvLoop::run() { uv_run(&impl_->loop, UV_RUN_DEFAULT); }

void UvLoop::stop() { uv_stop(&impl_->loop); }

}  // namespace ottla::net
