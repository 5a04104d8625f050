// SPDX-License-Identifier: Apache-2.0
// The API fixture with real partitions under it: logs in a directory of their own, gone with the test.
#pragma once

#include <stdlib.h>

#include <filesystem>

#include "broker/config/log_config.h"
#include "broker/partitions/cold_reads.h"
#include "broker/partitions/fetch_session.h"
#include "broker/partitions/partition_manager.h"
#include "broker/partitions/replica_manager.h"
#include "protocol/generated/fetch_request.h"
#include "protocol/generated/fetch_response.h"
#include "protocol/generated/produce_request.h"
#include "protocol/generated/produce_response.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/legacy_records.h"
#include "protocol/records/record_reader.h"
#include "storage/io/file_system.h"
#include "storage/log/log_manager.h"
#include "tests/broker_apis/api_fixture.h"
#include "tests/broker_controller/fake_peers.h"
#include "tests/broker_data/fake_isr_store.h"

namespace ottla {

using protocol::FetchRequest;
using protocol::FetchResponse;
using protocol::ProduceRequest;
using protocol::ProduceResponse;

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string text_of(const std::optional<Bytes>& bytes) {
  return bytes ? std::string(bytes->begin(), bytes->end()) : "null";
}

using OwnedBatch = std::vector<uint8_t>;

// One batch of format 2 with these values, without keys.
inline OwnedBatch batch_of(const std::vector<std::string>& values, const records::BatchOptions& options = {},
                           int64_t timestamp = 1'700'000'000'000) {
  records::BatchBuilder builder;
  builder.begin(options);
  for (const std::string& value : values) builder.append(timestamp++, std::nullopt, bytes_of(value));
  const auto batch = builder.finish().value();
  return {batch.begin(), batch.end()};
}
inline OwnedBatch legacy_set_of(int8_t magic, const std::vector<std::string>& values) {
  Writer writer;
  for (size_t i = 0; i < values.size(); ++i) {
    records::write_legacy_message(writer, magic, static_cast<int64_t>(i), 1'700'000'000'000, 0, std::nullopt,
                                  bytes_of(values[i]));
  }
  return {writer.buffer().begin(), writer.buffer().end()};
}
// "offset:value" of every record in `records`, whatever format it has.
inline std::vector<std::string> texts_in(const RecordsField& records) {
  std::vector<std::string> texts;
  records::BatchWalker walker(records.bytes);
  records::RecordReader reader;
  while (const auto batch = walker.next()) {
    EXPECT_TRUE(reader.open(*batch).ok());
    while (const auto record = reader.next()) {
      texts.push_back(std::to_string(record->offset) + ":" + text_of(record->value));
    }
    EXPECT_TRUE(reader.status().ok());
  }
  EXPECT_TRUE(walker.status().ok());
  return texts;
}

class DataTest : public ApiTest {
 protected:
  using Texts = std::vector<std::string>;
  using ProduceAnswer = ProduceResponse::PartitionProduceResponse;
  using FetchAnswer = FetchResponse::PartitionData;

  DataTest() {
    char name[] = "/tmp/ottla-data-XXXXXX";
    directory = ::mkdtemp(name);
    files = storage::posix_file_system();
    open_logs();
    lead("t", 2);
  }
  ~DataTest() override {
    connection->close();
    sessions.reset();
    replicas.reset();
    partitions.reset();
    logs.reset();
    std::filesystem::remove_all(directory);
  }

  void open_logs() {
    storage::LogManagerSettings settings;
    settings.directories = {directory};
    logs = std::make_unique<storage::LogManager>(
        *files, loop, settings, [] { return std::array<uint8_t, 16>{}; },
        storage::LogManager::DirectoryFailed());
    ASSERT_TRUE(logs->lock_directories().ok());
    ASSERT_TRUE(logs->take_identity(0, "the-cluster").ok());
    logs->load([](const std::string&) { return storage::LogConfig(); },
               [](const Status& status) { ASSERT_TRUE(status.ok()) << status.message(); });
    loop.run_pending();
    partitions = std::make_unique<PartitionManager>(*logs);
    replicas = std::make_unique<ReplicaManager>(
        ReplicaSettings(), loop, *logs, *partitions, peers, isr_store,
        [](const std::string&) { return storage::LogConfig(); }, [](const std::string&, int32_t, bool) {});
    sessions = std::make_unique<FetchSessionCache>(session_slots, 1);
    cold_reads = std::make_unique<ColdReads>(loop);
    serve();
  }
  // Stops cleanly and comes up again with what is on disk.
  void restart() {
    replicas.reset();
    partitions.reset();
    bool clean = false;
    logs->stop([&](bool stopped_clean) { clean = stopped_clean; });
    loop.run_pending();
    ASSERT_TRUE(clean);
    logs.reset();
    open_logs();
    lead("t", 2);
  }
  void serve() {
    disconnect();
    dispatcher.reset();
    services.reset();
    services.reset(new Services{loop, configs->broker(), *configs, metadata, *partitions, *cold_reads, *logs,
                                *sessions, topics, config_admin, *coordinator, *replicas, cluster});
    dispatcher = std::make_unique<Dispatcher>(*services, "PLAINTEXT", [](const net::Connection&) {});
    connect();
  }
  // Gives the broker's settings anew.
  void serve_with(config::ConfigMap values) {
    start_with(std::move(values));
    serve();
  }

