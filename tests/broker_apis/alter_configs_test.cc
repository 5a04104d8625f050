// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/config_resources.h"
#include "protocol/generated/alter_configs_request.h"
#include "protocol/generated/alter_configs_response.h"
#include "protocol/generated/describe_configs_request.h"
#include "protocol/generated/describe_configs_response.h"
#include "protocol/generated/incremental_alter_configs_request.h"
#include "protocol/generated/incremental_alter_configs_response.h"
#include "tests/broker_apis/api_fixture.h"

namespace ottla {
namespace {

using protocol::AlterConfigsRequest;
using protocol::AlterConfigsResponse;
using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using protocol::IncrementalAlterConfigsRequest;
using protocol::IncrementalAlterConfigsResponse;
using Overrides = ConfigAdmin::Overrides;

constexpr int8_t kSet = 0;
constexpr int8_t kDelete = 1;
constexpr int8_t kAppend = 2;

struct Answer {
  ErrorCode error;
  std::string message;
  bool operator==(const Answer&) const = default;
};
void PrintTo(const Answer& answer, std::ostream* out) {
  *out << static_cast<int>(answer.error) << " " << answer.message;
}
const Answer kDone = {ErrorCode::NONE, ""};

class AlterConfigsTest : public ApiTest {
 protected:
  static AlterConfigsRequest replacing(
      int8_t type, std::string_view name,
      const std::map<std::string_view, std::optional<std::string_view>>& values) {
    AlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = name;
    for (const auto& [key, value] : values) {
      auto& entry = resource.configs.emplace_back();
      entry.name = key;
      entry.value = value;
    }
    return request;
  }
  struct Entry {
    std::string_view key;
    int8_t operation;
    std::optional<std::string_view> value;
  };
  static IncrementalAlterConfigsRequest changing(int8_t type, std::string_view name,
                                                 const std::vector<Entry>& entries) {
    IncrementalAlterConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = name;
    for (const Entry& one : entries) {
      auto& entry = resource.configs.emplace_back();
      entry.name = one.key;
      entry.config_operation = one.operation;
      entry.value = one.value;
    }
    return request;
  }
  template <typename Response>
  static std::vector<Answer> answers_in(const Response& response) {
    std::vector<Answer> answers;
    for (const auto& one : response.responses) {
      answers.push_back(
          {static_cast<ErrorCode>(one.error_code), std::string(one.error_message.value_or(""))});
    }
    return answers;
  }
  Answer ask(const AlterConfigsRequest& request, int16_t version = 2) {
    return answers_in(call<AlterConfigsResponse>(request, version)).at(0);
  }
  Answer ask(const IncrementalAlterConfigsRequest& request, int16_t version = 1) {
    return answers_in(call<IncrementalAlterConfigsResponse>(request, version)).at(0);
  }
  std::string value_of(int8_t type, std::string_view name, std::string_view key) {
    DescribeConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = name;
    resource.configuration_keys.emplace().push_back(key);
    request.include_synonyms = true;
    const auto response = call<DescribeConfigsResponse>(request, 4);
    std::string text;
    for (const auto& entry : response.results.at(0).configs) {
      text = fmt::format("{} from {}", entry.value.value_or("null"), entry.config_source);
      for (const auto& synonym : entry.synonyms)
        text += fmt::format(" {}={}", synonym.name, synonym.value.value_or("null"));
    }
    return text;
  }
};

TEST_F(AlterConfigsTest, EveryVersionReplacesATopicsOverridesAndShowsThemAtOnce) {
  for (int16_t version = 0; version <= 2; ++version) {
    config_admin.overrides["topics/t"] = {{"flush.ms", "1"}};
    EXPECT_EQ(ask(replacing(kTopicResource, "t", {{"retention.ms", "5"}}), version), kDone);
    EXPECT_EQ(config_admin.overrides["topics/t"], (Overrides{{"retention.ms", "5"}}));
    EXPECT_EQ(value_of(kTopicResource, "t", "retention.ms"), "5 from 1 retention.ms=5");
  }
}

TEST_F(AlterConfigsTest, EveryVersionChangesWhatIsNamedAlone) {
  for (int16_t version = 0; version <= 1; ++version) {
    config_admin.overrides["topics/t"] = {{"flush.ms", "1"}, {"segment.ms", "2"}};
    EXPECT_EQ(ask(changing(kTopicResource, "t",
                           {{"retention.ms", kSet, "5"},
                            {"flush.ms", kDelete, std::nullopt},
                            {"cleanup.policy", kAppend, "compact"}}),
                  version),
              kDone);
    EXPECT_EQ(config_admin.overrides["topics/t"],
              (Overrides{{"retention.ms", "5"}, {"segment.ms", "2"}, {"cleanup.policy", "delete,compact"}}));
  }
}

TEST_F(AlterConfigsTest, TheBrokersSettingsShowWhereTheyComeFromAtOnce) {
  EXPECT_EQ(ask(changing(kBrokerResource, "", {{"log.retention.ms", kSet, "60000"}})), kDone);
  EXPECT_EQ(value_of(kBrokerResource, "0", "log.retention.ms"),
            "60000 from 3 log.retention.ms=60000 log.retention.hours=168");
  EXPECT_EQ(value_of(kTopicResource, "t", "retention.ms"),
            "60000 from 3 log.retention.ms=60000 log.retention.hours=168");
  EXPECT_EQ(ask(changing(kBrokerResource, "0", {{"log.retention.ms", kSet, "50000"}})), kDone);
  EXPECT_EQ(value_of(kBrokerResource, "0", "log.retention.ms"),
            "50000 from 2 log.retention.ms=50000 log.retention.ms=60000 log.retention.hours=168");
  EXPECT_EQ(config_admin.overrides["brokers/<default>"], (Overrides{{"log.retention.ms", "60000"}}));
  EXPECT_EQ(config_admin.overrides["brokers/0"], (Overrides{{"log.retention.ms", "50000"}}));
}

TEST_F(AlterConfigsTest, WhatIsOnlyValidatedIsNotWritten) {
  auto request = changing(kTopicResource, "t", {{"retention.ms", kSet, "5"}});
  request.validate_only = true;
  EXPECT_EQ(ask(request), kDone);
  auto bad = replacing(kTopicResource, "t", {{"retention.ms", "x"}});
  bad.validate_only = true;
  EXPECT_EQ(ask(bad).error, ErrorCode::INVALID_REQUEST);
  EXPECT_TRUE(config_admin.overrides["topics/t"].empty());
}

TEST_F(AlterConfigsTest, MistakesAreWordedAs2_8Does) {
  const Answer bad_value = {
      ErrorCode::INVALID_REQUEST,
      "Invalid config value for resource ConfigResource(type=TOPIC, name='t'): Invalid value x for "
      "configuration retention.ms: Not a number of type LONG"};
  EXPECT_EQ(ask(replacing(kTopicResource, "t", {{"retention.ms", "x"}})), bad_value);
  EXPECT_EQ(ask(changing(kTopicResource, "t", {{"retention.ms", kSet, "x"}})), bad_value);
  EXPECT_EQ(ask(changing(kTopicResource, "t", {{"no.such", kSet, "x"}})),
            (Answer{ErrorCode::INVALID_CONFIG, "Unknown topic config name: no.such"}));
  EXPECT_EQ(ask(changing(kTopicResource, "nobody", {{"retention.ms", kSet, "5"}})),
            (Answer{ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "The topic 'nobody' does not exist."}));
  EXPECT_EQ(ask(replacing(kTopicResource, "t", {{"retention.ms", std::nullopt}})),
            (Answer{ErrorCode::INVALID_REQUEST, "Null value not supported for : retention.ms"}));
  EXPECT_EQ(ask(changing(kBrokerResource, "0", {{"broker.id", kSet, "5"}})),
            (Answer{ErrorCode::INVALID_REQUEST,
                    "Invalid config value for resource ConfigResource(type=BROKER, name='0'): Cannot update "
                    "these configs dynamically: Set(broker.id)"}));
  EXPECT_EQ(ask(changing(kBrokerResource, "7", {{"log.retention.ms", kSet, "5"}})),
            (Answer{ErrorCode::INVALID_REQUEST, "Unexpected broker id, expected 0, but received 7"}));
  EXPECT_EQ(ask(changing(kBrokerResource, "x", {{"log.retention.ms", kSet, "5"}})),
            (Answer{ErrorCode::INVALID_REQUEST, "Broker id must be an integer, but it is: x"}));
  EXPECT_EQ(ask(changing(kBrokerLoggerResource, "0", {{"kafka", kSet, "INFO"}})),
            (Answer{ErrorCode::INVALID_REQUEST,
                    "Invalid config value for resource ConfigResource(type=BROKER_LOGGER, name='0'): Logger "
                    "kafka does not exist!"}));
  EXPECT_TRUE(config_admin.overrides["topics/t"].empty());
}

TEST_F(AlterConfigsTest, With4xMistakesAreWordedAsThere) {
  start_with({{"ottla.emulate", "4.4"}});
  connect();
  EXPECT_EQ(ask(changing(kTopicResource, "t", {{"retention.ms", kSet, "x"}})),
            (Answer{ErrorCode::INVALID_CONFIG,
                    "Invalid value x for configuration retention.ms: Not a number of type LONG"}));
  EXPECT_EQ(ask(changing(kBrokerResource, "0", {{"broker.id", kSet, "5"}})),
            (Answer{ErrorCode::INVALID_REQUEST, "Cannot update these configs dynamically: Set(broker.id)"}));
  EXPECT_EQ(ask(changing(5, "0", {})), (Answer{ErrorCode::INVALID_REQUEST, "Unknown resource type 5"}));
}

TEST_F(AlterConfigsTest, AResourceThatNobodyAltersSpoilsTheWholeRequest) {
  auto request = replacing(kTopicResource, "t", {{"retention.ms", "5"}});
  request.resources.push_back(replacing(kBrokerLoggerResource, "0", {}).resources[0]);
  const auto answers = answers_in(call<AlterConfigsResponse>(request, 2));
  const Answer refused = {ErrorCode::INVALID_REQUEST,
                          "AlterConfigs is deprecated and does not support the resource type BROKER_LOGGER"};
  EXPECT_EQ(answers, (std::vector{refused, refused}));
  EXPECT_TRUE(config_admin.overrides["topics/t"].empty());
  EXPECT_EQ(ask(changing(16, "m", {})),
            (Answer{ErrorCode::INVALID_REQUEST, "Unexpected resource type CLIENT_METRICS"}));
}

TEST_F(AlterConfigsTest, EachResourceHasItsOwnAnswerAndAppearsOnce) {
  auto request = changing(kTopicResource, "t", {{"retention.ms", kSet, "5"}});
  request.resources.push_back(changing(kTopicResource, "nobody", {}).resources[0]);
  request.resources.push_back(
      changing(kBrokerResource, "", {{"log.flush.interval.ms", kSet, "9"}}).resources[0]);
  request.resources.push_back(changing(kTopicResource, "nobody", {}).resources[0]);
  const auto answers = answers_in(call<IncrementalAlterConfigsResponse>(request, 1));
  const Answer twice = {ErrorCode::INVALID_REQUEST, "Each resource must appear at most once."};
  EXPECT_EQ(answers, (std::vector{kDone, twice, kDone, twice}));
  EXPECT_EQ(config_admin.overrides["brokers/<default>"], (Overrides{{"log.flush.interval.ms", "9"}}));
}

TEST_F(AlterConfigsTest, NoResourcesAreAnsweredWithNone) {
  EXPECT_TRUE(call<AlterConfigsResponse>(AlterConfigsRequest{}, 2).responses.empty());
}

}  // namespace
}  // namespace ottla
