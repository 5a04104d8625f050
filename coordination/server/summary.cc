// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/summary.h"

#include <bit>
#include <cmath>
#include <ctime>
#include <limits>

namespace ottla::coordination {
namespace {

constexpr size_t kExact = 32;  // values with a bucket of their own
constexpr int kStepBits = 4;   // 16 buckets to a doubling

size_t bucket_of(int64_t value) {
  if (value < static_cast<int64_t>(kExact)) return value < 0 ? 0 : static_cast<size_t>(value);
  const int shift = static_cast<int>(std::bit_width(static_cast<uint64_t>(value))) - 1 - kStepBits;
  return (static_cast<size_t>(shift) << kStepBits) + (static_cast<uint64_t>(value) >> shift);
}

// The middle of what falls into it.
double value_of(size_t bucket) {
  if (bucket < kExact) return static_cast<double>(bucket);
  const size_t shift = (bucket >> kStepBits) - 1;
  const size_t low = (bucket - (shift << kStepBits)) << shift, half = (size_t{1} << shift) / 2;
  return static_cast<double>(low + half);
}

}  // namespace

int64_t SampledSummary::now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

void SampledSummary::add(int64_t value, int64_t now_ms) {
  total_.add(value);
  const int64_t number = now_ms / kPartMs;
  Part& part = parts_[static_cast<size_t>(number) % kParts];
  if (part.number != number) {
    part.number = number;
    std::fill(part.buckets.begin(), part.buckets.end(), 0);
  }
  const size_t bucket = bucket_of(value);
  if (bucket >= part.buckets.size()) part.buckets.resize(bucket + 1);
  ++part.buckets[bucket];
}

double SampledSummary::quantile(double rank, int64_t now_ms) const {
  std::vector<uint64_t> merged;
  uint64_t count = 0;
  for (const Part& part : parts_) {
    if (part.number < 0 || part.number + static_cast<int64_t>(kParts) <= now_ms / kPartMs) continue;
    merged.resize(std::max(merged.size(), part.buckets.size()));
    for (size_t bucket = 0; bucket < part.buckets.size(); ++bucket) {
      merged[bucket] += part.buckets[bucket];
      count += part.buckets[bucket];
    }
  }
  if (count == 0) return std::numeric_limits<double>::quiet_NaN();
  const auto wanted = static_cast<uint64_t>(std::ceil(rank * static_cast<double>(count)));
  size_t bucket = 0;
  for (uint64_t seen = merged[0]; seen < wanted; seen += merged[bucket]) ++bucket;
  return value_of(bucket);
}

}  // namespace ottla::coordination
