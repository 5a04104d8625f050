// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/validation.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/records/legacy_records.h"
#include "protocol/records/record_walk.h"

namespace ottla::records {

namespace {

// More errors than a person reads; the rest of a large bad batch is not worth the memory.
constexpr size_t kMostRecordErrors = 10000;
// Room for the batches of a request that is used again; only old message sets hold more than one.
constexpr size_t kMostBatchesKept = 1024;
constexpr int16_t kFirstProduceVersionOfV2 = 3;
constexpr int16_t kFirstProduceVersionOfZstd = 7;

// What Kafka checks of each record whatever its format (LogValidator.validateKey, validateTimestamp).
class RecordChecks : public RecordVisitor {
 public:
  RecordChecks(const ValidationRules& rules, bool batch_is_log_append_time)
      : rules_(rules), batch_is_log_append_time_(batch_is_log_append_time) {}

  void on_record(const WalkedRecord& record) override {
    if (record.offset_delta != record.index) offsets_consecutive_ = false;
    max_timestamp_ = std::max(max_timestamp_, record.timestamp);
    if (rules_.compacted && !record.has_key) {
      add(ErrorCode::INVALID_RECORD, record.index,
          fmt::format("Compacted topic cannot accept message without key in topic partition {}.",
                      rules_.topic_partition));
    } else if (batch_is_log_append_time_ && rules_.refuse_log_append_bit) {
      refuse_log_append_bit(record);
    } else if (!rules_.log_append_time && record.timestamp != kNoTimestamp) {
      check_timestamp(record);
    } else if (batch_is_log_append_time_) {
      refuse_log_append_bit(record);
    }
  }

  int64_t max_timestamp() const { return max_timestamp_; }
  bool offsets_consecutive() const { return offsets_consecutive_; }

  // Moves what was found into `result`; whether the batch passes.
  bool report(ValidatedRecords& result) {
    if (errors_.empty()) return true;
    result.error = timestamps_bad_ ? ErrorCode::INVALID_TIMESTAMP : ErrorCode::INVALID_RECORD;
    result.message =
        timestamps_bad_
            ? "One or more records have been rejected due to invalid timestamp"
            : fmt::format("One or more records have been rejected due to {} record errors in total",
                          error_count_);
    result.record_errors = std::move(errors_);
    return false;
  }

 private:
  void refuse_log_append_bit(const WalkedRecord& record) {
    add(ErrorCode::INVALID_TIMESTAMP, record.index,
        "Invalid timestamp type in message. Producer should not set timestamp type to LogAppendTime.");
  }

  void check_timestamp(const WalkedRecord& record) {
    // Unsigned, so that a time from a client cannot overflow; what overflows wraps, as in Kafka.
    const auto now = static_cast<uint64_t>(rules_.now_ms);
    const auto time = static_cast<uint64_t>(record.timestamp);
    const bool too_old = static_cast<int64_t>(now - time) > rules_.timestamp_before_max_ms;
    const bool too_new = static_cast<int64_t>(time - now) > rules_.timestamp_after_max_ms;
    if (!too_old && !too_new) return;
    add(ErrorCode::INVALID_TIMESTAMP, record.index,
        fmt::format("Timestamp {} of message with offset {} is out of range. The timestamp should be within "
                    "[{}, {}]",
                    record.timestamp, record.offset_delta,
                    static_cast<int64_t>(now - static_cast<uint64_t>(rules_.timestamp_before_max_ms)),
                    static_cast<int64_t>(now + static_cast<uint64_t>(rules_.timestamp_after_max_ms))));
  }

  void add(ErrorCode code, int32_t index, std::string message) {
    timestamps_bad_ = timestamps_bad_ || code == ErrorCode::INVALID_TIMESTAMP;
    ++error_count_;
    if (errors_.size() < kMostRecordErrors) errors_.push_back({index, std::move(message)});
  }

  const ValidationRules& rules_;
  const bool batch_is_log_append_time_;
  int64_t max_timestamp_ = kNoTimestamp;
  bool offsets_consecutive_ = true;
  bool timestamps_bad_ = false;
  size_t error_count_ = 0;
  std::vector<RecordError> errors_;
};

// One call of validate_records.
class Validator {
 public:
  // `batches` is empty, and the caller's so that its memory can be used again.
  Validator(std::span<uint8_t> records, const ValidationRules& rules, std::vector<Bytes>& batches)
      : records_(records), rules_(rules), batches_(batches) {}

