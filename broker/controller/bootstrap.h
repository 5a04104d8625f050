// SPDX-License-Identifier: Apache-2.0
// What a broker does with its coordination service before it serves (kafka.server.KafkaServer.startup,
// KafkaZkClient): the persistent paths, the cluster id, a broker id where none is configured, its
// registration.
//
// Threads: the loop's. `client` outlives each flow.
#pragma once

#include <array>
#include <functional>
#include <string>

#include "broker/metadata/metadata_cache.h"
#include "coordination/client.h"
#include "protocol/base/event_loop.h"
#include "protocol/base/task.h"

namespace ottla {

using RandomBytes = std::function<std::array<uint8_t, 16>()>;

Task<Status> ensure_startup_paths(coordination::Client& client);

// The id in /cluster/id; where there is none, a new one is written first.
Task<Result<std::string>> obtain_cluster_id(coordination::Client& client, RandomBytes random);

// A broker id above `reserved_max`, never given before in this cluster: the version of /brokers/seqid counts.
Task<Result<int32_t>> generate_broker_id(coordination::Client& client, int32_t reserved_max);

// Creates the ephemeral /brokers/ids/<id>; the value is the broker's epoch, the node's czxid (KIP-380). A
// node that an earlier run on the same host and ports left behind is taken over: we hold those ports, so its
// owner is gone. Any other owner means that the id is taken: Kafka's refusal, with the way out.
Task<Result<int64_t>> register_broker(coordination::Client& client, const BrokerNode& node, int64_t wall_ms);

}  // namespace ottla
