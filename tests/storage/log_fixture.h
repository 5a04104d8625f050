// SPDX-License-Identifier: Apache-2.0
// One log in a file system in memory, with verbs to append, read back, stop and start it.
#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "protocol/records/batch_builder.h"
#include "protocol/records/record_reader.h"
#include "storage/io/faulty_file_system.h"
#include "storage/log/file_names.h"
#include "storage/log/log.h"

namespace ottla::storage {

// A record as a test sees it.
struct SeenRecord {
  int64_t offset = 0;
  int64_t timestamp = 0;
  std::string value;
  bool operator==(const SeenRecord&) const = default;
};

// Whom a batch is from; nobody by default.
struct TestProducer {
  int64_t id = records::kNoProducerId;
  int16_t epoch = records::kNoProducerEpoch;
  int32_t sequence = records::kNoSequence;
  bool transactional = false;
};

class LogTest : public testing::Test {
 protected:
  static constexpr const char* kDirectory = "/d/t-0";
  static constexpr int64_t kNow = 1'700'000'000'000;
  static constexpr uint32_t kAll = std::numeric_limits<uint32_t>::max();

  LogTest() {
    EXPECT_TRUE(files_.make_directories(kDirectory).ok());
    config_.retention_ms = -1;
  }

  void open(bool clean = false, int64_t recovery_point = 0, int64_t log_start = 0) {
    Log::OpenOptions options;
    options.directory = kDirectory;
    options.config = config_;
    options.clean_shutdown = clean;
    options.recovery_point = recovery_point;
    options.log_start_offset = log_start;
    options.cleaned_up_to = cleaned_up_to_;
    options.now_ms = kNow;
    auto opened = Log::open(files_, std::move(options));
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    log_ = std::move(*opened);
  }
  void restart_clean() {
    ASSERT_TRUE(log_->close_clean().ok());
    log_.reset();
    open(true);
  }
  // The process died; the machine did not.
  void restart_killed(int64_t recovery_point = 0) {
    log_.reset();
    open(false, recovery_point);
  }

  static std::vector<uint8_t> batch_of(const std::vector<std::pair<int64_t, std::string>>& records,
                                       TestProducer producer = {},
                                       records::Compression codec = records::Compression::kNone) {
    records::BatchBuilder builder;
    records::BatchOptions options;
    options.compression = codec;
    options.producer_id = producer.id;
    options.producer_epoch = producer.epoch;
    options.base_sequence = producer.sequence;
    options.transactional = producer.transactional;
    builder.begin(options);
    for (const auto& [timestamp, value] : records) {
      builder.append(timestamp, std::nullopt,
                     Bytes(reinterpret_cast<const uint8_t*>(value.data()), value.size()));
    }
    const auto bytes = builder.finish();
    return {bytes->begin(), bytes->end()};
  }
  AppendInfo append_bytes(std::vector<uint8_t> bytes, int32_t epoch = 0) {
    return log_->append_as_leader(bytes, epoch, AppendOrigin::kClient, 9, kNow);
  }
  // `count` records of one batch, the first at `timestamp`, each one millisecond later.
  AppendInfo append(int count = 1, int64_t timestamp = kNow, int32_t epoch = 0, size_t value_size = 20) {
    std::vector<std::pair<int64_t, std::string>> records;
    for (int i = 0; i < count; ++i) {
      std::string value = "v" + std::to_string(log_->log_end_offset() + i);
      value.resize(std::max(value.size(), value_size), '.');
      records.emplace_back(timestamp + i, std::move(value));
    }
    return append_bytes(batch_of(records), epoch);
  }
  void append_many(int batches, int per_batch = 1) {
    for (int i = 0; i < batches; ++i) ASSERT_EQ(append(per_batch, kNow + i).error, ErrorCode::NONE);
  }
  AppendInfo append_from(int64_t producer, int32_t sequence, int count, int16_t epoch = 0,
                         bool transactional = false) {
    std::vector<std::pair<int64_t, std::string>> records(static_cast<size_t>(count), {kNow, "v"});
    return append_bytes(batch_of(records, {producer, epoch, sequence, transactional}));
  }

  // All records from `offset` to `end`, through as many reads of `max_bytes` as it takes.
  std::vector<SeenRecord> read_all(int64_t offset, int64_t end, uint32_t max_bytes = 1 << 20) {
    std::vector<SeenRecord> seen;
    while (offset < end) {
      const auto read = log_->read(offset, max_bytes, end, true);
      EXPECT_TRUE(read.ok()) << read.status().message();
      if (!read.ok() || read->slice.length == 0) break;
      const std::vector<uint8_t> bytes = bytes_of(read->slice);
      records::BatchWalker walker(bytes);
      size_t whole = 0;
      while (const auto batch = walker.next()) {
        records::RecordReader reader;
        EXPECT_TRUE(reader.open(*batch).ok());
        while (const auto record = reader.next()) {
          if (record->offset < offset) continue;
          seen.push_back(
              {record->offset, record->timestamp, std::string(record->value->begin(), record->value->end())});
        }
        EXPECT_TRUE(reader.status().ok());
        whole += batch->size();
      }
      EXPECT_EQ(whole, bytes.size()) << "a slice ends inside a batch";
      if (seen.empty() || seen.back().offset < offset) break;
      offset = seen.back().offset + 1;
    }
    return seen;
  }
  std::vector<SeenRecord> read_all() { return read_all(log_->log_start_offset(), log_->log_end_offset()); }
  static std::vector<uint8_t> bytes_of(const FileSlice& slice) {
    std::vector<uint8_t> bytes(slice.length);
    EXPECT_EQ(slice.file->read_at(bytes, slice.position), static_cast<ssize_t>(slice.length));
    return bytes;
  }
  static std::vector<int64_t> offsets_of(const std::vector<SeenRecord>& records) {
    std::vector<int64_t> offsets;
    for (const SeenRecord& record : records) offsets.push_back(record.offset);
    return offsets;
  }
  static std::vector<int64_t> offsets_between(int64_t first, int64_t end) {
    std::vector<int64_t> offsets;
    for (int64_t offset = first; offset < end; ++offset) offsets.push_back(offset);
    return offsets;
  }

  std::string path(int64_t base, const char* suffix) const {
    return std::string(kDirectory) + "/" + offset_file_name(base, suffix);
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    const auto entries = files_.list(kDirectory);
    for (const DirectoryEntry& entry : *entries) found.push_back(entry.name);
    return found;
  }

  FaultyFileSystem files_;
  LogConfig config_;
  int64_t cleaned_up_to_ = 0;  // what the checkpoint says
  std::unique_ptr<Log> log_;
};

}  // namespace ottla::storage
