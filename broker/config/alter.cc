// SPDX-License-Identifier: Apache-2.0
#include "broker/config/alter.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "broker/config/broker_config.h"
#include "broker/config/config_store.h"

namespace ottla::config {

namespace {

// "listener.name.external.ssl.key.password" -> "ssl.key.password"; empty where `key` is no listener's.
std::string_view listener_key(std::string_view key) {
  constexpr std::string_view kPrefix = "listener.name.";
  if (!key.starts_with(kPrefix)) return {};
  const size_t dot = key.find('.', kPrefix.size());
  return dot == std::string_view::npos ? std::string_view() : key.substr(dot + 1);
}

const Definition* find_broker_key(std::string_view key) {
  const Definition* definition = find_definition(Scope::kBroker, key);
  return definition != nullptr ? definition : find_definition(Scope::kDynamicBroker, key);
}

// SslConfigs.RECONFIGURABLE_CONFIGS: only with a listener's prefix.
bool is_security_key(std::string_view key) {
  return key.starts_with("ssl.keystore.") || key.starts_with("ssl.truststore.") || key == "ssl.key.password";
}

// Why Kafka (or, at last, Ottla) does not take an override, whatever its value.
enum class Refusal { kNotDynamic, kOnlyPerListener, kOnlyPerBroker, kReadOnceHere };

std::string_view sentence(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNotDynamic:
      return "Cannot update these configs dynamically";
    case Refusal::kOnlyPerListener:
      return "These security configs can be dynamically updated only per-listener using the listener prefix";
    case Refusal::kOnlyPerBroker:
      return "Cannot update these configs at default cluster level, broker id must be specified";
    case Refusal::kReadOnceHere:
      return "Ottla reads these configs once, before it knows of overrides: set them in server.properties";
  }
  check_failed("a refusal of the enum", __FILE__, __LINE__);
}

bool is_refused(std::string_view key, bool per_broker, Refusal refusal) {
  const std::string_view base = listener_key(key);
  const Definition* definition = find_broker_key(base.empty() ? key : base);
  switch (refusal) {
    case Refusal::kNotDynamic:
      if (is_own_key(key)) return !is_own_dynamic_key(key);
      return definition != nullptr && base.empty() && definition->scope() == Scope::kBroker &&
             definition->update_mode() == UpdateMode::kReadOnly;
    case Refusal::kOnlyPerListener:
      return is_security_key(key);
    case Refusal::kOnlyPerBroker:
      if (per_broker || definition == nullptr) return false;
      return base.empty() ? definition->update_mode() == UpdateMode::kPerBroker
                          : base != "max.connections" && base != "max.connection.creation.rate";
    case Refusal::kReadOnceHere:
      return definition != nullptr && (!base.empty() || definition->update_mode() == UpdateMode::kPerBroker ||
                                       key == "metric.reporters");
  }
  check_failed("a refusal of the enum", __FILE__, __LINE__);
}

// Kafka prints a Scala set.
Status refuse_names(const ConfigMap& overrides, bool per_broker, Refusal refusal) {
  std::vector<std::string_view> names;
  for (const auto& [key, value] : overrides) {
    if (is_refused(key, per_broker, refusal)) names.push_back(key);
  }
  if (names.empty()) return {};
  return {ErrorCode::INVALID_CONFIG, fmt::format("{}: Set({})", sentence(refusal), fmt::join(names, ", "))};
}

// Thread pools grow at most to their double at once, and shrink to the half (DynamicThreadPool, LogCleaner).
std::string wrong_thread_count(std::string_view key, int64_t now, int64_t wanted) {
  if (key == "log.cleaner.threads") {
    if (wanted < 1) return "Log cleaner threads should be at least 1";
    if (wanted < now / 2)
      return fmt::format("Log cleaner threads cannot be reduced to less than half the current value {}", now);
    if (wanted > now * 2)
      return fmt::format("Log cleaner threads cannot be increased to more than double the current value {}",
                         now);
    return "";
  }
  std::string limit;
  if (wanted < 1) {
    limit = "be at least 1";
  } else if (wanted < now / 2) {
    limit = fmt::format("be at least half the current value {}", now);
  } else if (wanted > now * 2) {
    limit = fmt::format("not be greater than double the current value {}", now);
  }
  if (limit.empty()) return "";
  return fmt::format("Dynamic thread count update validation failed for {}={}, value should {}", key, wanted,
                     limit);
}

Status check_thread_counts(const ConfigMap& now, const ConfigMap& wanted) {
  const Values before(Scope::kBroker, now);
  const Values after(Scope::kBroker, wanted);
  for (const char* key :
       {"background.threads", "log.cleaner.threads", "num.io.threads", "num.network.threads",
        "num.recovery.threads.per.data.dir", "num.replica.fetchers"}) {
    if (before.number(key) == after.number(key)) continue;
    const std::string wrong = wrong_thread_count(key, before.number(key), after.number(key));
    // Kafka takes the sentence for a key's name and the exception for its value.
    if (!wrong.empty()) {
      return {
          ErrorCode::INVALID_CONFIG,
          fmt::format("Invalid value org.apache.kafka.common.config.ConfigException: {} for configuration "
                      "Invalid dynamic configuration",
                      wrong)};
    }
  }
  return {};
}

bool is_list(Scope scope, std::string_view key) {
  const Definition* definition = scope == Scope::kBroker ? find_broker_key(key) : find_definition(scope, key);
  return definition != nullptr && definition->type() == ValueType::kList;
}

std::vector<std::string> list_before(Scope scope, const ConfigMap& current, const std::string& key) {
  const auto found = current.find(key);
  if (found != current.end()) return split_list(found->second);
  const std::optional<std::string_view> value = find_definition(scope, key)->default_value();
  return split_list(value.value_or(""));
}

Status alter_list(Scope scope, ConfigMap& values, const Alteration& alteration) {
  const bool append = alteration.operation == AlterOperation::kAppend;
  if (scope == Scope::kTopic && find_definition(scope, alteration.key) == nullptr) {
    return {ErrorCode::INVALID_CONFIG, "Unknown topic config name: " + alteration.key};
  }
  if (!is_list(scope, alteration.key)) {
    return {ErrorCode::INVALID_CONFIG, fmt::format("Config value {} is not allowed for config key: {}",
                                                   append ? "append" : "subtract", alteration.key)};
  }
  std::vector<std::string> elements = list_before(scope, values, alteration.key);
  for (const std::string& element : split_list(*alteration.value)) {
    const auto found = std::ranges::find(elements, element);
    if (append && found == elements.end()) elements.push_back(element);
    if (!append && found != elements.end()) elements.erase(found);
  }
  values[alteration.key] = fmt::format("{}", fmt::join(elements, ","));
  return {};
}

}  // namespace

