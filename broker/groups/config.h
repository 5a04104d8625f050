// SPDX-License-Identifier: Apache-2.0
// The properties of server.properties that groups read, with Kafka's defaults.
#pragma once

#include <cstdint>
#include <limits>

namespace ottla::groups {

struct GroupConfig {
  int32_t group_min_session_timeout_ms = 6'000;
  int32_t group_max_session_timeout_ms = 1'800'000;
  int32_t group_max_size = std::numeric_limits<int32_t>::max();
  int32_t group_initial_rebalance_delay_ms = 3'000;
  int64_t offsets_retention_minutes = 10'080;
  int64_t offsets_retention_check_interval_ms = 600'000;
  int32_t offset_metadata_max_bytes = 4'096;
  // Partitions of __consumer_offsets. Where the topic exists its own count wins:
  // GroupCoordinator::set_partition_count.
  int32_t offsets_topic_num_partitions = 50;
};

}  // namespace ottla::groups
