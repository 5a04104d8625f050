// SPDX-License-Identifier: Apache-2.0
// The figures of one measured stretch.
#pragma once

#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "tests/bench/load/clocks.h"
#include "tests/bench/load/histogram.h"

namespace ottla::load {

// The clocks at the beginning of what is measured.
class Stretch {
 public:
  explicit Stretch(std::vector<int> server_pids) : pids_(std::move(server_pids)) { begin(); }
  void begin() {
    wall_ = now_ns();
    server_ = cpu_ns_of(pids_);
    own_ = nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID);
  }
  // Adds "seconds", "server_cpu_s", "client_cpu_s".
  void report(nlohmann::json& out) const {
    out["seconds"] = static_cast<double>(now_ns() - wall_) / 1e9;
    out["server_cpu_s"] = static_cast<double>(cpu_ns_of(pids_) - server_) / 1e9;
    out["client_cpu_s"] = static_cast<double>(nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID) - own_) / 1e9;
  }

 private:
  std::vector<int> pids_;
  int64_t wall_ = 0;
  int64_t server_ = 0;
  int64_t own_ = 0;
};

inline nlohmann::json latency_us(const Histogram& histogram) {
  const auto us = [&](double fraction) { return static_cast<double>(histogram.at(fraction)) / 1e3; };
  return {{"count", histogram.count()},
          {"mean", histogram.mean() / 1e3},
          {"p50", us(0.5)},
          {"p90", us(0.9)},
          {"p99", us(0.99)},
          {"p99.9", us(0.999)},
          {"p99.99", us(0.9999)},
          {"max", static_cast<double>(histogram.max()) / 1e3}};
}

inline void print(const nlohmann::json& figures) { std::printf("%s\n", figures.dump().c_str()); }

}  // namespace ottla::load
