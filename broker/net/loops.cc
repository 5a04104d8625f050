// SPDX-License-Identifier: Apache-2.0
#include "broker/net/loops.h"

#include <pthread.h>

#include <csignal>

namespace ottla::net {

Loops::Loops(UvLoop& first_loop, FlushList& first, int count) : lists_{&first} {
  for (int i = 1; i < count; ++i) {
    further_.push_back(std::make_unique<Further>(first_loop));
    first.share_turns();
    lists_.push_back(&further_.back()->list);
  }
}

void Loops::start() {
  // Signals are for the first loop's thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (const auto& further : further_) further->thread = std::thread([&loop = further->loop] { loop.run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Loops::stop() {
  for (const auto& further : further_) {
    if (!further->thread.joinable()) continue;
    further->loop.post([&loop = further->loop] { loop.stop(); });
    further->thread.join();
  }
}

}  // namespace ottla::net
