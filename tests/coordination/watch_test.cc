// SPDX-License-Identifier: Apache-2.0
#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class WatchTest : public ServerTest {
 protected:
  WatchTest() {
    start();
    connect();
    other = &connect_another();
    wire = std::make_unique<WireClient>(*server);
    wire->hello(40'000);
    loop.run_pending();
    session = wire->take_hello();
  }
  ~WatchTest() override { wire.reset(); }

  WatchEvent take_event() {
    const auto event = wire->take_event();
    EXPECT_EQ(event.state, jute::kSyncConnected);
    return {static_cast<EventType>(event.type), event.path};
  }

  Client* other = nullptr;
  std::unique_ptr<WireClient> wire;
  jute::ConnectResponse session;
};

TEST_F(WatchTest, E14AWatchFiresOnce) {
  create("/a");
  get("/a", true);
  set("/a", "1", -1, other);
  set("/a", "2", -1, other);
  EXPECT_THAT(take_events(), ElementsAre(WatchEvent{EventType::kNodeDataChanged, "/a"}));
}

TEST_F(WatchTest, AWatchOnAMissingNodeFiresWhenItIsCreated) {
  EXPECT_EQ(exists("/a", true).error, ZkError::kNoNode);
  create("/a", "", CreateMode::kPersistent, open_acl(), other);
  EXPECT_THAT(take_events(), ElementsAre(WatchEvent{EventType::kNodeCreated, "/a"}));
  EXPECT_EQ(get("/b", true).error, ZkError::kNoNode);
  create("/b");
  EXPECT_THAT(take_events(), IsEmpty()) << "getData on a missing node leaves no watch";
}

TEST_F(WatchTest, ChildrenAreWatchedApartFromData) {
  create("/a");
  children("/a", true);
  set("/a", "x");
  EXPECT_THAT(take_events(), IsEmpty());
  create("/a/b");
  EXPECT_THAT(take_events(), ElementsAre(WatchEvent{EventType::kNodeChildrenChanged, "/a"}));
  children("/", true);
  create("/c");
  EXPECT_THAT(take_events(), ElementsAre(WatchEvent{EventType::kNodeChildrenChanged, "/"}));
}

TEST_F(WatchTest, ADeletionIsToldOnceToWhoWatchesDataAndChildren) {
  create("/a");
  get("/a", true);
  children("/a", true);
  children("/", true);
  remove("/a", -1, other);
  EXPECT_THAT(take_events(), ElementsAre(WatchEvent{EventType::kNodeDeleted, "/a"},
                                         WatchEvent{EventType::kNodeChildrenChanged, "/"}));
}

TEST_F(WatchTest, E14TheEventComesBeforeAnythingThatShowsTheChange) {
  create("/a");
  std::vector<std::string> order;
  client->set_watch_handler([&](const WatchEvent&) { order.push_back("event"); });
  client->get_data("/a", true, [&](const DataReply&) { order.push_back("armed"); });
  client->set_data("/a", "new", -1, [&](const StatReply&) { order.push_back("set"); });
  client->get_data("/a", false, [&](const DataReply& reply) { order.push_back(reply.data); });
  loop.run_pending();
  EXPECT_THAT(order, ElementsAre("armed", "event", "set", "new"));
}

TEST_F(WatchTest, NoEventTellsOfAWriteThatIsNotSynced) {
  create("/a");
  wire->request(jute::kGetData, jute::PathWatchRequest{"/a", true});
  loop.run_pending();
  wire->take_reply();
  loop.hold = true;
  other->set_data("/a", "new", -1, [](const StatReply&) {});
  loop.run_pending();
  wire->request(jute::kGetData, jute::PathWatchRequest{"/a", false});
  loop.run_pending();
  EXPECT_THAT(wire->peer.received, IsEmpty()) << "the read saw the write, so it waits with it";
  loop.step();
  const jute::WatcherEvent event = wire->take_event();
  EXPECT_EQ(static_cast<EventType>(event.type), EventType::kNodeDataChanged);
  EXPECT_EQ(event.path, "/a");
  const Reply read = wire->take_reply();
  Reader body(read.body);
  EXPECT_EQ(jute::read_buffer(body), "new");
  loop.hold = false;
}

