// SPDX-License-Identifier: Apache-2.0
#include "coordination/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ottla::coordination {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ZooKeeperProperties, ThoseThatKafkaShipsAreTaken) {
  const auto parsed = parse_server_config({{"dataDir", "/tmp/zookeeper", 16},
                                           {"clientPort", "2181", 18},
                                           {"maxClientCnxns", "0", 20},
                                           {"admin.enableServer", "false", 23}},
                                          "zookeeper.properties");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->config.data_dir, "/tmp/zookeeper");
  EXPECT_EQ(parsed->config.client_port, 2181);
  EXPECT_EQ(parsed->config.max_client_connections, 0);
  EXPECT_EQ(parsed->config.tick_time_ms, 3000);
  EXPECT_EQ(parsed->config.min_session_timeout(), 6000);
  EXPECT_EQ(parsed->config.max_session_timeout(), 60000);
  EXPECT_EQ(parsed->config.log_dir(), "/tmp/zookeeper");
}

TEST(ZooKeeperProperties, EveryKeyThatMattersIsRead) {
  const auto parsed = parse_server_config({{"dataDir", "/d", 1},
                                           {"dataLogDir", " /l ", 2},
                                           {"tickTime", "500", 3},
                                           {"minSessionTimeout", "700", 4},
                                           {"maxSessionTimeout", "9000", 5},
                                           {"snapCount", "50", 6},
                                           {"autopurge.snapRetainCount", "5", 7},
                                           {"autopurge.purgeInterval", "1", 8},
                                           {"4lw.commands.whitelist", "stat, ruok", 9},
                                           {"forceSync", "no", 10},
                                           {"initLimit", "5", 11},
                                           {"syncLimit", "2", 12},
                                           {"zookeeper.skipACL", "yes", 13},
                                           {"jute.maxbuffer", "0x1fffff", 14},
                                           {"clientPort", "1", 15},
                                           {"clientPortAddress", "127.0.0.1", 16}},
                                          "f");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_THAT(parsed->warnings, IsEmpty());
  const ServerConfig& config = parsed->config;
  EXPECT_EQ(config.log_dir(), "/l");
  EXPECT_EQ(config.min_session_timeout(), 700);
  EXPECT_EQ(config.max_session_timeout(), 9000);
  EXPECT_EQ(config.snap_count, 50);
  EXPECT_EQ(config.snap_retain_count, 5);
  EXPECT_EQ(config.purge_interval_hours, 1);
  EXPECT_THAT(config.four_letter_words, ElementsAre("stat", "ruok"));
  EXPECT_FALSE(config.force_sync);
  EXPECT_TRUE(config.skip_acl);
  EXPECT_EQ(config.max_frame_bytes, 0x1fffff);
}

TEST(ZooKeeperProperties, TheKeysOf38Act) {
  const auto parsed = parse_server_config(
      {{"dataDir", "/d", 1},
       {"maxCnxns", "7", 2},
       {"extendedTypesEnabled", "TRUE", 3},
       {"zookeeper.enforceQuota", "true", 4},
       {"znode.container.checkIntervalMs", "100", 5},
       {"preAllocSize", "64", 6},
       {"snapshot.compression.method", "gz", 7},
       {"admin.enableServer", "true", 8},
       {"admin.serverPort", "9090", 9},
       {"metricsProvider.className", "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider", 10},
       {"metricsProvider.httpPort", "7001", 11},
       {"reconfigEnabled", "true", 12},
       {"DigestAuthenticationProvider.enabled", "false", 13},
       {"fsync.warningthresholdms", "50", 14},
       {"snapshot.trust.empty", "true", 15}},
      "f");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_THAT(parsed->warnings, IsEmpty());
  const ServerConfig& config = parsed->config;
  EXPECT_EQ(config.max_connections, 7);
  EXPECT_TRUE(config.extended_types);
  EXPECT_TRUE(config.enforce_quota);
  EXPECT_EQ(config.container_check_ms, 100);
  EXPECT_EQ(config.preallocate_bytes, 64 * 1024);
  EXPECT_TRUE(config.compress_snapshots);
  EXPECT_TRUE(config.admin_enabled);
  EXPECT_EQ(config.admin_port, 9090);
  EXPECT_TRUE(config.prometheus);
  EXPECT_EQ(config.metrics_port, 7001);
  EXPECT_TRUE(config.reconfig_enabled);
  EXPECT_FALSE(config.digest_enabled);
  EXPECT_EQ(config.sync_warning_ms, 50);
  EXPECT_TRUE(config.trust_empty_snapshot);
}

TEST(ZooKeeperProperties, WhatDoesNotActSaysWhy) {
  const auto parsed = parse_server_config({{"dataDir", "/d", 1},
                                           {"ssl.crl", "true", 2},
                                           {"authProvider.1", "org.example.Provider", 3},
                                           {"nio.numSelectorThreads", "2", 4},
                                           {"watcherCleanThreshold", "10", 5},
                                           {"initLimit", "10", 6}},
                                          "f");
  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(parsed->warnings,
              ElementsAre(HasSubstr("revocation"), HasSubstr("org.example.Provider is a Java class"),
                          HasSubstr("threads"), HasSubstr("watch table")));
}

