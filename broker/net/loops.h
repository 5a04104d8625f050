// SPDX-License-Identifier: Apache-2.0
// The loops of a program that share turns (uv_loop.h). The first, which the caller runs, carries the others,
// until its thread does not suffice and there are processors for more (spreading.h): then each has a thread
// of its own, for as long as that is so. A connection knows nothing of it: it lives on one loop.
//
// Threads: as UvLoop; stop() and the destructor on the first loop's thread, when that does not run any more.
#pragma once

#include <atomic>
#include <memory>
#include <semaphore>
#include <thread>
#include <vector>

#include "broker/net/socket.h"
#include "broker/net/spreading.h"
#include "broker/net/uv_loop.h"

namespace ottla::net {

class Loops {
 public:
  // When the loops have threads of their own: as spreading.h finds, always, or as spread() and gather() say.
  enum class Threads { kWhenWorthIt, kAlways, kAsTold };

  // `first` belongs to `first_loop`, which does not run yet; both outlive this. `count` includes it.
  Loops(UvLoop& first_loop, FlushList& first, int count, Threads threads = Threads::kWhenWorthIt);
  ~Loops() { stop(); }
  Loops(const Loops&) = delete;

  // The further loops run from now on. REQUIRES: a turn of the first loop.
  void start();
  // Ends them. REQUIRES: their sockets are closed.
  void stop();
  size_t size() const { return lists_.size(); }
  FlushList& list(size_t index) { return *lists_[index]; }
  // Each loop in turn: where the next connection is to live.
  FlushList& next() { return *lists_[next_++ % lists_.size()]; }

  // A thread for each loop, or one for all; soon. In a turn of the first loop.
  void spread();
  void gather();
  // Whether one thread runs all of them. In a turn of the first loop.
  bool gathered() const { return carried_ == further_.size(); }

 private:
  struct Further {
    explicit Further(UvLoop& first) : loop(first) {}
    UvLoop loop;
    FlushList list{loop};
    bool carried = false;
    std::atomic<pid_t> thread_id = 0;
    std::counting_semaphore<> go{0};  // run, or end
    std::thread thread;
  };

  void run(Further& further);
  void carry(Further& further);
  // Beside the turns of the first loop.
  void look(int64_t now_ms);
  std::optional<ProcessorUse> use_by_now() const;

  UvLoop& first_loop_;
  const Threads threads_;
  std::vector<std::unique_ptr<Further>> further_;
  std::vector<FlushList*> lists_;
  size_t next_ = 0;
  size_t carried_ = 0;
  bool wants_apart_ = false;
  std::atomic<bool> ending_ = false;

  Spreading spreading_;
  int64_t looked_at_ms_ = 0;
  ProcessorUse use_then_;
};

}  // namespace ottla::net
