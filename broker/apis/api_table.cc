// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/api_table.h"

#include <algorithm>
#include <array>
#include <vector>

#include "broker/apis/alter_configs.h"
#include "broker/apis/alter_partition.h"
#include "broker/apis/api_versions.h"
#include "broker/apis/controlled_shutdown.h"
#include "broker/apis/create_partitions.h"
#include "broker/apis/create_topics.h"
#include "broker/apis/delete_groups.h"
#include "broker/apis/delete_records.h"
#include "broker/apis/delete_topics.h"
#include "broker/apis/describe_cluster.h"
#include "broker/apis/describe_configs.h"
#include "broker/apis/describe_groups.h"
#include "broker/apis/describe_log_dirs.h"
#include "broker/apis/describe_topic_partitions.h"
#include "broker/apis/elect_leaders.h"
#include "broker/apis/fetch.h"
#include "broker/apis/find_coordinator.h"
#include "broker/apis/heartbeat.h"
#include "broker/apis/incremental_alter_configs.h"
#include "broker/apis/init_producer_id.h"
#include "broker/apis/join_group.h"
#include "broker/apis/leader_and_isr.h"
#include "broker/apis/leave_group.h"
#include "broker/apis/list_groups.h"
#include "broker/apis/list_offsets.h"
#include "broker/apis/metadata.h"
#include "broker/apis/offset_commit.h"
#include "broker/apis/offset_delete.h"
#include "broker/apis/offset_fetch.h"
#include "broker/apis/offset_for_leader_epoch.h"
#include "broker/apis/produce.h"
#include "broker/apis/released_versions.h"
#include "broker/apis/stop_replica.h"
#include "broker/apis/sync_group.h"
#include "broker/apis/update_metadata.h"

namespace ottla {
namespace {

using protocol::ApiKey;

// Produce starts at 0 whatever it does with old versions: librdkafka takes the lack of it for the lack of
// gzip, snappy and lz4 (KAFKA-18659).
constexpr std::array kTable = std::to_array<ApiRow>({
    {ApiKey::kProduce, 0, 13, handle_produce},
    {ApiKey::kFetch, 0, 18, handle_fetch},
    {ApiKey::kListOffsets, 0, 11, handle_list_offsets},
    {ApiKey::kMetadata, 0, 13, handle_metadata},
    {ApiKey::kLeaderAndIsr, 0, 7, handle_leader_and_isr},
    {ApiKey::kStopReplica, 0, 4, handle_stop_replica},
    {ApiKey::kUpdateMetadata, 0, 8, handle_update_metadata},
    {ApiKey::kControlledShutdown, 0, 3, handle_controlled_shutdown},
    {ApiKey::kOffsetCommit, 0, 10, handle_offset_commit},
    {ApiKey::kOffsetFetch, 0, 10, handle_offset_fetch},
    {ApiKey::kFindCoordinator, 0, 6, handle_find_coordinator},
    {ApiKey::kJoinGroup, 0, 9, handle_join_group},
    {ApiKey::kHeartbeat, 0, 4, handle_heartbeat},
    {ApiKey::kLeaveGroup, 0, 5, handle_leave_group},
    {ApiKey::kSyncGroup, 0, 5, handle_sync_group},
    {ApiKey::kDescribeGroups, 0, 6, handle_describe_groups},
    {ApiKey::kListGroups, 0, 5, handle_list_groups},
    {ApiKey::kApiVersions, 0, 5, handle_api_versions},
    {ApiKey::kCreateTopics, 0, 7, handle_create_topics},
    {ApiKey::kDeleteTopics, 0, 6, handle_delete_topics},
    {ApiKey::kDeleteRecords, 0, 2, handle_delete_records},
    {ApiKey::kInitProducerId, 0, 6, handle_init_producer_id},
    {ApiKey::kOffsetForLeaderEpoch, 0, 4, handle_offset_for_leader_epoch},
    {ApiKey::kDescribeConfigs, 0, 4, handle_describe_configs},
    {ApiKey::kAlterConfigs, 0, 2, handle_alter_configs},
    {ApiKey::kDescribeLogDirs, 0, 5, handle_describe_log_dirs},
    {ApiKey::kCreatePartitions, 0, 3, handle_create_partitions},
    {ApiKey::kDeleteGroups, 0, 3, handle_delete_groups},
    {ApiKey::kElectLeaders, 0, 2, handle_elect_leaders},
    {ApiKey::kIncrementalAlterConfigs, 0, 1, handle_incremental_alter_configs},
    {ApiKey::kOffsetDelete, 0, 0, handle_offset_delete},
    {ApiKey::kAlterPartition, 0, 3, handle_alter_partition},
    {ApiKey::kDescribeCluster, 0, 2, handle_describe_cluster},
    {ApiKey::kDescribeTopicPartitions, 0, 0, handle_describe_topic_partitions},
});

constexpr bool by_key(const ApiRow& a, const ApiRow& b) { return a.key < b.key; }
static_assert(std::is_sorted(kTable.begin(), kTable.end(), by_key));

std::vector<ApiRow> filtered(config::Release release) {
  std::vector<ApiRow> rows;
  for (ApiRow row : kTable) {
    const VersionRange range = released_versions(release, row.key);
    row.min_version = std::max(row.min_version, range.lowest);
    row.max_version = std::min(row.max_version, range.highest);
    if (row.min_version <= row.max_version) rows.push_back(row);
  }
  return rows;
}

}  // namespace

std::span<const ApiRow> api_table(config::Release release) {
  static const std::array kTables = {filtered(config::Release::kAny), filtered(config::Release::k2_8),
                                     filtered(config::Release::k3_9), filtered(config::Release::k4_4)};
  return kTables.at(static_cast<size_t>(release));
}

const ApiRow* find_api(int16_t key, config::Release release) {
  const auto table = api_table(release);
  const auto row = std::lower_bound(
      table.begin(), table.end(), key,
      [](const ApiRow& candidate, int16_t wanted) { return static_cast<int16_t>(candidate.key) < wanted; });
  return row != table.end() && static_cast<int16_t>(row->key) == key ? &*row : nullptr;
}

}  // namespace ottla
