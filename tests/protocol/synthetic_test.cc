// SPDX-License-Identifier: Apache-2.0
// The generated API, on messages made from specs that use every feature. The bytes are checked by
// messages_test.cc.
#include <gtest/gtest.h>

#include "protocol/generated/synthetic_all_request.h"
#include "protocol/generated/synthetic_empty_record.h"
#include "protocol/generated/synthetic_flexible_data.h"

namespace ottla::protocol {
namespace {

std::vector<uint8_t> encoded(const auto& message, int16_t version) {
  Writer writer;
  message.encode(writer, version);
  return {writer.buffer().begin(), writer.buffer().end()};
}

template <typename M>
const char* decode_error(M& message, Bytes bytes, int16_t version) {
  Reader reader(bytes);
  message.decode(reader, version);
  return reader.error();
}

TEST(GeneratedApi, ConstantsSayWhatTheSpecSays) {
  EXPECT_EQ(SyntheticAllRequest::kApiKey, 1);
  EXPECT_EQ(SyntheticAllRequest::kLowestVersion, 1);
  EXPECT_EQ(SyntheticAllRequest::kHighestVersion, 6);
  EXPECT_EQ(SyntheticAllRequest::kFirstFlexibleVersion, 4);
  EXPECT_EQ(SyntheticEmptyRecord::kFirstFlexibleVersion, 32767);
  EXPECT_EQ(SyntheticFlexibleData::kApiKey, -1);
}

TEST(GeneratedApi, MembersStartWithTheirDefaults) {
  const SyntheticAllRequest message;
  EXPECT_TRUE(message.flag);
  EXPECT_EQ(message.tiny, -128);
  EXPECT_EQ(message.port, 65535);
  EXPECT_EQ(message.mask, 4294967295U);
  EXPECT_EQ(message.big, INT64_MIN);
  EXPECT_EQ(message.name, "fallback");
  EXPECT_EQ(message.maybe_name, "");
  EXPECT_EQ(message.null_name, std::nullopt);
  EXPECT_TRUE(message.records.is_null);
  EXPECT_FALSE(message.maybe_shared.has_value());
  ASSERT_TRUE(message.shared_or_empty.has_value());
  EXPECT_EQ(message.shared_or_empty->value, 3);
  EXPECT_TRUE(message.int32s.has_value());
  EXPECT_FALSE(message.names.has_value());
  EXPECT_EQ(message.operator_, 0);
  EXPECT_EQ(message.tagged_number, 7);
  EXPECT_FALSE(message.inline_.is_kraft);
}

TEST(GeneratedApi, DecodeResetsWhatTheVersionDoesNotHave) {
  SyntheticAllRequest source;
  SyntheticAllRequest::SharedStruct shared{.key = "k"};
  source.null_name = "there";
  source.once_in_line = "tagged";
  source.tagged_number = 8;
  source.tagged_shared = shared;
  source.tagged_maybe = shared;
  source.inline_.deep = {{.shared = shared}};
  source.unknown_tagged_fields = {{.tag = 50, .data = {}}};
  const std::vector<uint8_t> newest = encoded(source, 6);
  SyntheticAllRequest message;
  ASSERT_EQ(decode_error(message, newest, 6), nullptr);
  EXPECT_EQ(message.tagged_maybe->key, "k");
  EXPECT_EQ(message.unknown_tagged_fields.size(), 1u);

  const std::vector<uint8_t> oldest = encoded(source, 1);
  ASSERT_EQ(decode_error(message, oldest, 1), nullptr);
  EXPECT_EQ(message.null_name, std::nullopt);
  EXPECT_EQ(message.once_in_line, std::nullopt);
  EXPECT_EQ(message.tagged_number, 7);
  EXPECT_EQ(message.tagged_shared.key, "");
  EXPECT_FALSE(message.tagged_maybe.has_value());
  EXPECT_FALSE(message.inline_.deep.has_value());
  EXPECT_TRUE(message.unknown_tagged_fields.empty());
}

TEST(GeneratedApi, DecodeReusesTheMemoryOfVectors) {
  SyntheticAllRequest source;
  source.ids.resize(20);
  const std::vector<uint8_t> bytes = encoded(source, 6);
  SyntheticAllRequest message;
  ASSERT_EQ(decode_error(message, bytes, 6), nullptr);
  const Uuid* memory = message.ids.data();
  ASSERT_EQ(decode_error(message, bytes, 6), nullptr);
  EXPECT_EQ(message.ids.data(), memory);
}

TEST(GeneratedApi, UnknownTagsStandBetweenTheKnownOnesInOrder) {
  SyntheticFlexibleData message;
  message.later = 5;
  const uint8_t content = 9;
  message.unknown_tagged_fields = {{.tag = 1, .data = Bytes(&content, 1)}};
  EXPECT_EQ(encoded(message, 1), (std::vector<uint8_t>{2, 0, 4, 0, 0, 0, 5, 1, 1, 9}));
}

TEST(GeneratedApi, ATagThatTheVersionDoesNotKnowIsKept) {
  const std::vector<uint8_t> bytes = {1, 0, 4, 0, 0, 0, 5};
  SyntheticFlexibleData message;
  ASSERT_EQ(decode_error(message, bytes, 0), nullptr);
  EXPECT_EQ(message.later, -1);
  ASSERT_EQ(message.unknown_tagged_fields.size(), 1u);
  EXPECT_EQ(encoded(message, 0), bytes);
}

TEST(GeneratedApi, ATaggedFieldShorterThanItsTypeIsAnError) {
  const std::vector<uint8_t> bytes = {1, 0, 2, 0, 0};
  SyntheticFlexibleData message;
  EXPECT_STREQ(decode_error(message, bytes, 1), "message ends inside a number");
}

TEST(GeneratedApi, NullWhereTheVersionHasNoneIsWrittenEmptyAndReadAsAnError) {
  SyntheticAllRequest message;
  message.maybe_name = std::nullopt;
  message.shared_or_empty = std::nullopt;
  SyntheticAllRequest again;
  ASSERT_EQ(decode_error(again, encoded(message, 5), 5), nullptr);
  EXPECT_EQ(again.maybe_name, "");
  EXPECT_FALSE(again.shared_or_empty.has_value());

  std::vector<uint8_t> bytes = encoded(message, 1);
  // At version 1: flag, tiny, mask, big, ratio, id, name "fallback", then the length of maybe_name.
  const size_t at = 1 + 1 + 4 + 8 + 8 + 16 + 2 + 8;
  ASSERT_EQ(bytes[at], 0);
  bytes[at] = bytes[at + 1] = 0xff;
  EXPECT_STREQ(decode_error(again, bytes, 1), "null in a string that may not be null");
}

TEST(GeneratedApi, WhereATaggedFieldIsNotNullByDefaultNullIsWrittenAndEmptyIsNot) {
  SyntheticAllRequest message;
  const size_t plain = encoded(message, 6).size();
  message.tagged_blob = Bytes{};
  EXPECT_EQ(encoded(message, 6).size(), plain);
  message.tagged_blob = std::nullopt;
  // Tag, size, and the null itself.
  const std::vector<uint8_t> bytes = encoded(message, 6);
  EXPECT_EQ(bytes.size(), plain + 3);
  SyntheticAllRequest again;
  ASSERT_EQ(decode_error(again, bytes, 6), nullptr);
  EXPECT_EQ(again.tagged_blob, std::nullopt);
  ASSERT_EQ(decode_error(again, encoded(SyntheticAllRequest(), 6), 6), nullptr);
  EXPECT_TRUE(again.tagged_blob.has_value());
}

TEST(GeneratedApi, ATaggedStructureIsWrittenWhereAnythingInItDiffersFromItsDefault) {
  SyntheticAllRequest message;
  const size_t plain = encoded(message, 6).size();
  message.tagged_shared.inner.values = {1};
  const std::vector<uint8_t> bytes = encoded(message, 6);
  EXPECT_GT(bytes.size(), plain);
  SyntheticAllRequest again;
  ASSERT_EQ(decode_error(again, bytes, 6), nullptr);
  EXPECT_EQ(again.tagged_shared.inner.values, std::vector<int32_t>{1});
  message.tagged_shared.inner.values.clear();
  const uint8_t content[] = {7};
  message.tagged_shared.unknown_tagged_fields = {{50, Bytes(content)}};
  ASSERT_EQ(decode_error(again, encoded(message, 6), 6), nullptr);
  ASSERT_EQ(again.tagged_shared.unknown_tagged_fields.size(), 1u);
  EXPECT_EQ(again.tagged_shared.unknown_tagged_fields[0].tag, 50u);
}

TEST(GeneratedApi, LongTaggedFieldsHaveLongSizes) {
  SyntheticAllRequest message;
  const std::string text(20000, 'x');
  message.tagged_name = text;
  SyntheticAllRequest again;
  const std::vector<uint8_t> bytes = encoded(message, 6);
  ASSERT_EQ(decode_error(again, bytes, 6), nullptr);
  EXPECT_EQ(again.tagged_name, text);
}

}  // namespace
}  // namespace ottla::protocol
