// SPDX-License-Identifier: Apache-2.0
// Reads of what is there already, and the way of a record from producer to consumer.
#include <cmath>
#include <deque>
#include <memory>

#include "protocol/generated/produce_response.h"
#include "tests/bench/load/client.h"
#include "tests/bench/load/frames.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/report.h"

namespace ottla::load {
namespace {

// A consumer that reads one partition from its beginning, and again where more is asked for.
struct Consumer {
  Wire* wire = nullptr;
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t asked_at = 0;
  std::vector<uint8_t> frame;
};

}  // namespace

void run_fetch(const Options& options) {
  const Address address = parse_address(options.bootstrap);
  Wires loop;
  Histogram latency;
  size_t bytes = 0;
  int64_t records = 0;
  int64_t answers = 0;
  size_t open = 0;
  int64_t end = 0;
  std::vector<std::unique_ptr<Consumer>> consumers;
  const auto ask = [&](Consumer& consumer) {
    consumer.frame = fetch_frame(options, consumer.partition, consumer.offset);
    consumer.asked_at = now_ns();
    consumer.wire->send(consumer.frame);
  };
  for (int i = 0; i < options.connections; ++i) {
    consumers.push_back(std::make_unique<Consumer>());
    Consumer& consumer = *consumers.back();
    consumer.partition = i % options.partitions;
    consumer.wire = &loop.connect(address, [&](std::span<uint8_t> frame) {
      const int64_t now = now_ns();
      const FetchedRecords got = read_fetch_answer(frame);
      latency.record(now - consumer.asked_at);
      bytes += got.bytes;
      records += got.records;
      ++answers;
      consumer.offset = got.next_offset;
      // At the end: done, or from the beginning again until the time is over.
      const bool at_end = got.next_offset < 0 || got.next_offset >= got.high_watermark;
      if (at_end) consumer.offset = 0;
      const bool enough = options.bytes > 0 && bytes >= static_cast<size_t>(options.bytes);
      if (enough || (options.seconds > 0 ? now >= end : at_end)) {
        --open;
      } else {
        ask(consumer);
      }
    });
  }
  Stretch stretch(options.server_pids);
  end = now_ns() + static_cast<int64_t>(options.seconds * 1e9);
  open = consumers.size();
  for (auto& consumer : consumers) ask(*consumer);
  loop.run([] { return int64_t{-1}; }, [&] { return open == 0; });
  nlohmann::json out{{"megabytes", static_cast<double>(bytes) / 1e6},
                     {"records", records},
                     {"requests", answers},
                     {"latency_us", latency_us(latency)}};
  stretch.report(out);
  print(out);
}

// One producer at a fixed rate, one consumer behind it. Records are told apart by their offset: the topic is
// new and its records leave in order.
void run_end_to_end(const Options& options) {
  const Address address = parse_address(options.bootstrap);
  Client client(address);
  make_topic(client, options.topic, 1);
  const auto frames = produce_frames(options);
  Wires loop;
  Histogram latency;
  std::vector<int64_t> due;
  size_t acknowledged = 0;
  Consumer consumer;
  int64_t seen = 0;
  const auto warm = static_cast<int64_t>(options.warm_up_seconds * options.rate);
  const auto total = warm + static_cast<int64_t>(options.seconds * options.rate);
  Wire& producer = loop.connect(address, [&](std::span<uint8_t>) { ++acknowledged; });
  consumer.wire = &loop.connect(address, [&](std::span<uint8_t> frame) {
    const int64_t now = now_ns();
    const FetchedRecords got = read_fetch_answer(frame);
    for (; seen < got.next_offset; ++seen) {
      if (seen >= warm) latency.record(now - due[static_cast<size_t>(seen)]);
    }
    consumer.frame = fetch_frame(options, 0, seen);
    if (seen < total) consumer.wire->send(consumer.frame);
  });
  consumer.frame = fetch_frame(options, 0, 0);
  consumer.wire->send(consumer.frame);
  Stretch stretch(options.server_pids);
  const int64_t begin = now_ns();
  loop.run(
      [&] {
        for (;;) {
          const auto sent = static_cast<int64_t>(due.size());
          if (sent == total) return int64_t{-1};
          const int64_t next = begin + std::llround(static_cast<double>(sent) * 1e9 / options.rate);
          if (next > now_ns()) return next;
          if (sent == warm) stretch.begin();
          due.push_back(next);
          producer.send(frames[0]);
        }
      },
      [&] { return seen == total && acknowledged == due.size(); });
  nlohmann::json out{{"records", total - warm}, {"latency_us", latency_us(latency)}};
  stretch.report(out);
  print(out);
  delete_topic(client, options.topic);
}

}  // namespace ottla::load
