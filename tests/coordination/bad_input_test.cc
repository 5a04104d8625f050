// SPDX-License-Identifier: Apache-2.0
// Clients that do what they should not: their connection alone, bounded memory, a line in the log that names
// them. What single broken frames get is in connection_test.cc, and against Debian's ZooKeeper in
// differential.py.
#include "coordination/server/session_tracker.h"
#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

using ::testing::HasSubstr;

class BadInputTest : public ServerTest {
 protected:
  BadInputTest() {
    config.max_client_connections = 0;
    start();
    connect();
  }
  std::unique_ptr<WireClient> session(const std::string& address, int32_t timeout_ms = 40'000) {
    auto wire = std::make_unique<WireClient>(*server, address);
    wire->hello(timeout_ms);
    loop.run_pending();
    granted = wire->take_hello();
    return wire;
  }
  // What is said in the log while `act` runs.
  template <typename Act>
  std::string log_of(Act act) {
    ::testing::internal::CaptureStderr();
    act();
    return ::testing::internal::GetCapturedStderr();
  }
  std::string word(const std::string& name) {
    WireClient wire(*server);
    wire.send_raw({reinterpret_cast<const uint8_t*>(name.data()), name.size()});
    return wire.peer.text();
  }
  jute::ConnectResponse granted;
};

TEST_F(BadInputTest, E21AnOversizedFrameIsClosedBeforeItIsReadAndTheLogNamesTheClient) {
  auto good = session("10.0.0.1:1");
  auto bad = session("10.0.0.2:2");
  Writer length;
  length.int32(0x100000);
  const std::string log = log_of([&] { bad->send_raw(length.buffer()); });
  EXPECT_TRUE(bad->peer.closed);
  EXPECT_THAT(log, HasSubstr("10.0.0.2:2"));
  EXPECT_THAT(log, HasSubstr("1048576 bytes (jute.maxbuffer is 1048575)"));
  good->create("/fine");
  loop.run_pending();
  EXPECT_EQ(good->take_reply().error(), ZkError::kOk);
}

