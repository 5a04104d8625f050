// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/compression.h"

#include <gtest/gtest.h>

#include <random>

#include "protocol/records/codec_frames.h"
#include "tests/protocol/record_helpers.h"

namespace ottla::records {
namespace {

class CompressionTest : public testing::TestWithParam<Compression> {
 protected:
  std::vector<uint8_t> compressed(Bytes in, Lz4Header header = Lz4Header::kStandard) {
    std::vector<uint8_t> out;
    EXPECT_TRUE(compress(GetParam(), in, out, header).ok());
    return out;
  }
};
INSTANTIATE_TEST_SUITE_P(All, CompressionTest,
                         testing::Values(Compression::kGzip, Compression::kSnappy, Compression::kLz4,
                                         Compression::kZstd),
                         [](const auto& info) { return std::string(compression_name(info.param)); });

std::vector<uint8_t> sample(size_t size, int alphabet) {
  std::mt19937 random(static_cast<uint32_t>(size));
  std::vector<uint8_t> data(size);
  for (uint8_t& byte : data) byte = static_cast<uint8_t>(random() % static_cast<uint32_t>(alphabet));
  return data;
}

TEST_P(CompressionTest, GivesBackWhatWentIn) {
  for (const size_t size : {0u, 1u, 100u, 32768u, 65536u, 70000u, 1000000u}) {
    for (const int alphabet : {1, 4, 256}) {
      const std::vector<uint8_t> data = sample(size, alphabet);
      std::vector<uint8_t> back;
      const Status status = decompress(GetParam(), compressed(data), size, back);
      ASSERT_TRUE(status.ok()) << size << " " << status.message();
      EXPECT_EQ(back, data);
    }
  }
}

TEST_P(CompressionTest, AppendsToWhatIsThere) {
  std::vector<uint8_t> out = {1, 2};
  ASSERT_TRUE(compress(GetParam(), bytes_of("hello"), out).ok());
  std::vector<uint8_t> back;
  ASSERT_TRUE(decompress(GetParam(), Bytes(out).subspan(2), 5, back).ok());
  EXPECT_EQ(text_of(back), "hello");
  EXPECT_EQ(out[1], 2);
}

TEST_P(CompressionTest, RefusesABombWithoutTheMemoryForIt) {
  const std::vector<uint8_t> bomb = compressed(std::vector<uint8_t>(64 << 20, 0));
  std::vector<uint8_t> out;
  EXPECT_EQ(decompress(GetParam(), bomb, 1 << 20, out).code(), ErrorCode::MESSAGE_TOO_LARGE);
  EXPECT_LE(out.capacity(), bomb.size() * 2 + (4u << 20));
}

TEST_P(CompressionTest, DataCutShortOrDamagedIsAnErrorOrSomethingElseButSafe) {
  const std::vector<uint8_t> data = sample(2000, 4);
  const std::vector<uint8_t> good = compressed(data);
  std::vector<uint8_t> out;
  for (size_t length = 0; length < good.size(); ++length) {
    const std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(length));
    const Status status = decompress(GetParam(), cut, 1 << 20, out);
    EXPECT_TRUE(!status.ok() || out.size() < data.size()) << length;
  }
  for (size_t at = 0; at < good.size(); ++at) {
    std::vector<uint8_t> bad = good;
    bad[at] ^= 0xff;
    static_cast<void>(decompress(GetParam(), bad, 1 << 20, out));
  }
}

TEST_P(CompressionTest, UnreadableDataIsWhatKafkaCallsAnUnknownError) {
  std::vector<uint8_t> out;
  EXPECT_EQ(decompress(GetParam(), std::vector<uint8_t>(40, 0xee), 1000, out).code(),
            ErrorCode::UNKNOWN_SERVER_ERROR);
}

TEST(Snappy, RawDataIsReadToo) {
  // Length 5, one literal of five bytes.
  const std::vector<uint8_t> raw = {5, 4 << 2, 'h', 'e', 'l', 'l', 'o'};
  std::vector<uint8_t> out;
  ASSERT_TRUE(decompress(Compression::kSnappy, raw, 5, out).ok());
  EXPECT_EQ(text_of(out), "hello");
}

TEST(Snappy, FramesAreThoseOfSnappyJava) {
  std::vector<uint8_t> out;
  ASSERT_TRUE(compress(Compression::kSnappy, bytes_of("hello"), out).ok());
  const std::vector<uint8_t> expected = {0x82, 'S', 'N', 'A',    'P', 'P', 'Y', 0,   0,
                                         0,    0,   1,   0,      0,   0,   1,   0,   0,
                                         0,    7,   5,   4 << 2, 'h', 'e', 'l', 'l', 'o'};
  EXPECT_EQ(out, expected);
}

TEST(Snappy, AClaimLargerThanTheDataCanHoldIsNotBelieved) {
  const std::vector<uint8_t> liar = {0xff, 0xff, 0xff, 0x7f, 0};
  std::vector<uint8_t> out;
  EXPECT_FALSE(decompress(Compression::kSnappy, liar, SIZE_MAX / 4, out).ok());
}

TEST(Gzip, MembersThatFollowEachOtherAreOneText) {
  std::vector<uint8_t> two;
  ASSERT_TRUE(compress(Compression::kGzip, bytes_of("one "), two).ok());
  ASSERT_TRUE(compress(Compression::kGzip, bytes_of("two"), two).ok());
  std::vector<uint8_t> out;
  ASSERT_TRUE(decompress(Compression::kGzip, two, 100, out).ok());
  EXPECT_EQ(text_of(out), "one two");
}

TEST(Lz4, AFrameThatBreaksOffLeavesNothingBehindForTheNext) {
  // Announces a content size, has one empty block's length cut short.
  const std::vector<uint8_t> broken = {0x04, 0x22, 0x4d, 0x18, 0x68, 0x40, 0x1a, 0x02,
                                       0,    0,    0x80, 0x61, 0x11, 0,    0};
  std::vector<uint8_t> out;
  EXPECT_FALSE(decompress(Compression::kLz4, broken, 100, out).ok());
  for (const Lz4Header header : {Lz4Header::kMagic0, Lz4Header::kStandard}) {
    EXPECT_FALSE(decompress(Compression::kLz4, broken, 100, out, header).ok());
    std::vector<uint8_t> good;
    ASSERT_TRUE(compress(Compression::kLz4, bytes_of("hello"), good, header).ok());
    EXPECT_TRUE(decompress(Compression::kLz4, good, 100, out, header).ok());
    EXPECT_EQ(out, std::vector<uint8_t>({'h', 'e', 'l', 'l', 'o'}));
  }
}

TEST(Lz4, Magic0HasTheWrongHeaderChecksumOnPurpose) {
  std::vector<uint8_t> old;
  ASSERT_TRUE(compress(Compression::kLz4, bytes_of("hello"), old, Lz4Header::kMagic0).ok());
  std::vector<uint8_t> standard;
  ASSERT_TRUE(compress(Compression::kLz4, bytes_of("hello"), standard).ok());
  EXPECT_NE(old[6], standard[6]);
  // What the library wrote is what the specification's xxHash gives.
  EXPECT_EQ(lz4_header_checksum(Bytes(standard).first(6), false), standard[6]);
  std::vector<uint8_t> out;
  EXPECT_FALSE(decompress(Compression::kLz4, old, 100, out).ok());
  ASSERT_TRUE(decompress(Compression::kLz4, old, 100, out, Lz4Header::kMagic0).ok());
  EXPECT_EQ(text_of(out), "hello");
  ASSERT_TRUE(decompress(Compression::kLz4, standard, 100, out, Lz4Header::kMagic0).ok());
}

TEST(Names, AreThoseOfTheSetting) {
  EXPECT_EQ(parse_compression("zstd"), Compression::kZstd);
  EXPECT_EQ(parse_compression("uncompressed"), Compression::kNone);
  EXPECT_EQ(parse_compression("producer"), std::nullopt);
  EXPECT_EQ(compression_of_attributes(0x18 | 3), Compression::kLz4);
  EXPECT_EQ(compression_of_attributes(5), std::nullopt);
}

}  // namespace
}  // namespace ottla::records
