// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/alter_configs.h"

#include <fmt/format.h>

#include "broker/apis/altered_resources.h"
#include "broker/config/alter.h"
#include "protocol/generated/alter_configs_request.h"
#include "protocol/generated/alter_configs_response.h"

namespace ottla {

using protocol::AlterConfigsRequest;
using protocol::AlterConfigsResponse;

void handle_alter_configs(Request& request) {
  AlterConfigsRequest asked;
  if (!request.decode(asked)) return;
  const bool as_2_8 = request.answered_as_2_8();
  const auto refuse_all = [&](const auto& resource) -> std::string {
    if (!as_2_8 || resource.resource_type == kTopicResource || resource.resource_type == kBrokerResource)
      return "";
    const std::string_view type = resource_type_name(resource.resource_type);
    return resource.resource_type == kBrokerLoggerResource
               ? fmt::format("AlterConfigs is deprecated and does not support the resource type {}", type)
               : fmt::format("Unexpected resource type {}", type);
  };
  AlteredResources<AlterConfigsResponse>::run(
      request, asked, refuse_all, [&](const auto& resource, std::function<void(Status)> done) {
        std::map<std::string, std::optional<std::string>> values;
        for (const auto& entry : resource.configs) values[std::string(entry.name)] = entry.value;
        const auto propose = [values](config::Scope, const config::ConfigMap&) {
          return config::required_values(values);
        };
        alter_resource(request.services, as_2_8, resource.resource_type, std::string(resource.resource_name),
                       propose, asked.validate_only, std::move(done));
      });
}

}  // namespace ottla
