// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/config_resources.h"

#include <fmt/format.h>

#include <limits>

#include "broker/apis/services.h"
#include "broker/config/alter.h"
#include "broker/config/broker_config.h"
#include "broker/config/config_store.h"
#include "broker/config/topic_config.h"
#include "broker/controller/config_admin.h"

namespace ottla {
namespace {

// 2.8 words what its ConfigDef refuses as an invalid request; what LogConfig says itself, and everything of a
// topic in later releases, is an invalid configuration.
Status as_released(bool as_2_8, int8_t type, const std::string& name, const Status& refused) {
  const bool value_refused = type == kBrokerResource || refused.message().starts_with("Invalid value ");
  if (refused.code() != ErrorCode::INVALID_CONFIG || !value_refused) return refused;
  if (as_2_8) {
    return {ErrorCode::INVALID_REQUEST,
            fmt::format("Invalid config value for resource ConfigResource(type={}, name='{}'): {}",
                        resource_type_name(type), name, refused.message())};
  }
  return type == kBrokerResource ? Status(ErrorCode::INVALID_REQUEST, refused.message()) : refused;
}

void alter_topic(const Services& services, bool as_2_8, const std::string& name, Propose propose,
                 bool validate_only, std::function<void(Status)> done) {
  const auto change = [&services, as_2_8, name,
                       propose = std::move(propose)](config::ConfigMap current) -> Result<config::ConfigMap> {
    auto proposed = propose(config::Scope::kTopic, std::move(current));
    if (!proposed.ok()) return proposed;
    if (services.metadata.find(name) == nullptr) {
      return Status(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    fmt::format("The topic '{}' does not exist.", name));
    }
    const Status valid = config::validate_topic_overrides(*proposed);
    if (!valid.ok()) return as_released(as_2_8, kTopicResource, name, valid);
    return proposed;
  };
  services.config_admin.alter("topics", name, change, validate_only, std::move(done));
}

void alter_broker(const Services& services, bool as_2_8, const std::string& name, Propose propose,
                  bool validate_only, std::function<void(Status)> done) {
  const bool per_broker = !name.empty();
  if (per_broker) {
    const Status own = check_own_broker_id(services, name, "");
    if (!own.ok()) return done(own);
  }
  const auto change = [&services, as_2_8, name, per_broker,
                       propose = std::move(propose)](config::ConfigMap current) -> Result<config::ConfigMap> {
    auto proposed = propose(config::Scope::kBroker, std::move(current));
    if (!proposed.ok()) return proposed;
    const Status valid = config::validate_broker_overrides(services.configs, *proposed, per_broker);
    if (!valid.ok()) return as_released(as_2_8, kBrokerResource, name, valid);
    return proposed;
  };
  services.config_admin.alter("brokers", per_broker ? name : "<default>", change, validate_only,
                              std::move(done));
}

}  // namespace

std::string_view resource_type_name(int8_t type) {
  switch (type) {
    case kTopicResource:
      return "TOPIC";
    case kBrokerResource:
      return "BROKER";
    case kBrokerLoggerResource:
      return "BROKER_LOGGER";
    case kClientMetricsResource:
      return "CLIENT_METRICS";
    case kGroupResource:
      return "GROUP";
    default:
      return "UNKNOWN";
  }
}

Status check_own_broker_id(const Services& services, const std::string& name, std::string_view others) {
  const auto id =
      config::parse_whole(name, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
  if (!id) return {ErrorCode::INVALID_REQUEST, "Broker id must be an integer, but it is: " + name};
  if (*id == services.config.broker_id) return {};
  return {ErrorCode::INVALID_REQUEST, fmt::format("Unexpected broker id, expected {}{}, but received {}",
                                                  services.config.broker_id, others, name)};
}

void alter_resource(const Services& services, bool as_2_8, int8_t type, const std::string& name,
                    Propose propose, bool validate_only, std::function<void(Status)> done) {
  switch (type) {
    case kTopicResource:
      return alter_topic(services, as_2_8, name, std::move(propose), validate_only, std::move(done));
    case kBrokerResource:
      return alter_broker(services, as_2_8, name, std::move(propose), validate_only, std::move(done));
    default:
      return done({ErrorCode::INVALID_REQUEST, fmt::format("Unknown resource type {}", type)});
  }
}

}  // namespace ottla
