// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/load/frames.h"

#include <fmt/format.h>

#include <chrono>
#include <random>

#include "protocol/generated/fetch_request.h"
#include "protocol/generated/fetch_response.h"
#include "protocol/generated/produce_request.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/record_batch.h"
#include "tests/bench/load/client.h"

namespace ottla::load {
namespace {

constexpr int32_t kWaitMs = 500;

int64_t wall_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// `size` bytes, the same for the same seed.
std::string value_of(size_t size, uint32_t seed) {
  static constexpr std::array<const char*, 8> kActions = {"view",   "search", "add to cart", "checkout",
                                                          "remove", "login",  "review",      "return"};
  std::mt19937 random(seed);
  std::string value;
  while (value.size() < size) {
    value += fmt::format(
        R"({{"user":{},"action":"{}","item":"{:08x}","price":{}.{:02},"session":"{:08x}{:08x}"}})",
        random() % 100'000, kActions[random() % kActions.size()], random(), random() % 500, random() % 100,
        random(), random());
  }
  value.resize(size);
  return value;
}

}  // namespace

std::vector<uint8_t> batch_of(const Options& options) {
  records::BatchOptions batch;
  const auto codec = records::parse_compression(options.codec);
  if (!codec) fail("no such codec: " + options.codec);
  batch.compression = *codec;
  records::BatchBuilder builder;
  builder.begin(batch);
  const int64_t now = wall_ms();
  for (int i = 0; i < options.records; ++i) {
    const std::string value = value_of(static_cast<size_t>(options.size), static_cast<uint32_t>(i));
    builder.append(now, std::nullopt, Bytes(reinterpret_cast<const uint8_t*>(value.data()), value.size()));
  }
  const auto built = builder.finish();
  if (!built.ok()) fail(built.status().message());
  return {built.value().begin(), built.value().end()};
}

std::vector<std::vector<uint8_t>> produce_frames(const Options& options) {
  const std::vector<uint8_t> batch = batch_of(options);
  protocol::ProduceRequest request;
  request.acks = static_cast<int16_t>(options.acks);
  request.timeout_ms = 30'000;
  auto& topic = request.topic_data.emplace_back();
  topic.name = options.topic;
  auto& partition = topic.partition_data.emplace_back();
  partition.records = RecordsField::of(Bytes(batch));
  std::vector<std::vector<uint8_t>> frames;
  for (partition.index = 0; partition.index < options.partitions; ++partition.index) {
    frames.push_back(request_frame(request, kProduceVersion));
  }
  return frames;
}

std::vector<uint8_t> fetch_frame(const Options& options, int32_t partition, int64_t offset) {
  protocol::FetchRequest request;
  request.max_wait_ms = kWaitMs;
  request.min_bytes = 1;
  request.max_bytes = options.fetch_bytes;
  auto& topic = request.topics.emplace_back();
  topic.topic = options.topic;
  auto& one = topic.partitions.emplace_back();
  one.partition = partition;
  one.fetch_offset = offset;
  one.partition_max_bytes = options.fetch_bytes;
  return request_frame(request, kFetchVersion);
}

FetchedRecords read_fetch_answer(std::span<const uint8_t> frame) {
  static thread_local protocol::FetchResponse response;
  decode_answer(frame, kFetchVersion, response);
  FetchedRecords got;
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code != 0) fail(fmt::format("Fetch answered error {}", partition.error_code));
      got.high_watermark = partition.high_watermark;
      records::BatchWalker walker(partition.records.bytes);
      while (const auto bytes = walker.next()) {
        const records::RecordBatchView batch(*bytes);
        got.bytes += bytes->size();
        got.records += batch.record_count();
        got.next_offset = batch.next_offset();
      }
    }
  }
  return got;
}

}  // namespace ottla::load
