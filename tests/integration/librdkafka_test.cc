// SPDX-License-Identifier: Apache-2.0
// librdkafka against the real program: produce with every codec and idempotence, consume, groups, admin,
// restarts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>

#include "tests/integration/server_process.h"

namespace ottla::test {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;
using Clock = std::chrono::steady_clock;
using Settings = std::map<std::string, std::string>;

struct Record {
  std::string key;
  std::string value;
  int32_t partition;
  int64_t offset;
};

class LibrdkafkaTest : public ::testing::Test {
 protected:
  void SetUp() override { start(); }

  void start() {
    const std::string dir = directory_.path();
    const std::string listener = server_ ? bootstrap_ : "127.0.0.1:0";
    server_.reset();
    server_ = std::make_unique<ServerProcess>(
        OTTLA_PROGRAM,
        std::vector<std::string>{"start", "--override", "listeners=PLAINTEXT://" + listener, "--override",
                                 "log.dirs=" + dir + "/logs", "--zookeeper", zookeeper_file(dir)},
        dir + "/log.txt");
    ASSERT_TRUE(server_->ready()) << server_->log();
    bootstrap_ = server_->address("kafka");
  }
  static std::string zookeeper_file(const std::string& dir) {
    const std::string path = dir + "/zookeeper.properties";
    std::FILE* file = std::fopen(path.c_str(), "w");
    std::fprintf(file, "dataDir=%s/zookeeper\n", dir.c_str());
    std::fclose(file);
    return path;
  }

  rd_kafka_t* client(rd_kafka_type_t type, const Settings& settings) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char error[512];
    Settings all = {{"bootstrap.servers", bootstrap_},
                    {"topic.metadata.refresh.interval.ms", "200"},
                    {"topic.metadata.propagation.max.ms", "10000"},
                    {"log_level", "0"}};
    for (const auto& [key, value] : settings) all[key] = value;
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, &LibrdkafkaTest::delivered);
    rd_kafka_conf_set_opaque(conf, this);
    for (const auto& [key, value] : all) {
      EXPECT_EQ(rd_kafka_conf_set(conf, key.c_str(), value.c_str(), error, sizeof error), RD_KAFKA_CONF_OK)
          << error;
    }
    rd_kafka_t* made = rd_kafka_new(type, conf, error, sizeof error);
    EXPECT_NE(made, nullptr) << error;
    return made;
  }
  static void delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto* self = static_cast<LibrdkafkaTest*>(opaque);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++self->delivered_;
    } else {
      self->failures_.push_back(rd_kafka_err2name(message->err));
    }
  }

  void produce(const std::string& topic, const std::vector<std::string>& values,
               const Settings& settings = {}, int32_t partition = RD_KAFKA_PARTITION_UA) {
    rd_kafka_t* producer = client(RD_KAFKA_PRODUCER, settings);
    const int before = delivered_;
    for (const std::string& value : values) {
      const auto error = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()),
                                           RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY("k", 1),
                                           RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                                           RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
      EXPECT_EQ(error, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_err2str(error);
    }
    EXPECT_EQ(rd_kafka_flush(producer, 20000), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(producer);
    EXPECT_EQ(delivered_ - before, static_cast<int>(values.size()));
    EXPECT_THAT(failures_, ElementsAre());
  }

  // Subscribes in `group` and reads until `count` records came, at most twenty seconds. Commits what it read
  // when it closes.
  std::vector<Record> consume(const std::string& topic, const std::string& group, size_t count,
                              const Settings& settings = {}) {
    Settings all = {{"group.id", group}, {"auto.offset.reset", "earliest"}, {"session.timeout.ms", "6000"}};
    for (const auto& [key, value] : settings) all[key] = value;
    rd_kafka_t* consumer = client(RD_KAFKA_CONSUMER, all);
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic.c_str(), RD_KAFKA_PARTITION_UA);
    EXPECT_EQ(rd_kafka_subscribe(consumer, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
    std::vector<Record> out;
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    while (out.size() < count && Clock::now() < deadline) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 200);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        out.push_back({std::string(static_cast<char*>(message->key), message->key_len),
                       std::string(static_cast<char*>(message->payload), message->len), message->partition,
                       message->offset});
      }
      rd_kafka_message_destroy(message);
    }
    EXPECT_EQ(rd_kafka_consumer_close(consumer), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(consumer);
    return out;
  }

  static std::vector<std::string> numbered(const std::string& prefix, int count) {
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) out.push_back(prefix + std::to_string(i));
    return out;
  }
  static std::vector<std::string> values(const std::vector<Record>& records) {
    std::vector<std::string> out;
    for (const Record& record : records) out.push_back(record.value);
    return out;
  }

  // Runs one admin request; the error code of its only result.
  template <typename Request>
  rd_kafka_resp_err_t admin(Request request) {
    rd_kafka_t* handle = client(RD_KAFKA_PRODUCER, {});
    rd_kafka_queue_t* queue = rd_kafka_queue_new(handle);
    request(handle, queue);
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 20000);
    rd_kafka_resp_err_t error = event == nullptr ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    size_t count = 0;
    if (event != nullptr && error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const rd_kafka_topic_result_t** results = nullptr;
      if (const auto* created = rd_kafka_event_CreateTopics_result(event))
        results = rd_kafka_CreateTopics_result_topics(created, &count);
      if (const auto* deleted = rd_kafka_event_DeleteTopics_result(event))
        results = rd_kafka_DeleteTopics_result_topics(deleted, &count);
      if (const auto* grown = rd_kafka_event_CreatePartitions_result(event))
        results = rd_kafka_CreatePartitions_result_topics(grown, &count);
      if (count == 1) error = rd_kafka_topic_result_error(results[0]);
    }
    if (event != nullptr) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(handle);
    return error;
  }
  rd_kafka_resp_err_t create_topic(const std::string& name, int partitions, int replication_factor = 1) {
    return admin([&](rd_kafka_t* handle, rd_kafka_queue_t* queue) {
      rd_kafka_NewTopic_t* topic =
          rd_kafka_NewTopic_new(name.c_str(), partitions, replication_factor, nullptr, 0);
      rd_kafka_CreateTopics(handle, &topic, 1, nullptr, queue);
      rd_kafka_NewTopic_destroy(topic);
    });
  }

  TemporaryDirectory directory_;
  std::unique_ptr<ServerProcess> server_;
  std::string bootstrap_;
  int delivered_ = 0;
  std::vector<std::string> failures_;
};

