// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/offsets_log.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "protocol/base/log.h"
#include "protocol/records/control_records.h"
#include "protocol/records/record_reader.h"

namespace ottla {

using groups::StoredRecord;

// Appends to one partition that wait to be committed, or for the disk, in their order.
class PartitionOffsetsLog::Uncommitted : public PartitionWaiter,
                                         public std::enable_shared_from_this<Uncommitted> {
 public:
  struct Append {
    int64_t flush_offset;
    int64_t commit_offset;
    int64_t base_offset;
    std::function<void(ErrorCode, int64_t)> committed;
  };

  explicit Uncommitted(const PartitionOffsetsLog& log) : log_(log) {}
  ~Uncommitted() override {
    if (partition_ != nullptr) partition_->remove_waiter(*this);
  }

  bool empty() const { return appends_.empty(); }
  void add(Partition& partition, Append append) {
    if (partition_ == nullptr) {
      partition_ = &partition;
      partition.add_waiter(*this);
    }
    appends_.push_back(std::move(append));
  }
  static bool waits(const Partition& partition, int64_t flush_offset, int64_t commit_offset) {
    return partition.log().flushed_offset() < flush_offset ||
           partition.log().high_watermark() < commit_offset;
  }
  void on_partition_changed() override {
    if (std::exchange(scheduled_, true)) return;
    log_.loop_.defer([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->answer_what_is_committed();
    });
  }
  void on_partition_gone(Partition&) override {
    partition_ = nullptr;
    for (Append& append : std::exchange(appends_, {}))
      append.committed(ErrorCode::NOT_LEADER_OR_FOLLOWER, -1);
  }

 private:
  // A callback may append again.
  void answer_what_is_committed() {
    scheduled_ = false;
    while (partition_ != nullptr && !appends_.empty()) {
      ErrorCode error = ErrorCode::NONE;
      if (partition_->log().offline()) error = ErrorCode::KAFKA_STORAGE_ERROR;
      if (!partition_->is_leader() || !log_.may_lead()) error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
      const Append& first = appends_.front();
      if (error == ErrorCode::NONE && waits(*partition_, first.flush_offset, first.commit_offset)) return;
      const Append append = std::move(appends_.front());
      appends_.pop_front();
      append.committed(error, error == ErrorCode::NONE ? append.base_offset : -1);
    }
  }

  const PartitionOffsetsLog& log_;
  Partition* partition_ = nullptr;
  std::deque<Append> appends_;
  bool scheduled_ = false;
};

struct PartitionOffsetsLog::Reading {
  int32_t partition;
  Uuid topic_id;
  int64_t next_offset;
  std::function<void(const StoredRecord&)> visit;
  std::function<void(Status)> done;
  std::vector<uint8_t> buffer;
  Status status;
  records::RecordReader reader;
};

namespace {

std::optional<Bytes> view(const std::optional<groups::OwnedBytes>& bytes) {
  if (!bytes) return std::nullopt;
  return Bytes(*bytes);
}

Status read_slice(const FileSlice& slice, std::vector<uint8_t>& out) {
  out.resize(slice.length);
  size_t count = 0;
  while (count < out.size()) {
    const ssize_t got = slice.file->read_at(std::span(out).subspan(count), slice.position + count);
    if (got < 0) return Status::from_errno(static_cast<int>(-got), "read of a segment");
    if (got == 0) return {ErrorCode::KAFKA_STORAGE_ERROR, "a segment ends before its last batch"};
    count += static_cast<size_t>(got);
  }
  return {};
}

StoredRecord::Control control_of(const std::optional<Bytes>& key) {
  switch (records::parse_control_key(key).value_or(records::ControlType::kLeaderChange)) {
    case records::ControlType::kAbort:
      return StoredRecord::Control::kAbort;
    case records::ControlType::kCommit:
      return StoredRecord::Control::kCommit;
    default:
      return StoredRecord::Control::kNone;
  }
}

Status visit_batch(records::RecordReader& reader, Bytes batch, int64_t from_offset,
                   const std::function<void(const StoredRecord&)>& visit) {
  StoredRecord stored;
  bool control = false;
  if (records::BatchWalker::magic(batch) == records::kMagicV2) {
    const records::RecordBatchView header(batch);
    stored.producer_id = header.producer_id();
    stored.transactional = header.is_transactional();
    control = header.is_control();
  }
  const Status opened = reader.open(batch);
  if (!opened.ok()) return opened;
  while (const auto record = reader.next()) {
    if (record->offset < from_offset) continue;
    stored.offset = record->offset;
    stored.key = record->key;
    stored.value = record->value;
    stored.control = control ? control_of(record->key) : StoredRecord::Control::kNone;
    // Other control records (a leader change, ...) say nothing about groups.
    if (!control || stored.control != StoredRecord::Control::kNone) visit(stored);
  }
  return reader.status();
}

// The offset after `batch`; v0 and v1 entries carry that of their last record.
int64_t next_offset_of(Bytes batch) {
  if (records::BatchWalker::magic(batch) == records::kMagicV2)
    return records::RecordBatchView(batch).next_offset();
  Reader reader(batch);
  return reader.int64() + 1;
}

}  // namespace

PartitionOffsetsLog::~PartitionOffsetsLog() = default;

void PartitionOffsetsLog::append(int32_t partition, std::span<const groups::LogRecord> records,
                                 std::function<void(ErrorCode, int64_t)> committed) {
  Partition* found = partitions_.find(kTopic, partition);
  if (found == nullptr || !found->is_leader() || !may_lead())
    return committed(ErrorCode::NOT_LEADER_OR_FOLLOWER, -1);
  if (!found->has_enough_in_sync()) return committed(ErrorCode::NOT_ENOUGH_REPLICAS, -1);
  const int64_t now_ms = loop_.wall_ms();
  builder_.begin({});
  for (const groups::LogRecord& record : records)
    builder_.append(now_ms, Bytes(record.key), view(record.value));
  const auto batch = builder_.finish();
  if (!batch.ok()) return committed(batch.status().code(), -1);
  const storage::AppendInfo info = found->log().append_as_leader(
      *batch, found->leader_epoch(), storage::AppendOrigin::kCoordinator, 0, now_ms);
  if (info.error != ErrorCode::NONE) {
    log_error("broker.partitions", "cannot append to {}-{}: {}", kTopic, partition, info.message);
    return committed(info.error, -1);
  }
  found->on_progress();
  const int64_t commit_offset = info.last_offset + 1;
  std::shared_ptr<Uncommitted>& uncommitted = uncommitted_[partition];
  // One that could be answered itself waits for those before it.
  const bool wait =
      Uncommitted::waits(*found, info.flush_offset, commit_offset) || (uncommitted && !uncommitted->empty());
  if (!wait) {
    // The append itself may have hung.
    if (!may_lead()) return committed(ErrorCode::NOT_LEADER_OR_FOLLOWER, -1);
    return committed(ErrorCode::NONE, info.first_offset);
  }
  if (!uncommitted) uncommitted = std::make_shared<Uncommitted>(*this);
  uncommitted->add(*found, {info.flush_offset, commit_offset, info.first_offset, std::move(committed)});
}

void PartitionOffsetsLog::read(int32_t partition, std::function<void(const StoredRecord&)> visit,
                               std::function<void(Status)> done) {
  Partition* found = partitions_.find(kTopic, partition);
  if (found == nullptr) return done({ErrorCode::NOT_LEADER_OR_FOLLOWER, "the partition is not here"});
  const auto reading = std::make_shared<Reading>();
  reading->partition = partition;
  reading->topic_id = found->topic_id();
  reading->next_offset = found->log().log_start_offset();
  reading->visit = std::move(visit);
  reading->done = std::move(done);
  read_on(reading);
}

void PartitionOffsetsLog::read_on(const std::shared_ptr<Reading>& reading) {
  Partition* found = partitions_.find(kTopic, reading->partition);
  if (found == nullptr || found->topic_id() != reading->topic_id) {
    return reading->done({ErrorCode::NOT_LEADER_OR_FOLLOWER, "the partition went away while it was read"});
  }
  storage::Log& log = found->log();
  reading->next_offset = std::max(reading->next_offset, log.log_start_offset());
  auto read = log.read(reading->next_offset, load_buffer_bytes_, log.log_end_offset(), true);
  if (!read.ok()) return reading->done(read.status());
  if (read->slice.length == 0) return reading->done({});
  loop_.run_in_background(
      [reading, slice = read->slice] { reading->status = read_slice(slice, reading->buffer); },
      [this, reading, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) hand_out(reading);
      });
}

void PartitionOffsetsLog::hand_out(const std::shared_ptr<Reading>& reading) {
  if (!reading->status.ok()) return reading->done(reading->status);
  records::BatchWalker walker(reading->buffer);
  const int64_t from = reading->next_offset;
  while (const auto batch = walker.next()) {
    const Status visited = visit_batch(reading->reader, *batch, from, reading->visit);
    if (!visited.ok()) return reading->done(visited);
    reading->next_offset = next_offset_of(*batch);
  }
  if (!walker.status().ok()) return reading->done(walker.status());
  if (reading->next_offset == from) {
    return reading->done({ErrorCode::CORRUPT_MESSAGE, "no whole batch at offset " + std::to_string(from)});
  }
  read_on(reading);
}

}  // namespace ottla
