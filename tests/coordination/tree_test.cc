// SPDX-License-Identifier: Apache-2.0
#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class TreeTest : public ServerTest {
 protected:
  TreeTest() {
    start();
    connect();
  }
};

TEST_F(TreeTest, AFreshTreeHasZooKeepersOwnNodes) {
  EXPECT_THAT(children("/").children, ElementsAre("zookeeper"));
  EXPECT_THAT(children("/zookeeper").children, UnorderedElementsAre("config", "quota"));
  const DataReply config_node = get("/zookeeper/config");
  EXPECT_EQ(config_node.stat.aversion, -1);
  EXPECT_EQ(config_node.stat.czxid, 0);
  const auto acl = wait<AclReply>([&](auto done) { client->get_acl("/zookeeper/config", done); });
  EXPECT_THAT(acl.acl, ElementsAre(Acl{perms::kRead, "world", "anyone"}));
  EXPECT_EQ(children("/").stat.cversion, -1);
}

TEST_F(TreeTest, AStatTellsWhatHappenedToTheNode) {
  const int64_t before = server->last_zxid();
  const CreateReply made = create("/a", "hello");
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made.path, "/a");
  Stat expected;
  expected.czxid = expected.mzxid = expected.pzxid = before + 1;
  expected.ctime = expected.mtime = loop.wall_ms();
  expected.data_length = 5;
  EXPECT_EQ(made.stat, expected);

  const int64_t created_ms = loop.wall_ms();
  loop.advance(10);
  const StatReply changed = set("/a", "hello again");
  expected.mzxid = before + 2;
  expected.mtime = created_ms + 10;
  expected.version = 1;
  expected.data_length = 11;
  EXPECT_EQ(changed.stat, expected);
  EXPECT_EQ(get("/a").stat, expected);

  // A child: cversion counts creations and deletions, pzxid is the last of them.
  ASSERT_TRUE(create("/a/b").ok());
  expected.cversion = 1;
  expected.num_children = 1;
  expected.pzxid = before + 3;
  EXPECT_EQ(exists("/a").stat, expected);
  EXPECT_EQ(remove("/a/b"), ZkError::kOk);
  expected.cversion = 2;
  expected.num_children = 0;
  expected.pzxid = before + 4;
  EXPECT_EQ(exists("/a").stat, expected);
}

TEST_F(TreeTest, NullDataIsNotEmptyData) {
  create("/null", std::nullopt);
  create("/empty", "");
  EXPECT_TRUE(get("/null").data_is_null);
  EXPECT_FALSE(get("/empty").data_is_null);
  EXPECT_EQ(get("/null").stat.data_length, 0);
}

TEST_F(TreeTest, SequentialNodesAreNumberedByTheParentsCreations) {
  create("/q");
  EXPECT_EQ(create("/q/n-", "", CreateMode::kPersistentSequential).path, "/q/n-0000000000");
  EXPECT_EQ(create("/q/n-", "", CreateMode::kEphemeralSequential).path, "/q/n-0000000001");
  // Other children count too, and deleting gives no number back.
  create("/q/plain");
  EXPECT_EQ(remove("/q/plain"), ZkError::kOk);
  EXPECT_EQ(create("/q/n-", "", CreateMode::kPersistentSequential).path, "/q/n-0000000003");
  EXPECT_EQ(create("/q/", "", CreateMode::kPersistentSequential).path, "/q/0000000004");
}

