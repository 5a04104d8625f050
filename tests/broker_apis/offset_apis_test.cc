// SPDX-License-Identifier: Apache-2.0
#include "protocol/generated/offset_commit_request.h"
#include "protocol/generated/offset_commit_response.h"
#include "protocol/generated/offset_delete_request.h"
#include "protocol/generated/offset_delete_response.h"
#include "protocol/generated/offset_fetch_request.h"
#include "protocol/generated/offset_fetch_response.h"
#include "tests/broker_apis/api_fixture.h"

namespace ottla {
namespace {

using namespace protocol;
using testing::ElementsAre;
using testing::IsEmpty;

class OffsetApisTest : public ApiTest {
 protected:
  OffsetCommitRequest committing(int32_t partition, int64_t offset) {
    OffsetCommitRequest request;
    request.group_id = "g";
    auto& topic = request.topics.emplace_back();
    topic.name = "t";
    topic.topic_id = t_id;
    add(request, partition, offset);
    return request;
  }
  static void add(OffsetCommitRequest& request, int32_t partition, int64_t offset) {
    auto& added = request.topics.back().partitions.emplace_back();
    added.partition_index = partition;
    added.committed_offset = offset;
    added.committed_leader_epoch = 4;
    added.committed_metadata = "note";
  }
  std::vector<int16_t> commit(const OffsetCommitRequest& request, int16_t version) {
    const auto response = call<OffsetCommitResponse>(request, version);
    std::vector<int16_t> errors;
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) errors.push_back(partition.error_code);
    }
    return errors;
  }
  OffsetFetchRequest fetching(std::vector<int32_t> partitions) {
    OffsetFetchRequest request;
    request.group_id = "g";
    request.topics->emplace_back().name = "t";
    request.topics->back().partition_indexes = partitions;
    auto& group = request.groups.emplace_back();
    group.group_id = "g";
    auto& topic = group.topics->emplace_back();
    topic.name = "t";
    topic.topic_id = t_id;
    topic.partition_indexes = std::move(partitions);
    return request;
  }
  static OffsetFetchRequest fetching_all() {
    OffsetFetchRequest request;
    request.group_id = "g";
    request.topics.reset();
    auto& group = request.groups.emplace_back();
    group.group_id = "g";
    group.topics.reset();
    return request;
  }
  // "t0=5 t1!3": what was fetched, at any version.
  std::string fetch(const OffsetFetchRequest& request, int16_t version) {
    const auto response = call<OffsetFetchResponse>(request, version);
    std::string text;
    const auto add = [&](std::string_view topic, const auto& partition) {
      text += std::string(topic) + std::to_string(partition.partition_index);
      text += partition.error_code == 0 ? "=" + std::to_string(partition.committed_offset)
                                        : "!" + std::to_string(partition.error_code);
      text += " ";
    };
    if (response.error_code != 0) text += "!" + std::to_string(response.error_code);
    for (const auto& topic : response.topics) {
      for (const auto& partition : topic.partitions) add(topic.name, partition);
    }
    for (const auto& group : response.groups) {
      if (group.error_code != 0) text += std::string(group.group_id) + "!" + std::to_string(group.error_code);
      for (const auto& topic : group.topics) {
        if (version >= 10) {
          EXPECT_FALSE(topic.topic_id.is_zero());
        }
        for (const auto& partition : topic.partitions) add(version >= 10 ? "#" : topic.name, partition);
      }
    }
    return text;
  }
};

TEST_F(OffsetApisTest, WhatIsCommittedIsFetchedAtEveryVersion) {
  for (int16_t version = 0; version <= 10; ++version) {
    EXPECT_THAT(commit(committing(0, 100 + version), version), ElementsAre(0));
    const std::string name = version >= 10 ? "#" : "t";
    const std::string absent = version == 0 ? "t1!3 " : name + "1=-1 ";
    EXPECT_EQ(fetch(fetching({0, 1}), version), name + "0=" + std::to_string(100 + version) + " " + absent);
    if (version >= 2) {
      EXPECT_EQ(fetch(fetching_all(), version), name + "0=" + std::to_string(100 + version) + " ");
    }
  }
}

