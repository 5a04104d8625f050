// SPDX-License-Identifier: Apache-2.0
#include "coordination/client.h"

#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ConnectString, NamesHostsPortsAndAChroot) {
  const auto parsed = ConnectString::parse("zk1:2181, zk2:2182,[::1]:2183,zk4/kafka/one");
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->hosts.size(), 4u);
  EXPECT_EQ(parsed->hosts[2].host, "::1");
  EXPECT_EQ(parsed->hosts[3].port, 2181);
  EXPECT_EQ(parsed->chroot, "/kafka/one");
  EXPECT_EQ(parsed->host_list(), "zk1:2181,zk2:2182,[::1]:2183,zk4:2181");
  EXPECT_EQ(ConnectString::parse("zk/")->chroot, "");
  for (const char* bad :
       {"", ",", "zk:", "zk:port", "zk:0", "zk:70000", ":2181", "[::1", "zk/a//b", "zk/../a"}) {
    const auto refused = ConnectString::parse(bad);
    EXPECT_FALSE(refused.ok()) << bad;
  }
}

class InProcessClientTest : public ServerTest {
 protected:
  InProcessClientTest() { start(); }
};

TEST_F(InProcessClientTest, RequestsMadeBeforeTheSessionWaitForIt) {
  client = make_in_process_client(loop, *server, "", 6000);
  std::vector<std::string> order;
  client->set_session_handler([&](SessionEvent event) {
    EXPECT_EQ(event, SessionEvent::kConnected);
    order.push_back("connected");
  });
  client->create("/a", "x", open_acl(), CreateMode::kPersistent,
                 [&](const CreateReply& reply) { order.push_back(reply.path); });
  ASSERT_TRUE(client->start().ok());
  client->get_data("/a", false, [&](const DataReply& reply) { order.push_back(reply.data); });
  EXPECT_TRUE(order.empty()) << "no callback from inside a call";
  loop.run_pending();
  EXPECT_THAT(order, ElementsAre("connected", "/a", "x"));
  EXPECT_EQ(client->session_timeout_ms(), 6000);
  EXPECT_EQ(server->sync_count(), 1);
}

TEST_F(InProcessClientTest, IsAnsweredBeforeTheSyncAndToldAfterIt) {
  connect();
  loop.hold = true;
  std::vector<std::string> order;
  client->create("/a", "x", open_acl(), CreateMode::kPersistent,
                 [&](const CreateReply& reply) { order.push_back(reply.path); });
  loop.run_pending();
  EXPECT_THAT(order, ElementsAre("/a"));
  client->when_durable([&] { order.push_back("durable"); });
  loop.run_pending();
  EXPECT_THAT(order, ElementsAre("/a")) << "the sync has not happened";
  loop.step();
  EXPECT_THAT(order, ElementsAre("/a", "durable"));
  client->when_durable([&] { order.push_back("still"); });
  EXPECT_EQ(order.size(), 2u) << "no callback from inside a call";
  loop.run_pending();
  EXPECT_THAT(order, ElementsAre("/a", "durable", "still"));
  loop.hold = false;
}

TEST_F(InProcessClientTest, OthersSeeItsWritesOnlyAfterTheSync) {
  connect();
  WireClient other(*server);
  other.hello();
  loop.run_pending();
  other.take_hello();
  loop.hold = true;
  client->create("/a", "x", open_acl(), CreateMode::kPersistent, [](const CreateReply&) {});
  loop.run_pending();
  other.request(jute::kExists, jute::PathWatchRequest{"/a", false});
  loop.run_pending();
  EXPECT_TRUE(other.peer.received.empty()) << "a power cut could still take the node back";
  loop.step();
  EXPECT_EQ(other.take_reply().error(), ZkError::kOk);
  loop.hold = false;
}

TEST_F(InProcessClientTest, CallbacksMayMakeFurtherCalls) {
  connect();
  std::string got;
  client->create("/a", "x", open_acl(), CreateMode::kPersistent, [&](const CreateReply&) {
    client->get_data("/a", false, [&](const DataReply& reply) {
      client->set_data("/a", reply.data + "y", -1, [&](const StatReply&) {
        client->get_data("/a", false, [&](const DataReply& last) { got = last.data; });
      });
    });
  });
  loop.run_pending();
  EXPECT_EQ(got, "xy");
}