TEST_F(TreeTest, RefusedWritesSayWhyAndTakeAZxid) {
  const int64_t before = server->last_zxid();
  EXPECT_EQ(create("/no/parent").error, ZkError::kNoNode);
  EXPECT_EQ(create("/zookeeper").error, ZkError::kNodeExists);
  EXPECT_EQ(create("/").error, ZkError::kNodeExists);
  EXPECT_EQ(create("bad").error, ZkError::kBadArguments);
  EXPECT_EQ(create("/zookeeper/").error, ZkError::kBadArguments);
  EXPECT_EQ(remove("/"), ZkError::kBadArguments);
  EXPECT_EQ(remove("/zookeeper/config"), ZkError::kBadArguments);
  EXPECT_EQ(remove("/missing"), ZkError::kNoNode);
  EXPECT_EQ(set("/missing", "x").error, ZkError::kNoNode);
  EXPECT_EQ(create("/x", "", CreateMode::kPersistent, {}).error, ZkError::kInvalidAcl);
  EXPECT_EQ(create("/ttl", "", CreateMode::kPersistentWithTtl).error, ZkError::kUnimplemented);
  EXPECT_EQ(server->last_zxid(), before + 11);
}

TEST_F(TreeTest, E19VersionsGuardWrites) {
  create("/a");
  EXPECT_EQ(set("/a", "x", 1).error, ZkError::kBadVersion);
  EXPECT_EQ(set("/a", "x", 0).stat.version, 1);
  EXPECT_EQ(remove("/a", 0), ZkError::kBadVersion);
  create("/a/b");
  EXPECT_EQ(remove("/a", 1), ZkError::kNotEmpty);
  EXPECT_EQ(remove("/a/b"), ZkError::kOk);
  EXPECT_EQ(remove("/a", 1), ZkError::kOk);
  EXPECT_EQ(exists("/a").error, ZkError::kNoNode);
}

TEST_F(TreeTest, EphemeralsHaveNoChildren) {
  const CreateReply made = create("/e", "", CreateMode::kEphemeral);
  EXPECT_EQ(made.stat.ephemeral_owner, client->session_id());
  EXPECT_EQ(create("/e/child").error, ZkError::kNoChildrenForEphemerals);
}

