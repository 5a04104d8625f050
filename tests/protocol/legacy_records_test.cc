// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/legacy_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "protocol/records/record_reader.h"
#include "tests/protocol/record_helpers.h"

namespace ottla::records {
namespace {

using testing::ElementsAre;

std::vector<uint8_t> copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

TEST(LegacyRecords, AMessageHasTheBytesOfKafka) {
  Writer out;
  write_legacy_message(out, kMagicV0, 3, kNoTimestamp, 0, std::nullopt, bytes_of("test"));
  // offset, size 18, CRC-32, magic, attributes, null key, value.
  const Bytes bytes = out.buffer();
  EXPECT_EQ(copy(bytes.first(12)), (std::vector<uint8_t>{0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 18}));
  EXPECT_EQ(copy(bytes.subspan(16)),
            (std::vector<uint8_t>{0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 4, 't', 'e', 's', 't'}));
  const auto message = parse_legacy_message(bytes);
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message.value().crc, 0x592a4787u);
  EXPECT_TRUE(message.value().crc_is_valid());
  EXPECT_EQ(text_of(message.value().value), "test");
  EXPECT_FALSE(message.value().key);
}

TEST(LegacyRecords, DamageShowsInTheChecksum) {
  Writer out;
  write_legacy_message(out, kMagicV1, 3, 77, 0, bytes_of("k"), bytes_of("v"));
  std::vector<uint8_t> bytes = copy(out.buffer());
  EXPECT_EQ(parse_legacy_message(bytes)->timestamp, 77);
  bytes.back() ^= 1;
  EXPECT_FALSE(parse_legacy_message(bytes)->crc_is_valid());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(parse_legacy_message(Bytes(bytes).first(length)).ok());
  }
}