TEST_F(WatchTest, WatchesGoWithTheConnection) {
  create("/a");
  wire->request(jute::kGetData, jute::PathWatchRequest{"/a", true});
  loop.run_pending();
  wire.reset();
  set("/a", "x");
  create("/b");
}

TEST_F(WatchTest, D5AfterAReconnectMissedChangesAreToldAndTheRestIsWatchedAgain) {
  create("/changed");
  create("/same");
  create("/deleted");
  create("/parent");
  create("/calm");
  const int64_t seen = server->last_zxid();
  set("/changed", "x");
  remove("/deleted");
  create("/parent/child");
  create("/appeared");

  jute::SetWatchesRequest again;
  again.relative_zxid = seen;
  again.data = {"/changed", "/same", "/deleted"};
  again.exist = {"/appeared", "/missing"};
  again.child = {"/parent", "/calm", "/deleted"};
  struct Body {
    const jute::SetWatchesRequest& request;
    void encode(Writer& writer) const { request.encode(writer, false); }
  };
  wire->request(jute::kSetWatches, Body{again}, jute::kSetWatchesXid);
  loop.run_pending();
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeDataChanged, "/changed"}));
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeDeleted, "/deleted"}));
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeCreated, "/appeared"}));
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeChildrenChanged, "/parent"}));
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeDeleted, "/deleted"}));
  EXPECT_EQ(wire->take_reply().header.xid, jute::kSetWatchesXid);

  set("/same", "x");
  create("/missing");
  create("/calm/child");
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeDataChanged, "/same"}));
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeCreated, "/missing"}));
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeChildrenChanged, "/calm"}));
}

TEST_F(WatchTest, APersistentWatchStaysAndARecursiveOneSeesAllBelow) {
  create("/p");
  create("/r");
  wire->request(jute::kAddWatch, jute::PathVersionRequest{"/p", 0});
  wire->request(jute::kAddWatch, jute::PathVersionRequest{"/r", 1});
  loop.run_pending();
  EXPECT_EQ(wire->take_reply().error(), ZkError::kOk);
  EXPECT_EQ(wire->take_reply().error(), ZkError::kOk);
  set("/p", "1");
  set("/p", "2");
  create("/p/c");
  for (const auto type :
       {EventType::kNodeDataChanged, EventType::kNodeDataChanged, EventType::kNodeChildrenChanged}) {
    EXPECT_EQ(take_event(), (WatchEvent{type, "/p"}));
  }
  create("/r/x");
  create("/r/x/y");
  set("/r/x/y", "1");
  remove("/r/x/y");
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeCreated, "/r/x"}));
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeCreated, "/r/x/y"}));
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeDataChanged, "/r/x/y"}));
  EXPECT_EQ(take_event(), (WatchEvent{EventType::kNodeDeleted, "/r/x/y"}));
  EXPECT_TRUE(wire->peer.received.empty());

  // 3: of any kind.
  wire->request(jute::kCheckWatches, jute::PathVersionRequest{"/p", 3});
  wire->request(jute::kRemoveWatches, jute::PathVersionRequest{"/p", 3});
  wire->request(jute::kRemoveWatches, jute::PathVersionRequest{"/p", 3});
  EXPECT_EQ(wire->take_reply().error(), ZkError::kOk);
  EXPECT_EQ(wire->take_reply().error(), ZkError::kOk);
  EXPECT_EQ(wire->take_reply().error(), ZkError::kNoWatcher);
  set("/p", "3");
  EXPECT_TRUE(wire->peer.received.empty());
}

}  // namespace
}  // namespace ottla::coordination
