// SPDX-License-Identifier: Apache-2.0
// What a partition knows of its idempotent and transactional producers: the last five batches of each, and
// the first offset of a transaction that is open (kafka ProducerStateManager, ProducerStateEntry,
// ProducerAppendInfo; KIP-98, KIP-360).
//
// The state is rebuilt from batches, and kept in .snapshot files so that not all of the log has to be read.
// Threads: one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/base/status.h"
#include "storage/io/file_system.h"

namespace ottla::storage {

// What a batch says of its producer.
struct ProducerBatch {
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t base_sequence = -1;
  int32_t last_sequence = -1;
  int64_t first_offset = -1;
  int64_t last_offset = -1;
  int64_t timestamp = -1;
  bool transactional = false;
};

// What an end-of-transaction marker says.
struct EndMarker {
  int64_t producer_id = -1;
  int16_t producer_epoch = -1;
  int32_t coordinator_epoch = -1;
  int64_t offset = -1;
  int64_t timestamp = -1;
  bool commit = false;
};

// A transaction that was aborted: for .txnindex and read_committed fetches.
struct AbortedTransaction {
  int64_t producer_id = -1;
  int64_t first_offset = -1;
  int64_t last_offset = -1;
  int64_t last_stable_offset = -1;
};

// The sequence `count` after `sequence`; wraps from 2^31-1 to 0.
int32_t sequence_after(int32_t sequence, int32_t count);

class ProducerState {
 public:
  struct Check {
    ErrorCode error = ErrorCode::NONE;
    std::string message;
    // Set where the batch is one of the last five: it was appended there already.
    std::optional<ProducerBatch> duplicate;
  };

  // What Kafka says to a client's batch: INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, a duplicate,
  // or nothing. A producer that is not known may begin with any sequence. REQUIRES: batch.producer_id >= 0.
  Check check(const ProducerBatch& batch) const;
  // Takes over what was appended.
  void update(const ProducerBatch& batch);
  // Ends the producer's transaction; the value says where it began, where one was open.
  std::optional<int64_t> end_transaction(const EndMarker& marker);

  // The first offset of the oldest open transaction.
  std::optional<int64_t> first_open_offset() const;
  // Forgets producers that were silent for longer and have no transaction open.
  void expire(int64_t now_ms, int64_t expiration_ms);
  void clear();
  bool empty() const { return producers_.empty(); }

  // One line per producer, for DescribeProducers.
  struct Producer {
    int16_t epoch = -1;
    int32_t coordinator_epoch = -1;
    int64_t last_timestamp = -1;
    std::optional<int64_t> transaction_first_offset;
    std::vector<ProducerBatch> batches;  // the oldest first, at most five
  };
  const std::unordered_map<int64_t, Producer>& producers() const { return producers_; }

  // Kafka's snapshot file (producer_snapshot.h). Read: CORRUPT_MESSAGE where it is no good.
  Status write_snapshot(FileSystem& files, const std::string& path, bool sync) const;
  Status read_snapshot(FileSystem& files, const std::string& path);

 private:
  std::unordered_map<int64_t, Producer> producers_;
  std::set<int64_t> open_transactions_;  // first offsets
};

}  // namespace ottla::storage
