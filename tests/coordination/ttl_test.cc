// SPDX-License-Identifier: Apache-2.0
// Containers and nodes with a time to live, and what their ephemeralOwner says.
#include "coordination/server/ephemeral_type.h"
#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

class TtlTest : public ServerTest {
 protected:
  TtlTest() {
    config.extended_types = true;
    config.container_check_ms = 1000;
  }
  void begin() {
    start();
    connect();
    wire = std::make_unique<WireClient>(*server);
    wire->hello(40'000);
    loop.run_pending();
    wire->take_hello();
  }
  ~TtlTest() override { wire.reset(); }

  struct Request {
    jute::CreateRequest create;
    void encode(Writer& writer) const { create.encode(writer, true); }
  };
  ZkError make(const std::string& path, int64_t ttl_ms, int32_t mode = 5) {
    wire->request(jute::kCreateTtl, Request{{path, "", open_acl(), mode, ttl_ms}});
    loop.run_pending();
    return wire->take_reply().error();
  }

  std::unique_ptr<WireClient> wire;
};

TEST(EphemeralType, TheOwnerTellsWhatANodeIs) {
  const ExtendedTypes off, on{true, false}, emulated{true, true};
  for (const ExtendedTypes types : {off, on, emulated}) {
    EXPECT_EQ(owner_kind(0, types), OwnerKind::kPlain);
    EXPECT_EQ(owner_kind(0x0100abcd, types), OwnerKind::kSession);
    EXPECT_EQ(owner_kind(INT64_MIN, types), OwnerKind::kContainer);
  }
  EXPECT_EQ(owner_kind(owner_of_ttl(1000), on), OwnerKind::kTtl);
  EXPECT_EQ(ttl_of_owner(owner_of_ttl(kTtlMaxMs)), kTtlMaxMs);
  EXPECT_EQ(owner_kind(owner_of_ttl(1000), off), OwnerKind::kSession)
      << "as ZooKeeper without extended types";
  const int64_t of_353 = INT64_MIN | 5000;
  EXPECT_EQ(owner_kind(of_353, on), OwnerKind::kSession);
  EXPECT_EQ(owner_kind(of_353, emulated), OwnerKind::kTtl);
  EXPECT_EQ(ttl_of_owner(of_353), 5000);
}

TEST_F(TtlTest, ANodeGoesWhenNobodyWroteItForItsTime) {
  begin();
  EXPECT_EQ(make("/t", 5000), ZkError::kOk);
  loop.advance(4000);
  set("/t", "again");
  loop.advance(4000);
  EXPECT_TRUE(exists("/t", true).ok());
  loop.advance(3000);
  EXPECT_EQ(exists("/t").error, ZkError::kNoNode);
  EXPECT_THAT(take_events(), ::testing::ElementsAre(WatchEvent{EventType::kNodeDeleted, "/t"}));
}

TEST_F(TtlTest, ANodeWithChildrenStays) {
  begin();
  EXPECT_EQ(make("/t", 1000), ZkError::kOk);
  EXPECT_TRUE(create("/t/child").ok());
  loop.advance(60'000);
  EXPECT_TRUE(exists("/t").ok());
  remove("/t/child");
  loop.advance(2000);
  EXPECT_EQ(exists("/t").error, ZkError::kNoNode);
}

TEST_F(TtlTest, ItsTimeGoesOnOverARestart) {
  begin();
  EXPECT_EQ(make("/t", 5000), ZkError::kOk);
  EXPECT_EQ(make("/long", 50'000), ZkError::kOk);
  wire.reset();
  kill_and_start();
  connect();
  EXPECT_TRUE(exists("/t").ok());
  EXPECT_EQ(exists("/t").stat.ephemeral_owner, 0);
  loop.advance(7000);
  EXPECT_EQ(exists("/t").error, ZkError::kNoNode);
  EXPECT_TRUE(exists("/long").ok());
}

TEST_F(TtlTest, TimesThatAreNoneAreRefused) {
  begin();
  for (const int64_t ttl_ms : {int64_t{0}, int64_t{-1}, kTtlMaxMs + 1, INT64_MIN})
    EXPECT_EQ(make("/t", ttl_ms), ZkError::kBadArguments) << ttl_ms;
  EXPECT_EQ(make("/t", 1000, 0), ZkError::kBadArguments) << "a mode without a time to live";
  EXPECT_EQ(make("/t", -1, 0), ZkError::kBadArguments);
  EXPECT_EQ(create("/t", "", CreateMode::kPersistentWithTtl).error, ZkError::kBadArguments);
  EXPECT_EQ(make("/t-", kTtlMaxMs, 6), ZkError::kOk);
  EXPECT_TRUE(exists("/t-0000000000").ok());
}

TEST_F(TtlTest, WithoutExtendedTypesThereAreNone) {
  config.extended_types = false;
  begin();
  EXPECT_EQ(make("/t", 1000), ZkError::kUnimplemented);
}

TEST_F(TtlTest, AContainerThatNobodyUsedGoesOnlyWhereThatIsSet) {
  config.container_unused_ms = 5000;
  begin();
  create("/c", "", CreateMode::kContainer);
  loop.advance(4000);
  EXPECT_TRUE(exists("/c").ok());
  loop.advance(4000);
  EXPECT_EQ(exists("/c").error, ZkError::kNoNode);
}

TEST_F(TtlTest, AMinuteHasItsMostDeletions) {
  config.containers_per_minute = 120;
  begin();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(make("/t" + std::to_string(i), 100), ZkError::kOk);
  loop.advance(1000);
  EXPECT_EQ(children("/").children.size(), 1u + 4u) << "two a second";
  loop.advance(2000);
  EXPECT_EQ(children("/").children.size(), 1u);
}

}  // namespace
}  // namespace ottla::coordination
