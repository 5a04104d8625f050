// SPDX-License-Identifier: Apache-2.0
// The way from KRaft, one way: a start on log directories of Kafka 3.x or 4.x in KRaft mode writes what their
// metadata log says as Kafka 2.8's znodes (storage/doc/kraft-takeover.md).
//
//   1. a directory with meta.properties of version 1 and __cluster_metadata-0 is found; its metadata is read
//   2. refused: other brokers hold replicas; coordination serves another cluster, or has topics and no
//   cluster
//   3. copies of meta.properties are kept; /cluster/id is written first, then a transaction per topic,
//   settings,
//      the next producer id
//   4. meta.properties is written as version 0, when the znodes are safe (LogManager::write_identity)
// A start that was killed in between begins again at 1: what is there already is left as it is.
// __cluster_metadata-0 stays.
//
// Threads: the loop's. Everything passed in outlives the flow.
#pragma once

#include <optional>

#include "coordination/client.h"
#include "protocol/base/task.h"
#include "storage/io/file_system.h"
#include "storage/log/log_manager.h"

namespace ottla::takeover {

// Does nothing where no directory is KRaft's. Before the cluster id is asked for, after the startup paths are
// made. `configured_broker_id`: negative where none is.
Task<Status> take_over_kraft(coordination::Client& client, storage::FileSystem& files,
                             storage::LogManager& logs, int32_t configured_broker_id);

}  // namespace ottla::takeover