  ValidatedRecords run() {
    Status status = check_batches();
    if (status.ok() && !batches_.empty()) {
      status = BatchWalker::magic(batches_[0]) == kMagicV2 ? validate_v2() : validate_legacy();
    }
    if (!status.ok()) {
      result_.error = status.code();
      result_.message = status.message();
    }
    if (!result_.ok()) {
      result_.batch = {};
      result_.record_count = 0;
    }
    if (rules_.log_append_time) result_.log_append_time_ms = rules_.now_ms;
    return std::move(result_);
  }

 private:
  Status invalid(std::string why) const { return {ErrorCode::INVALID_RECORD, std::move(why)}; }

  // The rules that need only headers: formats and codecs by request version, sizes, checksums, how many
  // batches.
  Status check_batches() {
    BatchWalker walker(records_);
    while (const auto batch = walker.next()) batches_.push_back(*batch);
    if (!walker.status().ok()) return walker.status();
    Status status = check_format();
    if (!status.ok() || batches_.empty()) return status;
    for (const Bytes batch : batches_) {
      status = check_header(batch);
      if (!status.ok()) return status;
    }
    const bool single = BatchWalker::magic(batches_[0]) == kMagicV2 || source_ != Compression::kNone;
    if (single && batches_.size() > 1) return invalid("Compressed outer record has more than one batch");
    return {};
  }

  Status check_format() const {
    if (!rules_.from_client || rules_.produce_version < kFirstProduceVersionOfV2) return {};
    const int version = rules_.produce_version;
    if (batches_.empty()) {
      return invalid(fmt::format(
          "Produce requests with version {} must have at least one record batch per partition", version));
    }
    if (BatchWalker::magic(batches_[0]) != kMagicV2) {
      return invalid(fmt::format(
          "Produce requests with version {} are only allowed to contain record batches with magic version 2",
          version));
    }
    if (version < kFirstProduceVersionOfZstd &&
        RecordBatchView(batches_[0]).compression() == Compression::kZstd) {
      return {ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
              fmt::format("Produce requests with version {} are not allowed to use ZStandard compression",
                          version)};
    }
    if (batches_.size() > 1) {
      return invalid(
          fmt::format("Produce requests with version {} are only allowed to contain exactly one record batch "
                      "per partition",
                      version));
    }
    return {};
  }

  Status check_header(Bytes batch) {
    const int8_t magic = BatchWalker::magic(batch);
    if (magic == kMagicV2 && rules_.from_client && RecordBatchView(batch).base_offset() != 0) {
      return invalid(
          fmt::format("The baseOffset of the record batch in the append to {} should be 0, but it is {}",
                      rules_.topic_partition, RecordBatchView(batch).base_offset()));
    }
    Status status = check_size(batch.size());
    if (!status.ok()) return status;
    std::optional<Compression> codec;
    bool valid = false;
    if (magic == kMagicV2) {
      codec = RecordBatchView(batch).compression();
      valid = RecordBatchView(batch).crc_is_valid();
    } else {
      const auto message = parse_legacy_message(batch);
      // A message that does not even hold its fields fails its checksum in Kafka, which looks at that first.
      valid = message.ok() && message->crc_is_valid();
      codec = valid ? message->compression() : Compression::kNone;
    }
    if (!valid) {
      return {ErrorCode::CORRUPT_MESSAGE,
              fmt::format("Record is corrupt in topic partition {}.", rules_.topic_partition)};
    }
    if (!codec) return {ErrorCode::UNKNOWN_SERVER_ERROR, "Unknown compression type id"};
    if (*codec != Compression::kNone) source_ = *codec;
    if (magic == BatchWalker::magic(batches_[0])) return {};
    return invalid("Batch magic is not the same as the first batch's magic byte");
  }

  Status check_size(size_t size) const {
    if (!rules_.from_client || static_cast<int64_t>(size) <= rules_.max_message_bytes) return {};
    return {ErrorCode::MESSAGE_TOO_LARGE,
            fmt::format("The record batch size in the append to {} is {} bytes which exceeds the maximum "
                        "configured value of {}.",
                        rules_.topic_partition, size, rules_.max_message_bytes)};
  }

  Status check_client_batch(const RecordBatchView& batch) const {
    const int64_t count_from_offsets = static_cast<int64_t>(batch.last_offset_delta()) + 1;
    const int32_t count = batch.record_count();
    if (count_from_offsets <= 0) return invalid("Batch has an invalid offset range");
    if (count <= 0) return invalid(fmt::format("Invalid reported count for record batch: {}", count));
    if (count_from_offsets != count) {
      return invalid(fmt::format("Inconsistent batch offset range [{}, {}] and count of records {}",
                                 batch.base_offset(), batch.last_offset(), count));
    }
    if (batch.is_control()) return invalid("Clients are not allowed to write control records");
    if (batch.has_producer_id() && batch.base_sequence() < 0) {
      return invalid(fmt::format("Invalid sequence number {} in record batch with producerId {}",
                                 batch.base_sequence(), batch.producer_id()));
    }
    return {};
  }

