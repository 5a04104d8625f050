// SPDX-License-Identifier: Apache-2.0
#include "storage/log/producer_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "storage/log/producer_snapshot.h"

namespace ottla::storage {
namespace {

constexpr size_t kBatchesKept = 5;

std::string describe(const ProducerBatch& batch) {
  return "producer " + std::to_string(batch.producer_id) + " epoch " + std::to_string(batch.producer_epoch);
}

}  // namespace

int32_t sequence_after(int32_t sequence, int32_t count) {
  const int64_t sum = int64_t{sequence} + count;
  const int64_t modulus = int64_t{std::numeric_limits<int32_t>::max()} + 1;
  return static_cast<int32_t>(sum % modulus);
}

ProducerState::Check ProducerState::check(const ProducerBatch& batch) const {
  const auto found = producers_.find(batch.producer_id);
  if (found == producers_.end()) return {};
  const Producer& known = found->second;
  if (batch.producer_epoch < known.epoch) {
    return {
        ErrorCode::INVALID_PRODUCER_EPOCH,
        "Epoch of " + describe(batch) + " is smaller than the last seen epoch " + std::to_string(known.epoch),
        {}};
  }
  for (const ProducerBatch& kept : known.batches) {
    const bool same = kept.producer_epoch == batch.producer_epoch &&
                      kept.base_sequence == batch.base_sequence && kept.last_sequence == batch.last_sequence;
    if (same) return {ErrorCode::NONE, "", kept};
  }
  if (batch.producer_epoch > known.epoch) {
    if (batch.base_sequence == 0) return {};
    return {ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            "Invalid sequence number " + std::to_string(batch.base_sequence) + " for the new epoch of " +
                describe(batch),
            {}};
  }
  // A producer of which only a marker is left has sent nothing in this epoch: it begins at 0.
  const int32_t last = known.batches.empty() ? -1 : known.batches.back().last_sequence;
  if (batch.base_sequence == (last < 0 ? 0 : sequence_after(last, 1))) return {};
  return {ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
          "Out of order sequence number for " + describe(batch) + ": " + std::to_string(batch.base_sequence) +
              " (incoming seq. number), " + std::to_string(last) + " (current end sequence number)",
          {}};
}

void ProducerState::update(const ProducerBatch& batch) {
  Producer& known = producers_[batch.producer_id];
  if (batch.producer_epoch != known.epoch) {
    known.epoch = batch.producer_epoch;
    known.batches.clear();
  }
  if (known.batches.size() == kBatchesKept) known.batches.erase(known.batches.begin());
  known.batches.push_back(batch);
  known.last_timestamp = batch.timestamp;
  if (batch.transactional && !known.transaction_first_offset) {
    known.transaction_first_offset = batch.first_offset;
    open_transactions_.insert(batch.first_offset);
  }
}

std::optional<int64_t> ProducerState::end_transaction(const EndMarker& marker) {
  Producer& known = producers_[marker.producer_id];
  if (marker.producer_epoch != known.epoch) {
    known.epoch = marker.producer_epoch;
    known.batches.clear();
  }
  known.coordinator_epoch = marker.coordinator_epoch;
  known.last_timestamp = marker.timestamp;
  const auto first = std::exchange(known.transaction_first_offset, std::nullopt);
  if (first) open_transactions_.erase(*first);
  return first;
}

std::optional<int64_t> ProducerState::first_open_offset() const {
  if (open_transactions_.empty()) return std::nullopt;
  return *open_transactions_.begin();
}

void ProducerState::expire(int64_t now_ms, int64_t expiration_ms) {
  std::erase_if(producers_, [&](const auto& entry) {
    const Producer& producer = entry.second;
    return !producer.transaction_first_offset && now_ms - producer.last_timestamp >= expiration_ms;
  });
}

void ProducerState::clear() {
  producers_.clear();
  open_transactions_.clear();
}

Status ProducerState::write_snapshot(FileSystem& files, const std::string& path, bool sync) const {
  std::vector<ProducerSnapshotEntry> entries;
  entries.reserve(producers_.size());
  for (const auto& [id, producer] : producers_) {
    ProducerSnapshotEntry& entry = entries.emplace_back();
    entry.producer_id = id;
    entry.epoch = producer.epoch;
    entry.timestamp = producer.last_timestamp;
    entry.coordinator_epoch = producer.coordinator_epoch;
    entry.transaction_first_offset = producer.transaction_first_offset.value_or(-1);
    if (producer.batches.empty()) continue;
    const ProducerBatch& last = producer.batches.back();
    entry.last_sequence = last.last_sequence;
    entry.last_offset = last.last_offset;
    entry.offset_delta = static_cast<int32_t>(last.last_offset - last.first_offset);
  }
  return write_producer_snapshot(files, path, entries, sync);
}

Status ProducerState::read_snapshot(FileSystem& files, const std::string& path) {
  clear();
  const auto entries = read_producer_snapshot(files, path);
  if (entries.status().code() == ErrorCode::CORRUPT_MESSAGE)
    return {ErrorCode::CORRUPT_MESSAGE,
            fmt::format("producer snapshot {}: {}", path, entries.status().message())};
  if (!entries.ok()) return entries.status();
  for (const ProducerSnapshotEntry& entry : *entries) {
    Producer producer;
    producer.epoch = entry.epoch;
    producer.coordinator_epoch = entry.coordinator_epoch;
    producer.last_timestamp = entry.timestamp;
    if (entry.last_offset >= 0) {
      ProducerBatch& last = producer.batches.emplace_back();
      last.producer_id = entry.producer_id;
      last.producer_epoch = entry.epoch;
      last.base_sequence = entry.first_sequence();
      last.last_sequence = entry.last_sequence;
      last.first_offset = entry.last_offset - entry.offset_delta;
      last.last_offset = entry.last_offset;
      last.timestamp = entry.timestamp;
    }
    if (entry.transaction_first_offset >= 0) {
      producer.transaction_first_offset = entry.transaction_first_offset;
      open_transactions_.insert(entry.transaction_first_offset);
    }
    producers_[entry.producer_id] = std::move(producer);
  }
  return {};
}

}  // namespace ottla::storage
