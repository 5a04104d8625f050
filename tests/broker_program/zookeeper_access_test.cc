// SPDX-License-Identifier: Apache-2.0
// What a broker needs to be somebody at ZooKeeper. With real servers: compat/tests/zookeeper_security.
#include "broker/program/zookeeper_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/manual_loop.h"
#include "storage/io/faulty_file_system.h"

namespace ottla {
namespace {

using testing::HasSubstr;

class ZooKeeperAccessTest : public testing::Test {
 protected:
  Status open(config::ConfigMap values, const char* kafka_opts = nullptr) {
    values.emplace("broker.id", "0");
    values.emplace("zookeeper.connect", "127.0.0.1:1");
    const auto config = config::make_broker_config(std::move(values));
    EXPECT_TRUE(config.ok()) << config.status().message();
    return open_zookeeper_access(*config, kafka_opts, flush_list_, files_).status();
  }
  void write(const std::string& path, std::string_view text) {
    ASSERT_TRUE(
        files_.write_atomically(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()}).ok());
  }

  ManualLoop loop_;
  net::FlushList flush_list_{loop_};
  storage::FaultyFileSystem files_;
};

TEST_F(ZooKeeperAccessTest, NobodyNeedsToBeAnybody) { EXPECT_TRUE(open({}).ok()); }

TEST_F(ZooKeeperAccessTest, ZnodesOfOnesOwnNeedAnIdentity) {
  EXPECT_THAT(open({{"zookeeper.set.acl", "true"}}).message(), HasSubstr("zookeeper.ssl.keystore.location"));
  write("/jaas", "KafkaServer { x.Y required; };");
  EXPECT_FALSE(open({{"zookeeper.set.acl", "true"}}, "-Djava.security.auth.login.config=/jaas").ok());
  write("/jaas",
        "Client { org.apache.zookeeper.server.auth.DigestLoginModule required\n"
        "username=\"kafka\" password=\"secret\"; };");
  EXPECT_TRUE(
      open({{"zookeeper.set.acl", "true"}}, "-Xmx1g -Djava.security.auth.login.config=/jaas -Dx=y").ok());
}

TEST_F(ZooKeeperAccessTest, AFileThatCannotBeUsedIsNamed) {
  EXPECT_THAT(open({}, "-Djava.security.auth.login.config=/none").message(), HasSubstr("/none"));
  write("/jaas", "Client {\n  oops");
  EXPECT_THAT(open({}, "-Djava.security.auth.login.config=/jaas").message(), HasSubstr("/jaas:2"));
  EXPECT_THAT(open({{"zookeeper.ssl.client.enable", "true"}, {"zookeeper.ssl.keystore.location", "/k.p12"}})
                  .message(),
              HasSubstr("/k.p12"));
}

}  // namespace
}  // namespace ottla
