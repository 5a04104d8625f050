// SPDX-License-Identifier: Apache-2.0
// The real program with several loops, and librdkafka on many connections: no acknowledged record is lost,
// none comes twice or out of order, also when the program is killed or stopped in the middle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/integration/server_process.h"

namespace ottla::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kTopic = "flood";
constexpr int kWriters = 6;
constexpr auto kPatience = std::chrono::seconds(60);

// Each writer writes 0, 1, 2, ... to a partition of its own, idempotently; the values that were acknowledged
// are counted. A reader per partition reads all the while.
struct Given {
  int loops;
  std::string threads;
};

class SeveralLoopsTest : public ::testing::TestWithParam<Given> {
 protected:
  void SetUp() override { start("127.0.0.1:0"); }
  void TearDown() override {
    done_writing_ = true;
    done_reading_ = true;
    for (auto& thread : writers_) thread.join();
    for (auto& thread : readers_) thread.join();
  }

  void start(const std::string& listener) {
    const std::string dir = directory_.path();
    const std::string settings = dir + "/zookeeper.properties";
    std::FILE* file = std::fopen(settings.c_str(), "w");
    std::fprintf(file, "dataDir=%s/zookeeper\n", dir.c_str());
    std::fclose(file);
    server_ = std::make_unique<ServerProcess>(
        OTTLA_PROGRAM,
        std::vector<std::string>{"start", "--override", "listeners=PLAINTEXT://" + listener, "--override",
                                 "log.dirs=" + dir + "/logs", "--override",
                                 "num.partitions=" + std::to_string(kWriters), "--override",
                                 "ottla.network.loops=" + std::to_string(GetParam().loops), "--override",
                                 "ottla.network.threads=" + GetParam().threads, "--zookeeper", settings},
        dir + "/log.txt");
    ASSERT_TRUE(server_->ready()) << server_->log();
    bootstrap_ = server_->address("kafka");
  }
  void restart() {
    server_.reset();
    start(bootstrap_);
  }

  rd_kafka_t* client(rd_kafka_type_t type, std::map<std::string, std::string> settings, void* opaque) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char error[512];
    settings.insert({{"bootstrap.servers", bootstrap_},
                     {"reconnect.backoff.ms", "20"},
                     {"reconnect.backoff.max.ms", "200"},
                     {"topic.metadata.refresh.interval.ms", "500"},
                     {"log_level", "0"}});
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, &SeveralLoopsTest::delivered);
    rd_kafka_conf_set_opaque(conf, opaque);
    for (const auto& [key, value] : settings) {
      EXPECT_EQ(rd_kafka_conf_set(conf, key.c_str(), value.c_str(), error, sizeof error), RD_KAFKA_CONF_OK)
          << error;
    }
    rd_kafka_t* made = rd_kafka_new(type, conf, error, sizeof error);
    EXPECT_NE(made, nullptr) << error;
    return made;
  }
  static void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) ++*static_cast<std::atomic<int>*>(opaque);
  }

  void begin_writing() {
    for (int i = 0; i < kWriters; ++i) writers_.emplace_back([this, i] { write(i); });
  }
  void write(int partition) {
    rd_kafka_t* producer = client(
        RD_KAFKA_PRODUCER, {{"enable.idempotence", "true"}, {"linger.ms", "0"}, {"batch.num.messages", "20"}},
        &acknowledged_[partition]);
    for (int number = 0; !done_writing_;) {
      const std::string value = std::to_string(number);
      const auto error =
          rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(kTopic), RD_KAFKA_V_PARTITION(partition),
                            RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
      if (error == RD_KAFKA_RESP_ERR_NO_ERROR) ++number;
      rd_kafka_poll(producer, rd_kafka_outq_len(producer) > 200 ? 5 : 0);
      written_[partition] = number;
    }
    EXPECT_EQ(rd_kafka_flush(producer, 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
  }
  void end_writing() {
    done_writing_ = true;
    for (auto& thread : writers_) thread.join();
    writers_.clear();
  }

  void begin_reading() {
    for (int i = 0; i < kWriters; ++i) readers_.emplace_back([this, i] { read(i); });
  }
  void read(int partition) {
    rd_kafka_t* consumer = client(
        RD_KAFKA_CONSUMER,
        {{"group.id", "none"}, {"enable.auto.commit", "false"}, {"fetch.wait.max.ms", "5000"}}, nullptr);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, kTopic, partition)->offset = 0;
    rd_kafka_assign(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    while (!done_reading_) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 50);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const std::string value(static_cast<char*>(message->payload), message->len);
        if (value != std::to_string(read_[partition])) ++out_of_order_;
        ++read_[partition];
      }
      rd_kafka_message_destroy(message);
    }
    rd_kafka_destroy(consumer);
  }

  // Until every writer has had this many acknowledged beyond what it had.
  void await_more(int count) {
    std::map<int, int> goal;
    for (int i = 0; i < kWriters; ++i) goal[i] = acknowledged_[i] + count;
    await([&] {
      for (int i = 0; i < kWriters; ++i) {
        if (acknowledged_[i] < goal[i]) return false;
      }
      return true;
    });
  }
  void await(const std::function<bool()>& condition) {
    const auto deadline = Clock::now() + kPatience;
    while (!condition() && Clock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_TRUE(condition()) << server_->log();
  }
  // All that was written was acknowledged, and read once, in order.
  void expect_a_whole_history() {
    end_writing();
    await([this] {
      for (int i = 0; i < kWriters; ++i) {
        if (read_[i] < written_[i]) return false;
      }
      return true;
    });
    for (int i = 0; i < kWriters; ++i) {
      EXPECT_EQ(acknowledged_[i], written_[i]);
      EXPECT_EQ(read_[i], written_[i]);
    }
    EXPECT_EQ(out_of_order_, 0);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<ServerProcess> server_;
  std::string bootstrap_;
  std::vector<std::thread> writers_;
  std::vector<std::thread> readers_;
  std::array<std::atomic<int>, kWriters> acknowledged_{};
  std::array<std::atomic<int>, kWriters> written_{};
  std::array<std::atomic<int>, kWriters> read_{};
  std::atomic<int> out_of_order_ = 0;
  std::atomic<bool> done_writing_ = false;
  std::atomic<bool> done_reading_ = false;
};

TEST_P(SeveralLoopsTest, WhatManyConnectionsWriteIsReadInOrderWhileItIsWritten) {
  begin_writing();
  begin_reading();
  await_more(2000);
  expect_a_whole_history();
  EXPECT_EQ(server_->stop(), 0) << server_->log();
}

TEST_P(SeveralLoopsTest, AKillInTheMiddleLosesNothing) {
  begin_writing();
  begin_reading();
  for (int round = 0; round < 2; ++round) {
    await_more(300);
    server_->kill_hard();
    restart();
  }
  await_more(300);
  expect_a_whole_history();
}

TEST_P(SeveralLoopsTest, AStopInTheMiddleIsCleanAndLosesNothing) {
  begin_writing();
  begin_reading();
  for (int round = 0; round < 2; ++round) {
    await_more(300);
    EXPECT_EQ(server_->stop(), 0) << server_->log();
    restart();
  }
  await_more(300);
  expect_a_whole_history();
}

INSTANTIATE_TEST_SUITE_P(Two, SeveralLoopsTest, ::testing::Values(Given{2, "always"}));
INSTANTIATE_TEST_SUITE_P(Four, SeveralLoopsTest, ::testing::Values(Given{4, "auto"}));

}  // namespace
}  // namespace ottla::test
