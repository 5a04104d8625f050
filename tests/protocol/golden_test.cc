// SPDX-License-Identifier: Apache-2.0
// Bytes written out by hand from Kafka's protocol guide, for the messages that every client begins with.
#include <gtest/gtest.h>

#include "protocol/generated/api_versions_request.h"
#include "protocol/generated/api_versions_response.h"
#include "protocol/generated/fetch_request.h"
#include "protocol/generated/group_metadata_key.h"
#include "protocol/generated/metadata_request.h"
#include "protocol/generated/metadata_response.h"
#include "protocol/generated/offset_commit_value.h"
#include "protocol/generated/produce_request.h"
#include "protocol/generated/request_header.h"

namespace ottla::protocol {
namespace {

// "0012 'abc' ff": hexadecimal bytes and quoted text.
std::vector<uint8_t> bytes_of(std::string_view text) {
  std::vector<uint8_t> out;
  std::string digits;
  bool quoted = false;
  for (const char c : text) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (quoted) {
      out.push_back(static_cast<uint8_t>(c));
    } else if (c != ' ') {
      digits += c;
      if (digits.size() < 2) continue;
      out.push_back(static_cast<uint8_t>(std::stoi(digits, nullptr, 16)));
      digits.clear();
    }
  }
  return out;
}

template <typename M>
M decoded(const std::vector<uint8_t>& bytes, int16_t version) {
  M message;
  Reader reader(bytes);
  message.decode(reader, version);
  EXPECT_TRUE(reader.ok()) << reader.error();
  EXPECT_EQ(reader.remaining(), 0u);
  Writer writer;
  message.encode(writer, version);
  EXPECT_EQ(std::vector<uint8_t>(writer.buffer().begin(), writer.buffer().end()), bytes);
  return message;
}

TEST(Golden, RequestHeaders) {
  // Key 18, version 3, correlation 7, client "c"; the client id keeps its int16 length in v2.
  const auto v2 = bytes_of("0012 0003 00000007 0001 'c' 00");
  const auto header = decoded<RequestHeader>(v2, 2);
  EXPECT_EQ(header.request_api_key, 18);
  EXPECT_EQ(header.request_api_version, 3);
  EXPECT_EQ(header.correlation_id, 7);
  EXPECT_EQ(header.client_id, "c");
  const auto v1 = bytes_of("0000 0003 00000001 ffff");
  EXPECT_EQ(decoded<RequestHeader>(v1, 1).client_id, std::nullopt);
  const auto v0 = bytes_of("0007 0000 00000002");
  EXPECT_EQ(decoded<RequestHeader>(v0, 0).correlation_id, 2);
}

TEST(Golden, ApiVersions) {
  decoded<ApiVersionsRequest>({}, 0);
  const auto request = bytes_of("05 'java' 06 '2.8.0' 00");
  EXPECT_EQ(decoded<ApiVersionsRequest>(request, 3).client_software_name, "java");
  EXPECT_EQ(decoded<ApiVersionsRequest>(request, 3).client_software_version, "2.8.0");

  const auto v0 = bytes_of("0023 00000001 0012 0000 0003");
  const auto old = decoded<ApiVersionsResponse>(v0, 0);
  EXPECT_EQ(old.error_code, 35);
  ASSERT_EQ(old.api_keys.size(), 1u);
  EXPECT_EQ(old.api_keys[0].api_key, 18);
  EXPECT_EQ(old.api_keys[0].max_version, 3);

  // One API, throttle 0, then tag 1: finalized features epoch 5.
  const auto v3 = bytes_of("0000 02 0000 0000 0009 00 00000000 01 01 08 0000000000000005");
  EXPECT_EQ(decoded<ApiVersionsResponse>(v3, 3).finalized_features_epoch, 5);
}

TEST(Golden, Produce) {
  const auto v3 = bytes_of("ffff 0001 000005dc 00000001 0001 't' 00000001 00000002 00000003 'abc'");
  const auto old = decoded<ProduceRequest>(v3, 3);
  EXPECT_EQ(old.transactional_id, std::nullopt);
  EXPECT_EQ(old.acks, 1);
  EXPECT_EQ(old.timeout_ms, 1500);
  EXPECT_EQ(old.topic_data[0].name, "t");
  EXPECT_EQ(old.topic_data[0].partition_data[0].index, 2);
  EXPECT_EQ(old.topic_data[0].partition_data[0].records.bytes.size(), 3u);

  // Compact lengths, and a tag section behind each structure. Null records.
  const auto v9 = bytes_of("03 'tx' ffff 000005dc 02 02 't' 02 00000002 00 00 00 00");
  const auto flexible = decoded<ProduceRequest>(v9, 9);
  EXPECT_EQ(flexible.transactional_id, "tx");
  EXPECT_EQ(flexible.acks, -1);
  EXPECT_TRUE(flexible.topic_data[0].partition_data[0].records.is_null);
}

TEST(Golden, Metadata) {
  const auto all = bytes_of("ffffffff");
  EXPECT_FALSE(decoded<MetadataRequest>(all, 1).topics.has_value());
  const auto one = bytes_of("00000001 0001 't'");
  EXPECT_EQ(decoded<MetadataRequest>(one, 1).topics->at(0).name, "t");
  EXPECT_TRUE(decoded<MetadataRequest>(one, 1).allow_auto_topic_creation);
  // v9: topics, auto creation, cluster and topic authorized operations.
  const auto v9 = bytes_of("02 02 't' 00 00 01 00 00");
  const auto request = decoded<MetadataRequest>(v9, 9);
  EXPECT_FALSE(request.allow_auto_topic_creation);
  EXPECT_TRUE(request.include_cluster_authorized_operations);

  const auto v1 = bytes_of(
      "00000001 00000000 0001 'h' 00002384 ffff 00000000"
      "00000001 0000 0001 't' 00 00000001 0000 00000000 00000000 00000001 00000000 00000001 00000000");
  const auto response = decoded<MetadataResponse>(v1, 1);
  EXPECT_EQ(response.brokers[0].port, 9092);
  EXPECT_EQ(response.brokers[0].rack, std::nullopt);
  EXPECT_EQ(response.topics[0].partitions[0].isr_nodes, std::vector<int32_t>{0});
}

TEST(Golden, Fetch) {
  // v12: the cluster id is a tagged field at the end; topics, forgotten topics and rack are compact.
  const auto v12 = bytes_of(
      "ffffffff 000001f4 00000001 03200000 01 00000000 ffffffff"
      "02 02 't' 02 00000000 ffffffff 0000000000000005 ffffffff ffffffffffffffff 00100000 00 00"
      "01 01 01 00 02 02 'x'");
  const auto request = decoded<FetchRequest>(v12, 12);
  EXPECT_EQ(request.cluster_id, "x");
  EXPECT_EQ(request.max_wait_ms, 500);
  EXPECT_EQ(request.isolation_level, 1);
  EXPECT_EQ(request.topics[0].partitions[0].fetch_offset, 5);
  EXPECT_EQ(request.topics[0].partitions[0].partition_max_bytes, 1 << 20);
  EXPECT_EQ(request.rack_id, "");
}

TEST(Golden, CoordinatorRecords) {
  // What follows the int16 version in __consumer_offsets.
  EXPECT_EQ(decoded<GroupMetadataKey>(bytes_of("0001 'g'"), 2).group.size(), 1u);
  const auto value = bytes_of("000000000000002a ffffffff 0000 0000018bcfe56800");
  EXPECT_EQ(decoded<OffsetCommitValue>(value, 3).offset, 42);
  EXPECT_EQ(decoded<OffsetCommitValue>(value, 3).leader_epoch, -1);
}

}  // namespace
}  // namespace ottla::protocol
