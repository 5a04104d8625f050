// SPDX-License-Identifier: Apache-2.0
// The event loops of the running program: EventLoop on libuv. uv_loop.cc is the only code that includes uv.h.
//
// Several loops, each on a thread of its own, may work on the same things: a loop made with another one
// shares its turns. One of them has the turn at a time, and runs callbacks of all kinds (timers, what was
// posted and deferred, watches, what is done in the background) only then: whoever wrote them sees one
// thread. What a loop does for its sockets beside its turns (TurnIo) runs at the same time as others' turns.
//
// A turn of a loop: its TurnIo receives; the turn begins: timers, what was posted, descriptors that are
// ready, what was received, then everything deferred; output is collected; the turn ends, and what was
// collected is sent. With one loop nothing is locked.
//
// Threads: all but post() is for whoever has the turn, whichever loop's, and for the thread that makes the
// loops until they run and after they have ended. What a loop does is then done by its own thread: it is
// woken.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "protocol/base/event_loop.h"

namespace ottla::net {

// What a loop does for its sockets, on its own thread.
class TurnIo {
 public:
  virtual ~TurnIo() = default;
  // Beside the turns: reads from sockets that are ready. True where a turn is wanted.
  virtual bool receive() = 0;
  // In the turn: hands on what was received.
  virtual void hand_on() = 0;
  // In the turn, at its end: takes what sockets have to send.
  virtual void collect() = 0;
  // Beside the turns: sends it. True where another turn is wanted.
  virtual bool transmit() = 0;
};

class UvLoop : public EventLoop {
 public:
  UvLoop();
  // Shares the turns of `first`, which outlives this. REQUIRES: none of the loops runs yet.
  explicit UvLoop(UvLoop& first);
  ~UvLoop() override;

  int64_t monotonic_ms() const override;
  int64_t wall_ms() const override;
  std::unique_ptr<Timer> make_timer(std::function<void()> callback) override;
  void defer(std::function<void()> callback) override;
  void post(std::function<void()> callback) override;
  void run_in_background(std::function<void()> work, std::function<void()> done) override;
  std::unique_ptr<FdWatch> watch_fd(int fd, std::function<void(bool, bool)> callback) override;

  // At most one; null ends it.
  void set_io(TurnIo* io);
  // As watch_fd, but `callback` runs beside the turns where these are shared. Watch and unwatch on the loop's
  // own thread.
  std::unique_ptr<FdWatch> watch_beside_turns(int fd, std::function<void(bool, bool)> callback);
  // Whether turns are shared with other loops.
  bool shares_turns() const;
  // Whether the caller is on this loop's thread; always, where turns are not shared.
  bool on_own_thread() const;
  // Lets this loop have a turn soon.
  void wake();

  // The thread of this loop runs `other` as well, which no thread runs and which shares its turns: the two
  // cost what one costs, but for a second look for what is ready. Until put_down(); then a thread of its own
  // may run it. Both in turns of this loop; put_down() also once it does not run any more.
  void carry(UvLoop& other);
  void put_down(UvLoop& other);
  // Calls `look` on the loop's thread beside its turns, where it has some, at most once in `period_ms`.
  // REQUIRES: the loop does not run.
  void look_every(int64_t period_ms, std::function<void(int64_t now_ms)> look);

  // Runs `callback` on the loop when the process receives `signal_number` (SIGTERM, SIGINT); SIGPIPE is
  // always ignored.
  void on_signal(int signal_number, std::function<void()> callback);

  // Runs until stop(), on the calling thread.
  void run();
  // Ends run() after this turn.
  void stop();

 private:
  struct Impl;
  friend class UvTimer;
  friend class UvFdWatch;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ottla::net
