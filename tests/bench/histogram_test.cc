// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/load/histogram.h"

#include <gtest/gtest.h>

namespace ottla::load {
namespace {

TEST(Histogram, KeepsEveryValueWithinOnePercent) {
  for (int64_t value = 1; value < int64_t{1} << 45; value += value / 3 + 1) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(INT64_MAX);
    EXPECT_GE(histogram.at(0.5), static_cast<uint64_t>(value));
    EXPECT_LE(static_cast<double>(histogram.at(0.5)), static_cast<double>(value) * 1.01);
  }
}

TEST(Histogram, TellsWhatAFractionOfTheValuesDoesNotExceed) {
  Histogram histogram;
  for (int64_t value = 1; value <= 100'000; ++value) histogram.record(value);
  EXPECT_NEAR(static_cast<double>(histogram.at(0.5)), 50'000, 500);
  EXPECT_NEAR(static_cast<double>(histogram.at(0.99)), 99'000, 1000);
  EXPECT_EQ(histogram.at(1.0), 100'000U);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50'000.5);
}

// A stall of one request in a hundred thousand is what the last percentiles are for.
TEST(Histogram, DoesNotLoseTheOneThatWasSlow) {
  Histogram histogram;
  for (int i = 0; i < 99'999; ++i) histogram.record(100);
  histogram.record(30'000'000'000);
  EXPECT_EQ(histogram.at(0.9999), 100U);
  EXPECT_EQ(histogram.max(), 30'000'000'000U);
  EXPECT_EQ(histogram.at(1.0), 30'000'000'000U);
}

}  // namespace
}  // namespace ottla::load
