// SPDX-License-Identifier: Apache-2.0
// Random requests of a few clients, with a log that is slow, fails and moves away. Whatever happens: every
// request is answered once, and what is in memory is what a restart reads back.
#include <random>

#include "tests/broker_groups/group_fixture.h"

namespace ottla::groups {
namespace {

class GroupRandom : public GroupTest, public ::testing::WithParamInterface<int> {
 protected:
  size_t pick(size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random_); }

  void act(Client& client) {
    switch (pick(10)) {
      case 0:
      case 1:
      case 2: {
        if (pick(4) == 0) client.protocols = {{"range", bytes(std::to_string(pick(3)))}, {"sticky", {}}};
        const auto answer = send_join(client);
        joins_.push_back(answer);
        joining_.emplace_back(&client, answer);
        break;
      }
      case 3:
      case 4:
        syncs_.push_back(sync(client, {{client.member_id, bytes("x")}}));
        break;
      case 5:
        heartbeat(client);
        break;
      case 6:
        leave(client);
        break;
      case 7:
        client.member_id.clear();
        break;
      default: {
        CommitOffsets request;
        request.member_id = client.member_id;
        request.generation_id = pick(2) == 0 ? client.generation : -1;
        request.partitions.push_back(
            {{"t", static_cast<int32_t>(pick(3))}, static_cast<int64_t>(pick(100)), -1, "", -1});
        commits_.push_back(send_commit(request));
      }
    }
  }

  void disturb() {
    switch (pick(8)) {
      case 0:
        log.hold_commits = !log.hold_commits;
        if (!log.hold_commits) log.finish_commits();
        break;
      case 1:
        log.finish_commits(pick(3) == 0 ? ErrorCode::NOT_ENOUGH_REPLICAS : ErrorCode::NONE);
        break;
      case 2:
        log.fail_with = pick(3) == 0 ? ErrorCode::NOT_LEADER_OR_FOLLOWER : ErrorCode::NONE;
        break;
      case 3:
        coordinator->on_partition_resigned(partition());
        log.finish_commits(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        coordinator->on_partition_elected(partition());
        break;
      case 4: {
        Answer<std::vector<DeletedGroup>> deleted;
        coordinator->delete_groups({group}, deleted.callback());
        break;
      }
      case 5:
        coordinator->on_topics_deleted({"t"});
        break;
      default:
        loop.advance(static_cast<int64_t>(pick(20'000)));
    }
  }

  void learn() {
    for (auto& [client, answer] : std::exchange(joining_, {})) {
      if (!answer.arrived()) {
        joining_.emplace_back(client, answer);
      } else if (answer->error == ErrorCode::NONE || answer->error == ErrorCode::MEMBER_ID_REQUIRED) {
        client->member_id = answer->member_id;
        client->generation = answer->generation_id;
      }
    }
  }

  std::mt19937 random_{static_cast<unsigned>(GetParam())};
  std::vector<Answer<JoinGroupResult>> joins_;
  std::vector<std::pair<Client*, Answer<JoinGroupResult>>> joining_;
  std::vector<Answer<SyncGroupResult>> syncs_;
  std::vector<Answer<std::vector<ErrorCode>>> commits_;
};

TEST_P(GroupRandom, AnswersEverything) {
  config.group_max_size = 3;
  start_broker();
  std::vector<Client> clients = {Client("a"), Client("b"), Client("c", "i-c"), Client("d", "i-c"),
                                 Client("e", "i-e")};
  for (int step = 0; step < 1'500; ++step) {
    act(clients[pick(clients.size())]);
    if (pick(4) == 0) disturb();
    learn();
  }
  log.fail_with = ErrorCode::NONE;
  log.hold_commits = false;
  log.finish_commits();
  coordinator.reset();
  for (const auto& answer : joins_) EXPECT_TRUE(answer.arrived());
  for (const auto& answer : syncs_) EXPECT_TRUE(answer.arrived());
  for (const auto& answer : commits_) EXPECT_TRUE(answer.arrived());
  start_broker();
  const DescribedGroup read_back = described();
  EXPECT_TRUE(read_back.state == "Stable" || read_back.state == "Empty" || read_back.state == "Dead");
}

INSTANTIATE_TEST_SUITE_P(Seeds, GroupRandom, ::testing::Range(1, 41));

}  // namespace
}  // namespace ottla::groups
