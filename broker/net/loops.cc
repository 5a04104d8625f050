// SPDX-License-Identifier: Apache-2.0
#include "broker/net/loops.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>

namespace ottla::net {

Loops::Loops(UvLoop& first_loop, FlushList& first, int count, Threads threads)
    : first_loop_(first_loop), threads_(threads), lists_{&first} {
  for (int i = 1; i < count; ++i) {
    further_.push_back(std::make_unique<Further>(first_loop));
    first.share_turns();
    lists_.push_back(&further_.back()->list);
  }
  if (!further_.empty() && threads == Threads::kWhenWorthIt)
    first_loop.look_every(Spreading::kLookMs, [this](int64_t now_ms) { look(now_ms); });
}

void Loops::start() {
  for (const auto& further : further_) carry(*further);
  if (threads_ == Threads::kAlways) spread();
}

void Loops::carry(Further& further) {
  first_loop_.carry(further.loop);
  further.carried = true;
  ++carried_;
  // It was on its way when somebody changed their mind.
  if (wants_apart_) spread();
}

void Loops::spread() {
  wants_apart_ = true;
  // Signals are for the first loop's thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (const auto& further : further_) {
    if (!further->carried) continue;
    first_loop_.put_down(further->loop);
    further->carried = false;
    --carried_;
    if (!further->thread.joinable())
      further->thread = std::thread([this, &further = *further] { run(further); });
    further->go.release();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Loops::gather() {
  wants_apart_ = false;
  for (const auto& further : further_) {
    if (!further->carried) further->loop.post([&loop = further->loop] { loop.stop(); });
  }
}

void Loops::run(Further& further) {
  further.thread_id = gettid();
  while (true) {
    further.go.acquire();
    if (ending_) return;
    further.loop.run();
    first_loop_.post([this, &further] { carry(further); });
  }
}

void Loops::stop() {
  ending_ = true;
  for (const auto& further : further_) {
    if (further->thread.joinable()) {
      further->loop.post([&loop = further->loop] { loop.stop(); });
      further->go.release();
      further->thread.join();
    }
    if (further->carried) first_loop_.put_down(further->loop);
    further->carried = false;
    // What was posted there is done.
    further->loop.post([&loop = further->loop] { loop.stop(); });
    further->loop.run();
  }
}

std::optional<ProcessorUse> Loops::use_by_now() const {
  std::optional<ProcessorUse> sum = processor_use(gettid());
  for (const auto& further : further_) {
    const pid_t thread = further->thread_id;
    if (thread == 0 || !sum) continue;
    const std::optional<ProcessorUse> use = processor_use(thread);
    if (use) *sum += *use;
  }
  return sum;
}

void Loops::look(int64_t now_ms) {
  const std::optional<ProcessorUse> use = use_by_now();
  // A kernel that does not count: as many threads as were asked for.
  if (!use) return first_loop_.post([this] { spread(); });
  const int64_t period_ms = now_ms - std::exchange(looked_at_ms_, now_ms);
  const ProcessorUse since = *use - std::exchange(use_then_, *use);
  const bool was_apart = spreading_.apart();
  // After a rest, or the first time, nothing is known of the last period.
  if (period_ms > 2 * Spreading::kLookMs) return;
  const bool apart = spreading_.decide(now_ms, period_ms, since);
  if (apart == was_apart) return;
  first_loop_.post([this, apart] { apart ? spread() : gather(); });
}

}  // namespace ottla::net
