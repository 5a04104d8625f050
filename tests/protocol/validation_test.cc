// SPDX-License-Identifier: Apache-2.0
// What a leader answers to records that clients send: LogValidator's rules and what was seen on running
// brokers.
#include "protocol/records/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/records/legacy_records.h"
#include "tests/protocol/record_helpers.h"

namespace ottla::records {
namespace {

using testing::ElementsAre;

class ValidationTest : public testing::Test {
 protected:
  ValidationTest() {
    rules_.now_ms = 2000;
    rules_.topic_partition = "t-0";
  }

  // Validates `records_`.
  ErrorCode check() {
    result_ = validate_records(records_, rules_);
    return result_.error;
  }
  ErrorCode check(std::vector<uint8_t> records) {
    records_ = std::move(records);
    return check();
  }
  // A good batch with a header field changed, its checksum right.
  template <typename T>
  std::vector<uint8_t> patched(size_t position, T value) {
    std::vector<uint8_t> batch = batch_of({"a", "b"});
    for (size_t i = 0; i < sizeof(T); ++i) {
      batch[position + i] = static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * (sizeof(T) - 1 - i)));
    }
    RecordBatchEditor(batch).update_crc();
    return batch;
  }

  ValidationRules rules_;
  std::vector<uint8_t> records_;
  ValidatedRecords result_;
};

TEST_F(ValidationTest, AGoodBatchIsTakenAsItStands) {
  ASSERT_EQ(check(batch_of({"a", "b", "c"})), ErrorCode::NONE);
  EXPECT_EQ(result_.batch.data(), records_.data());
  EXPECT_EQ(result_.batch.size(), records_.size());
  EXPECT_TRUE(result_.rebuilt.empty());
  EXPECT_EQ(result_.record_count, 3);
  EXPECT_EQ(result_.max_timestamp, 1002);
  EXPECT_EQ(result_.log_append_time_ms, -1);
  assign_offsets(result_, 70, 4);
  EXPECT_EQ(RecordBatchView(records_).base_offset(), 70);
  EXPECT_EQ(RecordBatchView(records_).partition_leader_epoch(), 4);
  EXPECT_TRUE(RecordBatchView(records_).crc_is_valid());
}

TEST_F(ValidationTest, CompressedBatchesAreTakenAsTheyStand) {
  for (const Compression codec :
       {Compression::kGzip, Compression::kSnappy, Compression::kLz4, Compression::kZstd}) {
    ASSERT_EQ(check(batch_of({"a", std::string(200000, 'b')}, {.compression = codec})), ErrorCode::NONE);
    EXPECT_EQ(result_.batch.data(), records_.data());
  }
}

TEST_F(ValidationTest, ADamagedBatchIsCorrupt) {
  std::vector<uint8_t> batch = batch_of({"a"});
  batch.back() ^= 1;
  EXPECT_EQ(check(batch), ErrorCode::CORRUPT_MESSAGE);
  EXPECT_TRUE(result_.batch.empty());
}

TEST_F(ValidationTest, TrailingBytesAreIgnoredUnlessTheyLookLikeABatch) {
  std::vector<uint8_t> one_more = batch_of({"a"});
  const size_t size = one_more.size();
  one_more.push_back(0);
  EXPECT_EQ(check(one_more), ErrorCode::NONE);
  EXPECT_EQ(result_.batch.size(), size);
  std::vector<uint8_t> twenty = batch_of({"a"});
  twenty.resize(twenty.size() + 20);
  EXPECT_EQ(check(twenty), ErrorCode::CORRUPT_MESSAGE);
}

