// SPDX-License-Identifier: Apache-2.0
#include "protocol/generated/create_partitions_request.h"
#include "protocol/generated/create_partitions_response.h"
#include "protocol/generated/create_topics_request.h"
#include "protocol/generated/create_topics_response.h"
#include "protocol/generated/delete_topics_request.h"
#include "protocol/generated/delete_topics_response.h"
#include "tests/broker_apis/api_fixture.h"

namespace ottla {
namespace {

using namespace protocol;
using testing::ElementsAre;
using testing::IsEmpty;

class CreateTopicsTest : public ApiTest {
 protected:
  static CreateTopicsRequest of(std::initializer_list<std::string_view> names) {
    CreateTopicsRequest request;
    for (const std::string_view name : names) {
      auto& topic = request.topics.emplace_back();
      topic.name = name;
      topic.num_partitions = 4;
      topic.replication_factor = 1;
    }
    return request;
  }
};

TEST_F(CreateTopicsTest, ATopicIsCreatedAsAskedFor) {
  CreateTopicsRequest request = of({"n"});
  request.timeout_ms = 1234;
  auto& entry = request.topics[0].configs.emplace_back();
  entry.name = "cleanup.policy";
  entry.value = "compact";
  const auto response = call<CreateTopicsResponse>(request, 7);
  ASSERT_EQ(topics.specs.size(), 1u);
  EXPECT_EQ(topics.specs[0].name, "n");
  EXPECT_EQ(topics.specs[0].partitions, 4);
  EXPECT_EQ(topics.specs[0].replication_factor, 1);
  EXPECT_EQ(topics.specs[0].configs.at("cleanup.policy"), "compact");
  EXPECT_EQ(topics.last_timeout_ms, 1234);
  ASSERT_EQ(response.topics.size(), 1u);
  const auto& topic = response.topics[0];
  EXPECT_EQ(topic.name, "n");
  EXPECT_EQ(topic.error_code, 0);
  EXPECT_FALSE(topic.error_message.has_value());
  EXPECT_EQ(topic.topic_id, metadata.find("n")->id);
  EXPECT_EQ(topic.num_partitions, 4);
  EXPECT_EQ(topic.replication_factor, 1);
  bool seen = false;
  ASSERT_TRUE(topic.configs.has_value());
  for (const auto& config : *topic.configs) {
    if (config.name == "cleanup.policy") {
      seen = true;
      EXPECT_EQ(config.value, "compact");
      EXPECT_EQ(config.config_source, 1);
    } else {
      EXPECT_EQ(config.config_source, 5) << config.name;
    }
  }
  EXPECT_TRUE(seen);
}

TEST_F(CreateTopicsTest, AssignmentsAndNullValuesAreHandedOn) {
  CreateTopicsRequest request = of({"n"});
  request.topics[0].num_partitions = -1;
  request.topics[0].replication_factor = -1;
  for (const int32_t index : {1, 0}) {
    auto& assignment = request.topics[0].assignments.emplace_back();
    assignment.partition_index = index;
    assignment.broker_ids = {0};
  }
  auto& entry = request.topics[0].configs.emplace_back();
  entry.name = "retention.ms";
  entry.value.reset();
  call<CreateTopicsResponse>(request, 7);
  using Assigned = std::pair<int32_t, std::vector<int32_t>>;
  EXPECT_THAT(topics.specs[0].assignments, ElementsAre(Assigned{1, {0}}, Assigned{0, {0}}));
  EXPECT_FALSE(topics.specs[0].configs.at("retention.ms").has_value());
}

TEST_F(CreateTopicsTest, AnErrorShowsNoSettingsAndItsMessage) {
  topics.fails["n"] = {ErrorCode::INVALID_CONFIG, "Unknown topic config name: x", {}};
  for (int16_t version = 0; version <= 7; ++version) {
    const auto topic = call<CreateTopicsResponse>(of({"n"}), version).topics.at(0);
    EXPECT_EQ(topic.error_code, wire(ErrorCode::INVALID_CONFIG));
    if (version >= 1) {
      EXPECT_EQ(topic.error_message, "Unknown topic config name: x");
    }
    EXPECT_EQ(topic.num_partitions, -1);
    EXPECT_EQ(topic.replication_factor, -1);
    EXPECT_THAT(topic.configs, testing::Optional(IsEmpty()));
  }
}

TEST_F(CreateTopicsTest, ValidateOnlyShowsTheSettingsToo) {
  // pitfalls.md 39.
  CreateTopicsRequest request = of({"n"});
  request.validate_only = true;
  const auto topic = call<CreateTopicsResponse>(request, 5).topics.at(0);
  EXPECT_EQ(topic.error_code, 0);
  EXPECT_EQ(topic.num_partitions, 4);
  EXPECT_FALSE(topic.configs->empty());
  EXPECT_EQ(metadata.find("n"), nullptr);
  EXPECT_TRUE(call<CreateTopicsResponse>(request, 7).topics.at(0).topic_id.is_zero());
}

TEST_F(CreateTopicsTest, ATopicThatIsThereTwiceIsRefused) {
  const auto response = call<CreateTopicsResponse>(of({"n", "m", "n"}), 7);
  ASSERT_EQ(response.topics.size(), 3u);
  EXPECT_EQ(response.topics[0].error_code, wire(ErrorCode::INVALID_REQUEST));
  EXPECT_EQ(response.topics[0].error_message, "Found multiple entries for this topic.");
  EXPECT_EQ(response.topics[1].error_code, 0);
  EXPECT_EQ(response.topics[2].error_code, wire(ErrorCode::INVALID_REQUEST));
  EXPECT_EQ(topics.specs.size(), 1u);
}

TEST_F(CreateTopicsTest, TheAnswerWaitsForAllTopics) {
  topics.hold = true;
  const int32_t id = send(of({"n", "m"}), 7);
  EXPECT_FALSE(next_frame().has_value());
  topics.finish();
  const auto response = answer<CreateTopicsResponse>(id, 7);
  EXPECT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[1].name, "m");
}

TEST_F(CreateTopicsTest, AConnectionThatGoesAwayMeanwhileIsForgotten) {
  topics.hold = true;
  send(of({"n"}), 7);
  connection->close();
  topics.finish();
  EXPECT_NE(metadata.find("n"), nullptr);
}

TEST_F(CreateTopicsTest, NoTopicsAreAnsweredAtOnce) {
  EXPECT_THAT(call<CreateTopicsResponse>(of({}), 7).topics, IsEmpty());
}

class DeleteTopicsTest : public ApiTest {
 protected:
  static DeleteTopicsRequest of(std::vector<std::string_view> names) {
    DeleteTopicsRequest request;
    for (const std::string_view name : names) request.topics.emplace_back().name = name;
    request.topic_names = std::move(names);
    return request;
  }
};

TEST_F(DeleteTopicsTest, TopicsAreDeletedByName) {
  for (int16_t version = 0; version <= 6; ++version) {
    const Uuid id = topics.add("n", 1);
    const auto response = call<DeleteTopicsResponse>(of({"missing", "n"}), version);
    ASSERT_EQ(response.responses.size(), 2u);
    EXPECT_EQ(response.responses[0].name, "missing");
    EXPECT_EQ(response.responses[0].error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    EXPECT_EQ(response.responses[1].error_code, 0);
    if (version >= 5) {
      EXPECT_EQ(response.responses[0].error_message, "no such topic");
    }
    if (version >= 5) {
      EXPECT_FALSE(response.responses[1].error_message.has_value());
    }
    if (version >= 6) {
      EXPECT_EQ(response.responses[1].topic_id, id);
    }
    EXPECT_EQ(metadata.find("n"), nullptr);
  }
}

TEST_F(DeleteTopicsTest, TopicsAreDeletedById) {
  DeleteTopicsRequest request;
  for (const Uuid& id : {id_of(90), t_id}) request.topics.emplace_back().topic_id = id;
  const auto response = call<DeleteTopicsResponse>(request, 6);
  ASSERT_EQ(response.responses.size(), 2u);
  EXPECT_EQ(response.responses[0].error_code, wire(ErrorCode::UNKNOWN_TOPIC_ID));
  EXPECT_FALSE(response.responses[0].name.has_value());
  EXPECT_EQ(response.responses[0].topic_id, id_of(90));
  EXPECT_EQ(response.responses[1].error_code, 0);
  EXPECT_EQ(response.responses[1].name, "t");
  EXPECT_THAT(topics.deleted, ElementsAre("t"));
}

TEST_F(DeleteTopicsTest, NameAndIdTogetherOrNeitherAreRefused) {
  DeleteTopicsRequest request;
  request.topics.emplace_back().name = "t";
  request.topics.back().topic_id = t_id;
  request.topics.emplace_back();
  const auto response = call<DeleteTopicsResponse>(request, 6);
  EXPECT_EQ(response.responses[0].error_code, wire(ErrorCode::INVALID_REQUEST));
  EXPECT_EQ(response.responses[1].error_code, wire(ErrorCode::INVALID_REQUEST));
  EXPECT_NE(metadata.find("t"), nullptr);
}

TEST_F(DeleteTopicsTest, ATopicNamedTwiceIsDeletedOnce) {
  DeleteTopicsRequest request = of({"t", "t"});
  request.topics.emplace_back().topic_id = t_id;
  const auto response = call<DeleteTopicsResponse>(request, 6);
  EXPECT_THAT(topics.deleted, ElementsAre("t"));
  for (const auto& topic : response.responses) EXPECT_EQ(topic.error_code, 0);
}

TEST_F(DeleteTopicsTest, DeletionCanBeDisabled) {
  start_with({{"delete.topic.enable", "false"}});
  connect();
  EXPECT_EQ(call<DeleteTopicsResponse>(of({"t"}), 2).responses[0].error_code,
            wire(ErrorCode::INVALID_REQUEST));
  for (const int16_t version : {int16_t{3}, int16_t{6}}) {
    EXPECT_EQ(call<DeleteTopicsResponse>(of({"t"}), version).responses[0].error_code,
              wire(ErrorCode::TOPIC_DELETION_DISABLED));
  }
  EXPECT_THAT(topics.deleted, IsEmpty());
}

TEST_F(DeleteTopicsTest, TheAnswerWaitsForAllTopics) {
  topics.add("n", 1);
  topics.hold = true;
  const int32_t id = send(of({"t", "n"}), 6);
  EXPECT_FALSE(next_frame().has_value());
  topics.finish();
  EXPECT_EQ(answer<DeleteTopicsResponse>(id, 6).responses.size(), 2u);
}

class CreatePartitionsTest : public ApiTest {
 protected:
  static CreatePartitionsRequest of(std::initializer_list<std::string_view> names, int32_t count) {
    CreatePartitionsRequest request;
    for (const std::string_view name : names) {
      auto& topic = request.topics.emplace_back();
      topic.name = name;
      topic.count = count;
      topic.assignments.reset();
    }
    return request;
  }
};

TEST_F(CreatePartitionsTest, ATopicGrows) {
  CreatePartitionsRequest request = of({"t"}, 5);
  request.validate_only = true;
  request.timeout_ms = 77;
  const auto response = call<CreatePartitionsResponse>(request, 3);
  ASSERT_EQ(topics.grown.size(), 1u);
  EXPECT_EQ(topics.grown[0].name, "t");
  EXPECT_EQ(topics.grown[0].count, 5);
  EXPECT_THAT(topics.grown[0].assignments, IsEmpty());
  EXPECT_TRUE(topics.grown[0].validate_only);
  EXPECT_EQ(topics.last_timeout_ms, 77);
  ASSERT_EQ(response.results.size(), 1u);
  EXPECT_EQ(response.results[0].name, "t");
  EXPECT_EQ(response.results[0].error_code, 0);
  EXPECT_FALSE(response.results[0].error_message.has_value());
}

TEST_F(CreatePartitionsTest, EveryTopicIsInTheAnswer) {
  // pitfalls.md 42.
  topics.fails["u"] = {ErrorCode::INVALID_PARTITIONS, "Topic already has 5 partitions.", {}};
  const auto response = call<CreatePartitionsResponse>(of({"t", "u", "t"}, 5), 0);
  ASSERT_EQ(response.results.size(), 2u);
  EXPECT_EQ(response.results[0].error_code, wire(ErrorCode::INVALID_REQUEST));
  EXPECT_EQ(response.results[1].name, "u");
  EXPECT_EQ(response.results[1].error_code, wire(ErrorCode::INVALID_PARTITIONS));
  EXPECT_EQ(response.results[1].error_message, "Topic already has 5 partitions.");
  EXPECT_EQ(topics.grown.size(), 1u);
}

TEST_F(CreatePartitionsTest, AssignmentsMustFitTheirNumber) {
  CreatePartitionsRequest request = of({"t"}, 3);
  request.topics[0].assignments.emplace();
  const auto response = call<CreatePartitionsResponse>(request, 3);
  EXPECT_EQ(response.results[0].error_code, wire(ErrorCode::INVALID_REPLICA_ASSIGNMENT));
  EXPECT_THAT(topics.grown, IsEmpty());
  request.topics[0].assignments->emplace_back().broker_ids = {0};
  EXPECT_EQ(call<CreatePartitionsResponse>(request, 3).results[0].error_code, 0);
  EXPECT_THAT(topics.grown.at(0).assignments, ElementsAre(ElementsAre(0)));
}

TEST_F(CreatePartitionsTest, TheAnswerWaitsForAllTopics) {
  topics.hold = true;
  const int32_t id = send(of({"t", "u"}, 9), 2);
  EXPECT_FALSE(next_frame().has_value());
  topics.finish();
  EXPECT_EQ(answer<CreatePartitionsResponse>(id, 2).results.size(), 2u);
}

}  // namespace
}  // namespace ottla
