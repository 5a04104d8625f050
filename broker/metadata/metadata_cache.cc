// SPDX-License-Identifier: Apache-2.0
#include "broker/metadata/metadata_cache.h"

namespace ottla {

const Endpoint* BrokerNode::endpoint(std::string_view listener) const {
  for (const Endpoint& candidate : endpoints) {
    if (candidate.listener == listener) return &candidate;
  }
  return nullptr;
}

const TopicMetadata* MetadataCache::find(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

const TopicMetadata* MetadataCache::find(const Uuid& id) const {
  const auto found = names_by_id_.find(id);
  return found == names_by_id_.end() ? nullptr : find(found->second);
}

void MetadataCache::put(TopicMetadata topic) {
  remove(topic.name);
  if (!topic.id.is_zero()) names_by_id_[topic.id] = topic.name;
  std::string name = topic.name;
  topics_.emplace(std::move(name), std::move(topic));
}

void MetadataCache::remove(std::string_view name) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return;
  names_by_id_.erase(found->second.id);
  topics_.erase(found);
}

bool is_internal_topic(std::string_view name) {
  return name == "__consumer_offsets" || name == "__transaction_state";
}

}  // namespace ottla
