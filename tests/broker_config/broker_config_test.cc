// SPDX-License-Identifier: Apache-2.0
#include "broker/config/broker_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/broker_config/temp_file.h"

namespace ottla::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The settings of Kafka 2.8.0's config/server.properties.
constexpr const char* kStock28 =
    "broker.id=0\nnum.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\n"
    "socket.receive.buffer.bytes=102400\nsocket.request.max.bytes=104857600\nlog.dirs=/tmp/"
    "kafka-logs\nnum.partitions=1\n"
    "num.recovery.threads.per.data.dir=1\noffsets.topic.replication.factor=1\ntransaction.state.log."
    "replication.factor=1\n"
    "transaction.state.log.min.isr=1\nlog.retention.hours=168\nlog.segment.bytes=1073741824\n"
    "log.retention.check.interval.ms=300000\nzookeeper.connect=localhost:2181\nzookeeper.connection.timeout."
    "ms=18000\n"
    "group.initial.rebalance.delay.ms=0\n";

// The KRaft settings of 2.8.0 to 4.x, on top of those that are the same.
constexpr const char* kStockKraft =
    "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@localhost:9093\n"
    "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n"
    "advertised.listeners=PLAINTEXT://localhost:9092\ncontroller.listener.names=CONTROLLER\n"
    "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_"
    "PLAINTEXT,"
    "SASL_SSL:SASL_SSL\n";

Result<LoadedBrokerConfig> load(std::string_view text, const std::vector<std::string>& overrides = {}) {
  const TempFile file(text);
  return load_broker_config(file.path(), overrides);
}

BrokerConfig config_of(std::string_view text, const std::vector<std::string>& overrides = {}) {
  Result<LoadedBrokerConfig> loaded = load(text, overrides);
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  return loaded.ok() ? loaded->config : BrokerConfig();
}

// The message without the temporary file's folder: "FILE:3: ...".
std::string error_of(std::string_view text, const std::vector<std::string>& overrides = {}) {
  const TempFile file(text);
  const Result<LoadedBrokerConfig> loaded = load_broker_config(file.path(), overrides);
  if (loaded.ok()) return "";
  std::string message = loaded.status().message();
  for (size_t at; (at = message.find(file.path())) != std::string::npos;)
    message.replace(at, file.path().size(), "FILE");
  return message;
}

std::vector<std::string> warnings_of(std::string_view text) {
  const TempFile file(text);
  Result<LoadedBrokerConfig> loaded = load_broker_config(file.path(), {});
  EXPECT_TRUE(loaded.ok()) << loaded.status().message();
  std::vector<std::string> warnings = loaded.ok() ? loaded->warnings : std::vector<std::string>();
  for (std::string& warning : warnings) {
    const size_t at = warning.find(file.path());
    if (at != std::string::npos) warning.replace(at, file.path().size(), "FILE");
  }
  return warnings;
}

TEST(BrokerConfig, NeedsNoFileAtAll) {
  const Result<LoadedBrokerConfig> loaded = load_broker_config(std::nullopt, {});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_THAT(loaded->warnings, IsEmpty());
  const BrokerConfig& config = loaded->config;
  EXPECT_EQ(config.broker_id, -1);
  EXPECT_THAT(config.listeners, ElementsAre(Endpoint{"PLAINTEXT", "", 9092, SecurityProtocol::kPlaintext}));
  EXPECT_EQ(config.advertised_listeners, config.listeners);
  EXPECT_EQ(config.inter_broker_listener_name, "PLAINTEXT");
  EXPECT_THAT(config.log_dirs, ElementsAre("/tmp/kafka-logs"));
  EXPECT_EQ(config.zookeeper_connect, "");
  EXPECT_EQ(config.zookeeper_connection_timeout_ms, 18000);
  EXPECT_EQ(config.message_max_bytes, 1048588);
  EXPECT_EQ(config.group_initial_rebalance_delay_ms, 3000);
  EXPECT_EQ(config.offsets_retention_ms, 7 * 24 * 3600 * 1000LL);
  EXPECT_EQ(config.topic_defaults.retention_ms, 604800000);
}

TEST(BrokerConfig, StockSettingsOf28LoadWithoutAWarning) {
  EXPECT_THAT(warnings_of(kStock28), IsEmpty());
  const BrokerConfig config = config_of(kStock28);
  EXPECT_EQ(config.broker_id, 0);
  EXPECT_EQ(config.zookeeper_connect, "localhost:2181");
  EXPECT_EQ(config.offsets_topic_replication_factor, 1);
  EXPECT_EQ(config.group_initial_rebalance_delay_ms, 0);
}