TEST_F(ValidationTest, WhatClientsMayNotSayIsAnInvalidRecord) {
  std::vector<uint8_t> two = batch_of({"a"});
  two.insert(two.end(), two.begin(), two.end());
  EXPECT_EQ(check(two), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(check({}), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(check(patched(kBaseOffsetPosition, int64_t{1})), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(check(patched(kRecordCountPosition, int32_t{0})), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(check(patched(kRecordCountPosition, int32_t{3})), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(check(patched(kLastOffsetDeltaPosition, int32_t{-1})), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(check(patched(kLastOffsetDeltaPosition, INT32_MAX)), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(check(batch_of({"a"}, {.control = true})), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(check(batch_of({"a"}, {.producer_id = 5, .producer_epoch = 0})), ErrorCode::INVALID_RECORD);
}

TEST_F(ValidationTest, FewerOrMoreRecordsThanTheHeaderSaysAreInvalid) {
  std::vector<uint8_t> fewer = batch_of({"a", "b", "c"});
  fewer[kRecordCountPosition + 3] = 2;
  fewer[kLastOffsetDeltaPosition + 3] = 1;
  RecordBatchEditor(fewer).update_crc();
  EXPECT_EQ(check(fewer), ErrorCode::INVALID_RECORD);
  std::vector<uint8_t> more = batch_of({"a", "b", "c"});
  more[kRecordCountPosition + 3] = 4;
  more[kLastOffsetDeltaPosition + 3] = 3;
  RecordBatchEditor(more).update_crc();
  EXPECT_EQ(check(more), ErrorCode::INVALID_RECORD);
}

TEST_F(ValidationTest, WhatKafkaOverlooksIsAccepted) {
  EXPECT_EQ(check(patched(kLeaderEpochPosition, int32_t{12345})), ErrorCode::NONE);
  EXPECT_EQ(check(patched(kAttributesPosition, int16_t{0x7f80})), ErrorCode::NONE);
  std::vector<uint8_t> attributes_nine = batch_of({"a"});
  attributes_nine[kBatchHeaderSize + 1] = 9;
  RecordBatchEditor(attributes_nine).update_crc();
  EXPECT_EQ(check(attributes_nine), ErrorCode::NONE);
  // The second record's offset delta made equal to the first's.
  std::vector<uint8_t> equal = batch_of({"a", "b"});
  const size_t record_size = (equal.size() - kBatchHeaderSize) / 2;
  equal[kBatchHeaderSize + record_size + 3] = 0;
  RecordBatchEditor(equal).update_crc();
  EXPECT_EQ(check(equal), ErrorCode::NONE);
}

TEST_F(ValidationTest, UnknownCodecsAndUnreadableDataAreUnknownErrors) {
  EXPECT_EQ(check(patched(kAttributesPosition, int16_t{6})), ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ(check(patched(kAttributesPosition, int16_t{1})), ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ(check(patched(kAttributesPosition, int16_t{4})), ErrorCode::UNKNOWN_SERVER_ERROR);
}

TEST_F(ValidationTest, ZstdNeedsProduceV7) {
  const auto batch = batch_of({"a"}, {.compression = Compression::kZstd});
  rules_.produce_version = 6;
  EXPECT_EQ(check(batch), ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
  rules_.produce_version = 7;
  EXPECT_EQ(check(batch), ErrorCode::NONE);
}

TEST_F(ValidationTest, TooLargeIsSaidBeforeTheChecksum) {
  std::vector<uint8_t> batch = batch_of({std::string(1000, 'x')});
  rules_.max_message_bytes = static_cast<int64_t>(batch.size());
  EXPECT_EQ(check(batch), ErrorCode::NONE);
  rules_.max_message_bytes = static_cast<int64_t>(batch.size()) - 1;
  batch.back() ^= 1;
  EXPECT_EQ(check(batch), ErrorCode::MESSAGE_TOO_LARGE);
}

TEST_F(ValidationTest, CompactedTopicsNeedKeysAndEachRecordWithoutOneIsNamed) {
  BatchBuilder builder;
  builder.begin({});
  builder.append(1000, std::nullopt, bytes_of("a"));
  builder.append(1000, bytes_of("k"), bytes_of("b"));
  builder.append(1000, std::nullopt, bytes_of("c"));
  const auto batch = builder.finish();
  rules_.compacted = true;
  ASSERT_EQ(check({batch.value().begin(), batch.value().end()}), ErrorCode::INVALID_RECORD);
  ASSERT_EQ(result_.record_errors.size(), 2u);
  EXPECT_EQ(result_.record_errors[0].batch_index, 0);
  EXPECT_EQ(result_.record_errors[1].batch_index, 2);
  EXPECT_EQ(result_.record_errors[1].message,
            "Compacted topic cannot accept message without key in topic partition t-0.");
}

TEST_F(ValidationTest, TimesOutOfRangeAreRefusedWhereARangeIsSet) {
  rules_.timestamp_after_max_ms = 100;
  rules_.now_ms = 900;
  EXPECT_EQ(check(batch_of({"a"})), ErrorCode::NONE);
  EXPECT_EQ(check(batch_of({"a", "b"})), ErrorCode::INVALID_TIMESTAMP);
  ASSERT_EQ(result_.record_errors.size(), 1u);
  EXPECT_EQ(result_.record_errors[0].batch_index, 1);
  rules_.now_ms = 5000;
  rules_.timestamp_before_max_ms = 3999;
  EXPECT_EQ(check(batch_of({"a"})), ErrorCode::INVALID_TIMESTAMP);
  rules_.timestamp_before_max_ms = 4000;
  EXPECT_EQ(check(batch_of({"a"})), ErrorCode::NONE);
}

TEST_F(ValidationTest, LogAppendTimeReplacesTheProducersTimes) {
  rules_.log_append_time = true;
  ASSERT_EQ(check(batch_of({"a", "b"})), ErrorCode::NONE);
  EXPECT_EQ(result_.log_append_time_ms, 2000);
  EXPECT_EQ(result_.max_timestamp, 2000);
  EXPECT_TRUE(RecordBatchView(result_.batch).crc_is_valid());
  EXPECT_THAT(records_in(result_.batch),
              ElementsAre(ReadRecord{0, 2000, "k", "a"}, ReadRecord{1, 2000, "k", "b"}));
}

TEST_F(ValidationTest, AProducerThatSaysLogAppendTimeIsCorrectedOrRefused) {
  const auto batch = batch_of({"a"}, {.log_append_time = 1500});
  ASSERT_EQ(check(batch), ErrorCode::NONE);
  EXPECT_FALSE(RecordBatchView(result_.batch).is_log_append_time());
  EXPECT_TRUE(RecordBatchView(result_.batch).crc_is_valid());
  rules_.log_append_time = true;
  EXPECT_EQ(check(batch), ErrorCode::INVALID_TIMESTAMP);
  rules_.log_append_time = false;
  rules_.refuse_log_append_bit = true;
  EXPECT_EQ(check(batch), ErrorCode::INVALID_TIMESTAMP);
}

TEST_F(ValidationTest, AWrongMaxTimestampIsCorrected) {
  ASSERT_EQ(check(patched(kMaxTimestampPosition, int64_t{77777})), ErrorCode::NONE);
  EXPECT_EQ(RecordBatchView(result_.batch).max_timestamp(), 1001);
  EXPECT_TRUE(RecordBatchView(result_.batch).crc_is_valid());
}

TEST_F(ValidationTest, ATopicWithItsOwnCodecRebuildsTheBatch) {
  rules_.compression = Compression::kZstd;
  ASSERT_EQ(check(batch_of({"a", "b"}, {.compression = Compression::kGzip,
                                        .producer_id = 8,
                                        .producer_epoch = 1,
                                        .base_sequence = 5,
                                        .transactional = true})),
            ErrorCode::NONE);
  EXPECT_FALSE(result_.rebuilt.empty());
  const RecordBatchView view(result_.batch);
  EXPECT_EQ(view.compression(), Compression::kZstd);
  EXPECT_EQ(view.producer_id(), 8);
  EXPECT_EQ(view.base_sequence(), 5);
  EXPECT_TRUE(view.is_transactional());
  EXPECT_EQ(result_.record_count, 2);
  EXPECT_THAT(records_in(result_.batch),
              ElementsAre(ReadRecord{0, 1000, "k", "a"}, ReadRecord{1, 1001, "k", "b"}));
  rules_.compression = Compression::kNone;
  ASSERT_EQ(check(batch_of({"a"}, {.compression = Compression::kLz4})), ErrorCode::NONE);
  EXPECT_FALSE(RecordBatchView(result_.batch).is_compressed());
}

TEST_F(ValidationTest, TheBrokersOwnRecordsMayBeControlRecords) {
  rules_.from_client = false;
  EXPECT_EQ(check(batch_of({"a"}, {.base_offset = 9, .producer_id = 1, .control = true})), ErrorCode::NONE);
}

TEST_F(ValidationTest, DamagedRecordsInsideAGoodChecksumAreSafe) {
  for (const Compression codec :
       {Compression::kNone, Compression::kLz4, Compression::kZstd, Compression::kSnappy}) {
    const std::vector<uint8_t> good = batch_of({"a", "bb", "ccc"}, {.compression = codec});
    for (size_t at = kAttributesPosition; at < good.size(); ++at) {
      for (const uint8_t value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        std::vector<uint8_t> bad = good;
        bad[at] = value;
        RecordBatchEditor(bad).update_crc();
        check(bad);
        EXPECT_TRUE(result_.ok() || result_.batch.empty());
      }
    }
  }
}

class OldFormats : public ValidationTest, public testing::WithParamInterface<int> {
 protected:
  int8_t magic() const { return static_cast<int8_t>(GetParam()); }
  std::vector<uint8_t> old_set(Compression codec) {
    Writer out;
    EXPECT_TRUE(down_convert(batch_of({"a", "b"}, {.compression = codec}), magic(), 0, out).ok());
    return {out.buffer().begin(), out.buffer().end()};
  }
};
INSTANTIATE_TEST_SUITE_P(All, OldFormats, testing::Values(0, 1),
                         [](const auto& info) { return "V" + std::to_string(info.param); });

TEST_P(OldFormats, BecomeOneBatchOfTheNewOne) {
  rules_.produce_version = 2;
  for (const Compression codec :
       {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4}) {
    ASSERT_EQ(check(old_set(codec)), ErrorCode::NONE);
    const RecordBatchView view(result_.batch);
    EXPECT_EQ(view.magic(), kMagicV2);
    EXPECT_EQ(view.compression(), codec);
    EXPECT_EQ(view.producer_id(), kNoProducerId);
    EXPECT_EQ(result_.record_count, 2);
    const int64_t time = magic() == kMagicV0 ? kNoTimestamp : 1000;
    EXPECT_EQ(result_.max_timestamp, magic() == kMagicV0 ? kNoTimestamp : 1001);
    EXPECT_EQ(records_in(result_.batch)[0], (ReadRecord{0, time, "k", "a"}));
  }
}

TEST_P(OldFormats, AreNotForNewRequests) {
  rules_.produce_version = 3;
  EXPECT_EQ(check(old_set(Compression::kNone)), ErrorCode::INVALID_RECORD);
}

TEST_P(OldFormats, AreCheckedInsideAndOut) {
  rules_.produce_version = 2;
  std::vector<uint8_t> damaged = old_set(Compression::kNone);
  damaged.back() ^= 1;
  EXPECT_EQ(check(damaged), ErrorCode::CORRUPT_MESSAGE);

  std::vector<uint8_t> two = old_set(Compression::kGzip);
  two.insert(two.end(), two.begin(), two.end());
  EXPECT_EQ(check(two), ErrorCode::INVALID_RECORD);

  // A wrapper whose own checksum is right and whose inner message is damaged.
  Writer inner;
  write_legacy_message(inner, magic(), 0, 1, 0, std::nullopt, bytes_of("v"));
  std::vector<uint8_t> content(inner.buffer().begin(), inner.buffer().end());
  content.back() ^= 1;
  std::vector<uint8_t> compressed;
  ASSERT_TRUE(compress(Compression::kGzip, content, compressed).ok());
  Writer wrapper;
  write_legacy_message(wrapper, magic(), 0, 1, 1, std::nullopt, Bytes(compressed));
  EXPECT_EQ(check({wrapper.buffer().begin(), wrapper.buffer().end()}), ErrorCode::CORRUPT_MESSAGE);
}

TEST_P(OldFormats, MixedWithTheNewOneAreInvalid) {
  rules_.produce_version = 2;
  std::vector<uint8_t> mixed = old_set(Compression::kNone);
  const std::vector<uint8_t> batch = batch_of({"a"});
  mixed.insert(mixed.end(), batch.begin(), batch.end());
  EXPECT_EQ(check(mixed), ErrorCode::INVALID_RECORD);
}

TEST_F(ValidationTest, OldRequestsMaySayNothing) {
  rules_.produce_version = 2;
  EXPECT_EQ(check({}), ErrorCode::NONE);
  EXPECT_TRUE(result_.batch.empty());
  EXPECT_EQ(result_.record_count, 0);
}

}  // namespace
}  // namespace ottla::records
