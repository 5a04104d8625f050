// SPDX-License-Identifier: Apache-2.0
// Produce requests that were built before: only the broker's work is measured. Closed loop: every connection
// keeps `depth` requests under way. Open loop: requests are due at fixed times, and the time of an answer
// counts from when its request was due, not from when it could be sent, so that a stall is seen by all
// requests that it held up.
#include <cmath>
#include <deque>
#include <memory>

#include "protocol/generated/fetch_request.h"
#include "protocol/generated/fetch_response.h"
#include "protocol/generated/produce_request.h"
#include "protocol/generated/produce_response.h"
#include "protocol/records/batch_builder.h"
#include "tests/bench/load/client.h"
#include "tests/bench/load/frames.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/report.h"

namespace ottla::load {
namespace {

class Producers {
 public:
  explicit Producers(const Options& options)
      : options_(options),
        frames_(produce_frames(options)),
        wires_(options.connections),
        stretch_(options.server_pids) {
    const Address address = parse_address(options.bootstrap);
    for (size_t i = 0; i < wires_.size(); ++i) {
      wires_[i].wire = &loop_.connect(address, [this, i](std::span<uint8_t> frame) { answered(i, frame); });
    }
    for (int i = 0; i < options.consumers; ++i) add_consumer(address, i % options.partitions);
  }

  void run() {
    begin_ = now_ns();
    measure_from_ = begin_ + static_cast<int64_t>(options_.warm_up_seconds * 1e9);
    end_ = options_.seconds > 0 ? measure_from_ + static_cast<int64_t>(options_.seconds * 1e9) : INT64_MAX;
    measuring_ = options_.warm_up_seconds <= 0;
    if (options_.rate <= 0) {
      for (size_t i = 0; i < wires_.size(); ++i) {
        for (int d = 0; d < options_.depth; ++d) send(i, now_ns());
      }
    }
    for (auto& consumer : consumers_) consumer->wire->send(consumer->frame);
    stretch_.begin();
    loop_.run([this] { return turn(); },
              [this] { return stopping_ && (under_way_ == 0 || options_.acks == 0); });
  }

  nlohmann::json figures() const {
    nlohmann::json out = figures_;
    const double records = static_cast<double>(measured_) * options_.records;
    out["requests"] = measured_;
    out["records"] = records;
    out["megabytes"] = records * options_.size / 1e6;
    out["wire_megabytes"] = static_cast<double>(measured_) * static_cast<double>(frames_[0].size()) / 1e6;
    out["errors"] = errors_;
    out["latency_us"] = latency_us(latency_);
    if (options_.consumers > 0) out["fetched_megabytes"] = static_cast<double>(fetched_) / 1e6;
    return out;
  }

 private:
  struct Producer {
    Wire* wire = nullptr;
    std::deque<int64_t> due;  // of the requests under way
  };
  struct Consumer {
    Wire* wire = nullptr;
    std::vector<uint8_t> frame;
    int64_t offset = 0;
  };

  void send(size_t producer, int64_t due) {
    wires_[producer].wire->send(frames_[next_frame_]);
    next_frame_ = next_frame_ + 1 == frames_.size() ? 0 : next_frame_ + 1;
    ++sent_;
    if (options_.acks == 0) {
      ++measured_;
      return;
    }
    wires_[producer].due.push_back(due);
    ++under_way_;
  }

  // Sends what is due; the time of the next.
  int64_t turn() {
    const int64_t now = now_ns();
    if (!measuring_ && now >= measure_from_) {
      measuring_ = true;
      stretch_.begin();
    }
    const bool enough = options_.requests > 0 && sent_ >= options_.requests;
    if (!stopping_ && (enough || now >= end_)) stop();
    if (stopping_) return under_way_ == 0 ? now : -1;
    if (options_.rate <= 0) return options_.seconds > 0 ? std::min(end_, now + 1'000'000) : -1;
    for (;;) {
      const int64_t due = begin_ + std::llround(static_cast<double>(sent_) * 1e9 / options_.rate);
      if (due > now || due >= end_) return std::min(due, end_);
      send(static_cast<size_t>(sent_) % wires_.size(), due);
    }
  }

  void stop() {
    stopping_ = true;
    if (options_.requests == 0) stretch_.report(figures_);
  }

  void answered(size_t producer, std::span<uint8_t> frame) {
    const int64_t now = now_ns();
    decode_answer(frame, kProduceVersion, response_);
    for (const auto& topic : response_.responses) {
      for (const auto& partition : topic.partition_responses) errors_ += partition.error_code != 0 ? 1 : 0;
    }
    auto& due = wires_[producer].due;
    if (measuring_ && (!stopping_ || options_.requests > 0)) {
      ++measured_;
      latency_.record(now - due.front());
    }
    due.pop_front();
    --under_way_;
    const bool more = options_.requests == 0 || sent_ < options_.requests;
    if (options_.rate <= 0 && !stopping_ && more) send(producer, now);
    if (options_.requests > 0 && under_way_ == 0 && sent_ >= options_.requests) stretch_.report(figures_);
  }

  void add_consumer(const Address& address, int32_t partition) {
    consumers_.push_back(std::make_unique<Consumer>());
    Consumer& consumer = *consumers_.back();
    consumer.frame = fetch_frame(options_, partition, 0);
    consumer.wire = &loop_.connect(address, [this, &consumer, partition](std::span<uint8_t> frame) {
      const FetchedRecords got = read_fetch_answer(frame);
      fetched_ += got.bytes;
      consumer.offset = std::max(consumer.offset, got.next_offset);
      consumer.frame = fetch_frame(options_, partition, consumer.offset);
      if (!stopping_) consumer.wire->send(consumer.frame);
    });
  }

  const Options& options_;
  std::vector<std::vector<uint8_t>> frames_;  // one per partition
  Wires loop_;
  std::vector<Producer> wires_;
  std::vector<std::unique_ptr<Consumer>> consumers_;
  Stretch stretch_;
  Histogram latency_;
  protocol::ProduceResponse response_;
  nlohmann::json figures_;
  size_t next_frame_ = 0;
  int64_t begin_ = 0;
  int64_t measure_from_ = 0;
  int64_t end_ = 0;
  int64_t sent_ = 0;
  int64_t under_way_ = 0;
  int64_t measured_ = 0;
  int64_t errors_ = 0;
  size_t fetched_ = 0;
  bool measuring_ = false;
  bool stopping_ = false;
};

}  // namespace

void run_produce(const Options& options) {
  Client client(parse_address(options.bootstrap));
  if (options.make_topic) {
    make_topic(client, options.topic, options.partitions);
  } else {
    await_topic(client, options.topic, options.partitions);
  }
  Producers producers(options);
  producers.run();
  print(producers.figures());
  if (options.make_topic) delete_topic(client, options.topic);
}

}  // namespace ottla::load