TEST(BrokerConfig, TheShippedFileLoadsWithoutAWarningAndMeansTheSame) {
  const Result<LoadedBrokerConfig> shipped =
      load_broker_config(OTTLA_SOURCE_DIR "/config/server.properties", {}, {.zookeeper_required = true});
  ASSERT_TRUE(shipped.ok()) << shipped.status().message();
  EXPECT_THAT(shipped->warnings, IsEmpty());
  ConfigMap values = shipped->config.values;
  EXPECT_EQ(values["listeners"], "PLAINTEXT://:9092");
  values.erase("listeners");
  EXPECT_EQ(values, config_of(kStock28).values);
}

TEST(BrokerConfig, AKraftFileServesItsBrokerAndSaysWhatIsNotSpoken) {
  const BrokerConfig config = config_of(kStockKraft);
  EXPECT_EQ(config.broker_id, 1);
  EXPECT_THAT(config.listeners, ElementsAre(Endpoint{"PLAINTEXT", "", 9092, SecurityProtocol::kPlaintext}));
  EXPECT_THAT(config.advertised_listeners,
              ElementsAre(Endpoint{"PLAINTEXT", "localhost", 9092, SecurityProtocol::kPlaintext}));
  EXPECT_THAT(warnings_of(kStockKraft),
              ElementsAre(HasSubstr("FILE:1: process.roles=broker,controller: KRaft is not spoken")));
}

TEST(BrokerConfig, AControllerAloneIsRefused) {
  EXPECT_THAT(error_of("process.roles=controller\nnode.id=1\n"),
              HasSubstr("FILE:1: process.roles=controller: Ottla has no KRaft"));
}

TEST(BrokerConfig, OverridesComeBeforeTheFileAndLaterOnesBeforeEarlier) {
  const BrokerConfig config =
      config_of("num.partitions=1\nbroker.id=3", {"num.partitions=2", "num.partitions= 4 "});
  EXPECT_EQ(config.num_partitions, 4);
  EXPECT_EQ(config.broker_id, 3);
  EXPECT_EQ(error_of("", {"num.partitions"}), "--override num.partitions: expected key=value");
  EXPECT_EQ(error_of("", {"num.partitions=x"}),
            "--override: num.partitions=x: expected a whole number (32 bit), at least 1");
}

TEST(BrokerConfig, TheLastOfTwoLinesCounts) {
  EXPECT_EQ(config_of("num.partitions=1\nnum.partitions=5").num_partitions, 5);
}

TEST(BrokerConfig, AnUnparsableValueIsToldWithFileLineKeyAndExpectation) {
  EXPECT_EQ(error_of("broker.id=0\n\nlog.retention.hours=a week\n"),
            "FILE:3: log.retention.hours=a week: expected a whole number (32 bit)");
  EXPECT_EQ(error_of("auto.create.topics.enable=yes"),
            "FILE:1: auto.create.topics.enable=yes: expected true or false");
}

TEST(BrokerConfig, AllProblemsAreToldAtOnce) {
  EXPECT_EQ(error_of("num.partitions=0\nbroker.id=x"),
            "FILE:2: broker.id=x: expected a whole number (32 bit)\n"
            "FILE:1: num.partitions=0: expected a whole number (32 bit), at least 1");
}

TEST(BrokerConfig, AnUnknownKeyWarnsWithTheNearestOne) {
  EXPECT_THAT(warnings_of("log.dir.s=/x"),
              ElementsAre("FILE:1: log.dir.s=/x: unknown key, no effect; did you mean log.dirs?"));
  EXPECT_THAT(warnings_of("zzzzzzzzzzzzzz=1"),
              ElementsAre("FILE:1: zzzzzzzzzzzzzz=1: unknown key, no effect"));
}

TEST(BrokerConfig, ATopicKeyInTheBrokersFileIsToldApart) {
  EXPECT_THAT(
      warnings_of("retention.ms=1000"),
      ElementsAre("FILE:1: retention.ms=1000: this is a topic's key and has no effect here; the broker's is "
                  "log.retention.ms"));
}

TEST(BrokerConfig, KeysOfPlugInsAndListenersAreNobodysMistake) {
  EXPECT_THAT(warnings_of("listener.name.external.ssl.keystore.location=/x\nconfig.providers.file.class=X\n"
                          "sasl.enabled.mechanisms=PLAIN\nssl.keystore.password=p\nlog.cleaner.threads=2\n"),
              IsEmpty());
}

