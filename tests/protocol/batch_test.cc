// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>

#include "protocol/records/batch_builder.h"
#include "protocol/records/control_records.h"
#include "protocol/records/crc32c.h"
#include "protocol/records/record_walk.h"
#include "tests/protocol/record_helpers.h"

namespace ottla::records {
namespace {

TEST(Crc32c, HasTheCheckValueOfItsPolynomial) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(bytes_of("56789"), crc32c(bytes_of("1234"))), 0xE3069283u);
}

TEST(BatchBuilder, WritesTheBytesOfKafka) {
  BatchBuilder builder;
  builder.begin({.base_offset = 5, .partition_leader_epoch = 2});
  builder.append(1000, std::nullopt, bytes_of("v"));
  const auto batch = builder.finish();
  ASSERT_TRUE(batch.ok());
  // base offset, length, leader epoch, magic; the CRC in the next four bytes.
  const std::vector<uint8_t> front = {0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 57, 0, 0, 0, 2, 2};
  // attributes, last offset delta, timestamps, no producer, one record: length 7 (zigzag 14), attributes,
  // deltas, null key, "v", no headers.
  std::vector<uint8_t> rest = {0, 0, 0, 0, 0, 0};
  for (int i = 0; i < 2; ++i) rest.insert(rest.end(), {0, 0, 0, 0, 0, 0, 0x03, 0xe8});
  rest.insert(rest.end(), 14, 0xff);
  rest.insert(rest.end(), {0, 0, 0, 1, 14, 0, 0, 0, 1, 2, 'v', 0});
  const std::vector<uint8_t> bytes(batch.value().begin(), batch.value().end());
  EXPECT_EQ(std::vector<uint8_t>(bytes.begin(), bytes.begin() + 17), front);
  EXPECT_EQ(std::vector<uint8_t>(bytes.begin() + 21, bytes.end()), rest);
  EXPECT_TRUE(RecordBatchView(bytes).crc_is_valid());
}

class EveryCodec : public testing::TestWithParam<Compression> {};
INSTANTIATE_TEST_SUITE_P(All, EveryCodec,
                         testing::Values(Compression::kNone, Compression::kGzip, Compression::kSnappy,
                                         Compression::kLz4, Compression::kZstd),
                         [](const auto& info) { return std::string(compression_name(info.param)); });

TEST_P(EveryCodec, BatchesAreReadAsTheyWereBuilt) {
  BatchBuilder builder;
  builder.begin({.base_offset = 100,
                 .compression = GetParam(),
                 .producer_id = 9,
                 .producer_epoch = 3,
                 .base_sequence = INT32_MAX,
                 .transactional = true});
  const std::vector<RecordHeader> headers = {{"h1", bytes_of("x")}, {"", std::nullopt}};
  builder.append(50, bytes_of("k0"), bytes_of("v0"), headers);
  builder.append(40, std::nullopt, std::nullopt);
  builder.append(INT64_MAX, bytes_of(""), bytes_of(std::string(5000, 'a')));
  const auto built = builder.finish();
  ASSERT_TRUE(built.ok());
  const RecordBatchView view(built.value());
  EXPECT_EQ(view.compression(), GetParam());
  EXPECT_EQ(view.last_offset(), 102);
  EXPECT_EQ(view.base_timestamp(), 50);
  EXPECT_EQ(view.max_timestamp(), INT64_MAX);
  EXPECT_EQ(view.last_sequence(), 1);
  EXPECT_TRUE(view.is_transactional());
  EXPECT_FALSE(view.is_control());
  EXPECT_TRUE(view.crc_is_valid());

  RecordReader reader;
  ASSERT_TRUE(reader.open(built.value()).ok());
  const auto first = reader.next();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->offset, 100);
  EXPECT_EQ(first->timestamp, 50);
  EXPECT_EQ(text_of(first->key), "k0");
  std::vector<RecordHeader> read;
  read_headers(*first, read);
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].key, "h1");
  EXPECT_EQ(text_of(read[0].value), "x");
  EXPECT_FALSE(read[1].value);
  const auto second = reader.next();
  EXPECT_EQ(second->timestamp, 40);
  EXPECT_FALSE(second->key);
  EXPECT_FALSE(second->value);
  const auto third = reader.next();
  EXPECT_EQ(third->offset, 102);
  EXPECT_EQ(third->timestamp, INT64_MAX);
  EXPECT_EQ(third->value->size(), 5000u);
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.status().ok());
}

