// SPDX-License-Identifier: Apache-2.0
#include "coordination/sasl/digest_md5.h"
#include "coordination/sasl/jaas.h"
#include "tests/coordination/support.h"

namespace ottla::coordination {
namespace {

using ::testing::HasSubstr;

std::optional<std::string> only_kafka(const std::string& user) {
  return user == "kafka" ? std::optional<std::string>("s\u00e9cret") : std::nullopt;
}

// What the server says in the end, or why it refuses.
Result<std::string> exchange(sasl::DigestServer& server, sasl::DigestClient& client) {
  const auto challenge = server.evaluate("");
  if (!challenge.ok()) return challenge.status();
  const auto response = client.evaluate(*challenge);
  if (!response.ok()) return response.status();
  return server.evaluate(*response);
}

TEST(DigestMd5, BothEndsProveThatTheyKnowThePassword) {
  sasl::DigestServer server(only_kafka, "nonce");
  sasl::DigestClient client("kafka", "s\u00e9cret", sasl::random_nonce());
  const auto last = exchange(server, client);
  ASSERT_TRUE(last.ok()) << last.status().message();
  EXPECT_TRUE(server.complete());
  EXPECT_EQ(server.user(), "kafka");
  EXPECT_TRUE(client.evaluate(*last).ok());
  EXPECT_TRUE(client.complete());
  EXPECT_FALSE(server.evaluate("").ok()) << "nothing comes after the last word";
}

TEST(DigestMd5, IsTheOneOfTheStandard) {
  // RFC 2831's way with ZooKeeper's realm and service, computed by Java's own provider.
  sasl::DigestServer server([](const std::string&) { return std::optional<std::string>("secret"); },
                            "OA6MG9tEQGm2hh");
  ASSERT_EQ(*server.evaluate(""),
            "realm=\"zk-sasl-md5\",nonce=\"OA6MG9tEQGm2hh\",charset=utf-8,algorithm=md5-sess");
  EXPECT_FALSE(
      server
          .evaluate(
              "charset=utf-8,username=\"chris\",realm=\"zk-sasl-md5\",nonce=\"OA6MG9tEQGm2hh\",nc=00000001,"
              "cnonce=\"OA6MHXh6VqTrRk\",response=d388dad90d4bbd760a152321f2143af7,qop=auth,"
              "digest-uri=\"zookeeper/zk-sasl-md5\"")
          .ok())
      << "that response is to another realm";
}

TEST(DigestMd5, WhoDoesNotKnowThePasswordIsRefused) {
  sasl::DigestServer server(only_kafka, "nonce"), other(only_kafka, "nonce");
  sasl::DigestClient guesser("kafka", "guess", "c"), stranger("nobody", "x", "c");
  EXPECT_THAT(exchange(server, guesser).status().message(), HasSubstr("the password of kafka is another"));
  EXPECT_THAT(exchange(other, stranger).status().message(), HasSubstr("no user nobody"));
  sasl::DigestClient careful("kafka", "s\u00e9cret", "c");
  ASSERT_TRUE(careful.evaluate("realm=\"zk-sasl-md5\",nonce=\"n\"").ok());
  EXPECT_THAT(careful.evaluate("rspauth=00").status().message(),
              HasSubstr("the server does not know the password"));
}

TEST(DigestMd5, WordsThatAreNoneAreRefused) {
  for (const char* words :
       {"username", "username=\"open", "=x", "username=\"a\" b", "username=a,username=b", "username=kafka",
        "username=kafka,cnonce=c,nonce=other,nc=00000001", "username=kafka,cnonce=c,nonce=nonce,nc=00000002",
        "username=kafka,cnonce=c,nonce=nonce,nc=00000001,realm=elsewhere",
        "username=kafka,cnonce=c,nonce=nonce,nc=00000001,digest-uri=\"imap/x\"",
        "username=kafka,cnonce=c,nonce=nonce,nc=00000001,digest-uri=\"zookeeper/"
        "zk-sasl-md5\",qop=auth-conf"}) {
    sasl::DigestServer server(only_kafka, "nonce");
    ASSERT_TRUE(server.evaluate("").ok());
    EXPECT_FALSE(server.evaluate(words).ok()) << words;
  }
  sasl::DigestServer server(only_kafka, "nonce");
  EXPECT_FALSE(server.evaluate("username=kafka").ok()) << "the client must not speak first";
}

constexpr const char* kLogins = R"(// users
/* of all
   kinds */
Server {
  org.apache.zookeeper.server.auth.DigestLoginModule required
  user_super="adminsecret"  # quoted
  user_kafka=plain;
};
Client { DigestLoginModule required username="kafka" password="with \"quotes\""; };
Kerberos { com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true; };
)";

TEST(LoginConfig, HoldsTheUsersOfAServerAndTheLoginOfAClient) {
  const auto parsed = sasl::parse_login_config(kLogins, "jaas.conf");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  const auto users = sasl::users_of(*parsed, "Server", "jaas.conf");
  ASSERT_TRUE(users.ok());
  EXPECT_EQ(*users, (std::map<std::string, std::string>{{"super", "adminsecret"}, {"kafka", "plain"}}));
  const auto login = sasl::login_of(*parsed, "Client", "jaas.conf");
  ASSERT_TRUE(login.ok());
  EXPECT_EQ(login->password, "with \"quotes\"");
  EXPECT_THAT(sasl::login_of(*parsed, "Server", "f").status().message(), HasSubstr("no username"));
  EXPECT_THAT(sasl::users_of(*parsed, "Absent", "f").status().message(), HasSubstr("no section Absent"));
  EXPECT_THAT(sasl::users_of(*parsed, "Kerberos", "f").status().message(), HasSubstr("Kerberos"));
}

TEST(LoginConfig, AMistakeIsNamedWithItsLine) {
  for (const char* text : {"Server", "Server {", "{", "Server {\nA;};", "Server {\nA required x;};",
                           "Server {\nA required x=;};", "Server {\nA required;}", "Server {\n;};",
                           "Server {\nA required x=1 };"}) {
    const auto parsed = sasl::parse_login_config(text, "jaas.conf");
    EXPECT_FALSE(parsed.ok()) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr("jaas.conf:"));
  }
}

