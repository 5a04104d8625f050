// SPDX-License-Identifier: Apache-2.0
#include "broker/program/loop_watch.h"

#include <fmt/format.h>
#include <sys/syscall.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "protocol/base/log.h"

namespace ottla {
namespace {

constexpr const char* kComponent = "ottla";

int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Calls on a file whose first argument is its descriptor; nullptr for all others.
const char* name_of_call(long number) {
  switch (number) {
    case SYS_write:
    case SYS_writev:
    case SYS_pwrite64:
    case SYS_pwritev:
    case SYS_pwritev2:
      return "write to";
    case SYS_pread64:
    case SYS_preadv2:
    case SYS_sendfile:
      return "read of";
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_syncfs:
      return "sync of";
    case SYS_ftruncate:
      return "truncation of";
    case SYS_fallocate:
      return "reservation of";
    default:
      return nullptr;
  }
}

}  // namespace

std::string calls_under_way() {
  std::string found;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    // "18 0x2a ...": the number of the call and its arguments; "running" where the thread is in none.
    std::ifstream file(task.path() / "syscall");
    long number = -1;
    std::string descriptor;
    if (!(file >> number >> descriptor) || name_of_call(number) == nullptr) continue;
    const auto path = std::filesystem::read_symlink(
        fmt::format("/proc/self/fd/{}", std::strtol(descriptor.c_str(), nullptr, 16)), error);
    // Neither a socket nor a pipe.
    if (error || !path.is_absolute()) continue;
    found += fmt::format("{}{} {}", found.empty() ? "" : ", ", name_of_call(number), path.string());
  }
  return found;
}

LoopWatch::LoopWatch(EventLoop& loop, std::function<void(int64_t)> went_on)
    : went_on_(std::move(went_on)),
      last_beat_ms_(steady_ms()),
      timer_(loop.make_timer([this] { beat(); })),
      thread_([this] { watch(); }) {
  timer_->start(kBeatMs);
}

LoopWatch::~LoopWatch() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

int64_t LoopWatch::paused_ms() const { return steady_ms() - last_beat_ms_.load(std::memory_order_relaxed); }

void LoopWatch::beat() {
  const int64_t paused = paused_ms();
  if (paused >= 2 * kBeatMs) {
    if (paused >= kWorthSayingMs) log_error(kComponent, "the event loop goes on after {} ms", paused);
    went_on_(paused);
  }
  last_beat_ms_.store(steady_ms(), std::memory_order_relaxed);
  timer_->start(kBeatMs);
}

// Says it when it is worth saying, and again each time that it has lasted twice as long.
void LoopWatch::watch() {
  int64_t say_at_ms = kWorthSayingMs;
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, std::chrono::milliseconds(kBeatMs), [this] { return ended_; })) {
    const int64_t paused = paused_ms();
    if (paused < kWorthSayingMs) say_at_ms = kWorthSayingMs;
    if (paused < say_at_ms) continue;
    say_at_ms *= 2;
    const std::string calls = calls_under_way();
    log_error(kComponent, "the event loop has stood still for {} ms{}{}; nobody is served meanwhile", paused,
              calls.empty() ? "" : ", waiting for ", calls);
  }
}

}  // namespace ottla
