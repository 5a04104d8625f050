// SPDX-License-Identifier: Apache-2.0
// DescribeTopicPartitions, version 0 (KIP-966): topics and partitions page by page, sorted by name.
//
// No topics asks for all. At most response_partition_limit partitions are answered (at least 1, at most 2000,
// Kafka's default of max.request.partition.size.limit); where some are left, next_cursor says where to go on.
// With a cursor, topics before it are passed over; it has to be one of the topics asked for, and its
// partition not negative, else every topic is INVALID_REQUEST. Unknown topics: UNKNOWN_TOPIC_OR_PARTITION or
// INVALID_TOPIC_EXCEPTION. Never creates a topic.
//
// Left out: eligible leader replicas. There are none outside of KRaft, the lists are empty.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_describe_topic_partitions(Request& request);

}  // namespace ottla