TEST(BrokerConfig, ZooKeeperIsReachedWithTlsWhereItsKeysSaySo) {
  EXPECT_FALSE(config_of("zookeeper.ssl.keystore.location=/k.p12").zookeeper_tls.has_value());
  const auto tls =
      config_of(
          "zookeeper.ssl.client.enable=true\nzookeeper.clientCnxnSocket=org.apache.zookeeper."
          "ClientCnxnSocketNetty\nzookeeper.ssl.keystore.location=/k.p12\nzookeeper.ssl.keystore.password=p\n"
          "zookeeper.ssl.truststore.location=/t.pem\nzookeeper.ssl.truststore.type=PEM\n"
          "zookeeper.ssl.cipher.suites=A,B")
          .zookeeper_tls;
  ASSERT_TRUE(tls.has_value());
  EXPECT_EQ(tls->key_store.path, "/k.p12");
  EXPECT_EQ(tls->key_store.password, "p");
  EXPECT_EQ(tls->trust_store.path, "/t.pem");
  EXPECT_EQ(tls->trust_store.type, "PEM");
  EXPECT_THAT(tls->protocols, ElementsAre("TLSv1.2"));
  EXPECT_THAT(tls->ciphers, ElementsAre("A", "B"));
  EXPECT_TRUE(tls->verify_host);
  const auto lax = config_of(
                       "zookeeper.ssl.client.enable=true\nzookeeper.ssl.enabled.protocols=TLSv1.2,TLSv1.3\n"
                       "zookeeper.ssl.endpoint.identification.algorithm=")
                       .zookeeper_tls;
  EXPECT_THAT(lax->protocols, ElementsAre("TLSv1.2", "TLSv1.3"));
  EXPECT_FALSE(lax->verify_host);
}

TEST(BrokerConfig, WhatWouldMisleadIsSaidAloud) {
  EXPECT_THAT(warnings_of("authorizer.class.name=kafka.security.authorizer.AclAuthorizer\n"
                          "quota.producer.default=1000"),
              ElementsAre(HasSubstr("no authorization"), HasSubstr("no quotas")));
  EXPECT_THAT(warnings_of("authorizer.class.name="), IsEmpty());
}

TEST(BrokerConfig, SecureListenersAreRefused) {
  EXPECT_THAT(error_of("listeners=PLAINTEXT://:9092,SSL://:9093"),
              HasSubstr("listener SSL uses SSL; this version of Ottla offers PLAINTEXT alone"));
  EXPECT_THAT(
      error_of("listeners=IN://"
               ":9092\nlistener.security.protocol.map=IN:SASL_PLAINTEXT\ninter.broker.listener.name=IN"),
      HasSubstr("FILE:1: listeners=IN://:9092: listener IN uses SASL_PLAINTEXT"));
  EXPECT_THAT(error_of("security.inter.broker.protocol=SSL"), HasSubstr("PLAINTEXT alone"));
  EXPECT_THAT(error_of("security.inter.broker.protocol=TLS"),
              HasSubstr("expected PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"));
}

TEST(BrokerConfig, LegacyHostAndPortStillCount) {
  const BrokerConfig config = config_of("host.name=10.0.0.1\nport=9000\nadvertised.host.name=example.org\n");
  EXPECT_THAT(config.listeners,
              ElementsAre(Endpoint{"PLAINTEXT", "10.0.0.1", 9000, SecurityProtocol::kPlaintext}));
  EXPECT_THAT(config.advertised_listeners,
              ElementsAre(Endpoint{"PLAINTEXT", "example.org", 9000, SecurityProtocol::kPlaintext}));
  EXPECT_EQ(config_of("advertised.port=19092").advertised_listeners[0].port, 19092);
}

TEST(BrokerConfig, SeveralListenersAndTheOneBetweenBrokers) {
  const BrokerConfig config = config_of(
      "listeners=IN://127.0.0.1:0,OUT://:9094\nadvertised.listeners=OUT://example.org:9094,IN://127.0.0.1:0\n"
      "listener.security.protocol.map=IN:PLAINTEXT,OUT:PLAINTEXT\ninter.broker.listener.name=in");
  EXPECT_EQ(config.inter_broker_listener_name, "IN");
  EXPECT_EQ(config.listeners.size(), 2u);
  EXPECT_THAT(config.listener_security_protocol_map,
              ElementsAre(std::pair("IN", SecurityProtocol::kPlaintext),
                          std::pair("OUT", SecurityProtocol::kPlaintext)));
}