TEST_P(EveryCodec, DamagedBatchesAreSafeToRead) {
  const std::vector<uint8_t> good = batch_of({"a", "bb", std::string(300, 'c')}, {.compression = GetParam()});
  RecordReader reader(1 << 20);
  for (size_t at = kAttributesPosition; at < good.size(); ++at) {
    for (const uint8_t value : {0x00, 0x7f, 0xff}) {
      std::vector<uint8_t> bad = good;
      bad[at] = value;
      if (!reader.open(bad).ok()) continue;
      while (reader.next()) {
      }
    }
  }
  for (size_t length = kBatchHeaderSize; length < good.size(); ++length) {
    const std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(length));
    if (reader.open(cut).ok()) {
      while (reader.next()) {
      }
    }
    EXPECT_FALSE(reader.status().ok()) << length;
  }
}

class Count : public RecordVisitor {
 public:
  void on_record(const WalkedRecord& record) override {
    ++records;
    sum += record.timestamp + record.offset_delta + (record.has_key ? 1 : 0);
  }
  int64_t records = 0;
  int64_t sum = 0;
};

// What the walk says of `batch`, and what reading every record says.
void expect_same_judgement(const std::vector<uint8_t>& batch, size_t at) {
  const RecordBatchView view(batch);
  Count walked;
  const bool walks = walk_records(view, walked).ok();
  RecordReader reader;
  Count read;
  bool reads = reader.open(batch).ok();
  while (const auto record = reader.next()) {
    const auto delta = static_cast<int32_t>(record->offset - view.base_offset());
    read.on_record({0, record->timestamp, delta, record->key.has_value()});
  }
  reads = reads && reader.status().ok();
  ASSERT_EQ(walks, reads) << at;
  if (!walks) return;
  ASSERT_EQ(walked.records, read.records) << at;
  ASSERT_EQ(walked.sum, read.sum) << at;
}

TEST(RecordWalk, JudgesDamagedRecordsAsTheReaderDoes) {
  BatchBuilder builder;
  builder.begin({});
  const std::vector<RecordHeader> headers = {{"h", bytes_of("x")}, {"i", std::nullopt}};
  builder.append(1000, bytes_of("k"), bytes_of(std::string(70, 'v')));
  builder.append(20000000, std::nullopt, bytes_of("v"), headers);
  builder.append(900, bytes_of(std::string(9000, 'k')), std::nullopt);
  builder.append(1001, bytes_of("k"), bytes_of("v"));
  const auto built = builder.finish();
  const std::vector<uint8_t> good(built.value().begin(), built.value().end());
  for (size_t at = kBatchHeaderSize; at < good.size(); ++at) {
    if (at > kBatchHeaderSize + 200 && at + 100 < good.size()) continue;
    for (int value = 0; value < 256; ++value) {
      std::vector<uint8_t> bad = good;
      bad[at] = static_cast<uint8_t>(value);
      expect_same_judgement(bad, at);
    }
    std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(at));
    expect_same_judgement(cut, at);
  }
}

TEST(RecordBatchEditor, OffsetAndEpochAreOutsideTheChecksum) {
  std::vector<uint8_t> batch = batch_of({"a"});
  RecordBatchEditor editor(batch);
  editor.set_base_offset(1234567890123);
  editor.set_partition_leader_epoch(77);
  EXPECT_EQ(editor.view().base_offset(), 1234567890123);
  EXPECT_EQ(editor.view().partition_leader_epoch(), 77);
  EXPECT_TRUE(editor.view().crc_is_valid());
}

TEST(RecordBatchEditor, TimesAndProducersRenewTheChecksum) {
  std::vector<uint8_t> batch = batch_of({"a"});
  RecordBatchEditor editor(batch);
  const uint32_t before = editor.view().crc();
  editor.set_max_timestamp(999, true);
  EXPECT_NE(editor.view().crc(), before);
  EXPECT_TRUE(editor.view().crc_is_valid());
  EXPECT_TRUE(editor.view().is_log_append_time());
  RecordReader reader;
  ASSERT_TRUE(reader.open(batch).ok());
  EXPECT_EQ(reader.next()->timestamp, 999);
  editor.set_producer(4, 5, 6);
  EXPECT_TRUE(editor.view().crc_is_valid());
  EXPECT_EQ(editor.view().producer_id(), 4);
  EXPECT_EQ(editor.view().last_sequence(), 6);
}

TEST(RecordBatchEditor, AttributesThatNobodyKnowsAreLostWithTheTime) {
  std::vector<uint8_t> batch = batch_of({"a"}, {.compression = Compression::kLz4, .transactional = true});
  batch[kAttributesPosition] = 0x7f;
  RecordBatchEditor(batch).set_max_timestamp(999, false);
  EXPECT_EQ(RecordBatchView(batch).attributes(), 3 | kTransactionalFlag);
}

