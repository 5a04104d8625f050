// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/legacy_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
