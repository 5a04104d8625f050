// SPDX-License-Identifier: Apache-2.0
// Requests as bytes into a Dispatcher, answers as bytes out of it, decoded whole: the test fails where a byte
// is left over. Time stands still unless the test moves it; topics are created by a fake, groups by the real
// coordinator on a log in memory.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/apis/api_table.h"
#include "broker/apis/dispatcher.h"
#include "broker/apis/services.h"
#include "broker/config/config_store.h"
#include "broker/controller/config_admin.h"
#include "broker/controller/topic_admin.h"
#include "protocol/base/manual_loop.h"
#include "tests/broker_apis/fake_cluster.h"
#include "tests/broker_groups/group_fixture.h"

namespace ottla {

constexpr int16_t wire(ErrorCode code) { return static_cast<int16_t>(code); }

// What configurations are of, as requests say it.
constexpr int8_t kTopic = 2;
constexpr int8_t kBroker = 4;
constexpr int8_t kLogger = 8;

inline Uuid id_of(uint8_t number) {
  Uuid id;
  id.bytes[15] = number;
  return id;
}

// Creates in the metadata, at once or when the test lets it.
class FakeTopics : public TopicAdmin {
 public:
  explicit FakeTopics(MetadataCache& metadata) : metadata_(metadata) {}

  void create_topic(CreateTopicSpec spec, int32_t timeout_ms, bool validate_only, Done done) override {
    last_timeout_ms = timeout_ms;
    specs.push_back(spec);
    run([this, spec, validate_only, done] {
      if (fails.contains(spec.name)) return done(fails[spec.name]);
      TopicOutcome outcome;
      outcome.partitions = spec.partitions == -1 ? 1 : spec.partitions;
      outcome.replication_factor = spec.replication_factor == -1 ? 1 : spec.replication_factor;
      if (!validate_only) outcome.topic_id = add(spec.name, outcome.partitions);
      done(outcome);
    });
  }
  void delete_topic(std::string name, int32_t timeout_ms, Done done) override {
    last_timeout_ms = timeout_ms;
    deleted.push_back(name);
    run([this, name, done] {
      TopicOutcome outcome;
      if (metadata_.find(name) == nullptr)
        outcome = {ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "no such topic", {}};
      metadata_.remove(name);
      done(outcome);
    });
  }
  void create_partitions(std::string name, int32_t count, std::vector<std::vector<int32_t>> assignments,
                         int32_t timeout_ms, bool validate_only, Done done) override {
    last_timeout_ms = timeout_ms;
    grown.push_back({name, count, std::move(assignments), validate_only});
    run([this, name, done] { done(fails.contains(name) ? fails[name] : TopicOutcome{}); });
  }
  void auto_create(const std::string& name, Done done) override {
    auto_created.push_back(name);
    run([this, name, done] {
      if (fails.contains(name)) return done(fails[name]);
      add(name, 1);
      done({});
    });
  }
  void next_producer_id(std::function<void(ErrorCode, int64_t)> done) override { done(ErrorCode::NONE, 0); }

  Uuid add(const std::string& name, int32_t partitions, int32_t leader = 0) {
    const Uuid id = id_of(++last_id_);
    TopicMetadata topic{name, id, {}};
    for (int32_t i = 0; i < partitions; ++i) topic.partitions.push_back({leader, 3, {leader}, {leader}});
    metadata_.put(std::move(topic));
    return id;
  }
  void finish() {
    for (auto& work : std::exchange(held_, {})) work();
  }

  struct Growth {
    std::string name;
    int32_t count;
    std::vector<std::vector<int32_t>> assignments;
    bool validate_only;
  };
  bool hold = false;
  std::map<std::string, TopicOutcome> fails;
  std::vector<CreateTopicSpec> specs;
  std::vector<std::string> deleted;
  std::vector<Growth> grown;
  std::vector<std::string> auto_created;
  int32_t last_timeout_ms = 0;

 private:
  void run(std::function<void()> work) {
    if (hold) {
      held_.push_back(std::move(work));
    } else {
      work();
    }
  }

  MetadataCache& metadata_;
  uint8_t last_id_ = 0;
  std::vector<std::function<void()>> held_;
};

// Keeps overrides in memory, and the store of settings told of them.
class FakeConfigs : public ConfigAdmin {
 public:
  explicit FakeConfigs(std::unique_ptr<config::ConfigStore>& configs) : configs_(configs) {}

  void alter(std::string type, std::string name, Change change, bool validate_only, Done done) override {
    const auto changed = change(overrides[type + "/" + name]);
    if (!changed.ok() || validate_only) return done(changed.status());
    overrides[type + "/" + name] = *changed;
    if (type == "topics") {
      configs_->set_topic_overrides(name, *changed);
    } else if (name == "<default>") {
      configs_->set_default_overrides(*changed);
    } else {
      configs_->set_broker_overrides(*changed);
    }
    done(Status());
  }

  std::map<std::string, Overrides> overrides;

 private:
  std::unique_ptr<config::ConfigStore>& configs_;
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() {
    metadata.cluster_id = "the-cluster";
    metadata.controller_id = 0;
    metadata.brokers[0] = {0, {{"PLAINTEXT", "PLAINTEXT", "host0", 9092}}, "rack0", 1};
    start_with({});
    t_id = topics.add("t", 2);
    topics.add("__consumer_offsets", 50);
    connect();
  }
  ~ApiTest() override {
    coordinator.reset();
    connection->close();
    ::close(client_);
  }

