// SPDX-License-Identifier: Apache-2.0
#include "broker/net/spreading.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace ottla::net {
namespace {

// Of one processor's time.
constexpr double kBusy = 0.85;          // one thread does not suffice
constexpr double kWaitsAlone = 0.1;     // there is no processor for another one
constexpr double kMore = 1.25;          // several do more than one could
constexpr double kWaitsTogether = 0.2;  // there are too few processors
constexpr double kLittle = 0.7;         // one thread suffices
// What was worth it for so long: the next attempt need not wait.
constexpr int64_t kWorthItMs = 2000;

}  // namespace

std::optional<ProcessorUse> processor_use(pid_t thread) {
  const std::string path = fmt::format("/proc/self/task/{}/schedstat", thread);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  long long ran = 0;
  long long waited = 0;
  if (file == nullptr || std::fscanf(file.get(), "%lld %lld", &ran, &waited) != 2) return std::nullopt;
  return ProcessorUse{ran, waited};
}

bool Spreading::decide(int64_t now_ms, int64_t period_ms, const ProcessorUse& use) {
  const double period_ns = static_cast<double>(std::max<int64_t>(period_ms, 1)) * 1e6;
  const double ran = static_cast<double>(use.ran_ns) / period_ns;
  const double waited = static_cast<double>(use.waited_ns) / period_ns;
  if (!apart_) {
    if (now_ms < not_before_ms_ || ran < kBusy || waited > kWaitsAlone) return false;
    apart_since_ms_ = now_ms;
    return apart_ = true;
  }
  if (ran >= kMore && waited < kWaitsTogether) return true;
  if (ran >= kLittle) {
    pause_ms_ =
        now_ms - apart_since_ms_ >= kWorthItMs ? kFirstPauseMs : std::min(pause_ms_ * 2, kLongestPauseMs);
    not_before_ms_ = now_ms + pause_ms_;
  }
  return apart_ = false;
}

}  // namespace ottla::net
