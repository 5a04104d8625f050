// SPDX-License-Identifier: Apache-2.0
#include "broker/config/definitions.h"

#include <gtest/gtest.h>

#include <string>

#include "broker/config/value.h"

namespace ottla::config {
namespace {

constexpr Scope kScopes[] = {Scope::kBroker, Scope::kTopic, Scope::kGroup, Scope::kClientMetrics,
                             Scope::kDynamicBroker};

TEST(Definitions, EveryKeyOfBothReleasesIsThere) {
  EXPECT_EQ(definitions(Scope::kBroker).size(), 404u);
  EXPECT_EQ(definitions(Scope::kTopic).size(), 37u);
  EXPECT_EQ(definitions(Scope::kGroup).size(), 17u);
  EXPECT_EQ(definitions(Scope::kClientMetrics).size(), 3u);
}

TEST(Definitions, EveryKeyIsFoundByItsName) {
  for (const Scope scope : kScopes) {
    for (const Definition& definition : definitions(scope)) {
      EXPECT_EQ(find_definition(scope, definition.name()), &definition) << definition.name();
      EXPECT_TRUE(definition.in_2_8() || definition.in_4_3()) << definition.name();
    }
  }
}

TEST(Definitions, EveryDefaultIsAllowedByItsKey) {
  for (const Scope scope : kScopes) {
    for (const Definition& definition : definitions(scope)) {
      for (const auto value : {definition.default_2_8(), definition.default_4_3()}) {
        if (!value) continue;
        EXPECT_TRUE(check_value(definition, *value).ok()) << definition.name() << "=" << *value;
      }
    }
  }
}

TEST(Definitions, EveryDefaultIsPrintedAsItIsWritten) {
  for (const Scope scope : kScopes) {
    for (const Definition& definition : definitions(scope)) {
      const auto value = definition.default_value();
      if (!value) continue;
      EXPECT_EQ(canonical_value(definition, *value), *value);
    }
  }
}

TEST(Definitions, ADefaultIsThatOf28WhereTheKeyIsThere) {
  EXPECT_EQ(find_definition(Scope::kBroker, "num.recovery.threads.per.data.dir")->default_value(), "1");
  EXPECT_EQ(find_definition(Scope::kBroker, "num.recovery.threads.per.data.dir")->default_4_3(), "2");
  EXPECT_EQ(find_definition(Scope::kBroker, "zookeeper.session.timeout.ms")->default_value(), "18000");
  EXPECT_FALSE(find_definition(Scope::kBroker, "zookeeper.session.timeout.ms")->in_4_3());
  EXPECT_EQ(find_definition(Scope::kBroker, "compression.zstd.level")->default_value(), "3");
  EXPECT_FALSE(find_definition(Scope::kBroker, "compression.zstd.level")->in_2_8());
}

TEST(Definitions, ANullDefaultIsNotAnEmptyOne) {
  EXPECT_FALSE(find_definition(Scope::kBroker, "log.dirs")->default_value().has_value());
  EXPECT_EQ(find_definition(Scope::kBroker, "host.name")->default_value(), "");
}

TEST(Definitions, TypesAreThoseOf28) {
  EXPECT_EQ(find_definition(Scope::kBroker, "listeners")->type(), ValueType::kString);
  EXPECT_EQ(find_definition(Scope::kBroker, "offsets.topic.replication.factor")->type(), ValueType::kShort);
  EXPECT_EQ(find_definition(Scope::kTopic, "cleanup.policy")->type(), ValueType::kList);
  EXPECT_TRUE(find_definition(Scope::kBroker, "ssl.key.password")->sensitive());
}

TEST(Definitions, UpdateModesAreThere) {
  EXPECT_EQ(find_definition(Scope::kBroker, "log.retention.ms")->update_mode(), UpdateMode::kClusterWide);
  EXPECT_EQ(find_definition(Scope::kBroker, "listeners")->update_mode(), UpdateMode::kPerBroker);
  EXPECT_EQ(find_definition(Scope::kBroker, "broker.id")->update_mode(), UpdateMode::kReadOnly);
}

TEST(Definitions, KraftKeysAreInternalAsIn28) {
  EXPECT_TRUE(find_definition(Scope::kBroker, "process.roles")->internal());
  EXPECT_TRUE(find_definition(Scope::kBroker, "controller.quorum.voters")->internal());
  EXPECT_FALSE(find_definition(Scope::kBroker, "broker.id")->internal());
}

TEST(Definitions, TheNearestKeyIsWhatWasMeant) {
  EXPECT_EQ(nearest_key(Scope::kBroker, "log.dir.s"), "log.dirs");
  EXPECT_EQ(nearest_key(Scope::kBroker, "num.partition"), "num.partitions");
  EXPECT_EQ(nearest_key(Scope::kBroker, "log.retention.hour"), "log.retention.hours");
  EXPECT_EQ(nearest_key(Scope::kBroker, "zookeeper.conect"), "zookeeper.connect");
}

TEST(Definitions, RubbishIsNearNothing) {
  EXPECT_EQ(nearest_key(Scope::kBroker, "qqqqqqqqqqqq"), "");
  EXPECT_EQ(nearest_key(Scope::kBroker, std::string(1 << 20, 'x')), "");
  EXPECT_EQ(find_definition(Scope::kBroker, ""), nullptr);
}

}  // namespace
}  // namespace ottla::config
