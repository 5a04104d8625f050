// SPDX-License-Identifier: Apache-2.0
#include "broker/takeover/kraft_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/takeover/kraft_log.h"
#include "protocol/generated/abort_transaction_record.h"
#include "protocol/generated/access_control_entry_record.h"
#include "protocol/generated/begin_transaction_record.h"
#include "protocol/generated/config_record.h"
#include "protocol/generated/end_transaction_record.h"
#include "protocol/generated/no_op_record.h"
#include "protocol/generated/partition_change_record.h"
#include "protocol/generated/partition_record.h"
#include "protocol/generated/producer_ids_record.h"
#include "protocol/generated/remove_topic_record.h"
#include "protocol/generated/topic_record.h"
#include "protocol/records/batch_builder.h"
#include "protocol/wire/writer.h"
#include "storage/io/faulty_file_system.h"

namespace ottla::takeover {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const Uuid kTopicId = *Uuid::parse("6ujQfKMYQqmQFyuL3dh4pQ");

template <typename Message>
std::vector<uint8_t> encoded(const Message& message, int16_t version = Message::kHighestVersion) {
  Writer writer;
  writer.unsigned_varint(1);
  writer.unsigned_varint(static_cast<uint32_t>(Message::kApiKey));
  writer.unsigned_varint(static_cast<uint32_t>(version));
  message.encode(writer, std::min(version, Message::kHighestVersion));
  const Bytes bytes = writer.buffer();
  return {bytes.begin(), bytes.end()};
}

protocol::TopicRecord topic_record(std::string_view name) {
  protocol::TopicRecord record;
  record.name = name;
  record.topic_id = kTopicId;
  return record;
}

protocol::PartitionRecord partition_record(int32_t index, std::vector<int32_t> replicas = {0}) {
  protocol::PartitionRecord record;
  record.partition_id = index;
  record.topic_id = kTopicId;
  record.isr = replicas;
  record.replicas = std::move(replicas);
  record.leader = 0;
  record.leader_epoch = 4;
  return record;
}

protocol::ConfigRecord config_record(std::optional<std::string_view> value) {
  protocol::ConfigRecord record;
  record.resource_type = KraftImage::kTopicResource;
  record.resource_name = "t";
  record.name = "retention.ms";
  record.value = value;
  return record;
}

class KraftImageTest : public testing::Test {
 protected:
  template <typename Message>
  void replay(const Message& message) {
    const Status status = image_.replay(encoded(message));
    EXPECT_TRUE(status.ok()) << status.message();
  }

  KraftImage image_;
};

TEST_F(KraftImageTest, TopicsPartitionsAndSettingsAreReplayed) {
  replay(topic_record("t"));
  replay(partition_record(0));
  replay(config_record("5"));
  ASSERT_TRUE(image_.topics().contains("t"));
  EXPECT_EQ(image_.topics().at("t").id, kTopicId);
  EXPECT_EQ(image_.topics().at("t").partitions.at(0).leader_epoch, 4);
  EXPECT_EQ(image_.settings().at({KraftImage::kTopicResource, "t"}).at("retention.ms"), "5");
}

TEST_F(KraftImageTest, ANewLeaderBeginsAnEpochAndAnIsrAloneDoesNot) {
  replay(topic_record("t"));
  replay(partition_record(0));
  protocol::PartitionChangeRecord change;
  change.partition_id = 0;
  change.topic_id = kTopicId;
  change.isr = std::vector<int32_t>{};
  replay(change);
  EXPECT_EQ(image_.topics().at("t").partitions.at(0).leader_epoch, 4);
  change.leader = -1;
  replay(change);
  EXPECT_EQ(image_.topics().at("t").partitions.at(0).leader_epoch, 5);
  EXPECT_EQ(image_.topics().at("t").partitions.at(0).leader, -1);
}

TEST_F(KraftImageTest, WhatWasRemovedIsGone) {
  replay(topic_record("t"));
  replay(config_record("5"));
  replay(config_record(std::nullopt));
  EXPECT_TRUE(image_.settings().empty());
  replay(config_record("6"));
  protocol::RemoveTopicRecord removal;
  removal.topic_id = kTopicId;
  replay(removal);
  EXPECT_TRUE(image_.topics().empty());
  EXPECT_TRUE(image_.settings().empty());
}

TEST_F(KraftImageTest, AMetadataTransactionCountsWhenItEnds) {
  replay(protocol::BeginTransactionRecord());
  replay(topic_record("aborted"));
  replay(protocol::AbortTransactionRecord());
  replay(protocol::BeginTransactionRecord());
  replay(topic_record("t"));
  EXPECT_TRUE(image_.topics().empty());
  replay(protocol::EndTransactionRecord());
  EXPECT_THAT(image_.topics(), testing::SizeIs(1));
  EXPECT_TRUE(image_.topics().contains("t"));
}

TEST_F(KraftImageTest, WhatHasNoPlaceIsCounted) {
  protocol::AccessControlEntryRecord acl;
  acl.id = kTopicId;
  replay(acl);
  replay(protocol::NoOpRecord());
  EXPECT_THAT(image_.not_taken_over(), ElementsAre("1 ACLs"));
}

TEST_F(KraftImageTest, ARecordOfANewerReleaseIsRefused) {
  const Status status = image_.replay(encoded(topic_record("t"), protocol::TopicRecord::kHighestVersion + 1));
  EXPECT_EQ(status.code(), ErrorCode::INVALID_RECORD);
  EXPECT_THAT(status.message(), HasSubstr("newer release"));
}

TEST_F(KraftImageTest, ARecordThatIsCutShortIsRefused) {
  auto bytes = encoded(topic_record("t"));
  bytes.resize(bytes.size() - 5);
  EXPECT_EQ(image_.replay(bytes).code(), ErrorCode::INVALID_RECORD);
  EXPECT_EQ(image_.replay({}).code(), ErrorCode::INVALID_RECORD);
}

class KraftLogTest : public testing::Test {
 protected:
  KraftLogTest() { EXPECT_TRUE(files_.make_directories("/m").ok()); }

