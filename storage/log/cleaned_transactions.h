// SPDX-License-Identifier: Apache-2.0
// Tells, while batches go by in the order of their offsets, which of them a cleaner may leave out for the
// sake of their transactions (kafka CleanedTransactionMetadata).
//
// - Data of a transaction that was aborted goes.
// - A marker goes when no batch of its transaction was seen before it: they went in an earlier pass. Until
//   then it stays, and so does the entry of an aborted transaction in the index: whoever reads, reads on.
//
// Threads: one at a time.
#pragma once

#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "protocol/wire/reader.h"
#include "storage/log/batch_scan.h"
#include "storage/log/producer_state.h"

namespace ottla::storage {

class CleanedTransactions {
 public:
  // `aborted`: those of the log that overlap what will go by, in any order.
  explicit CleanedTransactions(std::vector<AbortedTransaction> aborted);

  // Whether `batch` (of data) may go.
  bool may_discard(const BatchHeader& batch);
  // Whether the control batch `batch` may go; `bytes` are the whole of it. `still_aborted` is told of an
  // aborted transaction that ends there and of which something was seen.
  bool may_discard_marker(const BatchHeader& batch, Bytes bytes,
                          const std::function<void(const AbortedTransaction&)>& still_aborted);

 private:
  struct Ongoing {
    AbortedTransaction transaction;
    bool seen = false;  // a batch of it went by
  };
  void open_up_to(int64_t offset);

  std::vector<AbortedTransaction> aborted_;  // by first offset
  size_t next_ = 0;
  std::unordered_map<int64_t, Ongoing> ongoing_aborted_;  // by producer id
  std::unordered_set<int64_t> ongoing_committed_;         // producer ids
};

}  // namespace ottla::storage
