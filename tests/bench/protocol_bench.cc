// SPDX-License-Identifier: Apache-2.0
// What the protocol costs; scripts/bench-protocol runs it and the same work in kafka-clients. Each figure has
// a bound that ../shared and the issues name; none is judged here.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "protocol/generated/metadata_response.h"
#include "protocol/generated/produce_request.h"
#include "protocol/generated/produce_response.h"
#include "protocol/records/batch_builder.h"
#include "protocol/records/crc32c.h"
#include "protocol/records/record_reader.h"
#include "protocol/records/record_walk.h"
#include "protocol/wire/writer.h"
#include "tests/bench/allocations.h"

namespace ottla {
namespace {

constexpr int16_t kProduceVersion = 9;
constexpr int16_t kMetadataVersion = 12;
constexpr int kRecords = 1000;

// Counts what the loop allocates, per iteration.
class Allocations {
 public:
  explicit Allocations(benchmark::State& state) : state_(state), before_(allocations_so_far()) {}
  ~Allocations() {
    state_.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations_so_far() - before_),
                                                        benchmark::Counter::kAvgIterations);
  }

 private:
  benchmark::State& state_;
  size_t before_;
};

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// `count` records with a key of 8 bytes and a value of 100.
std::vector<uint8_t> batch_of(int count) {
  records::BatchBuilder builder;
  builder.begin({});
  const std::string value(100, 'v');
  for (int i = 0; i < count; ++i)
    builder.append(1'700'000'000'000 + i, bytes_of("key-1234"), bytes_of(value));
  const auto built = builder.finish();
  return {built.value().begin(), built.value().end()};
}

void produce_request_decode(benchmark::State& state) {
  const std::vector<uint8_t> batch = batch_of(1);
  protocol::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = 30000;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "a-topic-of-mine";
  topic.partition_data.emplace_back().records = RecordsField::of(Bytes(batch));
  Writer writer;
  request.encode(writer, kProduceVersion);
  protocol::ProduceRequest read;
  Reader first(writer.buffer());
  read.decode(first, kProduceVersion);
  const Allocations allocations(state);
  for (auto _ : state) {
    Reader reader(writer.buffer());
    read.decode(reader, kProduceVersion);
    benchmark::DoNotOptimize(read.topic_data.data());
    if (!reader.ok()) std::abort();
  }
}
BENCHMARK(produce_request_decode);

void produce_response_encode(benchmark::State& state) {
  protocol::ProduceResponse response;
  auto& topic = response.responses.emplace_back();
  topic.name = "a-topic-of-mine";
  auto& partition = topic.partition_responses.emplace_back();
  partition.base_offset = 123456;
  partition.log_start_offset = 0;
  Writer writer;
  response.encode(writer, kProduceVersion);
  const Allocations allocations(state);
  for (auto _ : state) {
    writer.clear();
    response.encode(writer, kProduceVersion);
    benchmark::DoNotOptimize(writer.buffer().data());
  }
}
BENCHMARK(produce_response_encode);

void metadata_response_encode(benchmark::State& state) {
  std::vector<std::string> names;
  for (int t = 0; t < 100; ++t) names.push_back("topic-number-" + std::to_string(t));
  protocol::MetadataResponse response;
  for (int b = 0; b < 3; ++b) {
    auto& broker = response.brokers.emplace_back();
    broker.node_id = b;
    broker.host = "broker.example.com";
    broker.port = 9092;
  }
  response.cluster_id = "a-cluster-of-mine-1234";
  for (const std::string& name : names) {
    auto& topic = response.topics.emplace_back();
    topic.name = name;
    for (int p = 0; p < 100; ++p) {
      auto& partition = topic.partitions.emplace_back();
      partition.partition_index = p;
      partition.leader_id = p % 3;
      partition.leader_epoch = 5;
      partition.replica_nodes = {0, 1, 2};
      partition.isr_nodes = {0, 1, 2};
    }
  }
  Writer writer;
  const Allocations allocations(state);
  for (auto _ : state) {
    writer.clear();
    response.encode(writer, kMetadataVersion);
    benchmark::DoNotOptimize(writer.buffer().data());
  }
}
BENCHMARK(metadata_response_encode);

void crc32c_16k(benchmark::State& state) {
  const std::vector<uint8_t> bytes(16 * 1024, 0x5a);
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(bytes));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(bytes.size()));
}
BENCHMARK(crc32c_16k);

// What a leader does with every record of a Produce request.
class Sum : public records::RecordVisitor {
 public:
  void on_record(const records::WalkedRecord& record) override { sum += record.timestamp; }
  int64_t sum = 0;
};

void record_walk(benchmark::State& state) {
  const std::vector<uint8_t> batch = batch_of(kRecords);
  const Allocations allocations(state);
  for (auto _ : state) {
    Sum sum;
    if (!records::walk_records(records::RecordBatchView(batch), sum).ok()) std::abort();
    benchmark::DoNotOptimize(sum.sum);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kRecords);
}
BENCHMARK(record_walk);

// With views of key and value, as the group coordinator reads them.
void record_read(benchmark::State& state) {
  const std::vector<uint8_t> batch = batch_of(kRecords);
  records::RecordReader reader;
  const Allocations allocations(state);
  for (auto _ : state) {
    int64_t sum = 0;
    if (!reader.open(batch).ok()) std::abort();
    while (const auto record = reader.next()) sum += record->timestamp + record->value->front();
    benchmark::DoNotOptimize(sum);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * kRecords);
}
BENCHMARK(record_read);

}  // namespace
}  // namespace ottla

BENCHMARK_MAIN();
