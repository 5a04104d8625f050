// SPDX-License-Identifier: Apache-2.0
// The loops of a program that share turns (uv_loop.h): the first, which the caller runs, and further ones,
// each on a thread of its own.
//
// Threads: as UvLoop; stop() and the destructor on the first loop's thread, when that does not run any more.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "broker/net/socket.h"
#include "broker/net/uv_loop.h"

namespace ottla::net {

class Loops {
 public:
  // `first` belongs to a UvLoop `first_loop` that does not run yet; both outlive this. `count` includes it.
  Loops(UvLoop& first_loop, FlushList& first, int count);
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

 private:
  struct Further {
    explicit Further(UvLoop& first) : loop(first) {}
    UvLoop loop;
    FlushList list{loop};
    std::thread thread;
  };
  std::vector<std::unique_ptr<Further>> further_;
  std::vector<FlushList*> lists_;
  size_t next_ = 0;
};

}  // namespace ottla::net
