// SPDX-License-Identifier: Apache-2.0
// What AlterConfigs, IncrementalAlterConfigs and CreateTopics may write, checked as Kafka checks it
// (ZkAdminManager, DynamicBrokerConfig.validateConfigs).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/value.h"
#include "protocol/base/status.h"

namespace ottla::config {

class ConfigStore;

// Numbers of IncrementalAlterConfigsRequest ("ConfigOperation").
enum class AlterOperation : int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

struct Alteration {
  std::string key;
  AlterOperation operation = AlterOperation::kSet;
  std::optional<std::string> value;
};

// The values of a CreateTopics or AlterConfigs request: INVALID_REQUEST where one is null.
Result<ConfigMap> required_values(const std::map<std::string, std::optional<std::string>>& configs);

// The overrides after `alterations` (IncrementalAlterConfigs). INVALID_REQUEST for a key altered twice, a
// null value or an unknown operation; INVALID_CONFIG for an append to (or a subtraction from) what is no
// list, or no key at all. The result is still to be validated as a whole.
Result<ConfigMap> apply_alterations(Scope scope, ConfigMap current,
                                    const std::vector<Alteration>& alterations);

// Overrides of broker keys, each by itself; what check_broker_override says, with all the keys that it says
// of.
Status check_broker_overrides(const ConfigMap& overrides, bool per_broker);

// One override of a broker key. INVALID_CONFIG where the key cannot change at run time, cannot be set for all
// brokers at once, or does not allow the value. Keys that Kafka does not know are allowed, as there.
Status check_broker_override(std::string_view key, std::string_view value, bool per_broker);

// All overrides of this broker (`per_broker`) or of all: each by itself, and that the broker's settings as a
// whole stay good. What Kafka could change at run time and Ottla cannot (listeners and their security) is
// refused too.
Status validate_broker_overrides(const ConfigStore& store, const ConfigMap& overrides, bool per_broker);

}  // namespace ottla::config
