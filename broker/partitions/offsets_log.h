// SPDX-License-Identifier: Apache-2.0
// The groups' records in the partitions of __consumer_offsets (kafka CoordinatorPartitionWriter,
// CoordinatorLoaderImpl).
//
// Appends are committed when they return, since with one replica the high watermark is the log's end; in
// durable mode when they are on the disk, however long that takes. Reading fetches one buffer after the other
// on the pool, and hands its records out on the loop.
//
// Threads: the loop's. Callbacks of reads under way are dropped with the object.
#pragma once

#include <map>
#include <memory>

#include "broker/groups/offsets_log.h"
#include "broker/partitions/partition_manager.h"
#include "protocol/base/event_loop.h"
#include "protocol/records/batch_builder.h"

namespace ottla {

class PartitionOffsetsLog : public groups::OffsetsLog {
 public:
  static constexpr std::string_view kTopic = "__consumer_offsets";

  // `load_buffer_bytes`: offsets.load.buffer.size. A batch that is larger is read whole.
  PartitionOffsetsLog(EventLoop& loop, PartitionManager& partitions, uint32_t load_buffer_bytes = 5 << 20)
      : loop_(loop), partitions_(partitions), load_buffer_bytes_(load_buffer_bytes) {}
  ~PartitionOffsetsLog() override;

  // Asked before each append, and again when it is to be answered (LeadershipFence).
  void set_may_lead(std::function<bool()> may_lead) { may_lead_ = std::move(may_lead); }

  // NOT_LEADER_OR_FOLLOWER where the partition is not led here, or others may lead it by now.
  void append(int32_t partition, std::span<const groups::LogRecord> records,
              std::function<void(ErrorCode error, int64_t base_offset)> committed) override;
  void read(int32_t partition, std::function<void(const groups::StoredRecord&)> visit,
            std::function<void(Status)> done) override;

 private:
  struct Reading;
  class Uncommitted;

  void read_on(const std::shared_ptr<Reading>& reading);
  void hand_out(const std::shared_ptr<Reading>& reading);

  bool may_lead() const { return !may_lead_ || may_lead_(); }

  EventLoop& loop_;
  PartitionManager& partitions_;
  std::function<bool()> may_lead_;
  uint32_t load_buffer_bytes_;
  records::BatchBuilder builder_;
  std::map<int32_t, std::shared_ptr<Uncommitted>> uncommitted_;  // by partition
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ottla
