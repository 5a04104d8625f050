// SPDX-License-Identifier: Apache-2.0
// Sessions as a client sees them, through the API.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/apis/fetch.h"
#include "tests/broker_data/data_fixture.h"

namespace ottla {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FetchSessionApiTest : public DataTest {
 protected:
  // A request of the session under way; the first one opens it.
  FetchResponse ask(const std::vector<Ask>& asks, int16_t version = 12,
                    const std::vector<int32_t>& forgotten = {}) {
    auto request = fetch_request(asks);
    request.session_id = session;
    request.session_epoch = epoch;
    if (!forgotten.empty()) {
      auto& topic = request.forgotten_topics_data.emplace_back();
      topic.topic = "t";
      topic.topic_id = t_id;
      topic.partitions = forgotten;
    }
    const auto response = call<FetchResponse>(request, version);
    if (response.error_code == 0) {
      session = response.session_id;
      ++epoch;
    }
    return response;
  }
  static std::vector<int32_t> indexes(const FetchResponse& response) {
    std::vector<int32_t> out;
    for (const auto& partition : partitions_of(response)) out.push_back(partition.partition_index);
    return out;
  }

  int32_t session = 0;
  int32_t epoch = 0;
};

TEST_F(FetchSessionApiTest, AnIncrementalAnswerHasOnlyWhatChanged) {
  for (const int16_t version : {7, 12, 13, 18}) {
    session = epoch = 0;
    const int64_t end = log_of("t", 1).log_end_offset();
    EXPECT_THAT(indexes(ask({{.partition = 0}, {.partition = 1, .offset = end}}, version)),
                ElementsAre(0, 1));
    EXPECT_GT(session, 0);
    EXPECT_THAT(indexes(ask({}, version)), IsEmpty());
    put({"x"}, "t", 1);
    auto response = ask({}, version);
    EXPECT_THAT(indexes(response), ElementsAre(1));
    EXPECT_EQ(response.responses[0].topic_id, version >= 13 ? t_id : Uuid());
    EXPECT_EQ(response.responses[0].topic, version >= 13 ? "" : "t");
    response = ask({{.partition = 1, .offset = end + 1}}, version);
    EXPECT_THAT(indexes(response), IsEmpty());
    EXPECT_THAT(indexes(ask({}, version, {1})), IsEmpty());
    put({"y"}, "t", 1);
    EXPECT_THAT(indexes(ask({}, version)), IsEmpty());
  }
}

TEST_F(FetchSessionApiTest, ANewLogStartIsAChange) {
  put({"a"});
  ask({{.offset = 1}});
  ASSERT_TRUE(log_of("t").delete_records(1).ok());
  const auto changed = partitions_of(ask({}));
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_EQ(changed[0].log_start_offset, 1);
}

TEST_F(FetchSessionApiTest, SessionErrorsAreTheWholeAnswer) {
  ask({{}});
  auto request = fetch_request({});
  request.session_id = session + 1;
  request.session_epoch = 1;
  auto response = call<FetchResponse>(request, 12);
  EXPECT_EQ(response.error_code, wire(ErrorCode::FETCH_SESSION_ID_NOT_FOUND));
  EXPECT_EQ(response.session_id, 0);
  request.session_id = session;
  request.session_epoch = 9;
  response = call<FetchResponse>(request, 12);
  EXPECT_EQ(response.error_code, wire(ErrorCode::INVALID_FETCH_SESSION_EPOCH));
  EXPECT_THAT(response.responses, IsEmpty());
  request.session_epoch = 1;
  response = call<FetchResponse>(request, 13);
  EXPECT_EQ(response.error_code, wire(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR));
}

TEST_F(FetchSessionApiTest, ASessionWaitsAndTheAnswerHasWhatGrew) {
  ask({{.partition = 0}, {.partition = 1}});
  auto request = fetch_request({});
  request.session_id = session;
  request.session_epoch = epoch;
  request.max_wait_ms = 500;
  const int32_t waiting = send(request, 12);
  EXPECT_EQ(partitions->waiting(), 1u);
  const int32_t produced = send(produce_request(batch_of({"a"}), "t", 1), 9);
  const auto response = answer<FetchResponse>(waiting, 12);
  EXPECT_THAT(indexes(response), ElementsAre(1));
  EXPECT_EQ(response.session_id, session);
  answer<ProduceResponse>(produced, 9);
}

TEST_F(FetchSessionApiTest, ATopicThatComesLaterIsFoundByItsId) {
  const Uuid later = id_of(3);
  auto request = fetch_request({{.partition = 0}});
  request.topics[0].topic_id = later;
  request.session_epoch = 0;
  auto response = call<FetchResponse>(request, 13);
  EXPECT_EQ(partitions_of(response).at(0).error_code, wire(ErrorCode::UNKNOWN_TOPIC_ID));
  session = response.session_id;
  epoch = 1;
  ASSERT_EQ(make_topic("later", 1), later);
  put({"a"}, "later");
  response = ask({}, 13);
  EXPECT_EQ(partitions_of(response).at(0).error_code, 0);
  EXPECT_EQ(response.responses[0].topic_id, later);
}

TEST_F(FetchSessionApiTest, ATopicMadeAnewUnderTheSameNameIsNotTheOneInTheSession) {
  make_topic("again", 1);
  ask({{.topic = "again"}}, 13);
  metadata.remove("again");
  partitions->delete_topic("again");
  EXPECT_EQ(partitions_of(ask({}, 13)).at(0).error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  make_topic("again", 1);
  EXPECT_EQ(partitions_of(ask({}, 13)).at(0).error_code, wire(ErrorCode::INCONSISTENT_TOPIC_ID));
}

TEST_F(FetchSessionApiTest, BeforeVersion7ThereAreNoSessions) {
  auto request = fetch_request({{}});
  EXPECT_EQ(call<FetchResponse>(request, 6).session_id, 0);
  EXPECT_EQ(sessions->size(), 0u);
}

}  // namespace
}  // namespace ottla
