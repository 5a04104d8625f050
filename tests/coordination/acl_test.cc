// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/acl.h"

#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

using ::testing::ElementsAre;

TEST(Digest, IsTheOneThatZooKeeperMakes) {
  // java DigestAuthenticationProvider super:admin
  EXPECT_EQ(make_digest("super:admin"), "super:xQJmxLMiHGwaqBvst5y6rkB6HQs=");
}

TEST(Acl, AddressesMatchByTheirPrefix) {
  const AclList net{Acl{perms::kRead, "ip", "10.1.0.0/16"}};
  EXPECT_TRUE(acl_allows(net, perms::kRead, {{"ip", "10.1.2.3"}}));
  EXPECT_FALSE(acl_allows(net, perms::kRead, {{"ip", "10.2.2.3"}}));
  EXPECT_FALSE(acl_allows(net, perms::kWrite, {{"ip", "10.1.2.3"}}));
  EXPECT_TRUE(acl_allows({Acl{perms::kRead, "ip", "10.1.2.3"}}, perms::kRead, {{"ip", "10.1.2.3"}}));
  AclList fixed;
  EXPECT_FALSE(fix_up_acl({Acl{1, "ip", "300.1.1.1"}}, {}, &fixed));
  EXPECT_FALSE(fix_up_acl({Acl{1, "ip", "10.1.1.1/33"}}, {}, &fixed));
  EXPECT_FALSE(fix_up_acl({Acl{1, "sasl", "kafka"}}, {}, &fixed));
  EXPECT_FALSE(fix_up_acl({Acl{1, "digest", "nocolon"}}, {}, &fixed));
  EXPECT_FALSE(fix_up_acl({Acl{1, "world", "somebody"}}, {}, &fixed));
}

class AclTest : public ServerTest {
 protected:
  AclTest() {
    config.super_digest = make_digest("super:secret");
    start();
    connect();
    other = &connect_another();
  }
  ZkError auth(Client& by, const std::string& credentials) {
    return wait<VoidReply>([&](auto done) { by.add_auth("digest", credentials, done); }).error;
  }
  AclReply get_acl(const std::string& path, Client& by) {
    return wait<AclReply>([&](auto done) { by.get_acl(path, done); });
  }
  Client* other = nullptr;
};

TEST_F(AclTest, ANodeOfItsCreatorIsClosedToOthers) {
  EXPECT_EQ(create("/mine", "", CreateMode::kPersistent, {Acl{perms::kAll, "auth", ""}}).error,
            ZkError::kInvalidAcl)
      << "nobody has authenticated yet";
  ASSERT_EQ(auth(*client, "me:pw"), ZkError::kOk);
  ASSERT_TRUE(create("/mine", "x", CreateMode::kPersistent, {Acl{perms::kAll, "auth", ""}}).ok());
  EXPECT_THAT(get_acl("/mine", *client).acl, ElementsAre(Acl{perms::kAll, "digest", make_digest("me:pw")}));

  EXPECT_EQ(get("/mine", false, other).error, ZkError::kNoAuth);
  EXPECT_EQ(set("/mine", "y", -1, other).error, ZkError::kNoAuth);
  EXPECT_EQ(children("/mine", false, other).error, ZkError::kNoAuth);
  EXPECT_EQ(create("/mine/c", "", CreateMode::kPersistent, open_acl(), other).error, ZkError::kNoAuth);
  EXPECT_EQ(get_acl("/mine", *other).error, ZkError::kNoAuth);
  // To delete a node one needs the right on its parent.
  ASSERT_TRUE(create("/mine/c").ok());
  EXPECT_EQ(remove("/mine/c", -1, other), ZkError::kNoAuth);

  ASSERT_EQ(auth(*other, "me:pw"), ZkError::kOk);
  EXPECT_EQ(get("/mine", false, other).data, "x");
}

TEST_F(AclTest, TheSuperUserMayDoEverything) {
  auth(*client, "me:pw");
  create("/mine", "", CreateMode::kPersistent, {Acl{perms::kRead, "auth", ""}});
  EXPECT_EQ(set("/mine", "y").error, ZkError::kNoAuth);
  EXPECT_EQ(auth(*other, "super:secret"), ZkError::kOk);
  EXPECT_TRUE(set("/mine", "y", -1, other).ok());
}

