// SPDX-License-Identifier: Apache-2.0
#include "broker/config/describe.h"

#include <algorithm>
#include <set>

namespace ottla::config {

namespace {

bool wanted(const DescribeOptions& options, std::string_view key) {
  return options.keys == nullptr || options.keys->empty() ||
         std::ranges::find(*options.keys, key) != options.keys->end();
}

// DynamicBrokerConfig.brokerConfigSynonyms: a listener's key falls back to the key without the prefix.
std::vector<std::string> names_for(std::string_view key) {
  constexpr std::string_view kPrefix = "listener.name.";
  const size_t dot = key.starts_with(kPrefix) ? key.find('.', kPrefix.size()) : std::string_view::npos;
  if (dot == std::string_view::npos) return broker_synonyms(key);
  std::string_view base = key.substr(dot + 1);
  // Those of a SASL mechanism have its name in between.
  for (const std::string_view of_mechanism :
       {"sasl.jaas.config", "sasl.login.callback.handler.class", "sasl.login.class",
        "sasl.server.callback.handler.class", "connections.max.reauth.ms"}) {
    if (base.ends_with(of_mechanism)) base = of_mechanism;
  }
  return {std::string(key), std::string(base)};
}

const Definition* broker_definition(std::string_view key) {
  for (const std::string& name : names_for(key)) {
    if (const Definition* definition = find_definition(Scope::kBroker, name)) return definition;
    if (const Definition* definition = find_definition(Scope::kDynamicBroker, name)) return definition;
  }
  return nullptr;
}

std::optional<std::string> shown(std::string_view value, bool sensitive) {
  if (sensitive) return std::nullopt;
  return std::string(value);
}

// Everything that defines `key`, the strongest first; what comes before `key` itself is left out.
std::vector<ConfigSynonym> broker_chain(const ConfigStore& store, std::string_view key, bool sensitive) {
  const std::vector<std::string> names = names_for(key);
  std::vector<ConfigSynonym> chain;
  const auto add_from = [&](const ConfigMap& map, ConfigSource source) {
    for (const std::string& name : names) {
      const auto found = map.find(name);
      if (found != map.end()) chain.push_back({name, shown(found->second, sensitive), source});
    }
  };
  add_from(store.broker_overrides(), ConfigSource::kDynamicBroker);
  add_from(store.default_overrides(), ConfigSource::kDynamicDefaultBroker);
  add_from(store.static_values(), ConfigSource::kStaticBroker);
  for (const std::string& name : names) {
    const Definition* definition = find_definition(Scope::kBroker, name);
    if (definition == nullptr) continue;
    if (const auto value = definition->default_value()) {
      chain.push_back({name, shown(*value, sensitive), ConfigSource::kDefault});
    }
  }
  const auto first = std::ranges::find(chain, key, &ConfigSynonym::name);
  chain.erase(chain.begin(), first);
  return chain;
}

void finish(ConfigEntry& entry, std::vector<ConfigSynonym> chain, const Definition* definition,
            const DescribeOptions& options) {
  entry.source = chain.empty() ? ConfigSource::kDefault : chain.front().source;
  if (options.include_synonyms) entry.synonyms = std::move(chain);
  if (options.include_documentation)
    entry.documentation = definition != nullptr ? definition->documentation() : "";
}

ConfigEntry topic_entry(const ConfigStore& store, const Definition& definition, const ConfigMap& overrides,
                        const DescribeOptions& options) {
  ConfigEntry entry;
  entry.name = definition.name();
  entry.type = definition.type();
  std::vector<ConfigSynonym> chain;
  const std::string_view broker_key = broker_key_of(entry.name);
  if (!broker_key.empty()) chain = broker_chain(store, broker_key, false);
  const auto override = overrides.find(entry.name);
  if (override != overrides.end()) {
    entry.value = canonical_value(definition, override->second);
    chain.insert(chain.begin(), {entry.name, entry.value, ConfigSource::kTopic});
  } else {
    entry.value = inherited_value(entry.name, store.broker().values);
    // 4.x writes this one into the cluster's dynamic defaults when it starts, so that every topic shows it.
    if (store.broker().emulate == Release::k4_4 && entry.name == "min.insync.replicas")
      chain.insert(chain.begin(), {entry.name, entry.value, ConfigSource::kDynamicDefaultBroker});
  }
  finish(entry, std::move(chain), &definition, options);
  return entry;
}

ConfigEntry broker_entry(const ConfigStore& store, const std::string& key, std::optional<std::string> value,
                         bool this_broker, const DescribeOptions& options) {
  const Definition* definition = broker_definition(key);
  ConfigEntry entry;
  entry.name = key;
  entry.type = definition != nullptr ? definition->type() : ValueType::kUnknown;
  // What nobody knows might be a secret.
  entry.sensitive = definition == nullptr ? !is_own_key(key) : definition->sensitive();
  entry.read_only = definition == nullptr || definition->name() != key ||
                    definition->update_mode() == UpdateMode::kReadOnly;
  if (definition == nullptr && is_own_key(key)) {
    entry.type = ValueType::kString;
    entry.read_only = !is_own_dynamic_key(key);
    entry.value = value;
  } else if (value && !entry.sensitive) {
    entry.value = check_value(*definition, *value).ok() ? canonical_value(*definition, *value) : *value;
  }
  std::vector<ConfigSynonym> chain = broker_chain(store, key, entry.sensitive);
  if (!this_broker) {
    std::erase_if(chain,
                  [](const ConfigSynonym& s) { return s.source != ConfigSource::kDynamicDefaultBroker; });
  }
  finish(entry, std::move(chain), definition, options);
  return entry;
}

// Whether a key that nobody has set is shown.
bool listed(const Definition& definition, const DescribeOptions& options) {
  return !definition.internal() && (definition.in_2_8() || options.newer_keys);
}

}  // namespace

std::vector<ConfigEntry> describe_topic_overrides(const ConfigStore& store, const ConfigMap& overrides,
                                                  const DescribeOptions& options) {
  std::vector<ConfigEntry> entries;
  for (const Definition& definition : definitions(Scope::kTopic)) {
    const std::string name(definition.name());
    const bool set = overrides.contains(name) ||
                     store.broker().values.contains(std::string(broker_key_of(definition.name())));
    if (wanted(options, name) && (listed(definition, options) || (set && !definition.internal()))) {
      entries.push_back(topic_entry(store, definition, overrides, options));
    }
  }
  return entries;
}

std::vector<ConfigEntry> describe_topic(const ConfigStore& store, std::string_view topic,
                                        const DescribeOptions& options) {
  return describe_topic_overrides(store, store.topic_overrides(topic), options);
}

std::vector<ConfigEntry> describe_broker(const ConfigStore& store, const DescribeOptions& options) {
  std::set<std::string> names;
  for (const Definition& definition : definitions(Scope::kBroker)) {
    if (listed(definition, options)) names.emplace(definition.name());
  }
  const ConfigMap& values = store.broker().values;
  for (const auto& [name, value] : values) names.insert(name);
  std::vector<ConfigEntry> entries;
  for (const std::string& name : names) {
    if (!wanted(options, name)) continue;
    std::optional<std::string> value;
    if (const auto found = values.find(name); found != values.end()) {
      value = found->second;
    } else if (const auto fixed = find_definition(Scope::kBroker, name)->default_value()) {
      value = *fixed;
    }
    entries.push_back(broker_entry(store, name, std::move(value), true, options));
  }
  return entries;
}

std::vector<ConfigEntry> describe_broker_defaults(const ConfigStore& store, const DescribeOptions& options) {
  std::vector<ConfigEntry> entries;
  for (const auto& [name, value] : store.default_overrides()) {
    if (wanted(options, name)) entries.push_back(broker_entry(store, name, value, false, options));
  }
  return entries;
}

std::vector<ConfigEntry> describe_group(const DescribeOptions& options) {
  std::vector<ConfigEntry> entries;
  for (const Definition& definition : definitions(Scope::kGroup)) {
    if (!wanted(options, definition.name()) || definition.internal()) continue;
    ConfigEntry entry;
    entry.name = definition.name();
    entry.type = definition.type();
    if (const auto value = definition.default_value()) entry.value = *value;
    std::vector<ConfigSynonym> chain;
    chain.push_back({entry.name, entry.value, ConfigSource::kDefault});
    finish(entry, std::move(chain), &definition, options);
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace ottla::config
