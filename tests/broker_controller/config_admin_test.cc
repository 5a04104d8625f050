// SPDX-License-Identifier: Apache-2.0
// Settings written by the broker and by tools, against our own coordination server, in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/controller/config_changes.h"
#include "broker/controller/zk_config_admin.h"
#include "broker/controller/znodes.h"
#include "tests/broker_controller/coordination_fixture.h"

namespace ottla {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Overrides = ConfigAdmin::Overrides;

class ConfigAdminTest : public CoordinationTest {
 protected:
  void SetUp() override {
    CoordinationTest::SetUp();
    admin_ = std::make_unique<ZkConfigAdmin>(
        *client_, [this](const std::string& type, const std::string& name, const Overrides& overrides) {
          applied_.push_back(type + "/" + name + " " + text(overrides));
        });
  }
  void TearDown() override {
    changes_.reset();
    admin_.reset();
    CoordinationTest::TearDown();
  }
  void on_watch_event(const coordination::WatchEvent& event) override {
    if (changes_) changes_->on_watch_event(event);
  }
  // From now on announcements are followed.
  void follow() {
    changes_ = std::make_unique<ConfigChanges>(
        loop_, *client_,
        [this](const std::string& type, const std::string& name, const Overrides& overrides) {
          followed_.push_back(type + "/" + name + " " + text(overrides));
        });
    start_detached([](ConfigChanges& changes) -> Task<void> {
      const Status started = co_await changes.start();
      EXPECT_TRUE(started.ok()) << started.message();
    }(*changes_));
    loop_.run_pending();
  }
  static std::string text(const Overrides& overrides) {
    std::string out;
    for (const auto& [key, value] : overrides) out += (out.empty() ? "" : ",") + key + "=" + value;
    return out;
  }
  static ConfigAdmin::Change adding(const std::string& key, const std::string& value) {
    return [key, value](Overrides current) -> Result<Overrides> {
      current[key] = value;
      return current;
    };
  }
  Status alter(const std::string& name, const ConfigAdmin::Change& change, bool validate_only = false,
               const std::string& type = "topics") {
    Status answer(ErrorCode::UNKNOWN_SERVER_ERROR, "never answered");
    admin_->alter(type, name, change, validate_only, [&](Status status) { answer = std::move(status); });
    loop_.run_pending();
    return answer;
  }
  std::vector<std::string> announcements() {
    std::vector<std::string> found;
    tool_->get_children("/config/changes", false,
                        [&](const coordination::ChildrenReply& reply) { found = reply.children; });
    loop_.run_pending();
    std::sort(found.begin(), found.end());
    return found;
  }
  // As kafka-configs --zookeeper does it.
  void tool_sets(const std::string& entity, const std::string& json) {
    const auto ignore = [](const auto&) {};
    tool_->create("/config/" + entity, json, coordination::open_acl(), coordination::CreateMode::kPersistent,
                  ignore);
    tool_->set_data("/config/" + entity, json, -1, ignore);
    tool_->create("/config/changes/config_change_", znodes::encode_config_change(entity),
                  coordination::open_acl(), coordination::CreateMode::kPersistentSequential, ignore);
    loop_.run_pending();
  }

