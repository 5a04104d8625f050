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
  EXPECT_THAT(refusal({{"clientPortAddress", "h", 2}}), HasSubstr("clientPort is not"));
  EXPECT_THAT(refusal({{"minSessionTimeout", "90000", 2}}), HasSubstr("larger than maxSessionTimeout"));
  EXPECT_THAT(parse_server_config({}, "f").status().message(), HasSubstr("dataDir is not set"));
}

}  // namespace
}  // namespace ottla::coordination
