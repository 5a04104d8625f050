// SPDX-License-Identifier: Apache-2.0
// From a file and a command line to a BrokerConfig, with words for the person who wrote them.
#include <fmt/format.h>

#include <algorithm>

#include "broker/config/broker_config.h"
#include "broker/config/broker_config_problems.h"
#include "broker/config/properties.h"

namespace ottla::config {

namespace {

// Keys of plug-ins and of Kafka's own parts that are in no table; nobody who writes them has mistyped.
constexpr std::string_view kForeignPrefixes[] = {"listener.name.", "config.providers.",  "rlmm.config.",
                                                 "rsm.config.",    "authorizer.",        "confluent.",
                                                 "kafka.csv.",     "ssl.engine.factory."};
constexpr std::string_view kForeignKeys[] = {"super.users",   "allow.everyone.if.no.acl.found",
                                             kEmulateKey,     kDurabilityKey,
                                             kLogMaxBytesKey, kClockJumpMaxKey,
                                             kLoopsKey,       kLoopThreadsKey};

// Accepted, and without effect: said aloud where a person would rely on them. `harmless` is the value that
// asks for nothing.
struct WithoutEffect {
  std::string_view key;
  std::string_view harmless;
  std::string_view message;
};
constexpr WithoutEffect kWithoutEffect[] = {
    {"authorizer.class.name", "", "nobody is refused anything: this version of Ottla has no authorization"},
    {"super.users", "", "without effect: this version of Ottla has no authorization"},
    {"allow.everyone.if.no.acl.found", "true", "without effect: this version of Ottla has no authorization"},
    {"client.quota.callback.class", "", "without effect: Java classes cannot be loaded"},
    {"create.topic.policy.class.name", "", "without effect: Java classes cannot be loaded"},
    {"alter.config.policy.class.name", "", "without effect: Java classes cannot be loaded"},
    {"replica.selector.class", "", "without effect: Java classes cannot be loaded"},
    {"quota.producer.default", "9223372036854775807", "without effect: this version of Ottla has no quotas"},
    {"quota.consumer.default", "9223372036854775807", "without effect: this version of Ottla has no quotas"},
    {"remote.log.storage.system.enable", "false", "without effect: there is no tiered storage"},
    {"control.plane.listener.name", "", "without effect: the controller uses the inter-broker listener"},
};

// The broker key that someone meant who wrote a topic's key into the broker's file.
std::string_view meant_by_topic_key(std::string_view key) {
  return find_definition(Scope::kTopic, key) != nullptr ? broker_key_of(key) : std::string_view();
}

void warn_unknown(const BrokerConfig& config, Problems& problems) {
  for (const auto& [key, value] : config.values) {
    if (find_definition(Scope::kBroker, key) != nullptr) continue;
    if (std::ranges::find(kForeignKeys, key) != std::end(kForeignKeys)) continue;
    if (std::ranges::any_of(kForeignPrefixes,
                            [&](std::string_view prefix) { return key.starts_with(prefix); }))
      continue;
    if (const std::string_view meant = meant_by_topic_key(key); !meant.empty()) {
      problems.warn(config.values, key,
                    fmt::format("this is a topic's key and has no effect here; the broker's is {}", meant));
    } else if (find_definition(Scope::kDynamicBroker, key) != nullptr) {
      problems.warn(config.values, key, "no effect here; this key is set with kafka-configs alone");
    } else if (const std::string_view nearest = nearest_key(Scope::kBroker, key); !nearest.empty()) {
      problems.warn(config.values, key, fmt::format("unknown key, no effect; did you mean {}?", nearest));
    } else {
      problems.warn(config.values, key, "unknown key, no effect");
    }
  }
}

void warn_without_effect(const BrokerConfig& config, Problems& problems) {
  for (const WithoutEffect& entry : kWithoutEffect) {
    const auto found = config.values.find(std::string(entry.key));
    if (found == config.values.end() || trimmed(found->second).empty() ||
        trimmed(found->second) == entry.harmless)
      continue;
    problems.warn(config.values, entry.key, entry.message);
  }
}

// Ottla keeps the cluster's state in ZooKeeper's tree; what a KRaft file asks for is served as far as that
// goes.
void check_process_roles(const BrokerConfig& config, Problems& problems) {
  const Values values(Scope::kBroker, config.values);
  const std::vector<std::string> roles = values.list("process.roles");
  if (roles.empty()) return;
  if (std::ranges::find(roles, "broker") == roles.end()) {
    problems.error(config.values, "process.roles",
                   "Ottla has no KRaft controller to run alone; leave process.roles out, or name broker");
  } else {
    problems.warn(config.values, "process.roles",
                  "KRaft is not spoken: the cluster's state is kept as Kafka 2.8 keeps it, in ZooKeeper "
                  "(zookeeper.connect) or "
                  "in the coordination inside `ottla start`; controller.* keys and listeners have no effect");
  }
}

void apply_overrides(const std::vector<std::string>& overrides, BrokerConfig& config, Problems& problems) {
  for (const std::string& text : overrides) {
    const size_t equals = text.find('=');
    const std::string key(trimmed(std::string_view(text).substr(0, equals)));
    if (equals == std::string::npos || key.empty()) {
      problems.error(fmt::format("--override {}: expected key=value", text));
      continue;
    }
    config.values[key] = trimmed(std::string_view(text).substr(equals + 1));
    problems.note_origin(key, "--override");
  }
}

}  // namespace

std::string Problems::sentence(const ConfigMap& values, std::string_view key,
                               std::string_view message) const {
  const auto value = values.find(std::string(key));
  const auto origin = origins_.find(std::string(key));
  const Definition* definition = find_definition(Scope::kBroker, key);
  std::string text;
  if (origin != origins_.end()) text = origin->second + ": ";
  text += key;
  if (value != values.end()) {
    text += "=";
    text += definition != nullptr && definition->sensitive() ? "[hidden]" : value->second;
  }
  return fmt::format("{}: {}", text, message);
}

void Problems::error(const ConfigMap& values, std::string_view key, std::string_view message) {
  errors_.push_back(sentence(values, key, message));
}

void Problems::warn(const ConfigMap& values, std::string_view key, std::string_view message) {
  warnings_.push_back(sentence(values, key, message));
}

Status Problems::status() const {
  if (errors_.empty()) return {};
  return {ErrorCode::INVALID_CONFIG, fmt::format("{}", fmt::join(errors_, "\n"))};
}

Result<LoadedBrokerConfig> load_broker_config(const std::optional<std::string>& path,
                                              const std::vector<std::string>& overrides,
                                              const LoadOptions& options) {
  LoadedBrokerConfig loaded;
  Problems problems;
  BrokerConfig& config = loaded.config;
  if (path) {
    Result<PropertyFile> file = read_properties(*path);
    if (!file.ok()) return file.status();
    for (Property& property : file->properties) {
      problems.note_origin(property.key, fmt::format("{}:{}", *path, property.line));
      config.values[property.key] = std::move(property.value);
    }
  }
  apply_overrides(overrides, config, problems);
  fill_broker_config(config, problems);
  if (!problems.ok()) return problems.status();
  check_process_roles(config, problems);
  if (options.zookeeper_required && config.zookeeper_connect.empty()) {
    problems.error(
        fmt::format("{}: Missing required configuration `zookeeper.connect` which has no default value; add "
                    "a line such as "
                    "zookeeper.connect=localhost:2181, or use `ottla start`, which has coordination inside",
                    path.value_or("no server.properties")));
  }
  warn_unknown(config, problems);
  warn_without_effect(config, problems);
  if (!problems.ok()) return problems.status();
  loaded.warnings = problems.take_warnings();
  return loaded;
}

}  // namespace ottla::config
