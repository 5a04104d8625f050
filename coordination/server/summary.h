// SPDX-License-Identifier: Apache-2.0
// Count, sum and bounds of something measured: what ZooKeeper's metrics call a summary.
#pragma once

#include <algorithm>
#include <cstdint>

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

}  // namespace ottla::coordination
