// SPDX-License-Identifier: Apache-2.0
// Requests built before they are sent, at versions that Kafka 2.8 and 4.3 both take.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tests/bench/load/options.h"

namespace ottla::load {

constexpr int16_t kProduceVersion = 7;
constexpr int16_t kFetchVersion = 11;

// options.records records of options.size bytes, compressed where asked. The values look like log lines of a
// web shop: text that a codec finds about a third of.
std::vector<uint8_t> batch_of(const Options& options);

// One Produce request of such a batch per partition.
std::vector<std::vector<uint8_t>> produce_frames(const Options& options);

// A Fetch of one partition, without a session, that waits for one byte for at most half a second.
std::vector<uint8_t> fetch_frame(const Options& options, int32_t partition, int64_t offset);

struct FetchedRecords {
  size_t bytes = 0;
  int64_t records = 0;
  int64_t next_offset = -1;  // behind the last whole batch; -1 where there is none
  int64_t high_watermark = 0;
};
// Ends the program where the answer holds an error.
FetchedRecords read_fetch_answer(std::span<const uint8_t> frame);

}  // namespace ottla::load