  std::unique_ptr<ZkConfigAdmin> admin_;
  std::unique_ptr<ConfigChanges> changes_;
  std::vector<std::string> applied_;
  std::vector<std::string> followed_;
};

TEST_F(ConfigAdminTest, AChangeIsWrittenAnnouncedAndApplied) {
  EXPECT_TRUE(alter("t", adding("retention.ms", "5")).ok());
  EXPECT_EQ(data_of("/config/topics/t"), R"({"version":1,"config":{"retention.ms":"5"}})");
  ASSERT_THAT(announcements(), ElementsAre("config_change_0000000000"));
  EXPECT_EQ(data_of("/config/changes/config_change_0000000000"), R"({"version":2,"entity_path":"topics/t"})");
  EXPECT_THAT(applied_, ElementsAre("topics/t retention.ms=5"));
  EXPECT_TRUE(alter("t", adding("flush.ms", "6")).ok());
  EXPECT_EQ(applied_.back(), "topics/t flush.ms=6,retention.ms=5");
  EXPECT_TRUE(alter("<default>", adding("log.retention.ms", "7"), false, "brokers").ok());
  EXPECT_EQ(data_of("/config/brokers/<default>"), R"({"version":1,"config":{"log.retention.ms":"7"}})");
}

TEST_F(ConfigAdminTest, WhatIsRefusedOrOnlyValidatedChangesNothing) {
  const Status refused = alter("t", [](const Overrides&) -> Result<Overrides> {
    return Status(ErrorCode::INVALID_CONFIG, "no good");
  });
  EXPECT_EQ(refused.code(), ErrorCode::INVALID_CONFIG);
  EXPECT_TRUE(alter("t", adding("retention.ms", "5"), true).ok());
  EXPECT_EQ(data_of("/config/topics/t"), "NoNode");
  EXPECT_THAT(announcements(), IsEmpty());
  EXPECT_THAT(applied_, IsEmpty());
}

TEST_F(ConfigAdminTest, AChangeOnTopOfSomebodyElsesIsMadeAgain) {
  tool_sets("topics/t", R"({"version":1,"config":{"a":"1"}})");
  int asked = 0;
  const Status altered = alter("t", [&](Overrides current) -> Result<Overrides> {
    // Written by a tool between our reading and our writing.
    if (++asked == 1) {
      tool_->set_data("/config/topics/t", R"({"version":1,"config":{"a":"2"}})", -1, [](const auto&) {});
    }
    current["b"] = "1";
    return current;
  });
  EXPECT_TRUE(altered.ok()) << altered.message();
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(data_of("/config/topics/t"), R"({"version":1,"config":{"a":"2","b":"1"}})");
}

TEST_F(ConfigAdminTest, ChangesAtOnceDoNotOverwriteEachOther) {
  int answered = 0;
  for (int i = 0; i < 5; ++i) {
    admin_->alter("topics", "t", adding("k" + std::to_string(i), "1"), false, [&](const Status& status) {
      EXPECT_TRUE(status.ok());
      ++answered;
    });
  }
  loop_.run_pending();
  EXPECT_EQ(answered, 5);
  EXPECT_EQ(applied_.back(), "topics/t k0=1,k1=1,k2=1,k3=1,k4=1");
}

TEST_F(ConfigAdminTest, SettingsThatNobodyCanReadAreNotReplaced) {
  tool_sets("topics/t", "not json");
  EXPECT_EQ(alter("t", adding("a", "1")).code(), ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ(data_of("/config/topics/t"), "not json");
}

TEST_F(ConfigAdminTest, WhatToolsAnnounceIsFollowedInOrderAndOnce) {
  tool_sets("topics/before", R"({"version":1,"config":{"a":"1"}})");
  follow();
  EXPECT_THAT(followed_, IsEmpty()) << "whoever starts reads the settings themselves";
  tool_sets("topics/t", R"({"version":1,"config":{"retention.ms":"5"}})");
  tool_sets("brokers/<default>", R"({"version":1,"config":{"log.retention.ms":"7"}})");
  tool_sets("users/u", R"({"version":1,"config":{"x":"7"}})");
  tool_sets("topics/t", R"({"version":1,"config":{}})");
  EXPECT_THAT(followed_,
              ElementsAre("topics/t retention.ms=5", "brokers/<default> log.retention.ms=7", "topics/t "));
}

TEST_F(ConfigAdminTest, OldAnnouncementsAreRemoved) {
  follow();
  tool_sets("topics/t", R"({"version":1,"config":{"retention.ms":"5"}})");
  loop_.advance(16 * 60 * 1000);
  tool_sets("topics/t", R"({"version":1,"config":{"retention.ms":"6"}})");
  EXPECT_THAT(announcements(), ElementsAre("config_change_0000000001"));
  EXPECT_THAT(followed_, ElementsAre("topics/t retention.ms=5", "topics/t retention.ms=6"));
}

}  // namespace
}  // namespace ottla