TEST_F(LibrdkafkaTest, RecordsOnATopicThatDidNotExistAreReadBackInOrder) {
  produce("fresh", numbered("v", 100));
  const auto records = consume("fresh", "g", 100);
  EXPECT_EQ(values(records), numbered("v", 100));
  EXPECT_EQ(records.at(0).key, "k");
  EXPECT_EQ(records.at(99).offset, 99);
}

TEST_F(LibrdkafkaTest, EveryCodecComesBackAsItWent) {
  ASSERT_EQ(create_topic("codecs", 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  std::vector<std::string> expected;
  for (const char* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    std::vector<std::string> sent = numbered(std::string(codec) + std::string(500, 'x'), 50);
    produce("codecs", sent, {{"compression.codec", codec}, {"linger.ms", "50"}});
    expected.insert(expected.end(), sent.begin(), sent.end());
  }
  EXPECT_EQ(values(consume("codecs", "g", expected.size())), expected);
}

TEST_F(LibrdkafkaTest, AnIdempotentProducerWritesEachRecordOnce) {
  ASSERT_EQ(create_topic("once", 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  produce("once", numbered("i", 500), {{"enable.idempotence", "true"}});
  EXPECT_EQ(values(consume("once", "g", 500)), numbered("i", 500));
}

TEST_F(LibrdkafkaTest, AcksZeroAndOneArriveToo) {
  ASSERT_EQ(create_topic("acks", 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  produce("acks", numbered("zero", 10), {{"acks", "0"}});
  produce("acks", numbered("one", 10), {{"acks", "1"}});
  EXPECT_EQ(consume("acks", "g", 20).size(), 20u);
}

TEST_F(LibrdkafkaTest, AGroupResumesWhereItStoppedAlsoAfterARestart) {
  ASSERT_EQ(create_topic("resumed", 3), RD_KAFKA_RESP_ERR_NO_ERROR);
  produce("resumed", numbered("a", 30), {{"partitioner", "random"}});
  EXPECT_EQ(consume("resumed", "g", 30).size(), 30u);
  EXPECT_EQ(server_->stop(), 0) << server_->log();
  start();
  produce("resumed", numbered("b", 30), {{"partitioner", "random"}});
  const auto records = values(consume("resumed", "g", 30));
  EXPECT_THAT(std::set<std::string>(records.begin(), records.end()), ::testing::SizeIs(30));
  EXPECT_THAT(records, ::testing::Each(::testing::StartsWith("b")));
}

TEST_F(LibrdkafkaTest, TwoMembersShareThePartitionsEachOnce) {
  ASSERT_EQ(create_topic("shared", 4), RD_KAFKA_RESP_ERR_NO_ERROR);
  std::vector<rd_kafka_t*> members;
  for (const char* strategy : {"cooperative-sticky", "cooperative-sticky"}) {
    rd_kafka_t* member = client(RD_KAFKA_CONSUMER, {{"group.id", "pair"},
                                                    {"partition.assignment.strategy", strategy},
                                                    {"session.timeout.ms", "6000"},
                                                    {"heartbeat.interval.ms", "300"}});
    rd_kafka_poll_set_consumer(member);
    rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, "shared", RD_KAFKA_PARTITION_UA);
    rd_kafka_subscribe(member, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    members.push_back(member);
  }
  const auto deadline = Clock::now() + std::chrono::seconds(20);
  std::vector<std::set<int>> owned(2);
  while (Clock::now() < deadline && (owned[0].size() != 2 || owned[1].size() != 2)) {
    for (size_t i = 0; i < members.size(); ++i) {
      if (rd_kafka_message_t* message = rd_kafka_consumer_poll(members[i], 50))
        rd_kafka_message_destroy(message);
      rd_kafka_topic_partition_list_t* assigned = nullptr;
      rd_kafka_assignment(members[i], &assigned);
      owned[i].clear();
      for (int p = 0; p < assigned->cnt; ++p) owned[i].insert(assigned->elems[p].partition);
      rd_kafka_topic_partition_list_destroy(assigned);
    }
  }
  std::set<int> all = owned[0];
  all.insert(owned[1].begin(), owned[1].end());
  EXPECT_THAT(all, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(owned[0].size(), 2u);
  for (rd_kafka_t* member : members) {
    rd_kafka_consumer_close(member);
    rd_kafka_destroy(member);
  }
}

TEST_F(LibrdkafkaTest, TopicsAreCreatedGrownRefusedAndDeleted) {
  EXPECT_EQ(create_topic("admin", 2), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(create_topic("admin", 2), RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
  EXPECT_EQ(create_topic("bad name", 1), RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
  EXPECT_EQ(create_topic("wide", 1, 2), RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR);
  const auto grow = [](rd_kafka_t* handle, rd_kafka_queue_t* queue) {
    char error[128];
    rd_kafka_NewPartitions_t* grown = rd_kafka_NewPartitions_new("admin", 5, error, sizeof error);
    rd_kafka_CreatePartitions(handle, &grown, 1, nullptr, queue);
    rd_kafka_NewPartitions_destroy(grown);
  };
  EXPECT_EQ(admin(grow), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(admin(grow), RD_KAFKA_RESP_ERR_INVALID_PARTITIONS);
  const auto remove = [](rd_kafka_t* handle, rd_kafka_queue_t* queue) {
    rd_kafka_DeleteTopic_t* gone = rd_kafka_DeleteTopic_new("admin");
    rd_kafka_DeleteTopics(handle, &gone, 1, nullptr, queue);
    rd_kafka_DeleteTopic_destroy(gone);
  };
  EXPECT_EQ(admin(remove), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(admin(remove), RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
}

TEST_F(LibrdkafkaTest, WhatWasAcknowledgedBeforeKillNineIsReadBack) {
  ASSERT_EQ(create_topic("kept", 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  produce("kept", numbered("before", 1000), {{"acks", "all"}});
  server_->kill_hard();
  start();
  produce("kept", numbered("after", 10), {{"acks", "all"}});
  const auto records = values(consume("kept", "g", 1010));
  ASSERT_EQ(records.size(), 1010u);
  EXPECT_EQ(records.front(), "before0");
  EXPECT_EQ(records.back(), "after9");
}

TEST_F(LibrdkafkaTest, WatermarksAndTimesAreFound) {
  ASSERT_EQ(create_topic("marks", 1), RD_KAFKA_RESP_ERR_NO_ERROR);
  produce("marks", numbered("v", 7));
  rd_kafka_t* handle = client(RD_KAFKA_CONSUMER, {{"group.id", "g"}});
  int64_t low = -1;
  int64_t high = -1;
  EXPECT_EQ(rd_kafka_query_watermark_offsets(handle, "marks", 0, &low, &high, 10000),
            RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(low, 0);
  EXPECT_EQ(high, 7);
  rd_kafka_topic_partition_list_t* times = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(times, "marks", 0)->offset = 1;
  EXPECT_EQ(rd_kafka_offsets_for_times(handle, times, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
  EXPECT_EQ(times->elems[0].offset, 0);
  rd_kafka_topic_partition_list_destroy(times);
  rd_kafka_destroy(handle);
}

}  // namespace
}  // namespace ottla::test
