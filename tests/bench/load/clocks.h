// SPDX-License-Identifier: Apache-2.0
// Time, and the CPU that processes took: our own and, by their clocks, those of the servers under load.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <span>

namespace ottla::load {

inline int64_t nanoseconds_of(clockid_t clock) {
  timespec now{};
  return clock_gettime(clock, &now) == 0 ? now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec : 0;
}
inline int64_t now_ns() { return nanoseconds_of(CLOCK_MONOTONIC); }

// All threads of these processes, those that ended too.
inline int64_t cpu_ns_of(std::span<const int> pids) {
  int64_t sum = 0;
  for (const int pid : pids) {
    clockid_t clock{};
    if (clock_getcpuclockid(pid, &clock) == 0) sum += nanoseconds_of(clock);
  }
  return sum;
}

}  // namespace ottla::load
