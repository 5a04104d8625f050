// SPDX-License-Identifier: Apache-2.0
// What Java computes over the UTF-16 units of a string, for a UTF-8 one: two brokers must agree on the
// partition of a group, and limits on "characters" are limits on units. Bytes that are not UTF-8 count as
// U+FFFD, as Java decodes them.
#pragma once

#include <cstdint>
#include <string_view>

namespace ottla::groups {

// String.hashCode.
int32_t java_hash_code(std::string_view utf8);
// String.length.
int64_t java_length(std::string_view utf8);
// The partition of __consumer_offsets that a group lives on
// (kafka.coordinator.group.GroupMetadataManager.partitionFor).
int32_t partition_of_group(std::string_view group_id, int32_t partition_count);

}  // namespace ottla::groups