  void lead(const std::string& topic, int32_t count, const storage::LogConfig& config = {},
            int32_t epoch = 3) {
    const TopicMetadata* known = metadata.find(topic);
    ASSERT_NE(known, nullptr);
    for (int32_t i = 0; i < count; ++i) {
      const auto opened = partitions->open(topic, known->id, i, config, true);
      ASSERT_TRUE(opened.ok()) << opened.status().message();
      PartitionState state;
      state.leader = 0;
      state.leader_epoch = epoch;
      state.isr = state.replicas = {0};
      const Status led = (*opened)->lead(0, state, loop, ReplicaSettings().lag_time_max_ms);
      ASSERT_TRUE(led.ok()) << led.message();
    }
  }
  // A new topic, led here.
  Uuid make_topic(const std::string& name, int32_t count, const storage::LogConfig& config = {}) {
    const Uuid id = topics.add(name, count);
    lead(name, count, config);
    return id;
  }
  storage::Log& log_of(const std::string& topic, int32_t partition = 0) {
    return partitions->find(topic, partition)->log();
  }

  ProduceRequest produce_request(const OwnedBatch& records, std::string_view topic = "t",
                                 int32_t partition = 0) {
    ProduceRequest request;
    request.acks = 1;
    request.timeout_ms = 1000;
    auto& data = request.topic_data.emplace_back();
    data.name = topic;
    if (const TopicMetadata* known = metadata.find(topic)) data.topic_id = known->id;
    auto& one = data.partition_data.emplace_back();
    one.index = partition;
    one.records = RecordsField::of(batches_.emplace_back(std::move(records)));
    return request;
  }
  ProduceAnswer produce(const ProduceRequest& request, int16_t version = 9) {
    const auto response = call<ProduceResponse>(request, version);
    if (response.responses.size() != 1 || response.responses[0].partition_responses.size() != 1) {
      ADD_FAILURE() << "not one partition in the answer";
      return {};
    }
    return response.responses[0].partition_responses[0];
  }
  ProduceAnswer produce(const OwnedBatch& records, std::string_view topic = "t", int32_t partition = 0,
                        int16_t version = 9) {
    return produce(produce_request(records, topic, partition), version);
  }
  // Values that must be appended, in one batch.
  void put(const Texts& values, std::string_view topic = "t", int32_t partition = 0) {
    ASSERT_EQ(produce(batch_of(values), topic, partition).error_code, 0);
  }

  struct Ask {
    std::string_view topic = "t";
    int32_t partition = 0;
    int64_t offset = 0;
    int32_t max_bytes = 1 << 20;
    int32_t leader_epoch = -1;
    int32_t last_epoch = -1;
  };
  FetchRequest fetch_request(const std::vector<Ask>& asks) {
    FetchRequest request;
    request.min_bytes = 1;
    request.max_bytes = 1 << 20;
    for (const Ask& ask : asks) {
      auto& topic = request.topics.emplace_back();
      topic.topic = ask.topic;
      if (const TopicMetadata* known = metadata.find(ask.topic)) topic.topic_id = known->id;
      auto& partition = topic.partitions.emplace_back();
      partition.partition = ask.partition;
      partition.fetch_offset = ask.offset;
      partition.partition_max_bytes = ask.max_bytes;
      partition.current_leader_epoch = ask.leader_epoch;
      partition.last_fetched_epoch = ask.last_epoch;
    }
    return request;
  }
  static std::vector<FetchAnswer> partitions_of(const FetchResponse& response) {
    std::vector<FetchAnswer> all;
    for (const auto& topic : response.responses) {
      all.insert(all.end(), topic.partitions.begin(), topic.partitions.end());
    }
    for (const FetchAnswer& one : all) EXPECT_FALSE(one.records.is_null);
    return all;
  }
  std::vector<FetchAnswer> fetch(const FetchRequest& request, int16_t version = 12) {
    return partitions_of(call<FetchResponse>(request, version));
  }
  FetchAnswer fetch_one(const Ask& ask, int16_t version = 12) {
    const auto answers = fetch(fetch_request({ask}), version);
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? FetchAnswer() : answers[0];
  }
  // What has come back without a further request.
  bool answered() {
    arrived = next_frame();
    return arrived.has_value();
  }

  std::string directory;
  int32_t session_slots = 10;
  std::unique_ptr<storage::FileSystem> files;
  std::unique_ptr<storage::LogManager> logs;
  FakePeers peers;
  FakeIsrStore isr_store;
  std::unique_ptr<PartitionManager> partitions;
  std::unique_ptr<ReplicaManager> replicas;
  std::unique_ptr<FetchSessionCache> sessions;
  std::unique_ptr<ColdReads> cold_reads;
  std::optional<std::vector<uint8_t>> arrived;

 private:
  std::deque<OwnedBatch> batches_;
};

}  // namespace ottla
