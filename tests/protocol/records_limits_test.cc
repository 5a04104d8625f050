// SPDX-License-Identifier: Apache-2.0
// What records from outside may cost: memory is measured, by operators of our own, while bombs and lies are
// read, validated, rebuilt and converted; and where nothing is to be allocated, that is measured too.
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "protocol/generated/produce_request.h"
#include "protocol/generated/produce_response.h"
#include "protocol/records/legacy_records.h"
#include "protocol/records/record_walk.h"
#include "protocol/records/validation.h"
#include "tests/protocol/record_helpers.h"

namespace {

// Of the process, which has one thread; atomic because gtest makes no such promise.
std::atomic<size_t> g_live{0};
std::atomic<size_t> g_peak{0};
std::atomic<size_t> g_count{0};

void* counted(size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  ++g_count;
  const size_t live = g_live += malloc_usable_size(memory);
  if (live > g_peak) g_peak = live;
  return memory;
}

void uncounted(void* memory) {
  if (memory == nullptr) return;
  g_live -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(size_t size) { return counted(size); }
void* operator new[](size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { uncounted(memory); }
void operator delete[](void* memory) noexcept { uncounted(memory); }
void operator delete(void* memory, size_t) noexcept { uncounted(memory); }
void operator delete[](void* memory, size_t) noexcept { uncounted(memory); }

namespace ottla::records {
namespace {

constexpr size_t kMegabyte = size_t{1} << 20;

// What `action` had in memory at its worst, beyond what was there.
template <typename Action>
size_t peak_of(Action action) {
  const size_t before = g_live;
  g_peak = before;
  action();
  return g_peak - before;
}

std::vector<uint8_t> copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

class Bombs : public testing::TestWithParam<Compression> {
 protected:
  // Records of a megabyte of zeros, never all in memory.
  std::vector<uint8_t> batch_of_megabytes(int count) {
    BatchBuilder builder;
    builder.begin({.compression = GetParam()});
    const std::vector<uint8_t> zeros(kMegabyte, 0);
    for (int i = 0; i < count; ++i) builder.append(1000, std::nullopt, Bytes(zeros));
    const auto built = builder.finish();
    EXPECT_TRUE(built.ok());
    return copy(built.value());
  }
  ValidationRules rules() const {
    ValidationRules rules;
    rules.now_ms = 2000;
    rules.max_message_bytes = 100 << 20;
    return rules;
  }
};
INSTANTIATE_TEST_SUITE_P(All, Bombs,
                         testing::Values(Compression::kGzip, Compression::kSnappy, Compression::kLz4,
                                         Compression::kZstd),
                         [](const auto& info) { return std::string(compression_name(info.param)); });

TEST_P(Bombs, AreValidatedInPlaceInAWindow) {
  std::vector<uint8_t> batch = batch_of_megabytes(40);
  ValidatedRecords result;
  EXPECT_LT(peak_of([&] { result = validate_records(batch, rules()); }), kMegabyte);
  EXPECT_TRUE(result.ok()) << result.message;
}

TEST_P(Bombs, AreRebuiltRecordByRecord) {
  std::vector<uint8_t> batch = batch_of_megabytes(40);
  ValidationRules other = rules();
  other.compression = GetParam() == Compression::kGzip ? Compression::kZstd : Compression::kGzip;
  ValidatedRecords result;
  EXPECT_LT(peak_of([&] { result = validate_records(batch, other); }), 16 * kMegabyte);
  EXPECT_TRUE(result.ok()) << result.message;
  EXPECT_EQ(result.record_count, 40);
}

TEST_P(Bombs, AreGivenUpWhenTheRebuiltBatchIsTooLarge) {
  std::vector<uint8_t> batch = batch_of_megabytes(40);
  ValidationRules plain = rules();
  plain.compression = Compression::kNone;
  plain.max_message_bytes = 3 << 20;
  ValidatedRecords result;
  EXPECT_LT(peak_of([&] { result = validate_records(batch, plain); }), 16 * kMegabyte);
  EXPECT_EQ(result.error, ErrorCode::MESSAGE_TOO_LARGE);
}

TEST_P(Bombs, BeyondTheLimitAreRefused) {
  std::vector<uint8_t> batch = batch_of_megabytes(257);
  ValidatedRecords result;
  EXPECT_LT(peak_of([&] { result = validate_records(batch, rules()); }), kMegabyte);
  EXPECT_EQ(result.error, ErrorCode::MESSAGE_TOO_LARGE);
}

TEST_P(Bombs, AreConvertedDownRecordByRecord) {
  const std::vector<uint8_t> batch = batch_of_megabytes(40);
  if (GetParam() == Compression::kZstd) {
    Writer out;
    EXPECT_EQ(down_convert(batch, kMagicV1, 0, out).code(), ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
    return;
  }
  for (const int8_t magic : {kMagicV0, kMagicV1}) {
    Writer out;
    EXPECT_LT(peak_of([&] { ASSERT_TRUE(down_convert(batch, magic, 0, out).ok()); }),
              16 * kMegabyte + 4 * batch.size());
    RecordReader reader;
    int count = 0;
    EXPECT_LT(peak_of([&] {
                ASSERT_TRUE(reader.open(out.buffer()).ok());
                while (reader.next()) ++count;
              }),
              8 * kMegabyte);
    EXPECT_TRUE(reader.status().ok()) << reader.status().message();
    EXPECT_EQ(count, 40);
  }
}

TEST_P(Bombs, OfOneRecordAreRefusedWhereItWouldHaveToBeInMemory) {
  std::vector<uint8_t> body(size_t{100} << 20, 0);
  std::vector<uint8_t> records;
  Writer head;
  head.varint(static_cast<int32_t>(body.size()));
  std::copy(head.buffer().begin(), head.buffer().end(), body.begin());
  ASSERT_TRUE(compress(GetParam(), body, records).ok());
  body = {};
  ASSERT_LT(records.size() * kLargestRecordGrowth, size_t{64} << 20);
  std::vector<uint8_t> batch = batch_of({"a"}, {.compression = GetParam()});
  batch.resize(kBatchHeaderSize);
  batch.insert(batch.end(), records.begin(), records.end());
  RecordReader reader;
  EXPECT_LT(peak_of([&] {
              ASSERT_TRUE(reader.open(batch).ok());
              EXPECT_FALSE(reader.next());
            }),
            kMegabyte);
  EXPECT_EQ(reader.status().code(), ErrorCode::MESSAGE_TOO_LARGE);
}

TEST(Lies, AboutSizesAndCountsCostNothing) {
  std::vector<uint8_t> batch = batch_of({"a", "b"}, {.compression = Compression::kGzip});
  for (const size_t position : {kRecordCountPosition, kLastOffsetDeltaPosition}) {
    batch[position] = 0x7f;
    RecordBatchEditor(batch).update_crc();
    RecordReader reader;
    EXPECT_LT(peak_of([&] {
                if (!reader.open(batch).ok()) return;
                while (reader.next()) {
                }
              }),
              kMegabyte);
  }
  // A record of 60 MiB that is not there.
  Writer lie;
  lie.varint(60 << 20);
  std::vector<uint8_t> records;
  ASSERT_TRUE(compress(Compression::kGzip, lie.buffer(), records).ok());
  batch.resize(kBatchHeaderSize);
  batch.insert(batch.end(), records.begin(), records.end());
  RecordReader reader;
  EXPECT_LT(peak_of([&] {
              ASSERT_TRUE(reader.open(batch).ok());
              EXPECT_FALSE(reader.next());
            }),
            kMegabyte);
  EXPECT_EQ(reader.status().code(), ErrorCode::INVALID_RECORD);
}

TEST(Allocations, AnUncompressedBatchIsValidatedAndReadWithoutOne) {
  std::vector<uint8_t> batch = batch_of(std::vector<std::string>(100, "value"));
  ValidationRules rules;
  rules.now_ms = 2000;
  validate_records(batch, rules);
  size_t before = g_count;
  RecordReader reader;
  ASSERT_TRUE(reader.open(batch).ok());
  int count = 0;
  while (reader.next()) ++count;
  EXPECT_EQ(g_count - before, 0u);
  EXPECT_EQ(count, 100);
  // The list of batches in the request is the only one.
  before = g_count;
  EXPECT_TRUE(validate_records(batch, rules).ok());
  EXPECT_LE(g_count - before, 1u);
}

TEST(Allocations, AProduceRequestIsDecodedAndAnsweredWithoutOne) {
  constexpr int16_t kVersion = 9;
  const std::vector<uint8_t> batch = batch_of({"value"});
  protocol::ProduceRequest request;
  request.topic_data.emplace_back().name = "topic";
  request.topic_data[0].partition_data.emplace_back().records = RecordsField::of(Bytes(batch));
  protocol::ProduceResponse response;
  response.responses.emplace_back().name = "topic";
  response.responses[0].partition_responses.emplace_back().base_offset = 5;
  Writer frame;
  request.encode(frame, kVersion);
  Writer answer;
  response.encode(answer, kVersion);
  const size_t before = g_count;
  Reader reader(frame.buffer());
  request.decode(reader, kVersion);
  answer.clear();
  response.encode(answer, kVersion);
  EXPECT_EQ(g_count - before, 0u);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(request.topic_data[0].partition_data[0].records.bytes.size(), batch.size());
}

}  // namespace
}  // namespace ottla::records
