// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/quota.h"

#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

class QuotaTest : public ServerTest {
 protected:
  void begin(bool enforce) {
    config.enforce_quota = enforce;
    start();
    connect();
  }
  void limit(const std::string& path, const std::string& limits) {
    const std::string place = "/zookeeper/quota" + path;
    ASSERT_TRUE(create(place).ok());
    ASSERT_TRUE(create(place + "/zookeeper_limits", limits).ok());
    ASSERT_TRUE(create(place + "/zookeeper_stats", "count=0,bytes=0").ok());
  }
  std::string account(const std::string& path) {
    return get("/zookeeper/quota" + path + "/zookeeper_stats").data;
  }
};

TEST(QuotaText, IsReadAndWrittenAsZooKeeperDoes) {
  const auto old = QuotaText::parse("count=5,bytes=10");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->get("count"), 5);
  EXPECT_EQ(old->get("bytes"), 10);
  EXPECT_EQ(old->get("byteHardLimit"), -1);
  EXPECT_EQ(old->to_string(), "count=5,bytes=10");
  const std::string all = "count=5,bytes=10=;byteHardLimit=30;countHardLimit=20";
  EXPECT_EQ(QuotaText::parse(all)->to_string(), all);
  EXPECT_EQ(QuotaText::parse(all)->get("countHardLimit"), 20);
  EXPECT_EQ(QuotaText::parse("")->to_string(), "count=-1,bytes=-1");
  EXPECT_FALSE(QuotaText::parse("count"));
  EXPECT_FALSE(QuotaText::parse("count=many"));
}

TEST(QuotaPaths, TheNearestPathAboveCounts) {
  QuotaPaths paths;
  for (const char* path : {"/a", "/a/b/c", "/other"}) paths.add(path);
  EXPECT_EQ(paths.above("/a"), "/a");
  EXPECT_EQ(paths.above("/a/b"), "/a");
  EXPECT_EQ(paths.above("/a/b/c/d/e"), "/a/b/c");
  EXPECT_EQ(paths.above("/ab"), std::nullopt);
  EXPECT_EQ(paths.above("/"), std::nullopt);
  paths.remove("/a");
  EXPECT_EQ(paths.above("/a/b"), std::nullopt);
}

TEST_F(QuotaTest, TheAccountFollowsWhatIsWritten) {
  begin(false);
  create("/a", "12345");
  create("/a/old", "123");
  limit("/a", "count=2,bytes=2");
  EXPECT_EQ(account("/a"), "count=2,bytes=8") << "what was there before counts";
  create("/a/new", "12");
  set("/a/old", "");
  EXPECT_EQ(account("/a"), "count=3,bytes=7");
  remove("/a/old");
  create("/b", "not ours");
  EXPECT_EQ(account("/a"), "count=2,bytes=7");
  multi({Op::create("/a/m", "1"), Op::set_data("/a/m", "123")});
  EXPECT_EQ(account("/a"), "count=3,bytes=10");
  EXPECT_EQ(get("/zookeeper/quota/a/zookeeper_stats").stat.version, 0)
      << "the server's own changes count for nothing";
}

TEST_F(QuotaTest, TheAccountSurvivesARestartAndASnapshot) {
  config.snap_count = 20;
  begin(false);
  create("/a");
  limit("/a", "count=100");
  for (int i = 0; i < 30; ++i) create("/a/n" + std::to_string(i), "xx");
  kill_and_start();
  connect();
  EXPECT_EQ(account("/a"), "count=31,bytes=60");
  create("/a/more", "x");
  EXPECT_EQ(account("/a"), "count=32,bytes=61");
}

TEST_F(QuotaTest, HardLimitsRefuseAndSoftOnesOnlyWarn) {
  begin(true);
  create("/a", "123");
  limit("/a", "count=1,bytes=-1=;byteHardLimit=10;countHardLimit=3");
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(create("/a/1", "1").ok());
  EXPECT_TRUE(create("/a/2", "1").ok());
  EXPECT_EQ(create("/a/3", "1").error, ZkError::kQuotaExceeded);
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), ::testing::HasSubstr("Quota exceeded: /a"));
  EXPECT_EQ(set("/a", std::string(9, 'x')).error, ZkError::kQuotaExceeded);
  EXPECT_TRUE(set("/a", std::string(8, 'x')).ok());
  EXPECT_EQ(multi({Op::remove("/a/1"), Op::create("/a/4", "")}).results[1].error, ZkError::kQuotaExceeded)
      << "the account is what was there before";
  EXPECT_EQ(remove("/a/1"), ZkError::kOk);
  EXPECT_TRUE(create("/a/4", "").ok());
  EXPECT_EQ(account("/a"), "count=3,bytes=9");
}

TEST_F(QuotaTest, WithoutEnforcementAHardLimitRefusesNothing) {
  begin(false);
  create("/a");
  limit("/a", "count=-1,bytes=-1=;countHardLimit=1");
  EXPECT_TRUE(create("/a/1").ok());
}

TEST_F(QuotaTest, LimitsThatAreNoTextOfTheirsRefuseNothing) {
  begin(true);
  create("/a");
  limit("/a", "nonsense");
  EXPECT_TRUE(create("/a/1").ok());
  set("/zookeeper/quota/a/zookeeper_stats", "nonsense too");
  EXPECT_TRUE(create("/a/2").ok());
}

TEST_F(QuotaTest, AQuotaThatIsTakenAwayNoLongerCounts) {
  begin(true);
  create("/a");
  limit("/a", "count=-1,bytes=-1=;countHardLimit=1");
  EXPECT_EQ(create("/a/1").error, ZkError::kQuotaExceeded);
  EXPECT_EQ(remove("/zookeeper/quota/a/zookeeper_limits"), ZkError::kOk);
  EXPECT_TRUE(create("/a/1").ok());
}

}  // namespace
}  // namespace ottla::coordination