class SaslTest : public ServerTest {
 protected:
  SaslTest() {
    auto file = files.open("/jaas.conf", true);
    const std::string text = kLogins;
    EXPECT_TRUE((*file)->write_at({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, 0).ok());
    config.security.login_config = "/jaas.conf";
    config.security.sasl_provider = true;
  }
  struct Token {
    std::string text;
    void encode(Writer& writer) const { jute::write_buffer(writer, text); }
  };
  std::unique_ptr<WireClient> open_session() {
    auto wire = std::make_unique<WireClient>(*server);
    wire->hello();
    loop.run_pending();
    wire->take_hello();
    return wire;
  }
  // One word, and what comes back.
  Reply say(WireClient& wire, const std::string& token) {
    wire.request(jute::kSasl, Token{token});
    loop.run_pending();
    return wire.take_reply();
  }
  static std::string token_of(const Reply& reply) {
    Reader reader(reply.body);
    return jute::read_buffer(reader).value_or("");
  }
  ZkError log_in(WireClient& wire, const std::string& user, const std::string& password) {
    sasl::DigestClient client(user, password, "cnonce");
    const auto response = client.evaluate(token_of(say(wire, "")));
    EXPECT_TRUE(response.ok());
    return say(wire, *response).error();
  }
  ZkError create_owned(WireClient& wire, const std::string& path, const Acl& acl) {
    wire.request(jute::kCreate, jute::CreateRequest{path, "x", {acl}, 0, -1});
    loop.run_pending();
    return wire.take_reply().error();
  }
};

TEST_F(SaslTest, AUserOwnsItsNodesAndSuperAll) {
  start();
  auto kafka = open_session(), super = open_session(), nobody = open_session();
  ASSERT_EQ(log_in(*kafka, "kafka", "plain"), ZkError::kOk);
  ASSERT_EQ(log_in(*super, "super", "adminsecret"), ZkError::kOk);
  ASSERT_EQ(create_owned(*kafka, "/mine", Acl{perms::kAll, "auth", ""}), ZkError::kOk);
  for (WireClient* wire : {kafka.get(), super.get(), nobody.get()}) {
    wire->request(jute::kGetData, jute::PathWatchRequest{"/mine", false});
    loop.run_pending();
  }
  EXPECT_EQ(kafka->take_reply().error(), ZkError::kOk);
  EXPECT_EQ(super->take_reply().error(), ZkError::kOk);
  EXPECT_EQ(nobody->take_reply().error(), ZkError::kNoAuth);
  EXPECT_EQ(create_owned(*nobody, "/for-kafka", Acl{perms::kAll, "sasl", "kafka"}), ZkError::kOk);
}

TEST_F(SaslTest, AWrongPasswordClosesTheConnection) {
  start();
  auto wire = open_session();
  EXPECT_EQ(log_in(*wire, "kafka", "guess"), ZkError::kAuthFailed);
  EXPECT_TRUE(wire->peer.closed);
}

TEST_F(SaslTest, WithAllowSaslFailedClientsItStaysAsNobody) {
  config.security.allow_sasl_failed_clients = true;
  start();
  auto wire = open_session();
  EXPECT_EQ(log_in(*wire, "kafka", "guess"), ZkError::kOk);
  EXPECT_EQ(create_owned(*wire, "/x", Acl{perms::kAll, "auth", ""}), ZkError::kInvalidAcl);
  EXPECT_FALSE(wire->peer.closed);
}

TEST_F(SaslTest, WhereItIsDemandedNothingElseIsAnsweredBefore) {
  config.security.session_requires_sasl = true;
  start();
  auto early = open_session(), late = open_session();
  early->create("/early");
  loop.run_pending();
  EXPECT_EQ(early->take_reply().error(), ZkError::kSessionClosedRequireSaslAuth);
  EXPECT_TRUE(early->peer.closed);
  ASSERT_EQ(log_in(*late, "kafka", "plain"), ZkError::kOk);
  late->create("/late");
  loop.run_pending();
  EXPECT_EQ(late->take_reply().error(), ZkError::kOk);
}

TEST_F(SaslTest, ASuperUserIsNamedInTheProperties) {
  config.security.super_users = {"kafka"};
  start();
  auto owner = open_session(), kafka = open_session();
  ASSERT_EQ(create_owned(*owner, "/closed", Acl{perms::kAll, "digest", "me:hash"}), ZkError::kOk);
  ASSERT_EQ(log_in(*kafka, "kafka", "plain"), ZkError::kOk);
  kafka->request(jute::kGetData, jute::PathWatchRequest{"/closed", false});
  loop.run_pending();
  EXPECT_EQ(kafka->take_reply().error(), ZkError::kOk);
}

TEST_F(SaslTest, ACertificateIsAnIdentity) {
  config.security.x509_provider = true;
  config.security.x509_super_user = "CN=admin";
  start();
  auto owner = std::make_unique<WireClient>(*server), admin = std::make_unique<WireClient>(*server);
  owner->connection->on_secured("CN=owner,O=Ottla");
  admin->connection->on_secured("CN=admin");
  for (WireClient* wire : {owner.get(), admin.get()}) {
    wire->hello();
    loop.run_pending();
    wire->take_hello();
  }
  ASSERT_EQ(create_owned(*owner, "/mine", Acl{perms::kAll, "auth", ""}), ZkError::kOk);
  ASSERT_EQ(create_owned(*owner, "/bad", Acl{perms::kAll, "x509", "no subject"}), ZkError::kInvalidAcl);
  auto nobody = open_session();
  for (WireClient* wire : {owner.get(), admin.get(), nobody.get()}) {
    wire->request(jute::kGetData, jute::PathWatchRequest{"/mine", false});
    loop.run_pending();
  }
  EXPECT_EQ(owner->take_reply().error(), ZkError::kOk);
  EXPECT_EQ(admin->take_reply().error(), ZkError::kOk);
  EXPECT_EQ(nobody->take_reply().error(), ZkError::kNoAuth);
}

TEST_F(SaslTest, AMistakeInTheFileStopsTheStart) {
  config.security.login_section = "Kerberos";
  EXPECT_THAT(try_start().message(), HasSubstr("/jaas.conf: section Kerberos is for Kerberos"));
  config.security.login_config = "/absent.conf";
  EXPECT_THAT(try_start().message(), HasSubstr("/absent.conf"));
}

}  // namespace
}  // namespace ottla::coordination
