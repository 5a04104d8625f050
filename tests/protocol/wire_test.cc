// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla {
namespace {

std::vector<uint8_t> copy(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

TEST(Varint, RoundTripsAtEveryLength) {
  for (int shift = 0; shift < 32; ++shift) {
    for (const uint32_t value : {1U << shift, (1U << shift) - 1, ~(1U << shift)}) {
      Writer writer;
      writer.unsigned_varint(value);
      writer.varint(static_cast<int32_t>(value));
      Reader reader(writer.buffer());
      EXPECT_EQ(reader.unsigned_varint(), value);
      EXPECT_EQ(reader.varint(), static_cast<int32_t>(value));
      EXPECT_TRUE(reader.ok());
      EXPECT_EQ(reader.remaining(), 0u);
    }
  }
  for (const int64_t value : {INT64_MIN, INT64_MAX, int64_t{0}, int64_t{-1}, int64_t{1} << 40}) {
    Writer writer;
    writer.varlong(value);
    Reader reader(writer.buffer());
    EXPECT_EQ(reader.varlong(), value);
  }
}

TEST(Varint, HasTheBytesOfProtocolBuffers) {
  Writer writer;
  writer.unsigned_varint(300);
  writer.varint(-1);
  writer.unsigned_varint(UINT32_MAX);
  EXPECT_EQ(copy(writer.buffer()), (std::vector<uint8_t>{0xac, 0x02, 0x01, 0xff, 0xff, 0xff, 0xff, 0x0f}));
}

TEST(Varint, TooLongOrOverflowingIsAnError) {
  for (const std::vector<uint8_t>& bytes : {std::vector<uint8_t>{0x80, 0x80, 0x80, 0x80, 0x80, 0x01},
                                            {0xff, 0xff, 0xff, 0xff, 0x1f},
                                            {0x80},
                                            {}}) {
    Reader reader(bytes);
    EXPECT_EQ(reader.unsigned_varint(), 0u);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.position(), 0u);
  }
  const std::vector<uint8_t> eleven(11, 0x80);
  Reader reader(eleven);
  reader.varlong();
  EXPECT_STREQ(reader.error(), "varint too long");
}

TEST(Reader, KeepsItsFirstErrorAndItsPosition) {
  const std::vector<uint8_t> bytes = {0, 9, 'a'};
  Reader reader(bytes);
  EXPECT_EQ(reader.string(), "");
  EXPECT_STREQ(reader.error(), "length beyond the bytes left");
  EXPECT_EQ(reader.int8(), 0);
  EXPECT_EQ(reader.nullable_bytes(), std::nullopt);
  EXPECT_EQ(reader.array_length(1), 0);
  EXPECT_TRUE(reader.uuid().is_zero());
  EXPECT_STREQ(reader.error(), "length beyond the bytes left");
}

TEST(Reader, TakesAnyNegativeLengthForNull) {
  Writer writer;
  writer.int16(-5);
  writer.int32(-2);
  writer.int32(-7);
  Reader reader(writer.buffer());
  EXPECT_EQ(reader.nullable_string(), std::nullopt);
  EXPECT_EQ(reader.array_length(4), -1);
  EXPECT_EQ(reader.nullable_bytes(), std::nullopt);
  EXPECT_TRUE(reader.ok());
}

TEST(Reader, RefusesCountsThatTheBytesCannotHold) {
  Writer writer;
  writer.int32(3);
  writer.int32(0);
  writer.int32(0);
  Reader good(writer.buffer());
  EXPECT_EQ(good.array_length(2), 3);
  Reader bad(writer.buffer());
  EXPECT_EQ(bad.array_length(3), 0);
  EXPECT_STREQ(bad.error(), "array longer than the bytes left");
  Writer huge;
  huge.unsigned_varint(UINT32_MAX);
  Reader compact(huge.buffer());
  EXPECT_EQ(compact.compact_array_length(0), 0);
  EXPECT_FALSE(compact.ok());
}

TEST(Reader, RefusesStringsThatKafkaCannotCarry) {
  Writer writer;
  writer.unsigned_varint(kMaxStringLength + 2);
  writer.raw(std::vector<uint8_t>(kMaxStringLength + 1, 'x'));
  Reader reader(writer.buffer());
  reader.compact_string();
  EXPECT_STREQ(reader.error(), "string longer than 32767 bytes");
}

TEST(Writer, CutsStringsThatKafkaCannotCarry) {
  const std::string text(40000, 'x');
  Writer writer;
  writer.string(text);
  writer.compact_string(text);
  Reader reader(writer.buffer());
  EXPECT_EQ(reader.string().size(), kMaxStringLength);
  EXPECT_EQ(reader.compact_string().size(), kMaxStringLength);
  EXPECT_TRUE(reader.ok());
}

class NoFile : public ReadableFile {
 public:
  int descriptor() const override { return -1; }
  ssize_t read_at(std::span<uint8_t>, uint64_t) const override { return 0; }
};

FileSlice slice_of(uint32_t length) { return {std::make_shared<NoFile>(), 0, length}; }

TEST(Writer, CountsSplicedFilesInTheFrame) {
  Writer writer;
  const size_t first = writer.begin_frame();
  writer.int32(1);
  writer.splice(slice_of(100));
  writer.int8(2);
  writer.end_frame(first);
  const size_t second = writer.begin_frame();
  writer.splice(slice_of(7));
  writer.splice(slice_of(0));
  writer.end_frame(second);
  Reader reader(writer.buffer());
  EXPECT_EQ(reader.int32(), 105);
  reader.skip(5);
  EXPECT_EQ(reader.int32(), 7);
  ASSERT_EQ(writer.splices().size(), 2u);
  EXPECT_EQ(writer.splices()[0].position, 8u);
  EXPECT_EQ(writer.splices()[1].position, 13u);
  EXPECT_EQ(writer.total_size(), 13u + 107u);
  writer.clear();
  EXPECT_EQ(writer.total_size(), 0u);
  EXPECT_TRUE(writer.splices().empty());
}

TEST(Writer, MakesRoomForLongTaggedFields) {
  for (const size_t length : {0u, 1u, 127u, 128u, 16383u, 16384u, 70000u}) {
    Writer writer;
    const size_t mark = writer.begin_tagged_field(3);
    writer.raw(std::vector<uint8_t>(length, 0x5a));
    writer.end_tagged_field(mark);
    writer.int8(1);
    Reader reader(writer.buffer());
    EXPECT_EQ(reader.unsigned_varint(), 3u);
    EXPECT_EQ(reader.unsigned_varint(), length);
    EXPECT_EQ(copy(reader.raw(length)), std::vector<uint8_t>(length, 0x5a));
    EXPECT_EQ(reader.int8(), 1);
    EXPECT_EQ(reader.remaining(), 0u);
  }
}

TEST(Writer, MovesSplicesBehindALongTaggedSize) {
  Writer writer;
  writer.splice(slice_of(5));
  const size_t mark = writer.begin_tagged_field(0);
  writer.int8(1);
  writer.splice(slice_of(1000));
  writer.end_tagged_field(mark);
  Reader reader(writer.buffer());
  EXPECT_EQ(reader.unsigned_varint(), 0u);
  EXPECT_EQ(reader.unsigned_varint(), 1001u);
  EXPECT_EQ(writer.splices()[0].position, 0u);
  EXPECT_EQ(writer.splices()[1].position, 4u);
}

TEST(Reader, GivesNoMoreMemoryThanTheMessageMayTake) {
  const std::vector<uint8_t> bytes(10);
  Reader reader(bytes);
  reader.limit_memory(1000);
  EXPECT_TRUE(reader.take_memory(10, 90));
  EXPECT_EQ(reader.memory_taken(), 900u);
  EXPECT_FALSE(reader.take_memory(SIZE_MAX / 2, 100));
  EXPECT_STREQ(reader.error(), "message takes too much memory");
  Reader unlimited(bytes);
  EXPECT_TRUE(unlimited.take_memory(1, SIZE_MAX / 2));
}

TEST(Reader, APartOfAMessageSharesItsMemory) {
  const std::vector<uint8_t> bytes(10);
  Reader reader(bytes);
  reader.limit_memory(1000);
  EXPECT_TRUE(reader.take_memory(1000, 1));
  Reader part = reader.split(Bytes(bytes).first(5));
  EXPECT_FALSE(part.take_memory(1, 1));
  reader.join(part);
  EXPECT_FALSE(reader.ok());
}

TEST(Jute, StringsHaveLongLengths) {
  Writer writer;
  writer.jute_string("abc");
  writer.jute_string(std::nullopt);
  EXPECT_EQ(copy(writer.buffer()), (std::vector<uint8_t>{0, 0, 0, 3, 'a', 'b', 'c', 0xff, 0xff, 0xff, 0xff}));
  Reader reader(writer.buffer());
  EXPECT_EQ(reader.jute_string(), "abc");
  EXPECT_EQ(reader.jute_string(), std::nullopt);
}

}  // namespace
}  // namespace ottla