  std::vector<uint8_t> batch(int64_t offset, const std::vector<uint8_t>& value) {
    builder_.begin({.base_offset = offset});
    builder_.append(0, std::nullopt, value);
    const auto built = builder_.finish();
    EXPECT_TRUE(built.ok());
    return {built->begin(), built->end()};
  }
  void file(const std::string& name, const std::vector<std::vector<uint8_t>>& batches) {
    std::vector<uint8_t> content;
    for (const auto& one : batches) content.insert(content.end(), one.begin(), one.end());
    ASSERT_TRUE(files_.write_atomically("/m/" + name, content).ok());
  }

  storage::FaultyFileSystem files_;
  records::BatchBuilder builder_;
};

TEST_F(KraftLogTest, TheNewestSnapshotAndTheLogBehindItMakeTheImage) {
  file("00000000000000000000-0000000000.checkpoint", {batch(0, encoded(topic_record("old")))});
  file("00000000000000000002-0000000001.checkpoint", {batch(0, encoded(topic_record("t")))});
  file("00000000000000000000.log",
       {batch(0, encoded(topic_record("before"))), batch(1, encoded(topic_record("before"))),
        batch(2, encoded(partition_record(0)))});
  const auto image = read_kraft_metadata(files_, "/m");
  ASSERT_TRUE(image.ok()) << image.status().message();
  ASSERT_THAT(image->topics(), testing::SizeIs(1));
  EXPECT_TRUE(image->topics().at("t").partitions.contains(0));
}

TEST_F(KraftLogTest, ATornBatchEndsTheLastSegmentAndIsAnErrorInAnother) {
  auto torn = batch(1, encoded(partition_record(0)));
  torn.resize(torn.size() - 3);
  file("00000000000000000000.log", {batch(0, encoded(topic_record("t"))), torn});
  const auto image = read_kraft_metadata(files_, "/m");
  ASSERT_TRUE(image.ok()) << image.status().message();
  EXPECT_TRUE(image->topics().at("t").partitions.empty());
  file("00000000000000000002.log", {batch(2, encoded(partition_record(1)))});
  EXPECT_FALSE(read_kraft_metadata(files_, "/m").ok());
}

TEST_F(KraftLogTest, ALogThatBeginsBehindTheSnapshotIsRefused) {
  file("00000000000000000005.log", {batch(5, encoded(topic_record("t")))});
  EXPECT_THAT(read_kraft_metadata(files_, "/m").status().message(),
              HasSubstr("begins at or before offset 0"));
}

}  // namespace
}  // namespace ottla::takeover