  Status validate_v2() {
    const auto bytes = records_.first(batches_[0].size());
    const RecordBatchView batch(bytes);
    if (rules_.from_client) {
      const Status status = check_client_batch(batch);
      if (!status.ok()) return status;
    }
    RecordChecks checks(rules_, batch.is_log_append_time());
    const Status status = walk_records(batch, checks);
    if (!status.ok()) return status;
    if (!checks.report(result_)) return {};
    const Compression target = batch.is_control() ? source_ : rules_.compression.value_or(source_);
    const bool consecutive = source_ == Compression::kNone || checks.offsets_consecutive();
    if (target != source_ || !consecutive) return rebuild(target);
    result_.max_timestamp = rules_.log_append_time ? rules_.now_ms : checks.max_timestamp();
    RecordBatchEditor(bytes).set_max_timestamp(result_.max_timestamp, rules_.log_append_time);
    result_.batch = bytes;
    result_.record_count = batch.record_count();
    return {};
  }

  Status validate_legacy() {
    RecordReader reader;
    int32_t index = 0;
    const auto first = parse_legacy_message(batches_[0]);
    RecordChecks checks(rules_, first.ok() && first->is_log_append_time());
    for (const Bytes batch : batches_) {
      const Status status = reader.open(batch);
      if (!status.ok()) return status;
      while (const auto record = reader.next()) {
        checks.on_record({index, record->timestamp, index, record->key.has_value()});
        ++index;
      }
      if (!reader.status().ok()) return reader.status();
    }
    if (!checks.report(result_)) return {};
    return rebuild(rules_.compression.value_or(source_));
  }

  // One batch of format v2 with all records, whatever they came in.
  Status rebuild(Compression target) {
    BatchOptions options;
    options.compression = target;
    if (target == rules_.compression) options.compression_level = rules_.compression_level;
    if (rules_.log_append_time) options.log_append_time = rules_.now_ms;
    if (BatchWalker::magic(batches_[0]) == kMagicV2) {
      const RecordBatchView batch(batches_[0]);
      options.producer_id = batch.producer_id();
      options.producer_epoch = batch.producer_epoch();
      options.base_sequence = batch.base_sequence();
      options.transactional = batch.is_transactional();
    }
    BatchBuilder builder;
    builder.begin(options);
    RecordReader reader;
    for (const Bytes batch : batches_) {
      const Status status = reader.open(batch);
      if (!status.ok()) return status;
      while (const auto record = reader.next()) {
        if (record->timestamp < kNoTimestamp) return {ErrorCode::UNKNOWN_SERVER_ERROR, "negative timestamp"};
        builder.append_copy(record->timestamp, *record);
        const Status status_of_size = check_size(builder.smallest_size());
        if (!status_of_size.ok()) return status_of_size;
      }
      if (!reader.status().ok()) return reader.status();
    }
    const auto built = builder.finish();
    if (!built.ok()) return built.status();
    const Status status = check_size(built.value().size());
    if (!status.ok()) return status;
    result_.rebuilt.assign(built.value().begin(), built.value().end());
    result_.batch = result_.rebuilt;
    result_.record_count = builder.record_count();
    result_.max_timestamp = RecordBatchView(result_.batch).max_timestamp();
    return {};
  }

  std::span<uint8_t> records_;
  const ValidationRules& rules_;
  std::vector<Bytes>& batches_;
  Compression source_ = Compression::kNone;
  ValidatedRecords result_;
};

}  // namespace

ValidatedRecords validate_records(std::span<uint8_t> records, const ValidationRules& rules) {
  static thread_local std::vector<Bytes> batches;
  batches.clear();
  ValidatedRecords result = Validator(records, rules, batches).run();
  if (batches.capacity() > kMostBatchesKept) std::vector<Bytes>().swap(batches);
  return result;
}

void assign_offsets(ValidatedRecords& validated, int64_t base_offset, int32_t leader_epoch) {
  OTTLA_CHECK(validated.ok() && !validated.batch.empty());
  RecordBatchEditor editor(validated.batch);
  editor.set_base_offset(base_offset);
  editor.set_partition_leader_epoch(leader_epoch);
}

}  // namespace ottla::records