TEST(BrokerConfig, ListenersThatContradictEachOtherAreRefused) {
  EXPECT_THAT(error_of("listeners=localhost:9092"),
              HasSubstr("FILE:1: listeners=localhost:9092: Unable to parse"));
  EXPECT_THAT(error_of("listeners="), HasSubstr("expected at least one"));
  EXPECT_THAT(error_of("listeners=PLAINTEXT://0.0.0.0:9092"), HasSubstr("nonroutable meta-address 0.0.0.0"));
  EXPECT_THAT(
      error_of(
          "advertised.listeners=OUT://h:1\nlistener.security.protocol.map=OUT:PLAINTEXT,PLAINTEXT:PLAINTEXT"),
      HasSubstr("must be equal to or a subset"));
  EXPECT_THAT(
      error_of("listeners=OUT://h:1\nlistener.security.protocol.map=OUT:PLAINTEXT"),
      HasSubstr("inter.broker.listener.name must be a listener name defined in advertised.listeners"));
  EXPECT_THAT(error_of("inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT"),
              HasSubstr("Only one of"));
  EXPECT_THAT(error_of("inter.broker.listener.name=X"), HasSubstr("listener.security.protocol.map names"));
  EXPECT_THAT(error_of("listener.security.protocol.map=PLAINTEXT"),
              HasSubstr("FILE:1: listener.security.protocol.map"));
}

TEST(BrokerConfig, IdsAreHeldToTheirRange) {
  EXPECT_THAT(error_of("broker.id=1001"), HasSubstr("FILE:1: broker.id=1001: expected -1 to 1000"));
  EXPECT_THAT(error_of("broker.id=-2"), HasSubstr("expected -1 to 1000"));
  EXPECT_THAT(error_of("broker.id=-1\nbroker.id.generation.enable=false"), HasSubstr("expected 0 or more"));
  EXPECT_EQ(config_of("broker.id=5000\nbroker.id.generation.enable=false").broker_id, 5000);
  EXPECT_THAT(error_of("broker.id=1\nnode.id=2"), HasSubstr("the same value as broker.id"));
}

TEST(BrokerConfig, WhatKeysDemandOfEachOtherIsHeld) {
  EXPECT_THAT(error_of("log.dirs= , "), HasSubstr("At least one log directory"));
  EXPECT_THAT(error_of("log.roll.ms=0"), HasSubstr("FILE:1: log.roll.ms=0: expected at least 1"));
  EXPECT_THAT(error_of("log.retention.minutes=0"), HasSubstr("FILE:1: log.retention.minutes=0: expected -1"));
  EXPECT_THAT(error_of("log.cleaner.threads=1000"), HasSubstr("1 MiB per log.cleaner.threads"));
  EXPECT_THAT(error_of("queued.max.request.bytes=10"), HasSubstr("at least socket.request.max.bytes"));
  EXPECT_THAT(error_of("replica.fetch.wait.max.ms=40000"), HasSubstr("at most replica.socket.timeout.ms"));
  EXPECT_THAT(error_of("max.connections.per.ip=0"), HasSubstr("only if max.connections.per.ip.overrides"));
  EXPECT_THAT(error_of("max.connections.per.ip.overrides=host"), HasSubstr("address:count pairs, not host"));
  EXPECT_THAT(error_of("connections.max.idle.ms=50"), HasSubstr("connection.failed.authentication.delay.ms"));
  EXPECT_THAT(error_of("offsets.topic.compression.codec=9"), HasSubstr("expected 0 (none)"));
  EXPECT_THAT(error_of("offsets.commit.required.acks=4"),
              HasSubstr("expected -1 to offsets.topic.replication.factor"));
}

TEST(BrokerConfig, LimitsPerAddressAreRead) {
  const BrokerConfig config =
      config_of("max.connections.per.ip=5\nmax.connections.per.ip.overrides=10.0.0.1:10, ::1 : 20");
  EXPECT_THAT(config.max_connections_per_ip_overrides,
              ElementsAre(std::pair("10.0.0.1", 10), std::pair("::1", 20)));
}

TEST(BrokerConfig, LogDirsComeBeforeLogDir) {
  EXPECT_THAT(config_of("log.dir=/a\nlog.dirs=/b, /c").log_dirs, ElementsAre("/b", "/c"));
  EXPECT_THAT(config_of("log.dir=/a").log_dirs, ElementsAre("/a"));
}