TEST_F(BadInputTest, AHelloIsNoLongerThanAHelloIs) {
  WireClient wire(*server, "10.0.0.2:2");
  Writer length;
  length.int32(100'000);
  const std::string log = log_of([&] { wire.send_raw(length.buffer()); });
  EXPECT_TRUE(wire.peer.closed);
  EXPECT_THAT(log, HasSubstr("10.0.0.2:2"));
}

TEST_F(BadInputTest, E22AnUnknownOperationIsNamedWithItsClient) {
  auto wire = session("10.0.0.2:2");
  const std::string log = log_of([&] { wire->request(99, WireClient::Empty{}); });
  EXPECT_EQ(wire->take_reply().error(), ZkError::kUnimplemented);
  EXPECT_TRUE(wire->peer.closed);
  EXPECT_THAT(log, HasSubstr("10.0.0.2:2 asks for operation 99"));
}

TEST_F(BadInputTest, SaslIsRefusedWithAReason) {
  auto wire = session("10.0.0.2:2");
  const std::string log = log_of([&] { wire->request(jute::kSasl, WireClient::Path{""}); });
  EXPECT_EQ(wire->take_reply().error(), ZkError::kAuthFailed);
  EXPECT_TRUE(wire->peer.closed);
  EXPECT_THAT(log, HasSubstr("SASL of 10.0.0.2:2 failed: this server has no users"));
}

TEST_F(BadInputTest, BadPathsChangeNothing) {
  for (const std::string& path :
       {std::string(""), std::string("a"), std::string("/a/"), std::string("//"), std::string("/./a"),
        std::string("/a\0b", 4), std::string("/a\x01"), std::string("/\xff\xfe")}) {
    EXPECT_NE(create(path).error, ZkError::kOk) << path;
    EXPECT_NE(set(path, "x").error, ZkError::kOk) << path;
    EXPECT_NE(remove(path), ZkError::kOk) << path;
  }
  EXPECT_EQ(children("/").children.size(), 1u);
}

TEST_F(BadInputTest, AWrongPasswordIsNamedWithItsClient) {
  auto owner = session("10.0.0.1:1");
  WireClient thief(*server, "10.0.0.2:2");
  const std::string log = log_of([&] {
    thief.hello(6000, granted.session_id, std::string(16, 'x'));
    loop.run_pending();
  });
  EXPECT_EQ(thief.take_hello().session_id, 0);
  EXPECT_TRUE(thief.peer.closed);
  EXPECT_FALSE(owner->peer.closed);
  EXPECT_THAT(log, HasSubstr("Refusing 10.0.0.2:2"));
  EXPECT_THAT(log, HasSubstr("password"));
}

TEST_F(BadInputTest, WhoNeverReadsIsAnsweredNoMoreFromAMegabyteOn) {
  create("/big", std::string(200'000, 'x'));
  auto wire = session("10.0.0.2:2");
  wire->peer.deaf = true;
  // 8 MB of answers, asked for in one go.
  Writer all;
  for (int i = 0; i < 40; ++i) {
    const size_t mark = all.begin_frame();
    jute::RequestHeader{i + 1, jute::kGetData}.encode(all);
    jute::PathWatchRequest{"/big", false}.encode(all);
    all.end_frame(mark);
  }
  wire->send_raw(all.buffer());
  loop.run_pending();
  EXPECT_TRUE(wire->peer.paused);
  EXPECT_FALSE(wire->peer.closed) << "it may only be slow";
  EXPECT_LT(wire->peer.received.size(), 2'000'000u);
  // And when it reads after all, everything comes, in order.
  wire->peer.deaf = false;
  for (int i = 0; i < 40; ++i) {
    if (wire->peer.received.size() < 100) wire->connection->on_drained();
    loop.run_pending();
    ASSERT_EQ(wire->take_reply().header.xid, i + 1);
  }
  EXPECT_FALSE(wire->peer.paused);
}

TEST_F(BadInputTest, WhoNeverReadsItsEventsIsClosedAndNamed) {
  const std::string path = "/" + std::string(50'000, 'w');
  create(path);
  auto wire = session("10.0.0.2:2");
  wire->request(jute::kAddWatch, jute::PathVersionRequest{path, 0});
  wire->take_reply();
  wire->peer.deaf = true;
  size_t most = 0;
  const std::string log = log_of([&] {
    for (int i = 0; i < 1000 && !wire->peer.closed; ++i) {
      client->set_data(path, "x", -1, [](const StatReply&) {});
      if (i % 10 == 0) loop.run_pending();
      most = std::max(most, wire->peer.received.size());
    }
  });
  EXPECT_TRUE(wire->peer.aborted) << "without waiting for it to read";
  EXPECT_LT(most, size_t{17} << 20);
  EXPECT_THAT(log, HasSubstr("10.0.0.2:2"));
  EXPECT_THAT(log, HasSubstr("has not read"));
  EXPECT_TRUE(set(path, "others go on").ok());
}

TEST_F(BadInputTest, TenThousandWatchesOnOneNodeAreAllToldAndLeaveNothing) {
  create("/w");
  std::vector<std::unique_ptr<WireClient>> all;
  for (int i = 0; i < 10'000; ++i) {
    auto wire = std::make_unique<WireClient>(*server, "10.0.0.2:" + std::to_string(i));
    wire->hello(40'000);
    wire->request(jute::kGetData, jute::PathWatchRequest{"/w", true});
    all.push_back(std::move(wire));
  }
  loop.run_pending();
  EXPECT_THAT(word("wchs"), HasSubstr("Total watches:10000"));
  for (auto& wire : all) {
    wire->take_hello();
    wire->take_reply();
  }
  set("/w", "x");
  loop.run_pending();
  for (auto& wire : all) ASSERT_EQ(wire->take_event().path, "/w");
  EXPECT_THAT(word("wchs"), HasSubstr("Total watches:0"));
  EXPECT_THAT(word("wchs"), HasSubstr("0 connections watching 0 paths"));
}

TEST_F(BadInputTest, AStormOfSessionsPassesAndLeavesNothing) {
  for (int i = 0; i < 5'000; ++i) {
    WireClient wire(*server, "10.0.0.2:" + std::to_string(i % 60'000));
    wire.hello(4000);
    wire.create("/storm-" + std::to_string(i), "", 1);
    if (i % 100 == 0) loop.run_pending();
  }
  loop.run_pending();
  EXPECT_THAT(word("mntr"), HasSubstr("zk_global_sessions\t5001\n"));
  EXPECT_TRUE(create("/meanwhile").ok());
  loop.advance(10'000);
  EXPECT_THAT(word("mntr"), HasSubstr("zk_global_sessions\t1\n"));
  EXPECT_EQ(children("/").children.size(), 2u);
}

TEST_F(BadInputTest, WhoNeverSaysHelloIsClosedAfterTenSeconds) {
  WireClient silent(*server, "10.0.0.2:2"), slow(*server, "10.0.0.2:3");
  auto good = session("10.0.0.1:1");
  const uint8_t first = 0;
  slow.send_raw({&first, 1});
  loop.advance(9'000);
  EXPECT_FALSE(silent.peer.closed);
  const std::string log = log_of([&] { loop.advance(2'000); });
  EXPECT_TRUE(silent.peer.closed);
  EXPECT_TRUE(slow.peer.closed);
  EXPECT_FALSE(good->peer.closed);
  EXPECT_THAT(log, HasSubstr("10.0.0.2:2"));
}

TEST_F(BadInputTest, AllConnectionsTogetherHaveALimitToo) {
  stop();
  files.kill();
  config.max_connections = 3;
  start();
  WireClient one(*server, "10.0.0.1:1"), two(*server, "10.0.0.2:1"), three(*server, "10.0.0.3:1");
  std::unique_ptr<WireClient> four;
  const std::string log = log_of([&] {
    four = std::make_unique<WireClient>(*server, "10.0.0.4:1");
    loop.run_pending();
  });
  EXPECT_FALSE(three.peer.closed);
  EXPECT_TRUE(four->peer.closed);
  EXPECT_THAT(log, HasSubstr("refusing 10.0.0.4:1, max is 3 (maxCnxns)"));
  for (WireClient* wire : {&one, &two, &three}) wire->connection.reset();
  four->connection.reset();
}

TEST_F(BadInputTest, AMultiReadCannotAskForMoreThanMemoryHolds) {
  create("/big", std::string(900'000, 'x'));
  auto wire = session("10.0.0.2:2");
  struct Body {
    void encode(Writer& writer) const {
      for (int i = 0; i < 5000; ++i) {
        jute::MultiHeader{jute::kGetData, false, -1}.encode(writer);
        jute::PathWatchRequest{"/big", false}.encode(writer);
      }
      jute::MultiHeader{-1, true, -1}.encode(writer);
    }
  };
  wire->request(jute::kMultiRead, Body{});
  loop.run_pending();
  EXPECT_EQ(wire->take_reply().error(), ZkError::kMarshallingError);
}

}  // namespace
}  // namespace ottla::coordination
