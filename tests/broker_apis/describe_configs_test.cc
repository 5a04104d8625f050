// SPDX-License-Identifier: Apache-2.0
#include "protocol/generated/describe_configs_request.h"
#include "protocol/generated/describe_configs_response.h"
#include "tests/broker_apis/api_fixture.h"

namespace ottla {
namespace {

using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using Result = DescribeConfigsResponse::DescribeConfigsResult;
using Entry = DescribeConfigsResponse::DescribeConfigsResourceResult;
using testing::ElementsAre;
using testing::IsEmpty;

class DescribeConfigsTest : public ApiTest {
 protected:
  static DescribeConfigsRequest of(int8_t type, std::string_view name) {
    DescribeConfigsRequest request;
    auto& resource = request.resources.emplace_back();
    resource.resource_type = type;
    resource.resource_name = name;
    resource.configuration_keys.reset();
    return request;
  }
  Result ask(const DescribeConfigsRequest& request, int16_t version = 4) {
    const auto response = call<DescribeConfigsResponse>(request, version);
    EXPECT_EQ(response.results.size(), 1u);
    return response.results.empty() ? Result{} : response.results[0];
  }
  static Entry find(const Result& result, std::string_view key) {
    for (const Entry& entry : result.configs) {
      if (entry.name == key) return entry;
    }
    ADD_FAILURE() << key << " is not there";
    return {};
  }
};

TEST_F(DescribeConfigsTest, ATopicShowsItsSettingsAndWhereTheyComeFrom) {
  configs->set_topic_overrides("t", {{"retention.ms", "5"}});
  DescribeConfigsRequest request = of(kTopic, "t");
  request.include_synonyms = true;
  const Result result = ask(request);
  EXPECT_EQ(result.error_code, 0);
  EXPECT_EQ(result.resource_type, kTopic);
  EXPECT_EQ(result.resource_name, "t");
  const Entry retention = find(result, "retention.ms");
  EXPECT_EQ(retention.value, "5");
  EXPECT_EQ(retention.config_source, 1);
  EXPECT_FALSE(retention.read_only);
  EXPECT_FALSE(retention.synonyms.empty());
  EXPECT_FALSE(retention.documentation.has_value());
  // pitfalls.md 121: schema registries look for it.
  EXPECT_EQ(find(result, "cleanup.policy").value, "delete");
  EXPECT_EQ(find(result, "cleanup.policy").config_source, 5);
}

TEST_F(DescribeConfigsTest, TheOldestVersionSaysWhatIsADefault) {
  configs->set_topic_overrides("t", {{"retention.ms", "5"}});
  const Result result = ask(of(kTopic, "t"), 0);
  EXPECT_FALSE(find(result, "retention.ms").is_default_);
  EXPECT_TRUE(find(result, "cleanup.policy").is_default_);
}

TEST_F(DescribeConfigsTest, DocumentationAndTypesComeWhenAskedFor) {
  DescribeConfigsRequest request = of(kTopic, "t");
  request.include_documentation = true;
  const Result result = ask(request, 3);
  EXPECT_TRUE(find(result, "retention.ms").documentation.has_value());
  EXPECT_EQ(find(result, "retention.ms").config_type, 5);
  EXPECT_THAT(find(result, "retention.ms").synonyms, IsEmpty());
}

TEST_F(DescribeConfigsTest, KeysCanBeChosen) {
  DescribeConfigsRequest request = of(kTopic, "t");
  request.resources[0].configuration_keys.emplace() = {"retention.ms", "no.such.key"};
  const Result result = ask(request);
  ASSERT_EQ(result.configs.size(), 1u);
  EXPECT_EQ(result.configs[0].name, "retention.ms");
  request.resources[0].configuration_keys->clear();
  EXPECT_GT(ask(request).configs.size(), 20u);
}

TEST_F(DescribeConfigsTest, TopicsThatAreNotThereHaveTheirErrors) {
  Result result = ask(of(kTopic, "nope"));
  EXPECT_EQ(result.error_code, wire(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
  EXPECT_FALSE(result.error_message.has_value());
  EXPECT_THAT(result.configs, IsEmpty());
  result = ask(of(kTopic, "bad name"));
  EXPECT_EQ(result.error_code, wire(ErrorCode::INVALID_TOPIC_EXCEPTION));
  EXPECT_TRUE(result.error_message.has_value());
}

TEST_F(DescribeConfigsTest, ABrokerShowsItsOwnSettings) {
  const Result result = ask(of(kBroker, "0"));
  EXPECT_EQ(result.error_code, 0);
  EXPECT_EQ(find(result, "broker.id").value, "0");
  EXPECT_EQ(find(result, "broker.id").config_source, 4);
  EXPECT_TRUE(find(result, "broker.id").read_only);
  // pitfalls.md 122.
  EXPECT_EQ(find(result, "num.partitions").value, "1");
}

TEST_F(DescribeConfigsTest, TheEmptyNameIsWhatAllBrokersShare) {
  EXPECT_THAT(ask(of(kBroker, "")).configs, IsEmpty());
  configs->set_default_overrides({{"message.max.bytes", "2000"}});
  const Result result = ask(of(kBroker, ""));
  ASSERT_EQ(result.configs.size(), 1u);
  EXPECT_EQ(result.configs[0].value, "2000");
  EXPECT_EQ(result.configs[0].config_source, 3);
}

TEST_F(DescribeConfigsTest, OtherBrokersAreRefused) {
  for (const std::string_view name : {"1", "-1", "zero", "99999999999"}) {
    EXPECT_EQ(ask(of(kBroker, name)).error_code, wire(ErrorCode::INVALID_REQUEST)) << name;
    EXPECT_EQ(ask(of(kLogger, name)).error_code, wire(ErrorCode::INVALID_REQUEST)) << name;
  }
  EXPECT_EQ(ask(of(kBroker, "1")).error_message,
            "Unexpected broker id, expected 0 or empty string, but received 1");
}

TEST_F(DescribeConfigsTest, LoggersAndUnknownTypesAreRefused) {
  EXPECT_EQ(ask(of(kLogger, "0")).error_code, wire(ErrorCode::INVALID_REQUEST));
  EXPECT_EQ(ask(of(kLogger, "")).error_code, wire(ErrorCode::INVALID_REQUEST));
  for (const int8_t type : {0, 1, 3, 16, 127, -1}) {
    EXPECT_EQ(ask(of(type, "x")).error_code, wire(ErrorCode::INVALID_REQUEST)) << static_cast<int>(type);
  }
}

TEST_F(DescribeConfigsTest, AGroupShowsItsDefaults) {
  EXPECT_EQ(ask(of(32, "g")).error_code, 0);
  EXPECT_EQ(ask(of(32, "")).error_code, wire(ErrorCode::INVALID_REQUEST));
}

TEST_F(DescribeConfigsTest, ResourcesAreAnsweredInTheirOrder) {
  DescribeConfigsRequest request = of(kTopic, "nope");
  for (const std::string_view name : {"t", "t"}) {
    auto& resource = request.resources.emplace_back();
    resource.resource_type = kTopic;
    resource.resource_name = name;
    resource.configuration_keys.reset();
  }
  const auto response = call<DescribeConfigsResponse>(request, 4);
  ASSERT_EQ(response.results.size(), 3u);
  EXPECT_EQ(response.results[0].resource_name, "nope");
  EXPECT_EQ(response.results[1].error_code, 0);
  EXPECT_EQ(response.results[2].error_code, 0);
}

}  // namespace
}  // namespace ottla
