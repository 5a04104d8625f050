// SPDX-License-Identifier: Apache-2.0
// Whether the loops of a program are worth a thread each, or one thread should run them all. Several threads
// are worth it where one does not suffice and the machine has processors left for them. Where it has none,
// they take them from those who ask, and wait for each other: 64 connections with a request each lost a fifth
// of their rate to a second thread on two processors that were both busy.
//
// So: apart when the one thread runs nearly all the time and hardly waits for a processor. Together again
// when all of them do not do more than one could, since there is little to do or since they wait for each
// other's turns, and when they wait for processors. Unless there is little to do, the next attempt is put
// off, for longer each time.
//
// Threads: none of its own; one caller.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace ottla::net {

// What the kernel gave to a thread, since that began.
struct ProcessorUse {
  int64_t ran_ns = 0;
  int64_t waited_ns = 0;  // ready to run, while no processor took it

  ProcessorUse& operator+=(const ProcessorUse& other) {
    ran_ns += other.ran_ns;
    waited_ns += other.waited_ns;
    return *this;
  }
  ProcessorUse operator-(const ProcessorUse& other) const {
    return {ran_ns - other.ran_ns, waited_ns - other.waited_ns};
  }
};

// Of a thread of this process; nothing where the kernel does not count (CONFIG_SCHED_INFO).
std::optional<ProcessorUse> processor_use(pid_t thread);

class Spreading {
 public:
  static constexpr int64_t kLookMs = 100;
  static constexpr int64_t kFirstPauseMs = 1000;
  static constexpr int64_t kLongestPauseMs = 64'000;

  // `use` is what all threads had in the last `period_ms`. True: a thread each from now on.
  bool decide(int64_t now_ms, int64_t period_ms, const ProcessorUse& use);
  bool apart() const { return apart_; }

 private:
  bool apart_ = false;
  int64_t apart_since_ms_ = 0;
  int64_t not_before_ms_ = 0;
  int64_t pause_ms_ = kFirstPauseMs;
};

}  // namespace ottla::net
