// SPDX-License-Identifier: Apache-2.0
// What a log directory holds beside segments: producer snapshots, checkpoints, ids.
#include <fmt/format.h>

#include "storage/dump/dump.h"
#include "storage/log/checkpoint_file.h"
#include "storage/log/file_names.h"
#include "storage/log/log_directory.h"
#include "storage/log/partition_metadata.h"
#include "storage/log/producer_snapshot.h"

namespace ottla::storage {
namespace {

std::string optional_offset(int64_t offset, bool as_2_8) {
  if (as_2_8) return offset < 0 ? "None" : fmt::format("Some({})", offset);
  return offset < 0 ? "OptionalLong.empty" : fmt::format("OptionalLong[{}]", offset);
}

std::string snapshot_line(const ProducerSnapshotEntry& entry, bool as_2_8) {
  std::string line = fmt::format(
      "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {}", entry.producer_id,
      entry.epoch, entry.coordinator_epoch, optional_offset(entry.transaction_first_offset, as_2_8));
  if (!as_2_8) line += fmt::format(" lastTimestamp: {}", entry.timestamp);
  // 2.8 writes the space in front of a batch that is not there, too.
  if (entry.last_offset < 0) return line + (as_2_8 ? " " : "");
  return line +
         fmt::format(" firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
                     entry.first_sequence(), entry.last_sequence, entry.last_offset, entry.offset_delta,
                     entry.timestamp);
}

}  // namespace

// Kafka tells of a snapshot that it will not use, and goes on with the next file.
Status Dump::dump_producer_snapshot(const std::string& path) {
  const auto entries = read_producer_snapshot(files_, path);
  if (!entries.ok()) {
    if (entries.status().code() != ErrorCode::CORRUPT_MESSAGE) return entries.status();
    sinks_.err(entries.status().message());
    return {};
  }
  for (const ProducerSnapshotEntry& entry : *entries) sinks_.out(snapshot_line(entry, as_2_8()));
  return {};
}

bool Dump::dump_by_name(const std::string& path, Status& status) {
  const std::string name = path.substr(path.rfind('/') + 1);
  const std::string directory =
      name.size() == path.size() ? "." : path.substr(0, path.size() - name.size() - 1);
  if (name == kRecoveryPointCheckpoint || name == kLogStartOffsetCheckpoint || name == kCleanerCheckpoint ||
      name == kHighWatermarkCheckpoint) {
    const auto offsets = read_offset_checkpoint(files_, path);
    status = offsets.status();
    if (!status.ok()) return true;
    for (const auto& [partition, offset] : *offsets)
      sinks_.out(
          fmt::format("topic: {} partition: {} offset: {}", partition.topic, partition.partition, offset));
  } else if (name == kLeaderEpochCheckpoint) {
    const auto epochs = read_epoch_checkpoint(files_, path);
    status = epochs.status();
    if (!status.ok()) return true;
    for (const EpochEntry& entry : *epochs)
      sinks_.out(fmt::format("epoch: {} startOffset: {}", entry.epoch, entry.start_offset));
  } else if (name == kPartitionMetadata) {
    const auto id = read_partition_metadata(files_, path);
    status = id.status();
    if (status.ok()) sinks_.out(fmt::format("topicId: {}", id->to_string()));
  } else if (name == kMetaProperties) {
    const auto meta = read_meta_properties(files_, directory);
    status = meta.status();
    if (status.ok() && *meta) sinks_.out((*meta)->to_string());
  } else {
    return false;
  }
  return true;
}

}  // namespace ottla::storage
