// SPDX-License-Identifier: Apache-2.0
// A histogram of high dynamic range: every value from 1 ns to hours, each kept with an error below 0.8 %.
// Debian 12 has no HdrHistogram for C or C++.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace ottla::load {

class Histogram {
 public:
  void record(int64_t value) {
    const auto clamped = static_cast<uint64_t>(std::max<int64_t>(value, 0));
    ++counts_[bucket_of(clamped)];
    ++total_;
    sum_ += static_cast<double>(clamped);
    max_ = std::max(max_, clamped);
  }
  uint64_t count() const { return total_; }
  double mean() const { return total_ == 0 ? 0 : sum_ / static_cast<double>(total_); }
  uint64_t max() const { return max_; }
  // The value that `fraction` of all values do not exceed: the upper end of its bucket.
  uint64_t at(double fraction) const {
    const auto wanted =
        std::max<uint64_t>(1, static_cast<uint64_t>(fraction * static_cast<double>(total_) + 0.5));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::min(max_, upper_end(i));
    }
    return max_;
  }

 private:
  // Values below 2^kBits have a bucket each; every doubling above is cut into 2^(kBits - 1) buckets.
  static constexpr unsigned kBits = 8;
  static constexpr uint64_t kHalf = uint64_t{1} << (kBits - 1);

  static size_t bucket_of(uint64_t value) {
    if (value < 2 * kHalf) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - kBits;
    return shift * kHalf + (value >> shift);
  }
  static uint64_t upper_end(size_t bucket) {
    if (bucket < 2 * kHalf) return bucket;
    const auto shift = static_cast<unsigned>(bucket / kHalf) - 1;
    return ((bucket - shift * kHalf + 1) << shift) - 1;
  }

  std::array<uint64_t, (64 - kBits + 2) * kHalf> counts_{};
  uint64_t total_ = 0;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace ottla::load