  // The broker's settings, before any request.
  void start_with(config::ConfigMap values) {
    values.emplace("broker.id", "0");
    configs = std::make_unique<config::ConfigStore>(config::make_broker_config(std::move(values)).value());
    groups::GroupConfig group_config;
    group_config.group_initial_rebalance_delay_ms = 0;
    coordinator = std::make_unique<groups::GroupCoordinator>(loop, group_config, log, [this] {
      std::array<uint8_t, 16> random{};
      random[0] = ++last_random_;
      return random;
    });
    coordinator->start();
    for (int32_t i = 0; i < 50; ++i) coordinator->on_partition_elected(i);
    loop.run_pending();
    services.reset();
    services.reset(new Services{loop, configs->broker(), *configs, metadata, untouched<PartitionManager>(),
                                untouched<ColdReads>(), untouched<storage::LogManager>(),
                                untouched<FetchSessionCache>(), topics, config_admin, *coordinator,
                                untouched<ReplicaManager>(), cluster});
    disconnect();
    dispatcher = std::make_unique<Dispatcher>(*services, "PLAINTEXT", [](const net::Connection&) {});
  }
  // Whoever ends a dispatcher does this first: connections tell theirs that they are closed.
  void disconnect() {
    if (connection) connection->close();
  }
  void connect() {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    disconnect();
    if (client_ >= 0) ::close(client_);
    client_ = ends[1];
    frames_in_.clear();
    connection = std::make_shared<net::Connection>(
        std::make_shared<net::Socket>(list, ends[0], "127.0.0.1", 5000), 1, 1 << 20, *dispatcher);
    connection->start();
  }

  // Sends the bytes of one request; gives its correlation id.
  int32_t send_raw(int16_t key, int16_t version, Bytes body, int header_version) {
    Writer writer;
    const size_t frame = writer.begin_frame();
    writer.int16(key);
    writer.int16(version);
    writer.int32(++correlation_id_);
    if (header_version >= 1) writer.nullable_string(client_id);
    if (header_version >= 2) writer.unsigned_varint(0);
    writer.raw(body);
    writer.end_frame(frame);
    std::vector<uint8_t> bytes(writer.buffer().begin(), writer.buffer().end());
    // As the loop does when the socket is readable.
    static_cast<net::SocketHandler&>(*connection).on_bytes(bytes);
    loop.run_pending();
    return correlation_id_;
  }
  template <typename Message>
  int32_t send(const Message& message, int16_t version) {
    Writer body;
    message.encode(body, version);
    return send_raw(
        Message::kApiKey, version, body.buffer(),
        protocol::request_header_version(static_cast<protocol::ApiKey>(Message::kApiKey), version));
  }
  // The next answer's bytes without their length, where one has arrived.
  std::optional<std::vector<uint8_t>> next_frame() {
    loop.advance(0);
    uint8_t buffer[65536];
    for (ssize_t got; (got = ::recv(client_, buffer, sizeof buffer, MSG_DONTWAIT)) > 0;) {
      frames_in_.insert(frames_in_.end(), buffer, buffer + got);
    }
    if (frames_in_.size() < 4) return std::nullopt;
    const auto size = static_cast<size_t>(Reader(frames_in_).int32());
    if (frames_in_.size() < size + 4) return std::nullopt;
    std::vector<uint8_t> frame(frames_in_.begin() + 4, frames_in_.begin() + 4 + static_cast<ssize_t>(size));
    frames_in_.erase(frames_in_.begin(), frames_in_.begin() + 4 + static_cast<ssize_t>(size));
    return frame;
  }
  // The answer to request `id`, decoded at `version`. Its views live as long as the test.
  template <typename Response>
  Response answer(int32_t id, int16_t version) {
    Response response;
    auto frame = next_frame();
    EXPECT_TRUE(frame.has_value()) << "no answer at version " << version;
    if (!frame) return response;
    Reader reader(frames_.emplace_back(std::move(*frame)));
    EXPECT_EQ(reader.int32(), id);
    const auto key = static_cast<protocol::ApiKey>(Response::kApiKey);
    if (protocol::response_header_version(key, version) >= 1) {
      EXPECT_EQ(reader.unsigned_varint(), 0u);
    }
    response.decode(reader, version);
    EXPECT_TRUE(reader.ok()) << reader.error() << " at version " << version;
    EXPECT_EQ(reader.remaining(), 0u) << "bytes left over at version " << version;
    return response;
  }
  template <typename Response, typename Message>
  Response call(const Message& message, int16_t version) {
    return answer<Response>(send(message, version), version);
  }
  bool closed() const { return connection->closed(); }

  // Stands for a part of the broker that these APIs do not ask. Nothing may be done with it.
  template <typename T>
  static T& untouched() {
    alignas(64) static uint8_t place[64];
    return *reinterpret_cast<T*>(place);
  }

  ManualLoop loop;
  net::FlushList list{loop};
  MetadataCache metadata;
  FakeTopics topics{metadata};
  groups::MemoryOffsetsLog log;
  std::unique_ptr<config::ConfigStore> configs;
  FakeConfigs config_admin{configs};
  FakeCluster cluster;
  std::unique_ptr<groups::GroupCoordinator> coordinator;
  std::unique_ptr<Services> services;
  std::unique_ptr<Dispatcher> dispatcher;
  std::shared_ptr<net::Connection> connection;
  std::optional<std::string_view> client_id = "tester";
  Uuid t_id;

 private:
  int client_ = -1;
  int32_t correlation_id_ = 0;
  uint8_t last_random_ = 0;
  std::vector<uint8_t> frames_in_;
  std::deque<std::vector<uint8_t>> frames_;
};

}  // namespace ottla
