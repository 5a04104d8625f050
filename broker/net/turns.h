// SPDX-License-Identifier: Apache-2.0
// What loops that share turns share: the lock whose holder has the turn, and what belongs to the turn.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace ottla::net {

// Waits a little before it sleeps: a sleep costs two system calls and two changes of the thread that runs,
// but waiting for long takes the processor from those who have work.
class TurnLock {
 public:
  TurnLock() = default;
  ~TurnLock() { pthread_mutex_destroy(&mutex_); }
  TurnLock(const TurnLock&) = delete;

  void lock() {
    for (int round = 0; round < kRounds; ++round) {
      if (pthread_mutex_trylock(&mutex_) == 0) return;
      for (int i = 0; i < kPauses; ++i) pause();
    }
    pthread_mutex_lock(&mutex_);
  }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

  // Together some 10 us.
  static constexpr int kRounds = 20;
  static constexpr int kPauses = 16;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

struct Turns {
  // Set before any loop runs.
  bool shared = false;
  TurnLock lock;

  // All that follows is for whoever has the turn.
  // The time at which the turn began.
  int64_t now_ms = 0;
  // Empty between turns.
  std::vector<std::function<void()>> deferred;
  std::vector<std::function<void()>> running;

  void run_deferred() {
    while (!deferred.empty()) {
      running.swap(deferred);
      for (auto& callback : running) callback();
      running.clear();
    }
  }
};

}  // namespace ottla::net