Task<void> steps(Client& client, std::vector<std::string>& seen) {
  const CreateReply made = co_await client.async_create("/a", "one");
  seen.push_back(made.path);
  const StatReply changed = co_await client.async_set_data("/a", "two");
  seen.push_back(std::to_string(changed.stat.version));
  const DataReply read = co_await client.async_get_data("/a");
  seen.push_back(read.data);
  std::vector<Op> ops;
  ops.push_back(Op::create("/b", "x"));
  ops.push_back(Op::remove("/a"));
  const MultiReply both = co_await client.async_multi(ops);
  seen.push_back(error_text(both.error));
  const ChildrenReply names = co_await client.async_get_children("/");
  seen.insert(seen.end(), names.children.begin(), names.children.end());
  const StatReply gone = co_await client.async_exists("/a");
  seen.push_back(error_text(gone.error));
  const VoidReply synced = co_await client.async_sync("/");
  seen.push_back(error_text(synced.error));
  co_await client.async_close();
  seen.push_back("closed");
}

TEST_F(InProcessClientTest, CallsCanBeAwaited) {
  connect();
  std::vector<std::string> seen;
  start_detached(steps(*client, seen));
  loop.run_pending();
  EXPECT_THAT(seen, ElementsAre("/a", "1", "two", "ok", "b", "zookeeper", "NoNode", "ok", "closed"));
}

TEST_F(InProcessClientTest, PathsAreBelowTheChroot) {
  connect();
  Client& below = connect_another("/kafka/one");
  for (int twice = 0; twice < 2; ++twice) {
    const VoidReply made = wait<VoidReply>([&](auto done) { below.make_chroot(done); });
    ASSERT_TRUE(made.ok());
  }
  EXPECT_EQ(create("/a", "x", CreateMode::kPersistent, open_acl(), &below).path, "/a");
  EXPECT_EQ(get("/kafka/one/a").data, "x");
  EXPECT_THAT(children("/", true, &below).children, ElementsAre("a"));
  EXPECT_EQ(
      multi({Op::create("/s-", "", open_acl(), CreateMode::kPersistentSequential)}, &below).results[0].path,
      "/s-0000000001");
  exists("/b", true, &below);
  create("/kafka/one/b");
  EXPECT_THAT(take_events(), ElementsAre(WatchEvent{EventType::kNodeChildrenChanged, "/"},
                                         WatchEvent{EventType::kNodeCreated, "/b"}));
  EXPECT_THAT(below.describe(), HasSubstr("/kafka/one"));
}

TEST_F(InProcessClientTest, ClosingEndsTheSessionAndNothingIsCalledAfterwards) {
  connect();
  Client& other = connect_another();
  create("/e", "", CreateMode::kEphemeral);
  get("/e", true);
  exists("/e", true, &other);
  take_events();
  bool closed = false;
  int answered = 0;
  client->get_data("/e", false, [&](const DataReply& reply) { answered += reply.ok(); });
  client->close([&] { closed = true; });
  client->get_data("/e", false, [&](const DataReply& reply) {
    EXPECT_EQ(reply.error, ZkError::kClosing);
    EXPECT_FALSE(closed);
    ++answered;
  });
  loop.run_pending();
  EXPECT_TRUE(closed);
  EXPECT_EQ(answered, 2);
  EXPECT_EQ(exists("/e", false, &other).error, ZkError::kNoNode);
  EXPECT_THAT(take_events(), ElementsAre(WatchEvent{EventType::kNodeDeleted, "/e"}))
      << "the other one's only";
  EXPECT_FALSE(client->connected());
}

TEST_F(InProcessClientTest, NodesGetTheDefaultAclWhereTheirCreatorNamesNone) {
  connect();
  const AclList mine{{perms::kAll, "digest", "kafka:x"}, {perms::kRead, "world", "anyone"}};
  client->create("/open", "", default_acl(), CreateMode::kPersistent, [](const CreateReply&) {});
  client->set_default_acl([&](std::string_view path) { return path == "/not" ? open_acl() : mine; });
  for (const char* path : {"/a", "/not"})
    client->create(path, "", default_acl(), CreateMode::kPersistent, [](const CreateReply&) {});
  client->create("/named", "", open_acl(), CreateMode::kPersistent, [](const CreateReply&) {});
  client->multi({Op::create("/b", "")}, [](const MultiReply& reply) { EXPECT_TRUE(reply.ok()); });
  std::vector<bool> is_mine;
  for (const char* path : {"/open", "/a", "/not", "/named", "/b"})
    client->get_acl(path, [&](const AclReply& reply) { is_mine.push_back(reply.acl == mine); });
  loop.run_pending();
  EXPECT_THAT(is_mine, ElementsAre(false, true, false, false, true));
}

TEST_F(InProcessClientTest, AClientMayBeDroppedWithCallsOutstanding) {
  connect();
  client->create("/a", "", open_acl(), CreateMode::kPersistent, [](const CreateReply&) { FAIL(); });
  client.reset();
  loop.run_pending();
}

}  // namespace
}  // namespace ottla::coordination
