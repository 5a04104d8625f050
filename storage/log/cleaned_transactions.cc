// SPDX-License-Identifier: Apache-2.0
#include "storage/log/cleaned_transactions.h"

#include <algorithm>

#include "protocol/records/control_records.h"
#include "protocol/records/record_reader.h"

namespace ottla::storage {

CleanedTransactions::CleanedTransactions(std::vector<AbortedTransaction> aborted)
    : aborted_(std::move(aborted)) {
  std::sort(aborted_.begin(), aborted_.end(),
            [](const auto& a, const auto& b) { return a.first_offset < b.first_offset; });
}

// A producer's next transaction begins behind the end of the one before it: it takes that one's place.
void CleanedTransactions::open_up_to(int64_t offset) {
  for (; next_ < aborted_.size() && aborted_[next_].first_offset <= offset; ++next_) {
    ongoing_aborted_[aborted_[next_].producer_id] = {aborted_[next_], false};
  }
}

bool CleanedTransactions::may_discard(const BatchHeader& batch) {
  open_up_to(batch.last_offset);
  if (!batch.transactional) return false;
  const auto aborted = ongoing_aborted_.find(batch.producer_id);
  // Behind the end of it this is another transaction, whether its marker was seen or not.
  if (aborted != ongoing_aborted_.end() && batch.base_offset <= aborted->second.transaction.last_offset) {
    aborted->second.seen = true;
    return true;
  }
  ongoing_committed_.insert(batch.producer_id);
  return false;
}

bool CleanedTransactions::may_discard_marker(
    const BatchHeader& batch, Bytes bytes,
    const std::function<void(const AbortedTransaction&)>& still_aborted) {
  open_up_to(batch.last_offset);
  records::RecordReader reader;
  if (!reader.open(bytes).ok()) return false;
  const auto record = reader.next();
  // Emptied in an earlier pass.
  if (!record) return reader.status().ok();
  switch (records::parse_control_key(record->key).value_or(records::ControlType::kLeaderChange)) {
    case records::ControlType::kAbort: {
      const auto ended = ongoing_aborted_.extract(batch.producer_id);
      if (ended.empty() || !ended.mapped().seen) return true;
      still_aborted(ended.mapped().transaction);
      return false;
    }
    case records::ControlType::kCommit:
      return ongoing_committed_.erase(batch.producer_id) == 0;
    default:
      return false;
  }
}

}  // namespace ottla::storage
