// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/describe_configs.h"

#include <string>
#include <vector>

#include "broker/apis/config_resources.h"
#include "broker/apis/services.h"
#include "broker/config/broker_config.h"
#include "broker/config/describe.h"
#include "broker/controller/topic_admin.h"
#include "protocol/generated/describe_configs_request.h"
#include "protocol/generated/describe_configs_response.h"

namespace ottla {
namespace {

using config::ConfigEntry;
using protocol::DescribeConfigsRequest;
using protocol::DescribeConfigsResponse;
using Entries = Result<std::vector<ConfigEntry>>;

Entries describe_topic(const Services& services, const std::string& name,
                       const config::DescribeOptions& options) {
  const std::string reason = invalid_topic_name_reason(name);
  if (!reason.empty()) return Status(ErrorCode::INVALID_TOPIC_EXCEPTION, reason);
  if (services.metadata.find(name) == nullptr) return Status(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "");
  return config::describe_topic(services.configs, name, options);
}

Entries describe_broker(const Services& services, const std::string& name,
                        const config::DescribeOptions& options) {
  if (name.empty()) return config::describe_broker_defaults(services.configs, options);
  const Status status = check_own_broker_id(services, name, " or empty string");
  if (!status.ok()) return status;
  return config::describe_broker(services.configs, options);
}

Status refuse_logger(const Services& services, const std::string& name) {
  if (name.empty()) return {ErrorCode::INVALID_REQUEST, "Broker id must not be empty"};
  const Status status = check_own_broker_id(services, name, "");
  if (!status.ok()) return status;
  return {ErrorCode::INVALID_REQUEST, "This broker has no loggers whose levels could be shown."};
}

Entries describe(const Services& services, int8_t type, const std::string& name,
                 const config::DescribeOptions& options) {
  switch (type) {
    case kTopicResource:
      return describe_topic(services, name, options);
    case kBrokerResource:
      return describe_broker(services, name, options);
    case kBrokerLoggerResource:
      return refuse_logger(services, name);
    case kGroupResource:
      if (name.empty()) return Status(ErrorCode::INVALID_REQUEST, "Group name must not be empty");
      return config::describe_group(options);
    default:
      return Status(ErrorCode::INVALID_REQUEST, "Unsupported resource type: " + std::to_string(type));
  }
}

void add_entry(const ConfigEntry& entry, DescribeConfigsResponse::DescribeConfigsResult& result) {
  auto& out = result.configs.emplace_back();
  out.name = entry.name;
  out.value = entry.value;
  out.read_only = entry.read_only;
  out.is_default_ = entry.is_default();
  out.config_source = static_cast<int8_t>(entry.source);
  out.is_sensitive = entry.sensitive;
  for (const config::ConfigSynonym& synonym : entry.synonyms) {
    auto& other = out.synonyms.emplace_back();
    other.name = synonym.name;
    other.value = synonym.value;
    other.source = static_cast<int8_t>(synonym.source);
  }
  out.config_type = static_cast<int8_t>(entry.type);
  out.documentation = entry.documentation;
}

}  // namespace

void handle_describe_configs(Request& request) {
  DescribeConfigsRequest asked;
  if (!request.decode(asked)) return;
  DescribeConfigsResponse response;
  // What the response's views point into.
  std::vector<Entries> described;
  described.reserve(asked.resources.size());
  for (const auto& resource : asked.resources) {
    std::vector<std::string> keys;
    if (resource.configuration_keys)
      keys.assign(resource.configuration_keys->begin(), resource.configuration_keys->end());
    config::DescribeOptions options;
    options.keys = &keys;
    options.include_synonyms = asked.include_synonyms;
    options.include_documentation = asked.include_documentation;
    const Entries& entries = described.emplace_back(
        describe(request.services, resource.resource_type, std::string(resource.resource_name), options));
    auto& result = response.results.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    result.error_code = static_cast<int16_t>(entries.status().code());
    if (entries.ok()) {
      for (const ConfigEntry& entry : *entries) add_entry(entry, result);
    } else if (entries.status().message().empty()) {
      // Null: the client shows its own sentence for the code.
      result.error_message = std::nullopt;
    } else {
      result.error_message = entries.status().message();
    }
  }
  request.responder.send(response);
}

}  // namespace ottla