TEST_F(OffsetApisTest, EpochAndMetadataComeBack) {
  // pitfalls.md 101, 114, 139.
  OffsetCommitRequest request = committing(0, 5);
  request.topics[0].partitions[0].committed_metadata = std::string_view("a\0b", 3);
  add(request, 1, 6);
  request.topics[0].partitions[1].committed_metadata.reset();
  request.topics[0].partitions[1].committed_leader_epoch = -1;
  EXPECT_THAT(commit(request, 8), ElementsAre(0, 0));
  const auto partitions = call<OffsetFetchResponse>(fetching({0, 1}), 9).groups.at(0).topics.at(0).partitions;
  EXPECT_EQ(partitions[0].committed_leader_epoch, 4);
  EXPECT_EQ(partitions[0].metadata, std::string_view("a\0b", 3));
  EXPECT_EQ(partitions[1].committed_leader_epoch, -1);
  EXPECT_EQ(partitions[1].metadata, "");
}

TEST_F(OffsetApisTest, PartitionsThatDoNotExistAreTold) {
  // pitfalls.md 112.
  OffsetCommitRequest request = committing(0, 5);
  add(request, 2, 5);
  add(request, -1, 5);
  auto& other = request.topics.emplace_back();
  other.name = "nope";
  other.topic_id = id_of(88);
  add(request, 0, 5);
  for (int16_t version = 0; version <= 9; ++version)
    EXPECT_THAT(commit(request, version), ElementsAre(0, 3, 3, 3));
  EXPECT_THAT(commit(request, 10), ElementsAre(0, 3, 3, wire(ErrorCode::UNKNOWN_TOPIC_ID)));
  EXPECT_EQ(fetch(fetching({0}), 1), "t0=5 ");
}

TEST_F(OffsetApisTest, MetadataMayHave4096Characters) {
  // behaviours.md 18.
  const std::string most(4096, 'x');
  const std::string too_much(4097, 'x');
  OffsetCommitRequest request = committing(0, 5);
  request.topics[0].partitions[0].committed_metadata = most;
  add(request, 1, 6);
  request.topics[0].partitions[1].committed_metadata = too_much;
  EXPECT_THAT(commit(request, 8), ElementsAre(0, wire(ErrorCode::OFFSET_METADATA_TOO_LARGE)));
}

TEST_F(OffsetApisTest, ACommitOfAMemberThatIsNotThereIsRefused) {
  OffsetCommitRequest request = committing(0, 5);
  add(request, 7, 5);
  request.generation_id_or_member_epoch = 3;
  request.member_id = "nobody";
  for (int16_t version = 1; version <= 10; ++version) {
    EXPECT_THAT(commit(request, version), ElementsAre(wire(ErrorCode::ILLEGAL_GENERATION), 3)) << version;
  }
}

TEST_F(OffsetApisTest, ACommitIsAnsweredWhenItIsCommitted) {
  log.hold_commits = true;
  const int32_t id = send(committing(0, 5), 8);
  EXPECT_FALSE(next_frame().has_value());
  log.finish_commits();
  EXPECT_EQ(answer<OffsetCommitResponse>(id, 8).topics.at(0).partitions.at(0).error_code, 0);
}

TEST_F(OffsetApisTest, ACommitWithoutPartitionsIsAnsweredAtOnce) {
  OffsetCommitRequest request;
  request.group_id = "g";
  EXPECT_THAT(commit(request, 8), IsEmpty());
}

TEST_F(OffsetApisTest, AGroupWithoutOffsetsHasNone) {
  EXPECT_EQ(fetch(fetching({0, 1}), 1), "t0=-1 t1=-1 ");
  EXPECT_EQ(fetch(fetching_all(), 8), "");
  EXPECT_EQ(fetch(fetching_all(), 2), "");
}