TEST(ZooKeeperProperties, WhoMayComeIsTakenFromThem) {
  const auto parsed = parse_server_config(
      {{"dataDir", "/d", 1},
       {"secureClientPort", "2281", 2},
       {"authProvider.1", "org.apache.zookeeper.server.auth.SASLAuthenticationProvider", 3},
       {"ssl.keyStore.location", "/keys.p12", 4},
       {"zookeeper.ssl.keyStore.password", "secret", 5},
       {"ssl.clientAuth", "none", 6},
       {"ssl.enabledProtocols", "TLSv1.2, TLSv1.3", 7},
       {"superUser", "admin", 8},
       {"superUser.2", "root", 9},
       {"sessionRequireClientSASLAuth", "true", 10},
       {"java.security.auth.login.config", "/jaas.conf", 11}},
      "f");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_TRUE(parsed->warnings.empty());
  const SecurityConfig& security = parsed->config.security;
  EXPECT_EQ(security.secure_port, 2281);
  EXPECT_TRUE(security.sasl_provider && security.session_requires_sasl);
  EXPECT_EQ(security.tls.key_store.path, "/keys.p12");
  EXPECT_EQ(security.tls.key_store.password, "secret");
  EXPECT_EQ(security.tls.client_auth, tls::ClientAuth::kNone);
  EXPECT_THAT(security.tls.protocols, ElementsAre("TLSv1.2", "TLSv1.3"));
  EXPECT_THAT(security.super_users, ElementsAre("admin", "root"));
  EXPECT_EQ(security.login_config, "/jaas.conf");
}

TEST(ZooKeeperProperties, WhatSecurityLacksIsNamed) {
  const auto refusal = [](std::vector<Property> properties) {
    properties.push_back({"dataDir", "/d", 1});
    return parse_server_config(properties, "f").status().message();
  };
  EXPECT_THAT(refusal({{"secureClientPort", "2281", 2}}), HasSubstr("ssl.keyStore.location is not"));
  EXPECT_THAT(refusal({{"secureClientPort", "2281", 2}, {"ssl.keyStore.location", "/k", 3}}),
              HasSubstr("ssl.trustStore.location is not set"));
  EXPECT_THAT(refusal({{"enforce.auth.enabled", "true", 2}}), HasSubstr("enforce.auth.schemes names none"));
  EXPECT_THAT(refusal({{"ssl.clientAuth", "maybe", 2}}), HasSubstr("none, want or need"));
}

TEST(ZooKeeperProperties, DataUrlIsDataDirWithAWarningThatNamesIt) {
  const auto parsed = parse_server_config({{"dataUrl", "/d", 3}}, "zookeeper.properties");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->config.data_dir, "/d");
  EXPECT_THAT(parsed->warnings,
              ElementsAre("zookeeper.properties:3: dataUrl is taken as dataDir, which is the key's name"));
}

TEST(ZooKeeperProperties, UnknownKeysNameTheNearestKnownOne) {
  const auto parsed = parse_server_config({{"dataDir", "/d", 1},
                                           {"clientport", "1", 2},
                                           {"whatever.this.is.all.about", "1", 3},
                                           {"server.1", "a:1:2", 4}},
                                          "f");
  ASSERT_TRUE(parsed.ok());
  EXPECT_THAT(parsed->warnings,
              ElementsAre("f:2: unknown key clientport; did you mean clientPort?",
                          "f:3: unknown key whatever.this.is.all.about", HasSubstr("runs alone")));
}

TEST(ZooKeeperProperties, ValuesThatCannotBeUsedSayFileLineKeyAndWhatWasExpected) {
  const auto refusal = [](std::vector<Property> properties) {
    properties.push_back({"dataDir", "/d", 1});
    const auto parsed = parse_server_config(properties, "f");
    return parsed.ok() ? "" : parsed.status().message();
  };
  EXPECT_EQ(refusal({{"clientPort", "many", 2}}),
            "f:2: clientPort=many: expected a whole number from 0 to 65535");
  EXPECT_THAT(refusal({{"tickTime", "0", 2}}), HasSubstr("expected"));
  EXPECT_THAT(refusal({{"tickTime", "99999999999", 2}}), HasSubstr("expected"));
  EXPECT_THAT(refusal({{"snapshot.compression.method", "snappy", 2}}),
              HasSubstr("snappy are not written or read"));
  EXPECT_THAT(refusal({{"metricsProvider.className", "my.Own", 2}}), HasSubstr("Prometheus"));
  EXPECT_THAT(refusal({{"clientPortAddress", "h", 2}}), HasSubstr("clientPort is not"));
  EXPECT_THAT(refusal({{"minSessionTimeout", "90000", 2}}), HasSubstr("larger than maxSessionTimeout"));
  EXPECT_THAT(parse_server_config({}, "f").status().message(), HasSubstr("dataDir is not set"));
}

}  // namespace
}  // namespace ottla::coordination
