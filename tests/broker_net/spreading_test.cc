// SPDX-License-Identifier: Apache-2.0
#include "broker/net/spreading.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>

namespace ottla::net {
namespace {

class SpreadingTest : public testing::Test {
 protected:
  // The next period, in which all threads ran and waited for so many processors.
  bool after(double ran, double waited = 0, int64_t period_ms = Spreading::kLookMs) {
    now_ms_ += period_ms;
    const double period_ns = static_cast<double>(period_ms) * 1e6;
    return spreading_.decide(
        now_ms_, period_ms,
        {static_cast<int64_t>(ran * period_ns), static_cast<int64_t>(waited * period_ns)});
  }
  // For how long one busy thread stays alone from now on, at most `limit_ms`.
  int64_t stays_alone(int64_t limit_ms = 1'000'000) {
    const int64_t from_ms = now_ms_;
    while (now_ms_ - from_ms < limit_ms && !after(1.0)) {
    }
    return now_ms_ - from_ms;
  }

  Spreading spreading_;
  int64_t now_ms_ = 5'000;
};

TEST_F(SpreadingTest, OneThreadThatSufficesStaysAlone) {
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(after(0.8));
}

TEST_F(SpreadingTest, OneThreadThatDoesNotSufficeGetsHelpWhereAProcessorIsFree) { EXPECT_TRUE(after(0.95)); }

TEST_F(SpreadingTest, OneThreadThatWaitsForAProcessorStaysAlone) {
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(after(0.86, 0.14));
}

TEST_F(SpreadingTest, SeveralThatDoMoreThanOneStayApart) {
  ASSERT_TRUE(after(1.0));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(after(1.6, 0.1));
}

TEST_F(SpreadingTest, SeveralThatHaveLittleToDoComeTogetherAndMayPartAgainAtOnce) {
  ASSERT_TRUE(after(1.0));
  EXPECT_FALSE(after(0.4));
  EXPECT_TRUE(after(1.0));
}

TEST_F(SpreadingTest, SeveralThatWaitForProcessorsComeTogetherForLongerEachTime) {
  ASSERT_TRUE(after(1.0));
  int64_t before_ms = 0;
  for (const int64_t pause_ms : {2'000, 4'000, 8'000, 16'000, 32'000, 64'000, 64'000}) {
    ASSERT_FALSE(after(1.4, 0.5));
    EXPECT_EQ(stays_alone(), pause_ms) << "after " << before_ms;
    before_ms = pause_ms;
  }
}

TEST_F(SpreadingTest, SeveralThatWaitForEachOtherComeTogether) {
  ASSERT_TRUE(after(1.0));
  EXPECT_FALSE(after(1.1));
  EXPECT_GE(stays_alone(), Spreading::kFirstPauseMs);
}

TEST_F(SpreadingTest, AfterTheyWereWorthItTheNextAttemptComesSoon) {
  ASSERT_TRUE(after(1.0));
  for (int i = 0; i < 5; ++i) {
    ASSERT_FALSE(after(1.4, 0.5));
    stays_alone();
  }
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(after(1.8));
  ASSERT_FALSE(after(1.4, 0.5));
  EXPECT_EQ(stays_alone(), Spreading::kFirstPauseMs);
}

TEST(ProcessorUseTest, GrowsWithTheWorkOfTheThread) {
  const std::optional<ProcessorUse> before = processor_use(gettid());
  if (!before) GTEST_SKIP() << "this kernel does not count";
  timespec now{};
  const auto used_ns = [&] {
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  };
  const int64_t from_ns = used_ns();
  while (used_ns() - from_ns < 50'000'000) {
  }
  EXPECT_GE(processor_use(gettid())->ran_ns - before->ran_ns, 40'000'000);
}

TEST(ProcessorUseTest, OfNoThreadIsNothing) { EXPECT_FALSE(processor_use(-1)); }

}  // namespace
}  // namespace ottla::net
