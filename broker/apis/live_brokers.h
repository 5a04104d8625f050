// SPDX-License-Identifier: Apache-2.0
// Which brokers a client of one listener can reach; Metadata, DescribeTopicPartitions and FindCoordinator
// ask.
//
// Threads: the loop's. Pointers are valid until the turn ends.
#pragma once

#include <string_view>
#include <vector>

#include "broker/metadata/metadata_cache.h"

namespace ottla {

// Where clients of `listener` reach broker `id`: null where it is not alive or has no such listener.
const Endpoint* live_endpoint(const MetadataCache& metadata, int32_t id, std::string_view listener);

// The members of `ids` that have a live endpoint, or those that have none; in their order.
std::vector<int32_t> reachable(const MetadataCache& metadata, const std::vector<int32_t>& ids,
                               std::string_view listener);
std::vector<int32_t> unreachable(const MetadataCache& metadata, const std::vector<int32_t>& ids,
                                 std::string_view listener);

}  // namespace ottla