TEST_F(TreeTest, AContainerGoesWhenItsLastChildHasGone) {
  create("/c", "", CreateMode::kContainer);
  loop.advance(120'000);
  EXPECT_TRUE(exists("/c").ok()) << "it still waits for its first child";
  create("/c/child");
  loop.advance(120'000);
  EXPECT_TRUE(exists("/c").ok());
  EXPECT_EQ(remove("/c/child"), ZkError::kOk);
  loop.advance(120'000);
  EXPECT_EQ(exists("/c").error, ZkError::kNoNode);
}

TEST_F(TreeTest, AMultiTakesEffectAsAWhole) {
  create("/a", "1");
  const int64_t before = server->last_zxid();
  const MultiReply done = multi({Op::check("/a", 0), Op::create("/b", "x"), Op::set_data("/a", "2", 0),
                                 Op::create("/b/n-", "", open_acl(), CreateMode::kPersistentSequential),
                                 Op::create("/b/n-", "", open_acl(), CreateMode::kPersistentSequential),
                                 Op::remove("/b/n-0000000000")});
  ASSERT_TRUE(done.ok()) << error_text(done.error);
  ASSERT_EQ(done.results.size(), 6u);
  EXPECT_EQ(done.results[1].path, "/b");
  EXPECT_EQ(done.results[2].stat.version, 1);
  EXPECT_EQ(done.results[3].path, "/b/n-0000000000");
  EXPECT_EQ(done.results[4].path, "/b/n-0000000001");
  EXPECT_THAT(children("/b").children, ElementsAre("n-0000000001"));
  EXPECT_EQ(server->last_zxid(), before + 1) << "one transaction";
  EXPECT_EQ(exists("/b").stat.czxid, before + 1);
}

TEST_F(TreeTest, E18AMultiThatFailsChangesNothingAndSaysWhichStepFailed) {
  create("/a", "1");
  const MultiReply failed =
      multi({Op::set_data("/a", "2"), Op::create("/b", ""), Op::remove("/missing"), Op::create("/c", "")});
  EXPECT_EQ(failed.error, ZkError::kNoNode);
  ASSERT_EQ(failed.results.size(), 4u);
  EXPECT_EQ(failed.results[0].error, ZkError::kOk);
  EXPECT_EQ(failed.results[1].error, ZkError::kOk);
  EXPECT_EQ(failed.results[2].error, ZkError::kNoNode);
  EXPECT_EQ(failed.results[3].error, ZkError::kRuntimeInconsistency);
  EXPECT_EQ(get("/a").data, "1");
  EXPECT_EQ(get("/a").stat.version, 0);
  EXPECT_EQ(exists("/b").error, ZkError::kNoNode);
  // Nor are numbers used up.
  EXPECT_EQ(create("/a/n-", "", CreateMode::kPersistentSequential).path, "/a/n-0000000000");
}

TEST_F(TreeTest, StepsOfAMultiSeeThoseBeforeThem) {
  EXPECT_TRUE(
      multi({Op::create("/p", ""), Op::create("/p/c", ""), Op::remove("/p/c"), Op::remove("/p")}).ok());
  EXPECT_EQ(exists("/p").error, ZkError::kNoNode);
  EXPECT_EQ(multi({Op::create("/p", ""), Op::create("/p", "")}).error, ZkError::kNodeExists);
  EXPECT_EQ(multi({Op::create("/p", ""), Op::create("/p/c", ""), Op::remove("/p")}).error,
            ZkError::kNotEmpty);
  EXPECT_TRUE(multi({}).ok());
}

TEST_F(TreeTest, ReadsThatFewUseAnswerTooOnTheWire) {
  create("/a");
  create("/a/b");
  create("/a/b/c");
  WireClient wire(*server);
  wire.hello();
  loop.run_pending();
  wire.take_hello();
  wire.create("/a/e", "", 1);
  loop.run_pending();
  wire.take_reply();

  wire.request(jute::kGetAllChildrenNumber, WireClient::Path{"/a"});
  const Reply count = wire.take_reply();
  EXPECT_EQ(Reader(count.body).int32(), 3);

  wire.request(jute::kGetEphemerals, WireClient::Path{"/a"});
  const Reply ephemerals = wire.take_reply();
  Reader ephemeral_reader(ephemerals.body);
  EXPECT_THAT(jute::read_strings(ephemeral_reader), ElementsAre("/a/e"));

  wire.request(jute::kWhoAmI, WireClient::Empty{});
  const Reply identity = wire.take_reply();
  Reader who(identity.body);
  EXPECT_EQ(who.int32(), 1);
  EXPECT_EQ(who.jute_string(), "ip");
  EXPECT_EQ(who.jute_string(), "127.0.0.1");

  struct MultiRead {
    void encode(Writer& writer) const {
      jute::MultiHeader{jute::kGetData, false, -1}.encode(writer);
      jute::PathWatchRequest{"/a", false}.encode(writer);
      jute::MultiHeader{jute::kGetChildren, false, -1}.encode(writer);
      jute::PathWatchRequest{"/missing", false}.encode(writer);
      jute::MultiHeader{-1, true, -1}.encode(writer);
    }
  };
  wire.request(jute::kMultiRead, MultiRead{});
  const Reply read = wire.take_reply();
  Reader parts(read.body);
  EXPECT_EQ(jute::MultiHeader::decode(parts).type, jute::kGetData);
  jute::read_buffer(parts);
  EXPECT_EQ(jute::read_stat(parts).num_children, 2);
  EXPECT_EQ(jute::MultiHeader::decode(parts).error, static_cast<int32_t>(ZkError::kNoNode));
  EXPECT_EQ(parts.int32(), static_cast<int32_t>(ZkError::kNoNode));
  EXPECT_TRUE(jute::MultiHeader::decode(parts).done);
  EXPECT_TRUE(parts.ok());

  struct Reconfig {
    void encode(Writer& writer) const {
      for (const char* members : {"server.1=a:1:2", "", ""}) writer.jute_string(members);
      writer.int64(-1);
    }
  };
  wire.request(jute::kReconfig, Reconfig{});
  loop.run_pending();
  EXPECT_EQ(wire.take_reply().error(), ZkError::kReconfigDisabled);
}

}  // namespace
}  // namespace ottla::coordination
