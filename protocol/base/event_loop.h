// SPDX-License-Identifier: Apache-2.0
// The seam between our logic and the machine's time, threads and descriptors. The broker's body is libuv
// (broker/net/uv_loop.h, the only folder that includes uv.h); tests use protocol/base/manual_loop.h, where
// time moves only when the test says so.
//
// Threads: everything runs as on one thread, except post(), which any thread may call. Where loops share
// their work (broker/net/uv_loop.h), that is whichever of them has the turn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace ottla {

// A one-shot timer that may be started again, also from its own callback. Destroying it cancels it.
class Timer {
 public:
  virtual ~Timer() = default;
  // Fires once, `delay_ms` from now; a second start replaces the first.
  virtual void start(int64_t delay_ms) = 0;
  virtual void stop() = 0;
  virtual bool active() const = 0;
};

// Watches a descriptor that somebody else owns. Destroying it ends the watch; the descriptor stays open.
class FdWatch {
 public:
  virtual ~FdWatch() = default;
  virtual void update(bool want_readable, bool want_writable) = 0;
};

class EventLoop {
 public:
  virtual ~EventLoop() = default;

  // Milliseconds that never go back; for time-outs, sessions, idle times.
  virtual int64_t monotonic_ms() const = 0;
  // Milliseconds since the epoch; for timestamps that are stored or sent.
  virtual int64_t wall_ms() const = 0;

  virtual std::unique_ptr<Timer> make_timer(std::function<void()> callback) = 0;
  // Runs `callback` at the end of this turn, before responses collected in it are written to their sockets.
  // What is deferred while deferred callbacks run, runs in the same turn.
  virtual void defer(std::function<void()> callback) = 0;
  // Runs `callback` on the loop's thread in a coming turn. Any thread.
  virtual void post(std::function<void()> callback) = 0;
  // Runs `work` on a pool thread, then `done` on the loop. For what blocks: fsync, recovery, deletion.
  virtual void run_in_background(std::function<void()> work, std::function<void()> done) = 0;
  virtual std::unique_ptr<FdWatch> watch_fd(int fd,
                                            std::function<void(bool readable, bool writable)> callback) = 0;
};

}  // namespace ottla
