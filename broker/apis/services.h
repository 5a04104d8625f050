// SPDX-License-Identifier: Apache-2.0
// The parts of the broker that API handlers ask. Handlers keep no state of their own.
#pragma once

#include <functional>

#include "broker/metadata/metadata_cache.h"

namespace ottla {

class EventLoop;
class PartitionManager;
class ReplicaManager;
class ClusterControl;
class ColdReads;
class FetchSessionCache;
class TopicAdmin;
class ConfigAdmin;
namespace config {
struct BrokerConfig;
class ConfigStore;
}  // namespace config
namespace groups {
class GroupCoordinator;
}
namespace storage {
class LogManager;
}

struct Services {
  EventLoop& loop;
  const config::BrokerConfig& config;
  config::ConfigStore& configs;
  MetadataCache& metadata;
  PartitionManager& partitions;
  ColdReads& cold_reads;
  storage::LogManager& logs;
  FetchSessionCache& fetch_sessions;
  TopicAdmin& topics;
  ConfigAdmin& config_admin;
  groups::GroupCoordinator& groups;
  ReplicaManager& replicas;
  ClusterControl& cluster;
  // Whether others can not have taken over meanwhile; empty where nobody can.
  std::function<bool()> may_lead = {};
};

}  // namespace ottla
