// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/session_tracker.h"
#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

class SessionTest : public ServerTest {
 protected:
  SessionTest() {
    start();
    connect();
  }

  std::unique_ptr<WireClient> session(int32_t timeout_ms = 6000, std::string address = "127.0.0.1:40000") {
    auto wire = std::make_unique<WireClient>(*server, std::move(address));
    wire->hello(timeout_ms);
    loop.run_pending();
    granted = wire->take_hello();
    return wire;
  }
  void ping(WireClient& wire) {
    wire.request(jute::kPing, WireClient::Empty{}, jute::kPingXid);
    loop.run_pending();
    EXPECT_EQ(wire.take_reply().header.xid, jute::kPingXid);
  }

  jute::ConnectResponse granted;
};

TEST_F(SessionTest, TheTimeoutIsNegotiatedWithinTheServersBounds) {
  const auto in_bounds = session(6000);
  EXPECT_EQ(granted.timeout_ms, 6000);
  const auto too_short = session(1);
  EXPECT_EQ(granted.timeout_ms, 2 * config.tick_time_ms);
  const auto too_long = session(10'000'000);
  EXPECT_EQ(granted.timeout_ms, 20 * config.tick_time_ms);
  EXPECT_NE(granted.session_id, 0);
  EXPECT_EQ(granted.password, session_password(granted.session_id));
  EXPECT_EQ(granted.read_only, false);
}

TEST_F(SessionTest, ASilentSessionExpiresAndItsEphemeralsGo) {
  auto wire = session();
  wire->create("/e", "", 1);
  loop.run_pending();
  ASSERT_TRUE(exists("/e", true).ok());
  loop.advance(6000);
  EXPECT_TRUE(exists("/e").ok()) << "a tick is not over yet";
  EXPECT_FALSE(wire->peer.closed);
  loop.advance(2000);
  EXPECT_EQ(exists("/e").error, ZkError::kNoNode);
  EXPECT_TRUE(wire->peer.closed);
  EXPECT_THAT(take_events(), ::testing::ElementsAre(WatchEvent{EventType::kNodeDeleted, "/e"}));
}

TEST_F(SessionTest, PingsKeepASessionAlive) {
  auto wire = session();
  wire->create("/e", "", 1);
  loop.run_pending();
  wire->take_reply();
  for (int i = 0; i < 20; ++i) {
    loop.advance(4000);
    ping(*wire);
  }
  EXPECT_TRUE(exists("/e").ok());
}

TEST_F(SessionTest, ASessionOutlivesItsConnectionAndIsTakenUpAgain) {
  auto wire = session();
  const auto first = granted;
  wire->create("/e", "", 1);
  loop.run_pending();
  wire.reset();
  loop.advance(5000);
  WireClient again(*server, "127.0.0.1:40001");
  again.hello(6000, first.session_id, first.password);
  loop.run_pending();
  EXPECT_EQ(again.take_hello().session_id, first.session_id);
  loop.advance(5000);
  EXPECT_TRUE(exists("/e").ok());
  EXPECT_EQ(exists("/e").stat.ephemeral_owner, first.session_id);
}

TEST_F(SessionTest, E13TheOldConnectionIsClosedWhenTheSessionMoves) {
  auto wire = session();
  WireClient again(*server, "127.0.0.1:40001");
  again.hello(6000, granted.session_id, granted.password);
  loop.run_pending();
  EXPECT_EQ(again.take_hello().session_id, granted.session_id);
  EXPECT_TRUE(wire->peer.closed);
  // What the old one still says is not heard, and its end does not end the session.
  wire->create("/late");
  wire.reset();
  loop.run_pending();
  EXPECT_EQ(exists("/late").error, ZkError::kNoNode);
  again.create("/now");
  loop.run_pending();
  EXPECT_TRUE(exists("/now").ok());
}

TEST_F(SessionTest, E13AWrongPasswordAndAnExpiredSessionAreTurnedAway) {
  auto wire = session();
  const auto first = granted;
  WireClient thief(*server);
  thief.hello(6000, first.session_id, std::string(16, 'x'));
  loop.run_pending();
  EXPECT_EQ(thief.take_hello().session_id, 0);
  EXPECT_TRUE(thief.peer.closed);
  EXPECT_FALSE(wire->peer.closed);

  loop.advance(20'000);
  WireClient late(*server);
  late.hello(6000, first.session_id, first.password);
  loop.run_pending();
  EXPECT_EQ(late.take_hello().timeout_ms, 0);
  EXPECT_TRUE(late.peer.closed);
}

TEST_F(SessionTest, AClientThatHasSeenMoreThanTheServerIsTurnedAway) {
  WireClient ahead(*server);
  ahead.hello(6000, 0, std::string(16, '\0'), server->last_zxid() + 1);
  loop.run_pending();
  EXPECT_TRUE(ahead.peer.closed);
  EXPECT_TRUE(ahead.peer.received.empty());
}

TEST_F(SessionTest, ClosingASessionAnswersDeletesItsEphemeralsAndCloses) {
  auto wire = session();
  wire->create("/e", "", 1);
  wire->request(jute::kCloseSession, WireClient::Empty{});
  wire->create("/after");
  loop.run_pending();
  EXPECT_TRUE(wire->take_reply().error() == ZkError::kOk);
  EXPECT_EQ(wire->take_reply().header.xid, 2);
  EXPECT_TRUE(wire->peer.received.empty());
  EXPECT_TRUE(wire->peer.closed);
  EXPECT_EQ(exists("/e").error, ZkError::kNoNode);
  EXPECT_EQ(exists("/after").error, ZkError::kNoNode);
}

TEST_F(SessionTest, SessionsSurviveARestartOfTheServer) {
  auto wire = session();
  const auto first = granted;
  wire->create("/e", "", 1);
  loop.run_pending();
  wire.reset();
  kill_and_start();
  connect();
  EXPECT_TRUE(exists("/e").ok());
  WireClient again(*server);
  again.hello(6000, first.session_id, first.password);
  loop.run_pending();
  EXPECT_EQ(again.take_hello().session_id, first.session_id);
  loop.advance(5000);
  EXPECT_TRUE(exists("/e").ok());
  loop.advance(10'000);
  EXPECT_EQ(exists("/e").error, ZkError::kNoNode);
}

TEST_F(SessionTest, TheSessionOfAKilledProgramIsOverAtOnce) {
  create("/broker", "", CreateMode::kEphemeral);
  kill_and_start();
  connect();
  EXPECT_EQ(exists("/broker").error, ZkError::kNoNode);
  EXPECT_TRUE(create("/broker", "", CreateMode::kEphemeral).ok());
}

TEST_F(SessionTest, D10ASessionInThisProgramDoesNotExpire) {
  create("/broker", "", CreateMode::kEphemeral);
  loop.advance(10'000'000);
  EXPECT_TRUE(exists("/broker").ok());
}

TEST_F(SessionTest, WithoutSessionsNoTimerRuns) {
  stop();
  start();
  loop.run_pending();
  const int64_t before = server->last_zxid();
  loop.advance(1'000'000);
  EXPECT_EQ(server->last_zxid(), before);
}

}  // namespace
}  // namespace ottla::coordination
