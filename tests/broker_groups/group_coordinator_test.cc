// SPDX-License-Identifier: Apache-2.0
#include "tests/broker_groups/group_fixture.h"

namespace ottla::groups {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class GroupCoordinatorTest : public GroupTest {
 protected:
  std::vector<std::string> listed(const std::vector<std::string>& states,
                                  const std::vector<std::string>& types) {
    std::vector<std::string> lines;
    for (const ListedGroup& one : coordinator->list_groups(states, types).groups) {
      lines.push_back(one.group_id + " " + one.protocol_type + " " + one.state + " " + one.type);
    }
    return lines;
  }
};

TEST_F(GroupCoordinatorTest, RefusesAnEmptyGroupId) {
  group = "";
  EXPECT_EQ(send_join(Client("a"))->error, ErrorCode::INVALID_GROUP_ID);
  EXPECT_EQ(sync(Client("a"))->error, ErrorCode::INVALID_GROUP_ID);
  EXPECT_EQ(heartbeat(Client("a")), ErrorCode::INVALID_GROUP_ID);
  EXPECT_EQ(leave(Client("a")), ErrorCode::INVALID_GROUP_ID);
}

TEST_F(GroupCoordinatorTest, RefusesGroupsOfPartitionsLedElsewhere) {
  coordinator->on_partition_resigned(partition());
  EXPECT_EQ(send_join(Client("a"))->error, ErrorCode::NOT_COORDINATOR);
  EXPECT_EQ(sync(Client("a"))->error, ErrorCode::NOT_COORDINATOR);
  EXPECT_EQ(commit("t", 1), ErrorCode::NOT_COORDINATOR);
  EXPECT_EQ(coordinator->fetch_all_offsets(group, false).error, ErrorCode::NOT_COORDINATOR);
  EXPECT_EQ(delete_group(), ErrorCode::NOT_COORDINATOR);
}

TEST_F(GroupCoordinatorTest, IsNotAvailableOnceStopped) {
  coordinator->stop();
  EXPECT_EQ(send_join(Client("a"))->error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
  EXPECT_EQ(coordinator->list_groups({}, {}).error, ErrorCode::COORDINATOR_NOT_AVAILABLE);
}

TEST_F(GroupCoordinatorTest, DescribesAnUnknownGroupAsDead) {
  const DescribedGroup old = coordinator->describe_group("none", 5);
  const DescribedGroup recent = coordinator->describe_group("none", 6);
  // "none" is on another partition than "g".
  EXPECT_EQ(old.error, ErrorCode::NOT_COORDINATOR);
  EXPECT_EQ(recent.error, ErrorCode::NOT_COORDINATOR);
  EXPECT_EQ(described().error, ErrorCode::NONE);
  EXPECT_EQ(described().state, "Dead");
  const DescribedGroup missing = coordinator->describe_group(group, 6);
  EXPECT_EQ(missing.error, ErrorCode::GROUP_ID_NOT_FOUND);
  EXPECT_EQ(missing.error_message, "Group g not found.");
  EXPECT_EQ(missing.state, "Dead");
}

TEST_F(GroupCoordinatorTest, ListsGroupsByStateAndType) {
  commit("t", 1);
  EXPECT_THAT(listed({}, {}), ElementsAre("g  Empty classic"));
  Client a("a");
  make_stable({&a});
  EXPECT_THAT(listed({}, {}), ElementsAre("g consumer Stable classic"));
  EXPECT_THAT(listed({"stable"}, {"Classic"}), ElementsAre("g consumer Stable classic"));
  EXPECT_THAT(listed({"Empty"}, {}), IsEmpty());
  EXPECT_THAT(listed({}, {"consumer"}), IsEmpty());
}

TEST_F(GroupCoordinatorTest, DeletesSeveralGroupsAndAnswersEach) {
  commit("t", 1);
  Answer<std::vector<DeletedGroup>> answer;
  coordinator->delete_groups({"g", "none"}, answer.callback());
  EXPECT_EQ(answer->at(0).group_id, "g");
  EXPECT_EQ(answer->at(0).error, ErrorCode::NONE);
  EXPECT_EQ(answer->at(1).error, ErrorCode::NOT_COORDINATOR);
  Answer<std::vector<DeletedGroup>> nothing;
  coordinator->delete_groups({}, nothing.callback());
  EXPECT_TRUE(nothing.arrived());
}

TEST_F(GroupCoordinatorTest, AnswersAllThatWaitsBeforeItGoes) {
  Client a("a");
  const auto waiting = join(a);
  coordinator.reset();
  EXPECT_EQ(waiting->error, ErrorCode::NOT_COORDINATOR);
}

TEST_F(GroupCoordinatorTest, FindsAGroupsPartitionByTheCountOfTheTopic) {
  EXPECT_EQ(coordinator->partition_for("console-consumer-12345"), 6);
  coordinator->set_partition_count(1);
  EXPECT_EQ(coordinator->partition_for("console-consumer-12345"), 0);
}

}  // namespace
}  // namespace ottla::groups
