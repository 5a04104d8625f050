// SPDX-License-Identifier: Apache-2.0
// A compacted log in memory: verbs to put keys, end transactions, clean, and see what is left.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "log_fixture.h"
#include "protocol/records/control_records.h"
#include "storage/log/log_cleaning.h"

namespace ottla::storage {

struct KeyedRecord {
  int64_t offset = 0;
  std::string key;
  std::optional<std::string> value;  // nothing: a tombstone
  int64_t timestamp = 0;
  bool operator==(const KeyedRecord&) const = default;
};

class CleaningTest : public LogTest {
 protected:
  using Pairs = std::vector<std::pair<std::string, std::optional<std::string>>>;

  CleaningTest() {
    config_.cleanup_compact = true;
    config_.cleanup_delete = false;
    config_.segment_bytes = 1 << 20;
    config_.delete_retention_ms = 1000;
  }

  static Bytes bytes(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  }
  static std::vector<uint8_t> keyed_batch(const Pairs& pairs, TestProducer producer = {},
                                          records::Compression codec = records::Compression::kNone,
                                          int64_t timestamp = kNow) {
    records::BatchBuilder builder;
    records::BatchOptions options;
    options.compression = codec;
    options.producer_id = producer.id;
    options.producer_epoch = producer.epoch;
    options.base_sequence = producer.sequence;
    options.transactional = producer.transactional;
    builder.begin(options);
    for (const auto& [key, value] : pairs) {
      const std::vector<records::RecordHeader> headers = {{"of", bytes(key)}};
      builder.append(timestamp++, bytes(key), value ? std::optional(bytes(*value)) : std::nullopt, headers);
    }
    const auto built = builder.finish();
    return {built->begin(), built->end()};
  }
  void put_batch(const Pairs& pairs, TestProducer producer = {},
                 records::Compression codec = records::Compression::kNone, int64_t timestamp = kNow) {
    const AppendInfo info = append_bytes(keyed_batch(pairs, producer, codec, timestamp));
    ASSERT_EQ(info.error, ErrorCode::NONE) << info.message;
  }
  void put(const std::string& key, const std::string& value) { put_batch({{key, value}}); }
  void remove(const std::string& key) { put_batch({{key, std::nullopt}}); }
  void end_transaction(int64_t producer, bool commit, int16_t epoch = 0) {
    records::BatchBuilder builder;
    const auto marker = records::build_end_transaction_marker(builder, producer, epoch, kNow, {commit, 1});
    std::vector<uint8_t> copy(marker->begin(), marker->end());
    const AppendInfo info = log_->append_as_leader(copy, 0, AppendOrigin::kCoordinator, 9, kNow);
    ASSERT_EQ(info.error, ErrorCode::NONE) << info.message;
  }
  // What is appended next begins a segment.
  void new_segment() {
    LogConfig config = config_;
    // Records of what was written so far may carry later times than the filler.
    config.segment_ms = INT64_MIN / 2;
    log_->update_config(config);
    put("filler", "f" + std::to_string(log_->log_end_offset()));
    log_->update_config(config_);
  }

  // One round, as the cleaner drives it. An error ends it where it happens, as a crash does.
  Status clean(int64_t now_ms = kNow, uint64_t budget = 1 << 20) {
    const CleaningPlan plan = log_->cleaning_plan(now_ms);
    LogCleaning cleaning(files_, log_->cleaning_source(plan), limits_, now_ms);
    while (true) {
      const auto state = cleaning.step(budget);
      if (!state.ok()) return state.status();
      if (*state == LogCleaning::State::kReady) {
        const auto replaced =
            log_->replace_segments(cleaning.source(), cleaning.replaced(), cleaning.cleaned());
        if (!replaced.ok()) return replaced.status();
        if (!*replaced) return cleaning.discard();
      }
      if (*state == LogCleaning::State::kDone) break;
    }
    log_->set_cleaned_up_to(cleaning.end_offset());
    return {};
  }
  void must_clean(int64_t now_ms = kNow) {
    const Status cleaned = clean(now_ms);
    ASSERT_TRUE(cleaned.ok()) << cleaned.message();
  }

  // Every batch in the log, checked: CRC, and that offsets ascend.
  std::vector<std::vector<uint8_t>> batches() {
    std::vector<std::vector<uint8_t>> all;
    int64_t offset = log_->log_start_offset();
    while (offset < log_->log_end_offset()) {
      const auto read = log_->read(offset, 1 << 20, log_->log_end_offset(), true);
      EXPECT_TRUE(read.ok()) << read.status().message();
      if (!read.ok() || read->slice.length == 0) break;
      const std::vector<uint8_t> slice = bytes_of(read->slice);
      records::BatchWalker walker(slice);
      while (const auto batch = walker.next()) {
        const auto header = decode_batch_header(*batch, batch->size());
        EXPECT_TRUE(header->magic < 2 || records::RecordBatchView(*batch).crc_is_valid());
        EXPECT_TRUE(all.empty() || header->base_offset >= offset) << "offsets go back";
        all.emplace_back(batch->begin(), batch->end());
        offset = header->last_offset + 1;
      }
      EXPECT_EQ(walker.position(), slice.size());
    }
    return all;
  }
  // Records of data; of transactions that were aborted too, unless only what is `committed` is asked for.
  std::vector<KeyedRecord> keyed(bool committed = false) {
    std::vector<AbortedTransaction> aborted;
    if (committed && log_->log_end_offset() > log_->log_start_offset())
      aborted = log_->read(log_->log_start_offset(), kAll, log_->log_end_offset(), true, true)->aborted;
    const auto is_aborted = [&](const BatchHeader& batch) {
      return batch.transactional && std::any_of(aborted.begin(), aborted.end(), [&](const auto& one) {
               return one.producer_id == batch.producer_id && one.first_offset <= batch.base_offset &&
                      batch.base_offset <= one.last_offset;
             });
    };
    std::vector<KeyedRecord> found;
    for (const auto& batch : batches()) {
      const auto header = decode_batch_header(batch, batch.size());
      if (header->control || is_aborted(*header)) continue;
      records::RecordReader reader;
      EXPECT_TRUE(reader.open(batch).ok());
      while (const auto record = reader.next()) {
        KeyedRecord& one = found.emplace_back();
        one.offset = record->offset;
        one.timestamp = record->timestamp;
        if (record->key) one.key.assign(record->key->begin(), record->key->end());
        if (record->value) one.value.emplace(record->value->begin(), record->value->end());
      }
      EXPECT_TRUE(reader.status().ok()) << reader.status().message();
    }
    return found;
  }
  // "a=1 b=2 c=-" in the order of the log, without the fillers.
  std::string seen() {
    std::string text;
    for (const KeyedRecord& record : keyed()) {
      if (record.key == "filler") continue;
      text += (text.empty() ? "" : " ") + record.key + "=" + record.value.value_or("-");
    }
    return text;
  }
  // What somebody who reads all that is committed ends up with: the last record of each key that has a value.
  std::map<std::string, KeyedRecord> latest() {
    std::map<std::string, KeyedRecord> found;
    for (KeyedRecord& record : keyed(true)) {
      if (record.value) {
        found[record.key] = std::move(record);
      } else {
        found.erase(record.key);
      }
    }
    return found;
  }

  LogCleaning::Limits limits_{1 << 20, 0.9, 4096, 42};
};

}  // namespace ottla::storage
