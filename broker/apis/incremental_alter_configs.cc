// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/incremental_alter_configs.h"

#include <fmt/format.h>

#include "broker/apis/altered_resources.h"
#include "broker/config/alter.h"
#include "protocol/generated/incremental_alter_configs_request.h"
#include "protocol/generated/incremental_alter_configs_response.h"

namespace ottla {
namespace {

using protocol::IncrementalAlterConfigsRequest;
using protocol::IncrementalAlterConfigsResponse;
using Resource = IncrementalAlterConfigsRequest::AlterConfigsResource;

Status refuse_logger(const Services& services, const Resource& resource) {
  const std::string name(resource.resource_name);
  const Status own = check_own_broker_id(services, name, "");
  if (!own.ok() || resource.configs.empty()) return own;
  return {
      ErrorCode::INVALID_REQUEST,
      fmt::format("Invalid config value for resource ConfigResource(type=BROKER_LOGGER, name='{}'): Logger "
                  "{} does not exist!",
                  name, resource.configs[0].name)};
}

}  // namespace

void handle_incremental_alter_configs(Request& request) {
  IncrementalAlterConfigsRequest asked;
  if (!request.decode(asked)) return;
  const bool as_2_8 = request.answered_as_2_8();
  const auto refuse_all = [&](const Resource& resource) -> std::string {
    const int8_t type = resource.resource_type;
    if (!as_2_8 || type == kTopicResource || type == kBrokerResource || type == kBrokerLoggerResource)
      return "";
    return fmt::format("Unexpected resource type {}", resource_type_name(type));
  };
  AlteredResources<IncrementalAlterConfigsResponse>::run(
      request, asked, refuse_all, [&](const Resource& resource, std::function<void(Status)> done) {
        if (resource.resource_type == kBrokerLoggerResource)
          return done(refuse_logger(request.services, resource));
        std::vector<config::Alteration> alterations;
        for (const auto& entry : resource.configs) {
          config::Alteration& alteration = alterations.emplace_back();
          alteration.key = entry.name;
          alteration.operation = static_cast<config::AlterOperation>(entry.config_operation);
          if (entry.value) alteration.value = std::string(*entry.value);
        }
        const auto propose = [alterations](config::Scope scope, config::ConfigMap current) {
          return config::apply_alterations(scope, std::move(current), alterations);
        };
        alter_resource(request.services, as_2_8, resource.resource_type, std::string(resource.resource_name),
                       propose, asked.validate_only, std::move(done));
      });
}

}  // namespace ottla
