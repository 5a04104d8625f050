// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/commit_pace.h"

#include <gtest/gtest.h>

namespace ottla::coordination {
namespace {

TEST(CommitPace, WaitsForThoseWhoWereAnsweredAndThoseWhoWait) {
  CommitPace pace;
  ASSERT_TRUE(pace.hold(50, 40));
  EXPECT_FALSE(pace.enough(40));
  EXPECT_FALSE(pace.enough(89));
  EXPECT_TRUE(pace.enough(90));
  EXPECT_TRUE(pace.enough(1)) << "nothing is held any more";
}

TEST(CommitPace, HoldsNothingWhereNobodyWaits) {
  CommitPace pace;
  EXPECT_FALSE(pace.hold(100, 0));
  EXPECT_TRUE(pace.enough(1));
}

TEST(CommitPace, HoldsNothingForFewSessions) {
  CommitPace pace;
  EXPECT_FALSE(pace.hold(8, 7));
  EXPECT_TRUE(pace.enough(7));
}

TEST(CommitPace, PassesOverMoreCommitsEachTimeItWaitedInVain) {
  CommitPace pace;
  for (const int passed : {1, 2, 4, 8, 16, 32, 64, 64}) {
    ASSERT_TRUE(pace.hold(50, 50));
    pace.given_up();
    EXPECT_TRUE(pace.enough(50));
    for (int i = 0; i < passed; ++i) ASSERT_FALSE(pace.hold(50, 50)) << i << " of " << passed;
  }
}

TEST(CommitPace, ForgetsWhatWasInVainWhenTheyCome) {
  CommitPace pace;
  for (int i = 0; i < 3; ++i) {
    while (!pace.hold(50, 50)) {
    }
    pace.given_up();
  }
  while (!pace.hold(50, 50)) {
  }
  ASSERT_TRUE(pace.enough(100));
  EXPECT_TRUE(pace.hold(50, 50));
  pace.given_up();
  EXPECT_FALSE(pace.hold(50, 50));
  EXPECT_TRUE(pace.hold(50, 50));
}

}  // namespace
}  // namespace ottla::coordination
