// SPDX-License-Identifier: Apache-2.0
// What loops that share turns share: the lock whose holder has the turn, and what belongs to the turn.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "protocol/base/status.h"

namespace ottla::net {

// Waits a little before it sleeps: turns are short, and a sleep costs two system calls and a change of the
// thread that runs.
class TurnLock {
 public:
  TurnLock() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
    OTTLA_CHECK(pthread_mutex_init(&mutex_, &attributes) == 0);
    pthread_mutexattr_destroy(&attributes);
  }
  ~TurnLock() { pthread_mutex_destroy(&mutex_); }
  TurnLock(const TurnLock&) = delete;

  void lock() { pthread_mutex_lock(&mutex_); }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
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
