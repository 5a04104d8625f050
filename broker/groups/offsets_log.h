// SPDX-License-Identifier: Apache-2.0
// What groups need of __consumer_offsets: to append records to one of its partitions, and to read one from
// its start (org.apache.kafka.coordinator.group.runtime.PartitionWriter and CoordinatorLoader in one).
//
// Threads: every call and callback is on the loop's thread. The log outlives the GroupCoordinator, or drops
// its pending callbacks before it goes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/wire/reader.h"

namespace ottla::groups {

using OwnedBytes = std::vector<uint8_t>;

// A record to append. No value: a tombstone.
struct LogRecord {
  OwnedBytes key;
  std::optional<OwnedBytes> value;
};

// A record as it stands in the log; views are valid during the call that hands it over.
struct StoredRecord {
  enum class Control { kNone, kCommit, kAbort };

  int64_t offset = 0;
  std::optional<Bytes> key;
  std::optional<Bytes> value;
  // Of the batch: only Kafka's transactional producers set these.
  int64_t producer_id = -1;
  bool transactional = false;
  // Of a control batch: it ends the transaction of `producer_id`, key and value are not looked at.
  Control control = Control::kNone;
};

class OffsetsLog {
 public:
  virtual ~OffsetsLog() = default;

  // Appends `records` as one batch with the current time. Calls `committed` exactly once, now or later: with
  // NONE and the offset of the first record when they are committed (offsets.commit.required.acks), or with
  // what the append of a Produce would answer. Batches of one partition are committed in the order of their
  // appends. `records` is valid during the call.
  virtual void append(int32_t partition, std::span<const LogRecord> records,
                      std::function<void(ErrorCode error, int64_t base_offset)> committed) = 0;

  // Hands every record of the partition from its log start to its end to `visit`, in order, over as many
  // turns as offsets.load.buffer.size asks for, then calls `done`. A partition that is not here any more is
  // an error.
  virtual void read(int32_t partition, std::function<void(const StoredRecord&)> visit,
                    std::function<void(Status)> done) = 0;
};

}  // namespace ottla::groups
