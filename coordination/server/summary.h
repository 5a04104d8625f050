// SPDX-License-Identifier: Apache-2.0
// Things measured, as ZooKeeper's metrics summarize them: count, sum and bounds, and where it is shown also
// the quantiles of the last ten minutes (the window of Prometheus' Java client).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace ottla::coordination {

struct Summary {
  int64_t count = 0;
  int64_t sum = 0;
  int64_t min = 0;
  int64_t max = 0;

  void add(int64_t value) {
    min = count == 0 ? value : std::min(min, value);
    max = std::max(max, value);
    sum += value;
    ++count;
  }
  double average() const { return count == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(count); }
};

// Values are counted in buckets: each of its own up to 31, then 16 to every doubling, so that a quantile is
// at most 6 % off. A bucket takes memory when a value as large comes.
class SampledSummary {
 public:
  static constexpr int64_t kPartMs = 120'000;
  static constexpr size_t kParts = 5;

  void add(int64_t value) { add(value, now_ms()); }
  void add(int64_t value, int64_t now_ms);
  // Not a number where the window is empty.
  double quantile(double rank) const { return quantile(rank, now_ms()); }
  double quantile(double rank, int64_t now_ms) const;
  const Summary& total() const { return total_; }

 private:
  struct Part {
    int64_t number = -1;  // of the kPartMs since the clock's beginning that it counts
    std::vector<uint32_t> buckets;
  };
  // A clock that costs next to nothing and is milliseconds off.
  static int64_t now_ms();

  Summary total_;
  std::array<Part, kParts> parts_;
};

}  // namespace ottla::coordination