TEST(BrokerConfig, ABrokerAloneNeedsZooKeeper) {
  const TempFile file("broker.id=0");
  const auto loaded = load_broker_config(file.path(), {}, {.zookeeper_required = true});
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.status().message(),
              HasSubstr(file.path() + ": Missing required configuration `zookeeper.connect`"));
}

TEST(BrokerConfig, AFileThatIsNotThereIsNamed) {
  const auto loaded = load_broker_config("/no/such/file", {});
  ASSERT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.status().message(), HasSubstr("/no/such/file: No such file or directory"));
}

TEST(BrokerConfig, OttlasOwnLimitsAreOffOrAMonthByDefault) {
  EXPECT_EQ(load("")->config.log_max_bytes, -1);
  EXPECT_EQ(load("")->config.retention_clock_jump_max_ms, int64_t{30} * 24 * 3600 * 1000);
  const auto loaded = load("ottla.log.max.bytes=1000000\nottla.retention.clock.jump.max.ms=-1\n");
  EXPECT_EQ(loaded->config.log_max_bytes, 1000000);
  EXPECT_EQ(loaded->config.retention_clock_jump_max_ms, -1);
  EXPECT_THAT(loaded->warnings, IsEmpty());
  EXPECT_THAT(load("ottla.log.max.bytes=1G\n").status().message(), HasSubstr("expected a whole number"));
  EXPECT_THAT(load("ottla.log.max.bytes=-2\n").status().message(), HasSubstr("at least -1"));
}

TEST(BrokerConfig, TheEmulatedReleaseIsOneOfThree) {
  EXPECT_EQ(load("")->config.emulate, Release::kAny);
  EXPECT_EQ(load("ottla.emulate=2.8\n")->config.emulate, Release::k2_8);
  EXPECT_EQ(load("ottla.emulate=2.8\n", {"ottla.emulate=4.4"})->config.emulate, Release::k4_4);
  EXPECT_THAT(load("ottla.emulate=2.8\n")->warnings, IsEmpty());
  EXPECT_THAT(load("ottla.emulate=5.0\n").status().message(), HasSubstr("expected 2.8, 3.9 or 4.4"));
}

TEST(BrokerConfig, LoopsFollowTheMachineUnlessTheirNumberIsGiven) {
  EXPECT_EQ(load("num.network.threads=7\n")->config.network_loops, 0);
  EXPECT_EQ(load("ottla.network.loops=4\n")->config.network_loops, 4);
  EXPECT_THAT(load("ottla.network.loops=4\n")->warnings, IsEmpty());
  EXPECT_THAT(load("ottla.network.loops=65\n").status().message(), HasSubstr("from 0 to 64"));
}

TEST(BrokerConfig, LoopsHaveThreadsWhereTheyAreWorthItUnlessTheyAlwaysShall) {
  EXPECT_FALSE(load("")->config.network_threads_always);
  EXPECT_FALSE(load("ottla.network.threads=auto\n")->config.network_threads_always);
  EXPECT_TRUE(load("ottla.network.threads= always \n")->config.network_threads_always);
  EXPECT_THAT(load("ottla.network.threads=always\n")->warnings, IsEmpty());
  EXPECT_THAT(load("ottla.network.threads=2\n").status().message(), HasSubstr("expected auto or always"));
}

TEST(BrokerConfig, TheDefaultOfRecoveryThreadsCanBeToldFromANumberThatWasGiven) {
  EXPECT_FALSE(load("")->config.recovery_threads_given);
  const auto given = load("num.recovery.threads.per.data.dir=1\n");
  EXPECT_TRUE(given->config.recovery_threads_given);
  EXPECT_EQ(given->config.num_recovery_threads_per_data_dir, 1);
}

TEST(BrokerConfig, DurabilityIsKafkasUnlessFlushIsAskedFor) {
  EXPECT_FALSE(load("")->config.durable);
  EXPECT_FALSE(load("ottla.durability=kafka\n")->config.durable);
  EXPECT_TRUE(load("ottla.durability=flush\n")->config.durable);
  EXPECT_THAT(load("ottla.durability=flush\n")->warnings, IsEmpty());
  EXPECT_THAT(load("ottla.durability=disk\n").status().message(), HasSubstr("expected flush or kafka"));
}

}  // namespace
}  // namespace ottla::config