Result<ConfigMap> required_values(const std::map<std::string, std::optional<std::string>>& configs) {
  ConfigMap values;
  std::vector<std::string> nulls;
  for (const auto& [key, value] : configs) {
    if (value) {
      values[key] = *value;
    } else {
      nulls.push_back(key);
    }
  }
  if (!nulls.empty()) {
    return {ErrorCode::INVALID_REQUEST,
            fmt::format("Null value not supported for : {}", fmt::join(nulls, ","))};
  }
  return values;
}

Result<ConfigMap> apply_alterations(Scope scope, ConfigMap current,
                                    const std::vector<Alteration>& alterations) {
  std::set<std::string_view> seen;
  for (const Alteration& alteration : alterations) {
    if (!seen.insert(alteration.key).second) {
      return {ErrorCode::INVALID_REQUEST, "Error due to duplicate config keys : " + alteration.key};
    }
    if (!alteration.value && alteration.operation != AlterOperation::kDelete) {
      return {ErrorCode::INVALID_REQUEST, "Null value not supported for : " + alteration.key};
    }
  }
  for (const Alteration& alteration : alterations) {
    switch (alteration.operation) {
      case AlterOperation::kSet:
        current[alteration.key] = *alteration.value;
        continue;
      case AlterOperation::kDelete:
        current.erase(alteration.key);
        continue;
      case AlterOperation::kAppend:
      case AlterOperation::kSubtract: {
        Status status = alter_list(scope, current, alteration);
        if (!status.ok()) return status;
        continue;
      }
    }
    // A number that came from the wire and is none of the four.
    return {ErrorCode::INVALID_REQUEST, fmt::format("Unknown operation {} for config key: {}",
                                                    static_cast<int>(alteration.operation), alteration.key)};
  }
  return current;
}

Status check_broker_overrides(const ConfigMap& overrides, bool per_broker) {
  Status status = refuse_names(overrides, per_broker, Refusal::kNotDynamic);
  if (status.ok()) status = refuse_names(overrides, per_broker, Refusal::kOnlyPerListener);
  for (const auto& [key, value] : overrides) {
    if (!status.ok()) break;
    const std::string_view base = listener_key(key);
    const Definition* definition = find_broker_key(base.empty() ? key : base);
    if (definition != nullptr) status = check_value(*definition, value);
  }
  return status.ok() ? refuse_names(overrides, per_broker, Refusal::kOnlyPerBroker) : status;
}

Status check_broker_override(std::string_view key, std::string_view value, bool per_broker) {
  return check_broker_overrides({{std::string(key), std::string(value)}}, per_broker);
}

Status validate_broker_overrides(const ConfigStore& store, const ConfigMap& overrides, bool per_broker) {
  Status status = check_broker_overrides(overrides, per_broker);
  if (!status.ok()) return status;
  const ConfigMap values = per_broker ? store.values_with(store.default_overrides(), overrides)
                                      : store.values_with(overrides, store.broker_overrides());
  status = make_broker_config(values).status();
  if (status.ok()) status = check_thread_counts(store.broker().values, values);
  return status.ok() ? refuse_names(overrides, per_broker, Refusal::kReadOnceHere) : status;
}

}  // namespace ottla::config
