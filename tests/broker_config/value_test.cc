// SPDX-License-Identifier: Apache-2.0
#include "broker/config/value.h"

#include <gtest/gtest.h>

namespace ottla::config {
namespace {

std::string problem(Scope scope, std::string_view key, std::string_view value) {
  return check_value(*find_definition(scope, key), value).message();
}
std::string broker_problem(std::string_view key, std::string_view value) {
  return problem(Scope::kBroker, key, value);
}
std::string topic_problem(std::string_view key, std::string_view value) {
  return problem(Scope::kTopic, key, value);
}
std::string printed(std::string_view key, std::string_view value) {
  return canonical_value(*find_definition(Scope::kTopic, key), value);
}
std::string expected(std::string_view key) { return expectation(*find_definition(Scope::kBroker, key)); }

TEST(Value, NumbersAreReadAsJavaReadsThem) {
  EXPECT_EQ(topic_problem("retention.ms", " 100 "), "");
  EXPECT_EQ(topic_problem("retention.ms", "+100"), "");
  EXPECT_EQ(topic_problem("retention.ms", "-1"), "");
  for (const char* bad : {"abc", "", "1h", "1.5", "0x10", "+-1", "1 2", "9223372036854775808"}) {
    EXPECT_EQ(
        topic_problem("retention.ms", bad),
        std::string("Invalid value ") + bad + " for configuration retention.ms: Not a number of type LONG");
  }
  EXPECT_EQ(broker_problem("num.partitions", "3000000000"),
            "Invalid value 3000000000 for configuration num.partitions: Not a number of type INT");
  EXPECT_EQ(
      broker_problem("offsets.topic.replication.factor", "40000"),
      "Invalid value 40000 for configuration offsets.topic.replication.factor: Not a number of type SHORT");
}

TEST(Value, RangesAreHeld) {
  EXPECT_EQ(topic_problem("segment.bytes", "13"),
            "Invalid value 13 for configuration segment.bytes: Value must be at least 14");
  EXPECT_EQ(topic_problem("segment.bytes", "14"), "");
  EXPECT_EQ(topic_problem("min.cleanable.dirty.ratio", "1.1"),
            "Invalid value 1.1 for configuration min.cleanable.dirty.ratio: Value must be no more than 1");
  EXPECT_EQ(topic_problem("compression.gzip.level", "-1"), "");
  EXPECT_NE(topic_problem("compression.gzip.level", "0"), "");
  EXPECT_NE(topic_problem("compression.gzip.level", "10"), "");
}

TEST(Value, WordsAreHeld) {
  EXPECT_EQ(topic_problem("compression.type", "brotli"),
            "Invalid value brotli for configuration compression.type: String must be one of: uncompressed, "
            "zstd, lz4, snappy, "
            "gzip, producer");
  EXPECT_EQ(topic_problem("cleanup.policy", "compact, delete"), "");
  EXPECT_EQ(topic_problem("cleanup.policy", "compact,remove"),
            "Invalid value compact,remove for configuration cleanup.policy: String must be one of: compact, "
            "delete");
  EXPECT_EQ(broker_problem("group.consumer.migration.policy", "Upgrade"), "");
  EXPECT_NE(broker_problem("remote.log.metadata.manager.class.name", ""), "");
}

TEST(Value, BooleansAreTrueOrFalseInAnyCase) {
  EXPECT_EQ(topic_problem("preallocate", "TRUE"), "");
  EXPECT_EQ(topic_problem("preallocate", "yes"),
            "Invalid value yes for configuration preallocate: Expected value to be either true or false");
}

TEST(Value, RealsAreReadAsJavaReadsThem) {
  EXPECT_EQ(topic_problem("min.cleanable.dirty.ratio", "5e-1"), "");
  EXPECT_EQ(topic_problem("min.cleanable.dirty.ratio", "0.5f"), "");
  EXPECT_EQ(topic_problem("min.cleanable.dirty.ratio", "inf"),
            "Invalid value inf for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE");
  EXPECT_NE(topic_problem("min.cleanable.dirty.ratio", "f"), "");
}

TEST(Value, ReleasesAreRecognized) {
  for (const char* good : {"2.8", "2.8.0", "2.8-IV1", "0.10.0-IV1", "3.9", "0.8.2.1"}) {
    EXPECT_EQ(broker_problem("inter.broker.protocol.version", good), "") << good;
  }
  for (const char* bad : {"", "2", "two", "2.8-IV", "2..8", "10.0", "2.8-IVx"}) {
    EXPECT_NE(broker_problem("inter.broker.protocol.version", bad), "") << bad;
  }
}

TEST(Value, ThrottledReplicasArePairs) {
  EXPECT_EQ(topic_problem("leader.replication.throttled.replicas", "*"), "");
  EXPECT_EQ(topic_problem("leader.replication.throttled.replicas", "0:1,1:2"), "");
  EXPECT_EQ(topic_problem("leader.replication.throttled.replicas", ""), "");
  EXPECT_NE(topic_problem("leader.replication.throttled.replicas", "0-1"), "");
}

TEST(Value, APasswordIsNotRepeated) {
  // Passwords have no rule today; one that had would hide the value.
  EXPECT_EQ(broker_problem("ssl.key.password", "secret"), "");
}

TEST(Value, PrintingIsThatOfParsedValues) {
  EXPECT_EQ(printed("retention.ms", " +010 "), "10");
  EXPECT_EQ(printed("preallocate", "TRUE"), "true");
  EXPECT_EQ(printed("cleanup.policy", "compact , delete"), "compact,delete");
  EXPECT_EQ(printed("min.cleanable.dirty.ratio", "1"), "1.0");
  EXPECT_EQ(printed("min.cleanable.dirty.ratio", "0.50"), "0.5");
  EXPECT_EQ(printed("min.cleanable.dirty.ratio", "0.0001"), "1.0E-4");
}

TEST(Value, ExpectationsAreWordsForPeople) {
  EXPECT_EQ(expected("num.partitions"), "a whole number (32 bit), at least 1");
  EXPECT_EQ(expected("compression.gzip.level"), "a whole number (32 bit) from 1 to 9, or -1");
  EXPECT_EQ(expected("auto.create.topics.enable"), "true or false");
  EXPECT_EQ(expected("log.message.timestamp.type"), "one of CreateTime, LogAppendTime");
  EXPECT_EQ(expected("log.cleanup.policy"), "a list separated by commas of compact, delete");
}

TEST(Value, ListsAreSplitAtCommas) {
  EXPECT_EQ(split_list(" a , b,c "), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(split_list("   "), std::vector<std::string>{});
  EXPECT_EQ(split_list("a,,b"), (std::vector<std::string>{"a", "", "b"}));
}

}  // namespace
}  // namespace ottla::config
