// SPDX-License-Identifier: Apache-2.0
#include "tests/coordination/support.h"

#include <random>

namespace ottla::coordination {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ConnectionTest : public ServerTest {
 protected:
  ConnectionTest() {
    start();
    connect();
  }
  std::string ask(const std::string& word) {
    WireClient wire(*server);
    wire.send_raw({reinterpret_cast<const uint8_t*>(word.data()), word.size()});
    EXPECT_TRUE(wire.peer.closed);
    return wire.peer.text();
  }
};

TEST_F(ConnectionTest, FourLetterWordsAreAnswered) {
  WireClient wire(*server, "127.0.0.1:4711");
  wire.hello();
  wire.request(jute::kGetData, jute::PathWatchRequest{"/", true});
  loop.run_pending();
  create("/e", "", CreateMode::kEphemeral);
  EXPECT_EQ(ask("ruok"), "imok");
  EXPECT_EQ(ask("isro"), "rw");
  EXPECT_THAT(ask("srvr"), HasSubstr("Mode: standalone\nNode count: 6\n"));
  EXPECT_THAT(ask("srvr"), StartsWith("Zookeeper version: 3."));
  EXPECT_THAT(ask("stat"), HasSubstr("/127.0.0.1:4711[1](queued=0,recved=2,sent=2)"));
  EXPECT_THAT(ask("cons"), HasSubstr(",to=6000"));
  EXPECT_THAT(ask("mntr"), HasSubstr("zk_server_state\tstandalone\n"));
  EXPECT_THAT(ask("mntr"), HasSubstr("zk_watch_count\t1\n"));
  EXPECT_THAT(ask("mntr"), HasSubstr("zk_ephemerals_count\t1\n"));
  EXPECT_THAT(ask("conf"), HasSubstr("tickTime=2000\n"));
  EXPECT_THAT(ask("dump"), HasSubstr("\t/e\n"));
  EXPECT_THAT(ask("wchs"), HasSubstr("1 connections watching 1 paths\nTotal watches:1\n"));
  EXPECT_THAT(ask("wchp"), StartsWith("/\n\t0x1"));
  EXPECT_THAT(ask("envi"), HasSubstr("zookeeper.version=3."));
}

TEST_F(ConnectionTest, EveryWordOfZooKeeperHasAnAnswer) {
  WireClient wire(*server, "127.0.0.1:4711");
  wire.hello();
  wire.create("/a", "12345");
  loop.run_pending();
  EXPECT_THAT(ask("cons"), HasSubstr(",lop=CREA,"));
  EXPECT_EQ(ask("crst"), "Connection stats reset.\n");
  EXPECT_THAT(ask("cons"), HasSubstr("recved=0,sent=0,"));
  EXPECT_EQ(ask("srst"), "Server stats reset.\n");
  EXPECT_THAT(ask("srvr"), HasSubstr("Received: 1\n"));
  EXPECT_THAT(ask("dirs"), ::testing::MatchesRegex("datadir_size: [0-9]+\nlogdir_size: [0-9]+\n"));
  EXPECT_THAT(ask("conf"), HasSubstr("dataLogDir=/data/version-2\ndataLogSize="));
  EXPECT_EQ(ask("gtmk"), "306");
  EXPECT_EQ(ask(std::string("stmk\0\0\0\0\0\0\0\x07", 12)), "7");
  EXPECT_EQ(ask("gtmk"), "7");
  EXPECT_EQ(ask("hash"), "");
  const std::string figures = ask("mntr");
  for (const char* name : {"zk_avg_latency", "zk_approximate_data_size", "zk_open_file_descriptor_count",
                           "zk_cnt_fsynctime", "zk_response_bytes", "zk_connection_request_count"})
    EXPECT_THAT(figures, HasSubstr(std::string(name) + "\t"));
}

TEST_F(ConnectionTest, WordsThatAreNotAllowedSaySo) {
  stop();
  files.kill();
  config.four_letter_words = {};
  start();
  EXPECT_EQ(ask("ruok"), "ruok is not executed because it is not in the whitelist.\n");
  EXPECT_THAT(ask("srvr"), HasSubstr("Mode: standalone")) << "always allowed";
}

TEST_F(ConnectionTest, FramesMayComeByteByByteAndManyAtOnce) {
  WireClient wire(*server);
  Writer all;
  const auto add = [&](auto encode) {
    const size_t mark = all.begin_frame();
    encode();
    all.end_frame(mark);
  };
  add([&] { jute::ConnectRequest{0, 0, 6000, 0, "", false}.encode(all); });
  for (int i = 0; i < 5; ++i) {
    add([&] {
      jute::RequestHeader{i + 1, jute::kCreate}.encode(all);
      jute::CreateRequest{"/n" + std::to_string(i), "x", open_acl(), 0, -1}.encode(all);
    });
  }
  const Bytes bytes = all.buffer();
  for (size_t i = 0; i < 100; ++i) wire.send_raw(bytes.subspan(i, 1));
  wire.send_raw(bytes.subspan(100));
  loop.run_pending();
  EXPECT_NE(wire.take_hello().session_id, 0);
  for (int i = 0; i < 5; ++i) {
    const Reply reply = wire.take_reply();
    EXPECT_EQ(reply.header.xid, i + 1);
    EXPECT_EQ(reply.error(), ZkError::kOk);
  }
}

TEST_F(ConnectionTest, E22ALengthThatNoFrameMayHaveEndsTheConnection) {
  for (const int32_t length : {-1, INT32_MIN, 0x100000, INT32_MAX}) {
    WireClient wire(*server);
    Writer writer;
    writer.int32(length);
    wire.send_raw(writer.buffer());
    EXPECT_TRUE(wire.peer.closed) << length;
    wire.send_raw(writer.buffer());
  }
}

TEST_F(ConnectionTest, OtherProtocolsEndTheirConnectionAndNoOther) {
  WireClient good(*server, "10.0.0.1:1");
  good.hello();
  loop.run_pending();
  good.take_hello();
  for (const std::string hello :
       {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00", "SSH-2.0-OpenSSH\r\n"}) {
    WireClient wire(*server);
    wire.send_raw({reinterpret_cast<const uint8_t*>(hello.data()), hello.size()});
    EXPECT_TRUE(wire.peer.closed) << hello;
  }
  good.create("/a");
  loop.run_pending();
  EXPECT_EQ(good.take_reply().error(), ZkError::kOk);
}

TEST_F(ConnectionTest, ARequestThatCannotBeReadIsAMarshallingErrorAndTheConnectionGoesOn) {
  WireClient wire(*server);
  wire.hello();
  loop.run_pending();
  wire.take_hello();
  for (const int32_t type : {jute::kCreate, jute::kGetData, jute::kMulti, jute::kSetWatches}) {
    wire.request(type, WireClient::Empty{});
    loop.run_pending();
    EXPECT_EQ(wire.take_reply().error(), ZkError::kMarshallingError) << type;
  }
  wire.request(jute::kExists, jute::PathWatchRequest{"/", false});
  EXPECT_EQ(wire.take_reply().error(), ZkError::kOk);
}

TEST_F(ConnectionTest, AnOperationThatDoesNotExistIsAnsweredAndEndsTheConnection) {
  WireClient wire(*server);
  wire.hello();
  loop.run_pending();
  wire.take_hello();
  wire.request(99, WireClient::Empty{});
  EXPECT_EQ(wire.take_reply().error(), ZkError::kUnimplemented);
  EXPECT_TRUE(wire.peer.closed);
}

TEST_F(ConnectionTest, RandomBytesNeverDoMoreThanEndTheirConnection) {
  std::mt19937 random(20261122);
  for (int round = 0; round < 3000; ++round) {
    WireClient wire(*server);
    wire.hello();
    loop.run_pending();
    Writer body;
    const auto types = {1,  2,  3,  4,  5,  6,  7,   8,   9,   11,  12,  13,  14, 15,
                        16, 17, 18, 19, 21, 22, 100, 101, 103, 104, 105, 106, 107};
    jute::RequestHeader{round, *(types.begin() + static_cast<ptrdiff_t>(random() % types.size()))}.encode(
        body);
    const size_t length = random() % 64;
    for (size_t i = 0; i < length; ++i)
      body.int8(static_cast<int8_t>(random() % 3 == 0 ? random() : random() % 3));
    wire.send_frame(body);
    loop.run_pending();
  }
  EXPECT_TRUE(create("/still-here").ok());
}

TEST_F(ConnectionTest, MutatedRequestsNeverDoMoreThanFail) {
  std::mt19937 random(7);
  WireClient wire(*server);
  wire.hello(40'000);
  loop.run_pending();
  Writer multi;
  jute::RequestHeader{1, jute::kMulti}.encode(multi);
  jute::MultiHeader{jute::kCreate, false, -1}.encode(multi);
  jute::CreateRequest{"/m", "data", open_acl(), 1, -1}.encode(multi);
  jute::MultiHeader{jute::kSetData, false, -1}.encode(multi);
  jute::SetDataRequest{"/m", "more", -1}.encode(multi);
  jute::MultiHeader{jute::kDelete, false, -1}.encode(multi);
  jute::PathVersionRequest{"/m", -1}.encode(multi);
  jute::MultiHeader{-1, true, -1}.encode(multi);
  for (int round = 0; round < 5000; ++round) {
    Writer damaged;
    std::vector<uint8_t> bytes(multi.buffer().begin(), multi.buffer().end());
    for (int i = 0; i < 2; ++i) bytes[8 + random() % (bytes.size() - 8)] = static_cast<uint8_t>(random());
    damaged.raw(bytes);
    wire.send_frame(damaged);
  }
  loop.run_pending();
  EXPECT_FALSE(wire.peer.closed);
  EXPECT_TRUE(create("/still-here").ok());
}

TEST_F(ConnectionTest, E23ConnectionsOfOneAddressAreLimited) {
  stop();
  files.kill();
  config.max_client_connections = 2;
  start();
  WireClient one(*server, "10.0.0.1:1"), two(*server, "10.0.0.1:2"), three(*server, "10.0.0.1:3"),
      elsewhere(*server, "10.0.0.2:1");
  loop.run_pending();
  EXPECT_FALSE(two.peer.closed);
  EXPECT_TRUE(three.peer.closed);
  EXPECT_FALSE(elsewhere.peer.closed);
  one.connection.reset();
  three.connection.reset();
  WireClient four(*server, "10.0.0.1:4");
  loop.run_pending();
  EXPECT_FALSE(four.peer.closed);
  // Before the server goes.
  two.connection.reset();
  four.connection.reset();
  elsewhere.connection.reset();
}

TEST_F(ConnectionTest, E23AConnectionWithTooMuchUnansweredIsNotReadFrom) {
  stop();
  files.kill();
  config.outstanding_limit = 10;
  start();
  WireClient wire(*server);
  wire.hello();
  loop.run_pending();
  wire.take_hello();
  loop.hold = true;
  for (int i = 0; i < 11; ++i) wire.create("/n" + std::to_string(i));
  EXPECT_TRUE(wire.peer.paused);
  loop.run_pending();
  while (!loop.held.empty()) loop.step();
  EXPECT_FALSE(wire.peer.paused);
  for (int i = 0; i < 11; ++i) EXPECT_EQ(wire.take_reply().header.xid, i + 1);
  loop.hold = false;
  wire.connection.reset();
}

TEST_F(ConnectionTest, RepliesOfAllConnectionsLeaveInTheOrderOfTheirRequests) {
  WireClient writer(*server, "10.0.0.1:1"), reader(*server, "10.0.0.1:2");
  writer.hello();
  reader.hello();
  loop.run_pending();
  writer.take_hello();
  reader.take_hello();
  loop.hold = true;
  writer.create("/a");
  reader.request(jute::kExists, jute::PathWatchRequest{"/a", false});
  loop.run_pending();
  EXPECT_TRUE(reader.peer.received.empty()) << "it would tell of a write that is not safe yet";
  loop.step();
  EXPECT_EQ(reader.take_reply().error(), ZkError::kOk);
  EXPECT_EQ(writer.take_reply().error(), ZkError::kOk);
  reader.request(jute::kExists, jute::PathWatchRequest{"/a", false});
  EXPECT_EQ(reader.take_reply().error(), ZkError::kOk) << "with nothing unsynced, at once";
  loop.hold = false;
}

TEST_F(ConnectionTest, AClientOf33GetsNoReadOnlyByte) {
  WireClient wire(*server);
  Writer hello;
  jute::ConnectRequest{0, 0, 6000, 0, std::string(16, '\0'), std::nullopt}.encode(hello);
  wire.send_frame(hello);
  loop.run_pending();
  EXPECT_FALSE(wire.take_hello().read_only.has_value());
}

}  // namespace
}  // namespace ottla::coordination