TEST_F(AclTest, SettingAnAclCountsItsVersionAndWhoMayNotSetItSeesNoHashes) {
  auth(*client, "me:pw");
  create("/a");
  const AclList list{Acl{perms::kAll, "digest", make_digest("me:pw")}, Acl{perms::kRead, "world", "anyone"}};
  const auto changed = wait<StatReply>([&](auto done) { client->set_acl("/a", list, 0, done); });
  ASSERT_TRUE(changed.ok());
  EXPECT_EQ(changed.stat.aversion, 1);
  EXPECT_EQ(wait<StatReply>([&](auto done) { client->set_acl("/a", list, 0, done); }).error,
            ZkError::kBadVersion);
  EXPECT_THAT(get_acl("/a", *other).acl,
              ElementsAre(Acl{perms::kAll, "digest", "me:x"}, Acl{perms::kRead, "world", "anyone"}));
}

TEST_F(AclTest, APersistentWatchIsToldOnlyOfWhatItsOwnerMayRead) {
  auth(*client, "me:pw");
  WireClient wire(*server);
  wire.hello();
  wire.request(jute::kAddWatch, jute::PathVersionRequest{"/", 1});
  loop.run_pending();
  wire.take_hello();
  wire.take_reply();
  create("/secret", "", CreateMode::kPersistent, {Acl{perms::kAll, "auth", ""}});
  EXPECT_TRUE(wire.peer.received.empty());
  create("/open");
  EXPECT_EQ(wire.take_event().path, "/open");
}

TEST_F(AclTest, WhetherANodeExistsEveryoneMayKnow) {
  auth(*client, "me:pw");
  EXPECT_EQ(exists("/secret", true, other).error, ZkError::kNoNode);
  create("/secret", "", CreateMode::kPersistent, {Acl{perms::kAll, "auth", ""}});
  EXPECT_THAT(take_events(), ::testing::IsEmpty()) << "but when it changes, only who may read it";
  EXPECT_TRUE(exists("/secret", false, other).ok());
}

TEST_F(AclTest, AnAuthEntryMayHaveANullId) {
  WireClient wire(*server);
  wire.hello();
  wire.request(jute::kAuth, jute::AuthPacket{0, "digest", "u:p"}, jute::kAuthXid);
  struct Body {
    void encode(Writer& writer) const {
      writer.jute_string("/a");
      writer.bytes({});
      writer.array_length(1);
      writer.int32(perms::kAll);
      writer.jute_string("auth");
      writer.jute_string(std::nullopt);
      writer.int32(0);
    }
  };
  wire.request(jute::kCreate, Body{});
  loop.run_pending();
  wire.take_hello();
  EXPECT_EQ(wire.take_reply().header.xid, jute::kAuthXid);
  EXPECT_EQ(wire.take_reply().error(), ZkError::kOk);
}

TEST_F(AclTest, AnUnknownSchemeEndsTheConnection) {
  WireClient wire(*server);
  wire.hello();
  loop.run_pending();
  wire.take_hello();
  wire.request(jute::kAuth, jute::AuthPacket{0, "kerberos", "x"}, jute::kAuthXid);
  loop.run_pending();
  const Reply reply = wire.take_reply();
  EXPECT_EQ(reply.header.xid, jute::kAuthXid);
  EXPECT_EQ(reply.error(), ZkError::kAuthFailed);
  EXPECT_TRUE(wire.peer.closed);
}

TEST_F(AclTest, AclsSurviveARestart) {
  auth(*client, "me:pw");
  create("/mine", "x", CreateMode::kPersistent, {Acl{perms::kAll, "auth", ""}});
  kill_and_start();
  connect();
  EXPECT_EQ(get("/mine").error, ZkError::kNoAuth);
  auth(*client, "me:pw");
  EXPECT_EQ(get("/mine").data, "x");
}

}  // namespace
}  // namespace ottla::coordination
