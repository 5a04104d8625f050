// SPDX-License-Identifier: Apache-2.0
#include "storage/log/producer_state.h"

#include <algorithm>
#include <limits>

#include "protocol/records/crc32c.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla::storage {
namespace {

constexpr size_t kBatchesKept = 5;
constexpr int16_t kSnapshotVersion = 1;
constexpr size_t kSnapshotHeaderBytes = 6;
constexpr size_t kSnapshotEntryBytes = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8;

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
  Writer writer;
  writer.int16(kSnapshotVersion);
  writer.int32(0);
  writer.int32(static_cast<int32_t>(producers_.size()));
  for (const auto& [id, producer] : producers_) {
    const ProducerBatch last = producer.batches.empty() ? ProducerBatch{} : producer.batches.back();
    writer.int64(id);
    writer.int16(producer.epoch);
    writer.int32(last.last_sequence);
    writer.int64(last.last_offset);
    writer.int32(producer.batches.empty() ? 0 : static_cast<int32_t>(last.last_offset - last.first_offset));
    writer.int64(producer.last_timestamp);
    writer.int32(producer.coordinator_epoch);
    writer.int64(producer.transaction_first_offset.value_or(-1));
  }
  writer.patch_int32(2, static_cast<int32_t>(crc32c(writer.buffer().subspan(kSnapshotHeaderBytes))));
  const auto file = files.open(path, true);
  if (!file.ok()) return file.status();
  Status status = (*file)->truncate(0);
  if (status.ok()) status = (*file)->write_at(writer.buffer(), 0);
  if (status.ok() && sync) status = (*file)->sync();
  return status;
}

Status ProducerState::read_snapshot(FileSystem& files, const std::string& path) {
  clear();
  const auto text = files.read_text(path, uint64_t{1} << 30);
  if (!text.ok()) return text.status();
  const Bytes bytes(reinterpret_cast<const uint8_t*>(text->data()), text->size());
  Reader reader(bytes);
  const int16_t version = reader.int16();
  const uint32_t crc = reader.uint32();
  if (!reader.ok() || version != kSnapshotVersion || crc != crc32c(bytes.subspan(kSnapshotHeaderBytes))) {
    return {ErrorCode::CORRUPT_MESSAGE, "producer snapshot " + path + " is damaged"};
  }
  const int32_t count = reader.array_length(kSnapshotEntryBytes);
  for (int32_t i = 0; i < count && reader.ok(); ++i) {
    const int64_t id = reader.int64();
    Producer producer;
    producer.epoch = reader.int16();
    ProducerBatch last;
    last.producer_id = id;
    last.producer_epoch = producer.epoch;
    last.last_sequence = reader.int32();
    last.last_offset = reader.int64();
    const int32_t delta = reader.int32();
    producer.last_timestamp = last.timestamp = reader.int64();
    producer.coordinator_epoch = reader.int32();
    const int64_t open = reader.int64();
    if (last.last_offset >= 0) {
      last.first_offset = last.last_offset - delta;
      // The inverse of sequence_after: the first sequence of a batch that may have wrapped.
      const int64_t modulus = int64_t{std::numeric_limits<int32_t>::max()} + 1;
      last.base_sequence = static_cast<int32_t>((int64_t{last.last_sequence} - delta + modulus) % modulus);
      producer.batches.push_back(last);
    }
    if (open >= 0) {
      producer.transaction_first_offset = open;
      open_transactions_.insert(open);
    }
    producers_[id] = std::move(producer);
  }
  if (reader.ok()) return {};
  clear();
  return {ErrorCode::CORRUPT_MESSAGE, "producer snapshot " + path + " is cut short"};
}

}  // namespace ottla::storage