TEST(RecordReader, BitsOfAVarintThatOverflowItAreDroppedAsInKafka) {
  std::vector<uint8_t> batch = batch_of({"a"});
  batch.resize(kBatchHeaderSize);
  // Length 11, attributes, time, an offset delta of five bytes whose last one is too large, null key, "x".
  const auto record = std::to_array<uint8_t>({22, 0, 0, 0x82, 0x80, 0x80, 0x80, 0x70, 1, 2, 'x', 0});
  batch.insert(batch.end(), record.begin(), record.end());
  RecordReader reader;
  ASSERT_TRUE(reader.open(batch).ok());
  const auto read = reader.next();
  ASSERT_TRUE(read) << reader.status().message();
  EXPECT_EQ(read->offset, 1);
  EXPECT_EQ(text_of(read->value), "x");
}

TEST(RecordBatchView, TheLastSequenceWrapsBehindTheLargest) {
  std::vector<uint8_t> batch =
      batch_of({"a", "b", "c"}, {.producer_id = 1, .producer_epoch = 0, .base_sequence = INT32_MAX - 1});
  EXPECT_EQ(RecordBatchView(batch).last_sequence(), 0);
}

TEST(BatchWalker, GoesFromBatchToBatchAndIgnoresAPartialLastOne) {
  std::vector<uint8_t> bytes = batch_of({"a"});
  const size_t one = bytes.size();
  const std::vector<uint8_t> second = batch_of({"bb", "c"});
  bytes.insert(bytes.end(), second.begin(), second.end());
  bytes.insert(bytes.end(), second.begin(), second.begin() + 30);
  BatchWalker walker(bytes);
  EXPECT_EQ(walker.next()->size(), one);
  EXPECT_EQ(walker.next()->size(), second.size());
  EXPECT_EQ(walker.position(), one + second.size());
  EXPECT_FALSE(walker.next());
  EXPECT_TRUE(walker.status().ok());
}

TEST(BatchWalker, RefusesSizesAndFormatsThatCannotBe) {
  std::vector<uint8_t> bytes = batch_of({"a"});
  std::vector<uint8_t> bad_magic = bytes;
  bad_magic[kMagicPosition] = 3;
  std::vector<uint8_t> small = bytes;
  small[kLengthPosition + 3] = 20;
  const std::vector<uint8_t> zeros(20, 0);
  for (const auto& bad : {bad_magic, small, zeros}) {
    BatchWalker walker(bad);
    EXPECT_FALSE(walker.next());
    EXPECT_EQ(walker.status().code(), ErrorCode::CORRUPT_MESSAGE);
  }
  BatchWalker empty{Bytes{}};
  EXPECT_FALSE(empty.next());
  EXPECT_TRUE(empty.status().ok());
}

TEST(FirstRecordAtOrAfter, LooksAtTimeAndOffset) {
  BatchBuilder builder;
  builder.begin({.base_offset = 10});
  for (const int64_t time : {100, 300, 200, 400}) builder.append(time, std::nullopt, bytes_of("v"));
  const auto batch = builder.finish();
  const auto find = [&](int64_t time, int64_t start) {
    return *first_record_at_or_after(batch.value(), time, start);
  };
  EXPECT_EQ(find(150, 0)->offset, 11);
  EXPECT_EQ(find(150, 12)->offset, 12);
  EXPECT_EQ(find(400, 0)->timestamp, 400);
  EXPECT_FALSE(find(401, 0));
}

TEST(ControlRecords, MarkersAreReadAsTheyWereBuilt) {
  BatchBuilder builder;
  const auto batch =
      build_end_transaction_marker(builder, 7, 2, 55, {.commit = true, .coordinator_epoch = 9});
  ASSERT_TRUE(batch.ok());
  const RecordBatchView view(batch.value());
  EXPECT_TRUE(view.is_control());
  EXPECT_TRUE(view.is_transactional());
  EXPECT_EQ(view.base_sequence(), kNoSequence);
  RecordReader reader;
  ASSERT_TRUE(reader.open(batch.value()).ok());
  const auto record = reader.next();
  EXPECT_EQ(text_of(record->key), std::string("\0\0\0\1", 4));
  EXPECT_EQ(text_of(record->value), std::string("\0\0\0\0\0\x09", 6));
  const auto marker = parse_end_transaction_marker(*record);
  ASSERT_TRUE(marker.ok());
  EXPECT_TRUE(marker.value().commit);
  EXPECT_EQ(marker.value().coordinator_epoch, 9);
}

TEST(ControlRecords, OtherKeysAreNotMarkers) {
  EXPECT_EQ(parse_control_key(std::nullopt), std::nullopt);
  EXPECT_EQ(parse_control_key(bytes_of("abc")), std::nullopt);
  EXPECT_EQ(parse_control_key(bytes_of(std::string_view("\0\0\0\x63", 4))), std::nullopt);
  EXPECT_EQ(parse_control_key(bytes_of(std::string_view("\0\0\0\2", 4))), ControlType::kLeaderChange);
  EXPECT_FALSE(parse_end_transaction_marker(RecordView{}).ok());
}

}  // namespace
}  // namespace ottla::records
