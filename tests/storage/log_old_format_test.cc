// SPDX-License-Identifier: Apache-2.0
// message.format.version below 0.11: what a log keeps then.
#include <gmock/gmock.h>

#include <random>

#include "storage/log/log.h"
#include "tests/storage/log_fixture.h"

namespace ottla::storage {
namespace {

class OldFormatTest : public LogTest, public testing::WithParamInterface<int> {
 protected:
  OldFormatTest() { config_.magic = static_cast<int8_t>(GetParam()); }
  bool has_time() const { return GetParam() == 1; }
  std::vector<int> magics() {
    std::vector<int> seen;
    const auto bytes = bytes_of(log_->read(0, kAll, log_->log_end_offset(), true)->slice);
    records::BatchWalker walker(bytes);
    while (const auto batch = walker.next()) seen.push_back((*batch)[kMagicOffset]);
    return seen;
  }
};

TEST_P(OldFormatTest, KeepsOldMessagesAndGivesThemBack) {
  open();
  const AppendInfo info = append(3, kNow, 5);
  EXPECT_EQ(info.error, ErrorCode::NONE) << info.message;
  EXPECT_EQ(info.last_offset, 2);
  EXPECT_EQ(
      append_bytes(batch_of({{kNow, "a"}, {kNow + 1, "b"}}, {}, records::Compression::kGzip)).last_offset, 4);
  // Three messages, and one that wraps two.
  EXPECT_EQ(magics(), std::vector<int>(4, GetParam()));
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 5));
  EXPECT_EQ(log_->latest_epoch(), std::nullopt);
  restart_killed();
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 5));
  restart_clean();
  EXPECT_EQ(append(1).first_offset, 5);
  EXPECT_EQ(log_->find_timestamp(kNow + 1)->offset, has_time() ? 1 : -1);
}

TEST_P(OldFormatTest, HasNoRoomForProducersAndHeaders) {
  open();
  EXPECT_EQ(append_bytes(batch_of({{kNow, "x"}}, {7, 0, 0})).error,
            ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT);
  records::BatchBuilder builder;
  builder.begin({});
  const records::RecordHeader header{"h", std::nullopt};
  builder.append(kNow, std::nullopt, std::nullopt, {&header, 1});
  const auto batch = builder.finish().value();
  const AppendInfo refused = append_bytes({batch.begin(), batch.end()});
  EXPECT_EQ(refused.error, ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ(refused.message, "Magic v" + std::to_string(GetParam()) + " does not support record headers");
  EXPECT_EQ(append_bytes(batch_of({{kNow, "z"}}, {}, records::Compression::kZstd)).error,
            ErrorCode::UNKNOWN_SERVER_ERROR);
  EXPECT_EQ(log_->log_end_offset(), 0);
}

TEST_P(OldFormatTest, EachMessageMustFit) {
  // Old messages have a checksum each, which no codec makes smaller.
  std::mt19937 random(1);
  std::vector<std::pair<int64_t, std::string>> records;
  for (int i = 0; i < 300; ++i) records.emplace_back(kNow, std::to_string(random()));
  const auto batch = batch_of(records, {}, records::Compression::kGzip);
  config_.max_message_bytes = static_cast<int64_t>(batch.size());
  open();
  EXPECT_EQ(append_bytes(batch).error, ErrorCode::MESSAGE_TOO_LARGE);
  EXPECT_EQ(log_->log_end_offset(), 0);
}

TEST_P(OldFormatTest, NewRecordsMayFollowWhenTheSettingGoes) {
  open();
  append(2);
  config_.magic = records::kMagicV2;
  log_->update_config(config_);
  EXPECT_EQ(append(2, kNow, 6).first_offset, 2);
  EXPECT_EQ(magics(), (std::vector<int>{GetParam(), GetParam(), 2}));
  EXPECT_EQ(log_->epoch_at(2), 6);
  EXPECT_EQ(log_->epoch_at(0), std::nullopt);
  restart_killed();
  EXPECT_EQ(offsets_of(read_all()), offsets_between(0, 4));
}

INSTANTIATE_TEST_SUITE_P(Formats, OldFormatTest, testing::Values(0, 1));

}  // namespace
}  // namespace ottla::storage
