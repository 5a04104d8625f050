// SPDX-License-Identifier: Apache-2.0
#include "protocol/generated/metadata_request.h"

#include "protocol/generated/describe_cluster_request.h"
#include "protocol/generated/describe_cluster_response.h"
#include "protocol/generated/describe_topic_partitions_request.h"
#include "protocol/generated/describe_topic_partitions_response.h"
#include "protocol/generated/metadata_response.h"
#include "tests/broker_apis/api_fixture.h"

namespace ottla {
namespace {

using namespace protocol;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int32_t kNotAsked = std::numeric_limits<int32_t>::min();

class MetadataTest : public ApiTest {
 protected:
  static MetadataRequest of(std::initializer_list<std::string_view> names) {
    MetadataRequest request;
    for (const std::string_view name : names) request.topics->emplace_back().name = name;
    return request;
  }
  static MetadataRequest of_all() {
    MetadataRequest request;
    request.topics.reset();
    return request;
  }
  MetadataResponse ask(const MetadataRequest& request, int16_t version = 12) {
    return call<MetadataResponse>(request, version);
  }
  static std::vector<std::string> names(const MetadataResponse& response) {
    std::vector<std::string> out;
    for (const auto& topic : response.topics) out.emplace_back(topic.name.value_or("null"));
    return out;
  }
};

TEST_F(MetadataTest, NullAsksForAllTopicsAndNothingForNone) {
  EXPECT_THAT(names(ask(of_all(), 1)), ElementsAre("__consumer_offsets", "t"));
  EXPECT_THAT(names(ask(of_all(), 13)), ElementsAre("__consumer_offsets", "t"));
  EXPECT_THAT(names(ask(of({}), 1)), IsEmpty());
  EXPECT_THAT(names(ask(of({}), 0)), ElementsAre("__consumer_offsets", "t"));
}

TEST_F(MetadataTest, TellsClusterAndController) {
  const auto response = ask(of({}));
  EXPECT_EQ(response.cluster_id, "the-cluster");
  EXPECT_EQ(response.controller_id, 0);
  ASSERT_EQ(response.brokers.size(), 1u);
  EXPECT_EQ(response.brokers[0].host, "host0");
  EXPECT_EQ(response.brokers[0].port, 9092);
  EXPECT_EQ(response.brokers[0].rack, "rack0");
}

TEST_F(MetadataTest, ShowsOnlyBrokersThatHaveTheListener) {
  metadata.brokers[1] = {1, {{"OTHER", "PLAINTEXT", "host1", 9093}}, {}, 2};
  metadata.brokers[2] = {2, {{"PLAINTEXT", "PLAINTEXT", "host2", 9094}}, {}, 3};
  const auto response = ask(of({}));
  ASSERT_EQ(response.brokers.size(), 2u);
  EXPECT_EQ(response.brokers[1].node_id, 2);
  EXPECT_FALSE(response.brokers[1].rack.has_value());
}

TEST_F(MetadataTest, ATopicHasItsIdAndItsPartitionsWithEpochs) {
  const auto response = ask(of({"t", "__consumer_offsets"}));
  ASSERT_THAT(names(response), ElementsAre("t", "__consumer_offsets"));
  const auto& topic = response.topics[0];
  EXPECT_EQ(topic.error_code, 0);
  EXPECT_EQ(topic.topic_id, t_id);
  EXPECT_FALSE(topic.is_internal);
  EXPECT_TRUE(response.topics[1].is_internal);
  ASSERT_EQ(topic.partitions.size(), 2u);
  EXPECT_EQ(topic.partitions[1].partition_index, 1);
  EXPECT_EQ(topic.partitions[1].leader_id, 0);
  EXPECT_EQ(topic.partitions[1].leader_epoch, 3);
  EXPECT_THAT(topic.partitions[1].replica_nodes, ElementsAre(0));
  EXPECT_THAT(topic.partitions[1].isr_nodes, ElementsAre(0));
  EXPECT_THAT(topic.partitions[1].offline_replicas, IsEmpty());
}

TEST_F(MetadataTest, ATopicNamedTwiceIsAnsweredOnce) {
  EXPECT_THAT(names(ask(of({"t", "t"}))), ElementsAre("t"));
}

TEST_F(MetadataTest, AnUnknownTopicHasItsNameAndNoPartitions) {
  MetadataRequest request = of({"nope", "bad/name", "\xff\xfe", "__transaction_state"});
  request.allow_auto_topic_creation = false;
  const auto response = ask(request);
  ASSERT_EQ(response.topics.size(), 4u);
  EXPECT_EQ(response.topics[0].error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  EXPECT_EQ(response.topics[0].name, "nope");
  EXPECT_THAT(response.topics[0].partitions, IsEmpty());
  EXPECT_EQ(response.topics[1].error_code, wire(ErrorCode::INVALID_TOPIC_EXCEPTION));
  EXPECT_EQ(response.topics[2].error_code, wire(ErrorCode::INVALID_TOPIC_EXCEPTION));
  EXPECT_TRUE(response.topics[3].is_internal);
  EXPECT_THAT(topics.auto_created, IsEmpty());
}

TEST_F(MetadataTest, AMissingTopicIsCreatedAndNotAvailableMeanwhile) {
  topics.hold = true;
  for (const int16_t version : {int16_t{0}, int16_t{3}, int16_t{4}, int16_t{13}}) {
    const auto response = ask(of({"new"}), version);
    ASSERT_EQ(response.topics.size(), 1u);
    // behaviours.md 28: versions that 2.8 does not know are answered as later releases do.
    EXPECT_EQ(response.topics[0].error_code,
              wire(version == 13 ? ErrorCode::UNKNOWN_TOPIC_OR_PARTITION : ErrorCode::LEADER_NOT_AVAILABLE));
    EXPECT_EQ(response.topics[0].name, "new");
    EXPECT_THAT(response.topics[0].partitions, IsEmpty());
  }
  EXPECT_THAT(topics.auto_created, ElementsAre("new", "new", "new", "new"));
  topics.finish();
  EXPECT_EQ(ask(of({"new"})).topics[0].error_code, 0);
}

TEST_F(MetadataTest, CreationThatIsRefusedAtOnceHasItsError) {
  topics.fails["new"] = {ErrorCode::INVALID_REPLICATION_FACTOR, "too few brokers", {}};
  EXPECT_EQ(ask(of({"new"})).topics[0].error_code, wire(ErrorCode::INVALID_REPLICATION_FACTOR));
  topics.fails["new"] = {ErrorCode::TOPIC_ALREADY_EXISTS, "raced", {}};
  EXPECT_EQ(ask(of({"new"}), 11).topics[0].error_code, wire(ErrorCode::LEADER_NOT_AVAILABLE));
}

TEST_F(MetadataTest, NothingIsCreatedWhereTheSettingsForbidIt) {
  start_with({{"auto.create.topics.enable", "false"}});
  connect();
  EXPECT_EQ(ask(of({"new"})).topics[0].error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  EXPECT_THAT(topics.auto_created, IsEmpty());
}

TEST_F(MetadataTest, TheTopicOfTransactionsIsNotCreatedHere) {
  EXPECT_EQ(ask(of({"__transaction_state", "bad name"})).topics[0].error_code,
            wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  EXPECT_THAT(topics.auto_created, IsEmpty());
}

TEST_F(MetadataTest, TopicsAreFoundByIdFromVersion12On) {
  MetadataRequest request;
  for (const Uuid& id : {t_id, id_of(77)}) {
    auto& topic = request.topics->emplace_back();
    topic.topic_id = id;
    topic.name.reset();
  }
  for (const int16_t version : {int16_t{12}, int16_t{13}}) {
    const auto response = ask(request, version);
    ASSERT_EQ(response.topics.size(), 2u);
    EXPECT_EQ(response.topics[0].error_code, 0);
    EXPECT_EQ(response.topics[0].name, "t");
    EXPECT_EQ(response.topics[1].error_code, wire(ErrorCode::UNKNOWN_TOPIC_ID));
    EXPECT_FALSE(response.topics[1].name.has_value());
    EXPECT_EQ(response.topics[1].topic_id, id_of(77));
  }
}

TEST_F(MetadataTest, ANullNameOrAnIdBeforeVersion12IsRefused) {
  // behaviours.md 1: Kafka 2.8 does not answer.
  MetadataRequest request = of({"t"});
  request.topics->emplace_back().name.reset();
  for (const int16_t version : {int16_t{10}, int16_t{11}}) {
    const auto response = ask(request, version);
    ASSERT_EQ(response.topics.size(), 2u);
    EXPECT_EQ(response.topics[0].error_code, wire(ErrorCode::INVALID_REQUEST));
    EXPECT_EQ(response.topics[1].error_code, wire(ErrorCode::INVALID_REQUEST));
    EXPECT_EQ(response.topics[1].name, "");
  }
  EXPECT_EQ(ask(request, 12).topics[0].error_code, 0);
  EXPECT_EQ(ask(request, 12).topics[1].error_code, wire(ErrorCode::INVALID_REQUEST));
}

TEST_F(MetadataTest, AuthorizedOperationsAreShownWhenAskedFor) {
  MetadataRequest request = of({"t"});
  EXPECT_EQ(ask(request, 8).cluster_authorized_operations, kNotAsked);
  EXPECT_EQ(ask(request, 8).topics[0].topic_authorized_operations, kNotAsked);
  request.include_cluster_authorized_operations = true;
  request.include_topic_authorized_operations = true;
  EXPECT_EQ(ask(request, 10).cluster_authorized_operations, 8096);
  EXPECT_EQ(ask(request, 10).topics[0].topic_authorized_operations, 3576);
  EXPECT_EQ(ask(request, 13).topics[0].topic_authorized_operations, 3576);
}

TEST_F(MetadataTest, ReplicasThatAreNotAliveAreOffline) {
  metadata.put({"down", id_of(50), {{0, 1, {0, 5}, {0, 5}}, {5, 2, {5}, {5}}, {-1, 3, {0}, {0}}}});
  const auto newer = ask(of({"down"})).topics[0].partitions;
  EXPECT_EQ(newer[0].error_code, 0);
  EXPECT_THAT(newer[0].replica_nodes, ElementsAre(0, 5));
  EXPECT_THAT(newer[0].offline_replicas, ElementsAre(5));
  EXPECT_EQ(newer[1].error_code, wire(ErrorCode::LEADER_NOT_AVAILABLE));
  EXPECT_EQ(newer[1].leader_id, -1);
  EXPECT_EQ(newer[1].leader_epoch, 2);
  EXPECT_EQ(newer[2].error_code, wire(ErrorCode::LEADER_NOT_AVAILABLE));
  const auto oldest = ask(of({"down"}), 0).topics[0].partitions;
  EXPECT_EQ(oldest[0].error_code, wire(ErrorCode::REPLICA_NOT_AVAILABLE));
  EXPECT_THAT(oldest[0].replica_nodes, ElementsAre(0));
  EXPECT_THAT(oldest[0].isr_nodes, ElementsAre(0));
  EXPECT_THAT(oldest[1].replica_nodes, IsEmpty());
}

TEST_F(MetadataTest, ALeaderWithoutTheListenerIsTold) {
  metadata.brokers[1] = {1, {{"OTHER", "PLAINTEXT", "host1", 9093}}, {}, 2};
  metadata.put({"elsewhere", id_of(51), {{1, 1, {1}, {1}}}});
  EXPECT_EQ(ask(of({"elsewhere"}), 5).topics[0].partitions[0].error_code,
            wire(ErrorCode::LEADER_NOT_AVAILABLE));
  const auto partition = ask(of({"elsewhere"}), 6).topics[0].partitions[0];
  EXPECT_EQ(partition.error_code, wire(ErrorCode::LISTENER_NOT_FOUND));
  EXPECT_EQ(partition.leader_id, -1);
  EXPECT_THAT(partition.offline_replicas, ElementsAre(1));
}

TEST_F(MetadataTest, DescribeClusterTellsTheSame) {
  metadata.brokers[1] = {1, {{"OTHER", "PLAINTEXT", "host1", 9093}}, {}, 2};
  DescribeClusterRequest request;
  auto response = call<DescribeClusterResponse>(request, 2);
  EXPECT_EQ(response.error_code, 0);
  EXPECT_EQ(response.cluster_id, "the-cluster");
  EXPECT_EQ(response.controller_id, 0);
  ASSERT_EQ(response.brokers.size(), 1u);
  EXPECT_EQ(response.brokers[0].host, "host0");
  EXPECT_FALSE(response.brokers[0].is_fenced);
  EXPECT_EQ(response.cluster_authorized_operations, kNotAsked);
  request.include_cluster_authorized_operations = true;
  EXPECT_EQ(call<DescribeClusterResponse>(request, 0).cluster_authorized_operations, 8096);
  metadata.controller_id = 1;
  EXPECT_EQ(call<DescribeClusterResponse>(request, 0).controller_id, -1);
}

TEST_F(MetadataTest, DescribeClusterIsABrokersEndpoint) {
  DescribeClusterRequest request;
  request.endpoint_type = 2;
  EXPECT_EQ(call<DescribeClusterResponse>(request, 1).error_code, wire(ErrorCode::MISMATCHED_ENDPOINT_TYPE));
  request.endpoint_type = 9;
  EXPECT_EQ(call<DescribeClusterResponse>(request, 1).error_code, wire(ErrorCode::UNSUPPORTED_ENDPOINT_TYPE));
}

class DescribeTopicPartitionsTest : public ApiTest {
 protected:
  DescribeTopicPartitionsTest() {
    metadata.remove("__consumer_offsets");
    metadata.remove("t");
    topics.add("b", 3);
    topics.add("a", 2);
    topics.add("c", 1);
  }
  // "a0 a1 b0 | b1": what is answered, and where the next page starts.
  std::string ask(const DescribeTopicPartitionsRequest& request) {
    const auto response = call<DescribeTopicPartitionsResponse>(request, 0);
    std::string text;
    for (const auto& topic : response.topics) {
      EXPECT_EQ(topic.topic_authorized_operations, topic.error_code == 42 ? kNotAsked : 3576);
      if (topic.error_code != 0)
        text += std::string(*topic.name) + "!" + std::to_string(topic.error_code) + " ";
      for (const auto& partition : topic.partitions) {
        text += std::string(*topic.name) + std::to_string(partition.partition_index) + " ";
        EXPECT_THAT(partition.eligible_leader_replicas, testing::Optional(IsEmpty()));
        EXPECT_EQ(partition.leader_epoch, 3);
      }
    }
    if (!response.next_cursor) return text;
    return text + "| " + std::string(response.next_cursor->topic_name) +
           std::to_string(response.next_cursor->partition_index);
  }
  static DescribeTopicPartitionsRequest of(std::initializer_list<std::string_view> names,
                                           int32_t limit = 2000) {
    DescribeTopicPartitionsRequest request;
    for (const std::string_view name : names) request.topics.emplace_back().name = name;
    request.response_partition_limit = limit;
    return request;
  }
  static DescribeTopicPartitionsRequest from(DescribeTopicPartitionsRequest request, std::string_view topic,
                                             int32_t partition) {
    request.cursor.emplace();
    request.cursor->topic_name = topic;
    request.cursor->partition_index = partition;
    return request;
  }
};

TEST_F(DescribeTopicPartitionsTest, TopicsComeByNameOnce) {
  EXPECT_EQ(ask(of({})), "a0 a1 b0 b1 b2 c0 ");
  EXPECT_EQ(ask(of({"c", "a", "c"})), "a0 a1 c0 ");
}

TEST_F(DescribeTopicPartitionsTest, PagesFollowEachOther) {
  EXPECT_EQ(ask(of({}, 3)), "a0 a1 b0 | b1");
  EXPECT_EQ(ask(from(of({}, 3), "b", 1)), "b1 b2 c0 ");
  EXPECT_EQ(ask(of({}, 2)), "a0 a1 | b0");
  EXPECT_EQ(ask(from(of({"a", "b"}, 2), "b", 0)), "b0 b1 | b2");
  EXPECT_EQ(ask(of({}, 0)), "a0 | a1");
  EXPECT_EQ(ask(of({}, -5)), "a0 | a1");
}

TEST_F(DescribeTopicPartitionsTest, ACursorPastTheEndGoesOnWithTheNextTopic) {
  EXPECT_EQ(ask(from(of({}), "b", 99)), "c0 ");
}

TEST_F(DescribeTopicPartitionsTest, ACursorOfADeletedTopicIsPassedOverWhenAllAreWanted) {
  EXPECT_EQ(ask(from(of({}), "aa", 1)), "b0 b1 b2 c0 ");
}

TEST_F(DescribeTopicPartitionsTest, UnknownTopicsHaveTheirErrors) {
  EXPECT_EQ(ask(of({"a", "nope", "bad name"})), "a0 a1 bad name!17 nope!3 ");
}

TEST_F(DescribeTopicPartitionsTest, ABadCursorIsRefused) {
  EXPECT_EQ(ask(from(of({"a", "c"}), "b", 0)), "a!42 c!42 ");
  EXPECT_EQ(ask(from(of({"a"}), "a", -1)), "a!42 ");
}

}  // namespace
}  // namespace ottla
