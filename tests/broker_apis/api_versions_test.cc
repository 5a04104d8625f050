// SPDX-License-Identifier: Apache-2.0
#include "protocol/generated/api_versions_request.h"
#include "protocol/generated/api_versions_response.h"
#include "tests/broker_apis/api_fixture.h"

namespace ottla {
namespace {

using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;

class ApiVersionsTest : public ApiTest {
 protected:
  static ApiVersionsRequest from(std::string_view name, std::string_view version) {
    ApiVersionsRequest request;
    request.client_software_name = name;
    request.client_software_version = version;
    return request;
  }
  int16_t error_for(std::string_view name, std::string_view version) {
    return call<ApiVersionsResponse>(from(name, version), 3).error_code;
  }
};

TEST_F(ApiVersionsTest, EveryRowIsListedAtEveryVersion) {
  for (int16_t version = 0; version <= 5; ++version) {
    const auto response = call<ApiVersionsResponse>(from("a", "1"), version);
    EXPECT_EQ(response.error_code, 0);
    ASSERT_EQ(response.api_keys.size(), api_table().size());
    for (size_t i = 0; i < response.api_keys.size(); ++i) {
      EXPECT_EQ(response.api_keys[i].api_key, static_cast<int16_t>(api_table()[i].key));
      EXPECT_EQ(response.api_keys[i].min_version, api_table()[i].min_version);
      EXPECT_EQ(response.api_keys[i].max_version, api_table()[i].max_version);
    }
    EXPECT_EQ(response.finalized_features_epoch, -1);
    EXPECT_TRUE(response.supported_features.empty());
    EXPECT_FALSE(response.zk_migration_ready);
  }
}

TEST_F(ApiVersionsTest, AnEmulatedReleaseListsItsOwnVersions) {
  for (const auto& [name, release] :
       {std::pair("2.8", config::Release::k2_8), std::pair("3.9", config::Release::k3_9),
        std::pair("4.4", config::Release::k4_4)}) {
    start_with({{"ottla.emulate", name}});
    connect();
    const auto response = call<ApiVersionsResponse>(from("a", "1"), 3);
    const auto rows = api_table(release);
    ASSERT_EQ(response.api_keys.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(response.api_keys[i].api_key, static_cast<int16_t>(rows[i].key));
      EXPECT_EQ(response.api_keys[i].min_version, rows[i].min_version);
      EXPECT_EQ(response.api_keys[i].max_version, rows[i].max_version);
    }
    // The brokers with ZooKeeper have read an empty list of features.
    EXPECT_EQ(response.finalized_features_epoch, release == config::Release::k4_4 ? -1 : 0);
  }
}

TEST_F(ApiVersionsTest, AVersionThatTheEmulatedReleaseDoesNotKnowIsToldItsRange) {
  start_with({{"ottla.emulate", "2.8"}});
  connect();
  const auto response = answer<ApiVersionsResponse>(send_raw(18, 4, {}, 2), 0);
  EXPECT_EQ(response.error_code, wire(ErrorCode::UNSUPPORTED_VERSION));
  EXPECT_EQ(response.api_keys[0].max_version, 3);
}

TEST_F(ApiVersionsTest, TheResponseHeaderIsVersionZero) {
  // pitfalls.md 3: correlation id, then at once the error code.
  const int32_t id = send(from("a", "1"), 3);
  const auto frame = next_frame();
  ASSERT_TRUE(frame.has_value());
  Reader reader(*frame);
  EXPECT_EQ(reader.int32(), id);
  EXPECT_EQ(reader.int16(), 0);
  EXPECT_EQ(reader.unsigned_varint(), api_table().size() + 1);
}

TEST_F(ApiVersionsTest, ATooNewVersionIsAnsweredInTheBodyOfVersionZero) {
  const std::vector<uint8_t> unknown_body = {1, 2, 3};
  for (const int16_t version : {int16_t{6}, int16_t{99}, int16_t{-1}}) {
    const int32_t id = send_raw(18, version, unknown_body, 2);
    const auto response = answer<ApiVersionsResponse>(id, 0);
    EXPECT_EQ(response.error_code, wire(ErrorCode::UNSUPPORTED_VERSION));
    ASSERT_EQ(response.api_keys.size(), 1u);
    EXPECT_EQ(response.api_keys[0].api_key, 18);
    EXPECT_EQ(response.api_keys[0].min_version, 0);
    EXPECT_EQ(response.api_keys[0].max_version, 5);
    EXPECT_FALSE(closed());
  }
}

TEST_F(ApiVersionsTest, TheClientsSoftwareIsKeptOnTheConnection) {
  EXPECT_EQ(error_for("apache-kafka-java", "2.8.0"), 0);
  EXPECT_EQ(connection->client_software_name, "apache-kafka-java");
  EXPECT_EQ(connection->client_software_version, "2.8.0");
}

TEST_F(ApiVersionsTest, BadNamesAndVersionsOfSoftwareAreRefused) {
  for (const std::string_view bad : {"", "-a", "a-", ".a", "a.", "a b", "a_b", "a/b", "\xc3\xa4", "a\n"}) {
    EXPECT_EQ(error_for(bad, "1"), wire(ErrorCode::INVALID_REQUEST)) << bad;
    EXPECT_EQ(error_for("a", bad), wire(ErrorCode::INVALID_REQUEST)) << bad;
  }
  for (const std::string_view good : {"a", "1", "a-b", "a.b", "a--..b9"})
    EXPECT_EQ(error_for(good, good), 0) << good;
  EXPECT_FALSE(closed());
}

TEST_F(ApiVersionsTest, ARefusalListsNothing) {
  EXPECT_TRUE(call<ApiVersionsResponse>(from("", ""), 3).api_keys.empty());
  EXPECT_EQ(call<ApiVersionsResponse>(from("", ""), 2).error_code, 0);
}

TEST_F(ApiVersionsTest, AClientThatWantsAnotherBrokerIsSentBackToItsBootstrap) {
  ApiVersionsRequest request = from("a", "1");
  request.cluster_id = "the-cluster";
  request.node_id = 0;
  EXPECT_EQ(call<ApiVersionsResponse>(request, 5).error_code, 0);
  request.node_id = 1;
  EXPECT_EQ(call<ApiVersionsResponse>(request, 5).error_code, wire(ErrorCode::REBOOTSTRAP_REQUIRED));
  request.node_id = 0;
  request.cluster_id = "another";
  EXPECT_EQ(call<ApiVersionsResponse>(request, 5).error_code, wire(ErrorCode::REBOOTSTRAP_REQUIRED));
  request.cluster_id.reset();
  request.node_id = 1;
  EXPECT_EQ(call<ApiVersionsResponse>(request, 5).error_code, 0);
}

TEST_F(ApiVersionsTest, BytesAfterAVersionZeroBodyAreAccepted) {
  // behaviours.md 3.
  const std::vector<uint8_t> extra = {1, 2, 3};
  EXPECT_EQ(answer<ApiVersionsResponse>(send_raw(18, 0, extra, 1), 0).error_code, 0);
}

TEST_F(ApiVersionsTest, ANullClientIdIsAccepted) {
  // pitfalls.md 18.
  client_id.reset();
  EXPECT_EQ(error_for("a", "1"), 0);
}

}  // namespace
}  // namespace ottla
