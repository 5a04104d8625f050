// SPDX-License-Identifier: Apache-2.0
#include "broker/program/leadership_fence.h"

#include "tests/broker_controller/coordination_fixture.h"

namespace ottla {
namespace {

constexpr const char* kRegistration = "/brokers/ids/1";

class LeadershipFenceTest : public CoordinationTest {
 protected:
  void SetUp() override {
    CoordinationTest::SetUp();
    register_with(*client_);
    fence_ = std::make_unique<LeadershipFence>(
        loop_, *client_, kRegistration, [this] { return paused_ms_; }, [this] { return joined_; });
  }
  void TearDown() override {
    fence_.reset();
    CoordinationTest::TearDown();
  }
  void register_with(Client& owner) {
    bool done = false;
    owner.create(kRegistration, "{}", coordination::open_acl(), coordination::CreateMode::kEphemeral,
                 [&](const coordination::CreateReply& reply) { done = reply.ok(); });
    loop_.run_pending();
    ASSERT_TRUE(done);
  }
  int64_t much_of_the_timeout_ms() const { return client_->session_timeout_ms() * int64_t{2} / 3; }

  std::unique_ptr<LeadershipFence> fence_;
  int64_t paused_ms_ = 0;
  bool joined_ = true;
};

TEST_F(LeadershipFenceTest, AShortPauseSaysNothing) {
  paused_ms_ = much_of_the_timeout_ms() - 1;
  EXPECT_TRUE(fence_->may_lead());
  fence_->on_pause(paused_ms_);
  EXPECT_TRUE(fence_->may_lead());
}

TEST_F(LeadershipFenceTest, ALongPauseEndsLeadingUntilZooKeeperHasAnswered) {
  fence_->on_pause(much_of_the_timeout_ms());
  EXPECT_FALSE(fence_->may_lead());
  loop_.advance(1);
  EXPECT_TRUE(fence_->may_lead());
}

TEST_F(LeadershipFenceTest, APauseThatLastsIsNoticedInTheTurnThatIsAskedIn) {
  paused_ms_ = much_of_the_timeout_ms();
  EXPECT_FALSE(fence_->may_lead());
  paused_ms_ = 0;
  EXPECT_FALSE(fence_->may_lead());
  loop_.advance(1);
  EXPECT_TRUE(fence_->may_lead());
}

TEST_F(LeadershipFenceTest, WhatLedInAnEarlierSessionDoesNotLeadBeforeItHasJoinedAgain) {
  joined_ = false;
  fence_->on_pause(much_of_the_timeout_ms());
  loop_.advance(5000);
  EXPECT_FALSE(fence_->may_lead());
  joined_ = true;
  loop_.advance(1000);
  EXPECT_TRUE(fence_->may_lead());
}

TEST_F(LeadershipFenceTest, ARegistrationOfAnotherSessionIsNotOurs) {
  bool gone = false;
  tool_->remove(kRegistration, -1, [&](const coordination::VoidReply& reply) { gone = reply.ok(); });
  loop_.run_pending();
  ASSERT_TRUE(gone);
  register_with(*tool_);
  fence_->on_pause(much_of_the_timeout_ms());
  loop_.advance(5000);
  EXPECT_FALSE(fence_->may_lead());
}

}  // namespace
}  // namespace ottla
