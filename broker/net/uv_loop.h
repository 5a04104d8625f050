// SPDX-License-Identifier: Apache-2.0
// The event loop of the running program: EventLoop on libuv. uv_loop.cc is the only code that includes uv.h.
//
// One turn: timers, then what sockets and posted callbacks bring, then everything deferred (sockets among it,
// which write what was collected for them, once each). One thread owns a UvLoop; post() alone is for any
// thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "protocol/base/event_loop.h"

typedef struct uv_loop_s uv_loop_t;

namespace ottla::net {

class UvLoop : public EventLoop {
 public:
  UvLoop();
  ~UvLoop() override;

  int64_t monotonic_ms() const override;
  int64_t wall_ms() const override;
  std::unique_ptr<Timer> make_timer(std::function<void()> callback) override;
  void defer(std::function<void()> callback) override;
  void post(std::function<void()> callback) override;
  void run_in_background(std::function<void()> work, std::function<void()> done) override;
  std::unique_ptr<FdWatch> watch_fd(int fd, std::function<void(bool, bool)> callback) override;

  // Runs `callback` on the loop when the process receives `signal_number` (SIGTERM, SIGINT); SIGPIPE is
  // always ignored.
  void on_signal(int signal_number, std::function<void()> callback);

  // Runs until stop().
  void run();
  // Ends run() after this turn. Call on the loop's thread.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ottla::net