TEST_F(OffsetApisTest, TheGroupsErrorStandsWhereTheVersionHasAPlaceForIt) {
  for (int32_t i = 0; i < 50; ++i) coordinator->on_partition_resigned(i);
  EXPECT_EQ(fetch(fetching({0, 1}), 0), "t0!16 t1!16 ");
  EXPECT_EQ(fetch(fetching({0, 1}), 1), "t0!16 t1!16 ");
  for (int16_t version = 2; version <= 7; ++version) EXPECT_EQ(fetch(fetching({0, 1}), version), "!16");
  for (int16_t version = 8; version <= 10; ++version) EXPECT_EQ(fetch(fetching({0, 1}), version), "g!16");
  EXPECT_EQ(fetch(fetching_all(), 5), "!16");
  EXPECT_THAT(commit(committing(0, 1), 8), ElementsAre(wire(ErrorCode::NOT_COORDINATOR)));
}

TEST_F(OffsetApisTest, SeveralGroupsAreAnsweredInTheirOrder) {
  commit(committing(0, 5), 8);
  OffsetFetchRequest request = fetching({0});
  auto& other = request.groups.emplace_back();
  other.group_id = "h";
  other.topics.reset();
  request.groups.push_back(request.groups[0]);
  const auto response = call<OffsetFetchResponse>(request, 8);
  ASSERT_EQ(response.groups.size(), 3u);
  EXPECT_EQ(response.groups[0].topics.at(0).partitions.at(0).committed_offset, 5);
  EXPECT_EQ(response.groups[1].group_id, "h");
  EXPECT_THAT(response.groups[1].topics, IsEmpty());
  EXPECT_EQ(response.groups[2].topics.at(0).partitions.at(0).committed_offset, 5);
}

TEST_F(OffsetApisTest, AnUnknownTopicIdIsToldOnItsPartitions) {
  OffsetFetchRequest request = fetching({0});
  auto& topic = request.groups[0].topics->emplace_back();
  topic.topic_id = id_of(88);
  topic.partition_indexes = {0, 1};
  EXPECT_EQ(fetch(request, 10), "#0=-1 #0!100 #1!100 ");
}

TEST_F(OffsetApisTest, OffsetsOfADeletedTopicAreLeftOutWhereTopicsHaveIds) {
  commit(committing(0, 5), 8);
  metadata.remove("t");
  EXPECT_EQ(fetch(fetching_all(), 9), "t0=5 ");
  EXPECT_EQ(fetch(fetching_all(), 10), "");
}

TEST_F(OffsetApisTest, OffsetsAreDeleted) {
  OffsetCommitRequest request = committing(0, 5);
  add(request, 1, 6);
  commit(request, 8);
  OffsetDeleteRequest remove;
  remove.group_id = "g";
  auto& topic = remove.topics.emplace_back();
  topic.name = "t";
  topic.partitions.emplace_back().partition_index = 7;
  topic.partitions.emplace_back().partition_index = 0;
  const auto response = call<OffsetDeleteResponse>(remove, 0);
  EXPECT_EQ(response.error_code, 0);
  ASSERT_EQ(response.topics.size(), 1u);
  EXPECT_EQ(response.topics[0].partitions.at(0).error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  EXPECT_EQ(response.topics[0].partitions.at(1).error_code, 0);
  EXPECT_EQ(fetch(fetching_all(), 8), "t1=6 ");
}

TEST_F(OffsetApisTest, OffsetsOfAGroupThatIsNotThereCanNotBeDeleted) {
  OffsetDeleteRequest remove;
  remove.group_id = "nobody";
  remove.topics.emplace_back().name = "t";
  remove.topics[0].partitions.emplace_back();
  const auto response = call<OffsetDeleteResponse>(remove, 0);
  EXPECT_EQ(response.error_code, wire(ErrorCode::GROUP_ID_NOT_FOUND));
  EXPECT_THAT(response.topics, IsEmpty());
}

}  // namespace
}  // namespace ottla