class Conversion : public testing::TestWithParam<std::tuple<int, Compression>> {
 protected:
  int8_t magic() const { return static_cast<int8_t>(std::get<0>(GetParam())); }
  Compression codec() const { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(All, Conversion,
                         testing::Combine(testing::Values(0, 1),
                                          testing::Values(Compression::kNone, Compression::kGzip,
                                                          Compression::kSnappy, Compression::kLz4)),
                         [](const auto& info) {
                           return "V" + std::to_string(std::get<0>(info.param)) +
                                  std::string(compression_name(std::get<1>(info.param)));
                         });

TEST_P(Conversion, OldClientsSeeTheSameRecords) {
  const std::vector<uint8_t> batch = batch_of({"a", "b", "c"}, {.base_offset = 10, .compression = codec()});
  Writer out;
  ASSERT_TRUE(down_convert(batch, magic(), 0, out).ok());
  BatchWalker walker(out.buffer());
  size_t messages = 0;
  while (const auto message = walker.next()) {
    EXPECT_EQ(BatchWalker::magic(*message), magic());
    EXPECT_TRUE(parse_legacy_message(*message)->crc_is_valid());
    ++messages;
  }
  EXPECT_EQ(messages, codec() == Compression::kNone ? 3u : 1u);
  const int64_t none = kNoTimestamp;
  const bool timed = magic() == kMagicV1;
  EXPECT_THAT(records_in(out.buffer()), ElementsAre(ReadRecord{10, timed ? 1000 : none, "k", "a"},
                                                    ReadRecord{11, timed ? 1001 : none, "k", "b"},
                                                    ReadRecord{12, timed ? 1002 : none, "k", "c"}));
}

TEST(DownConvert, LeavesOutControlBatchesAndWhatLiesBeforeTheOffset) {
  std::vector<uint8_t> bytes = batch_of({"a", "b"}, {.base_offset = 4});
  const auto add = [&](const std::vector<uint8_t>& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
  };
  add(batch_of({"marker"}, {.base_offset = 6, .control = true}));
  add(batch_of({"c"}, {.base_offset = 7}));
  bytes.resize(bytes.size() + 5);  // a partial batch
  Writer out;
  ASSERT_TRUE(down_convert(bytes, kMagicV1, 5, out).ok());
  EXPECT_THAT(records_in(out.buffer()),
              ElementsAre(ReadRecord{5, 1001, "k", "b"}, ReadRecord{7, 1000, "k", "c"}));
}

TEST(DownConvert, TakesTheTimeOfTheBatchWhereItIsTheLogs) {
  Writer out;
  ASSERT_TRUE(down_convert(batch_of({"a"}, {.log_append_time = 5555}), kMagicV1, 0, out).ok());
  const auto message = parse_legacy_message(out.buffer());
  EXPECT_TRUE(message->is_log_append_time());
  EXPECT_EQ(message->timestamp, 5555);
}

TEST(DownConvert, CopiesWhatIsOldEnoughAndConvertsV1ToV0) {
  Writer old;
  write_legacy_message(old, kMagicV1, 9, 77, 0, bytes_of("k"), bytes_of("v"));
  Writer same;
  ASSERT_TRUE(down_convert(old.buffer(), kMagicV1, 0, same).ok());
  EXPECT_EQ(copy(same.buffer()), copy(old.buffer()));
  Writer older;
  ASSERT_TRUE(down_convert(old.buffer(), kMagicV0, 0, older).ok());
  EXPECT_THAT(records_in(older.buffer()), ElementsAre(ReadRecord{9, kNoTimestamp, "k", "v"}));
}

TEST(DownConvert, HasNoPlaceForZstd) {
  Writer out;
  EXPECT_EQ(down_convert(batch_of({"a"}, {.compression = Compression::kZstd}), kMagicV1, 0, out).code(),
            ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
}

// A set of inner messages with the offsets given, compressed into one wrapper.
std::vector<uint8_t> wrapped(int8_t magic, int64_t wrapper_offset, const std::vector<int64_t>& offsets,
                             Compression codec = Compression::kGzip, int8_t inner_attributes = 0) {
  Writer inner;
  for (const int64_t offset : offsets)
    write_legacy_message(inner, magic, offset, 70 + offset, inner_attributes, bytes_of("k"), bytes_of("v"));
  std::vector<uint8_t> value;
  EXPECT_TRUE(compress(codec, inner.buffer(), value).ok());
  Writer out;
  write_legacy_message(out, magic, wrapper_offset, 99, static_cast<int8_t>(codec), std::nullopt,
                       Bytes(value));
  return copy(out.buffer());
}

std::vector<int64_t> offsets_in(Bytes bytes) {
  std::vector<int64_t> offsets;
  for (const ReadRecord& record : records_in(bytes)) offsets.push_back(record.offset);
  return offsets;
}

ErrorCode error_of(const std::vector<uint8_t>& set) {
  RecordReader reader;
  if (reader.open(set).ok()) {
    while (reader.next()) {
    }
  }
  return reader.status().code();
}

TEST(CompressedSets, OfV1CountFromTheWrappersOffset) {
  EXPECT_THAT(offsets_in(wrapped(kMagicV1, 12, {0, 1, 2})), ElementsAre(10, 11, 12));
  // Compaction leaves gaps; the last inner message still stands at the wrapper's offset.
  EXPECT_THAT(offsets_in(wrapped(kMagicV1, 12, {0, 4})), ElementsAre(8, 12));
  EXPECT_EQ(error_of(wrapped(kMagicV1, 1, {0, 1, 2})), ErrorCode::INVALID_RECORD);
}

TEST(CompressedSets, OfV1WhoseWrapperStandsAtZeroCountFromThere) {
  // As certain versions of librdkafka produce them.
  EXPECT_THAT(offsets_in(wrapped(kMagicV1, 0, {0, 1, 2})), ElementsAre(0, 1, 2));
}

TEST(CompressedSets, OfV0HaveAbsoluteOffsets) {
  EXPECT_THAT(offsets_in(wrapped(kMagicV0, 12, {5, 7, 12})), ElementsAre(5, 7, 12));
}

TEST(CompressedSets, MustHoldPlainMessagesAndAtLeastOne) {
  for (const int8_t magic : {kMagicV0, kMagicV1}) {
    EXPECT_EQ(error_of(wrapped(magic, 0, {})), ErrorCode::INVALID_RECORD);
    EXPECT_EQ(error_of(wrapped(magic, 0, {0}, Compression::kGzip, 1)), ErrorCode::INVALID_RECORD);
    EXPECT_EQ(error_of(wrapped(magic, 0, {0}, Compression::kZstd)), ErrorCode::INVALID_RECORD);
  }
}

TEST(CompressedSets, WithoutAValueAreInvalid) {
  Writer out;
  write_legacy_message(out, kMagicV1, 0, 5, 1, bytes_of("k"), std::nullopt);
  EXPECT_EQ(error_of(copy(out.buffer())), ErrorCode::INVALID_RECORD);
}

TEST(DownConvert, CountsFromTheFirstRecordThatIsLeft) {
  // Offsets 10 to 12, of which compaction took the first two.
  std::vector<uint8_t> batch = batch_of({"a"}, {.base_offset = 10, .compression = Compression::kGzip});
  batch.resize(kBatchHeaderSize);
  Writer record;
  for (const uint8_t byte : std::to_array<uint8_t>({14, 0, 0, 4, 1, 2, 'x', 0}))
    record.int8(static_cast<int8_t>(byte));
  ASSERT_TRUE(compress(Compression::kGzip, record.buffer(), batch).ok());
  batch[kLengthPosition + 3] = static_cast<uint8_t>(batch.size() - kLogOverhead);
  Writer out;
  ASSERT_TRUE(down_convert(batch, kMagicV1, 0, out).ok());
  const auto wrapper = parse_legacy_message(out.buffer());
  EXPECT_EQ(wrapper->offset, 12);
  std::vector<uint8_t> inner;
  ASSERT_TRUE(decompress(Compression::kGzip, *wrapper->value, 100, inner).ok());
  EXPECT_EQ(parse_legacy_message(inner)->offset, 0);
  EXPECT_THAT(offsets_in(out.buffer()), ElementsAre(12));
}

TEST(DownConvert, StopsBehindTheMessageThatReachesTheLimit) {
  const std::vector<uint8_t> batch = batch_of({"a", "b", "c", "d"});
  Writer all;
  ASSERT_TRUE(down_convert(batch, kMagicV0, 0, all).ok());
  const size_t one = all.buffer().size() / 4;
  Writer out;
  ASSERT_TRUE(down_convert(batch, kMagicV0, 0, out, one + 1).ok());
  EXPECT_EQ(out.buffer().size(), 2 * one);
  // What the client asks next.
  Writer rest;
  ASSERT_TRUE(down_convert(batch, kMagicV0, 2, rest).ok());
  EXPECT_THAT(offsets_in(rest.buffer()), ElementsAre(2, 3));
}

TEST(DownConvert, LeavesOutBatchesWithoutRecords) {
  std::vector<uint8_t> empty = batch_of({"a"}, {.producer_id = 5, .producer_epoch = 0, .base_sequence = 0});
  empty.resize(kBatchHeaderSize);
  empty[kRecordCountPosition + 3] = 0;
  empty[kLengthPosition + 3] = static_cast<uint8_t>(kBatchHeaderSize - kLogOverhead);
  Writer out;
  ASSERT_TRUE(down_convert(empty, kMagicV1, 0, out).ok());
  EXPECT_TRUE(out.buffer().empty());
}

TEST(LegacyRecords, DamagedSetsAreSafeToRead) {
  for (const int8_t magic : {kMagicV0, kMagicV1}) {
    for (const Compression codec : {Compression::kNone, Compression::kGzip, Compression::kLz4}) {
      Writer out;
      ASSERT_TRUE(down_convert(batch_of({"aaa", "bbb", "ccc"}, {.compression = codec}), magic, 0, out).ok());
      const std::vector<uint8_t> good = copy(out.buffer());
      for (size_t at = 0; at < good.size(); ++at) {
        for (const uint8_t value : {0x00, 0x01, 0x7f, 0xff}) {
          std::vector<uint8_t> bad = good;
          bad[at] = value;
          static_cast<void>(records_in(bad));
        }
      }
    }
  }
}

}  // namespace
}  // namespace ottla::records
