// SPDX-License-Identifier: Apache-2.0
// What the requests about settings have in common: the resources they name, and how those are altered.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "broker/apis/request.h"
#include "broker/config/definitions.h"
#include "broker/config/value.h"
#include "protocol/base/status.h"

namespace ottla {

// org.apache.kafka.common.config.ConfigResource.Type
inline constexpr int8_t kTopicResource = 2;
inline constexpr int8_t kBrokerResource = 4;
inline constexpr int8_t kBrokerLoggerResource = 8;
inline constexpr int8_t kClientMetricsResource = 16;
inline constexpr int8_t kGroupResource = 32;

// "TOPIC"; "UNKNOWN" for a number without a name.
std::string_view resource_type_name(int8_t type);

// Ok where `name` is this broker's id. `others` names what else would do (" or empty string").
Status check_own_broker_id(const Services& services, const std::string& name, std::string_view others);

// The overrides of a resource as a request wants them, given what they are.
using Propose = std::function<Result<config::ConfigMap>(config::Scope scope, config::ConfigMap current)>;

// Alters the overrides of one topic, of this broker, or (with an empty name) of all brokers, as Kafka's
// AlterConfigs and IncrementalAlterConfigs do (ZkAdminManager; ConfigAdminManager where not `as_2_8`). `done`
// gets what to answer.
void alter_resource(const Services& services, bool as_2_8, int8_t type, const std::string& name,
                    Propose propose, bool validate_only, std::function<void(Status)> done);

}  // namespace ottla
