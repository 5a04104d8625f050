// SPDX-License-Identifier: Apache-2.0
// A coordinator on a loop whose time the test moves, with a log in memory, and clients as few words as
// possible.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "broker/groups/group_coordinator.h"
#include "protocol/base/manual_loop.h"
#include "protocol/wire/writer.h"

namespace ottla {

inline void PrintTo(ErrorCode code, std::ostream* out) { *out << error_name(code); }

namespace groups {

inline OwnedBytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

// A consumer's metadata: ConsumerProtocolSubscription, version 0.
inline OwnedBytes subscription(const std::vector<std::string>& topics) {
  Writer writer;
  writer.int16(0);
  writer.array_length(static_cast<int32_t>(topics.size()));
  for (const std::string& topic : topics) writer.string(topic);
  writer.nullable_bytes(std::nullopt);
  return {writer.buffer().begin(), writer.buffer().end()};
}

class MemoryOffsetsLog : public OffsetsLog {
 public:
  struct Record {
    std::optional<OwnedBytes> key;
    std::optional<OwnedBytes> value;
    int64_t producer_id = -1;
    bool transactional = false;
    StoredRecord::Control control = StoredRecord::Control::kNone;
  };

  void append(int32_t partition, std::span<const LogRecord> records,
              std::function<void(ErrorCode, int64_t)> committed) override {
    ++batches;
    if (fail_with != ErrorCode::NONE) return committed(fail_with, -1);
    auto& log = partitions[partition];
    const auto base_offset = static_cast<int64_t>(log.size());
    for (const LogRecord& record : records) log.push_back({record.key, record.value});
    auto answer = [committed = std::move(committed), base_offset](ErrorCode error) {
      committed(error, base_offset);
    };
    if (hold_commits) {
      held_commits.push_back(std::move(answer));
    } else {
      answer(ErrorCode::NONE);
    }
  }

  void read(int32_t partition, std::function<void(const StoredRecord&)> visit,
            std::function<void(Status)> done) override {
    auto work = [this, partition, visit = std::move(visit), done = std::move(done)] {
      if (fail_read) return done({ErrorCode::KAFKA_STORAGE_ERROR, "read"});
      int64_t offset = 0;
      for (const Record& record : partitions[partition]) {
        StoredRecord stored;
        stored.offset = offset++;
        if (record.key) stored.key = *record.key;
        if (record.value) stored.value = *record.value;
        stored.producer_id = record.producer_id;
        stored.transactional = record.transactional;
        stored.control = record.control;
        visit(stored);
      }
      done({});
    };
    if (hold_reads) {
      held_reads.push_back(std::move(work));
    } else {
      work();
    }
  }

  void finish_commits(ErrorCode error = ErrorCode::NONE) {
    for (auto& answer : std::exchange(held_commits, {})) answer(error);
  }
  void finish_reads() {
    for (auto& work : std::exchange(held_reads, {})) work();
  }

  std::map<int32_t, std::vector<Record>> partitions;
  int batches = 0;
  ErrorCode fail_with = ErrorCode::NONE;
  bool fail_read = false;
  bool hold_commits = false;
  bool hold_reads = false;
  std::vector<std::function<void(ErrorCode)>> held_commits;
  std::vector<std::function<void()>> held_reads;
};

// What a callback brought, once it did.
template <typename T>
class Answer {
 public:
  auto callback() {
    return [value = value_](T result) {
      EXPECT_FALSE(value->has_value()) << "answered twice";
      *value = std::move(result);
    };
  }
  bool arrived() const { return value_->has_value(); }
  const T& operator*() const {
    EXPECT_TRUE(arrived()) << "not answered yet";
    static const T kNone{};
    return arrived() ? **value_ : kNone;
  }
  const T* operator->() const { return &**this; }

 private:
  std::shared_ptr<std::optional<T>> value_ = std::make_shared<std::optional<T>>();
};

struct Client {
  explicit Client(std::string name, std::optional<std::string> instance = std::nullopt)
      : client_id(std::move(name)), instance_id(std::move(instance)) {}

  std::string client_id;
  std::optional<std::string> instance_id;
  std::string member_id;
  int32_t generation = -1;
  int16_t version = 9;
  int32_t session_timeout_ms = 10'000;
  int32_t rebalance_timeout_ms = 60'000;
  std::string protocol_type = "consumer";
  std::vector<GroupProtocol> protocols = {{"range", subscription({"t"})}};
};

class GroupTest : public ::testing::Test {
 protected:
  GroupTest() { start_broker(); }

  void start_broker() {
    coordinator.reset();
    coordinator = std::make_unique<GroupCoordinator>(loop, config, log, [this] {
      std::array<uint8_t, 16> random{};
      random[15] = ++random_;
      return random;
    });
    coordinator->start();
    coordinator->on_partition_elected(partition());
  }
  int32_t partition() const { return coordinator->partition_for(group); }
  const std::vector<MemoryOffsetsLog::Record>& records() { return log.partitions[partition()]; }

  Answer<JoinGroupResult> send_join(const Client& client) {
    JoinGroup request;
    request.version = client.version;
    request.group_id = group;
    request.member_id = client.member_id;
    request.group_instance_id = client.instance_id;
    request.client_id = client.client_id;
    request.client_host = "/127.0.0.1";
    request.rebalance_timeout_ms = client.rebalance_timeout_ms;
    request.session_timeout_ms = client.session_timeout_ms;
    request.protocol_type = client.protocol_type;
    request.protocols = client.protocols;
    Answer<JoinGroupResult> answer;
    coordinator->join_group(request, answer.callback());
    return answer;
  }
  // As a client does: a first answer of MEMBER_ID_REQUIRED is followed by a join with the id.
  Answer<JoinGroupResult> join(Client& client) {
    auto answer = send_join(client);
    if (!answer.arrived() || answer->error != ErrorCode::MEMBER_ID_REQUIRED) return answer;
    client.member_id = answer->member_id;
    return send_join(client);
  }
  static void take(Client& client, const Answer<JoinGroupResult>& answer) {
    ASSERT_EQ(answer->error, ErrorCode::NONE);
    client.member_id = answer->member_id;
    client.generation = answer->generation_id;
  }
  static bool leads(const Client& client, const Answer<JoinGroupResult>& answer) {
    return answer->leader == client.member_id;
  }

  Answer<SyncGroupResult> sync(const Client& client,
                               const std::vector<SyncGroup::Assignment>& assignments = {}) {
    SyncGroup request;
    request.group_id = group;
    request.generation_id = client.generation;
    request.member_id = client.member_id;
    request.group_instance_id = client.instance_id;
    request.assignments = assignments;
    Answer<SyncGroupResult> answer;
    coordinator->sync_group(request, answer.callback());
    return answer;
  }
  ErrorCode heartbeat(const Client& client) {
    return coordinator->heartbeat({group, client.generation, client.member_id, client.instance_id});
  }
  ErrorCode leave(const Client& client) {
    const LeaveGroupResult result =
        coordinator->leave_group({group, {{client.member_id, client.instance_id}}});
    return result.error != ErrorCode::NONE ? result.error : result.members.at(0).error;
  }

  // Sends joins and syncs of all until the group is Stable; each is assigned "for " and its client id.
  void make_stable(std::initializer_list<Client*> clients) {
    std::vector<Answer<JoinGroupResult>> joins;
    for (Client* client : clients) joins.push_back(join(*client));
    // Each delay is followed by another where a member came in it.
    for (size_t i = 0; i <= clients.size() && !joins[0].arrived(); ++i) {
      loop.advance(config.group_initial_rebalance_delay_ms);
    }
    finish_rebalance(clients, joins);
  }
  void finish_rebalance(std::initializer_list<Client*> clients,
                        const std::vector<Answer<JoinGroupResult>>& joins) {
    std::vector<SyncGroup::Assignment> assignments;
    std::vector<Answer<SyncGroupResult>> syncs;
    size_t i = 0;
    for (Client* client : clients) {
      take(*client, joins[i++]);
      assignments.push_back({client->member_id, bytes("for " + client->client_id)});
    }
    i = 0;
    for (Client* client : clients) {
      const bool leader = leads(*client, joins[i++]);
      syncs.push_back(sync(*client, leader ? assignments : std::vector<SyncGroup::Assignment>{}));
    }
    i = 0;
    for (Client* client : clients) {
      EXPECT_EQ(syncs[i]->error, ErrorCode::NONE);
      EXPECT_EQ(syncs[i++]->assignment, bytes("for " + client->client_id));
    }
    EXPECT_EQ(state(), "Stable");
  }

  DescribedGroup described() { return coordinator->describe_group(group, 5); }
  std::string state() { return described().state; }
  // Time with heartbeats of those who live.
  void pass_with_heartbeats(int64_t ms, std::initializer_list<const Client*> clients) {
    for (; ms > 0; ms -= 1'000) {
      loop.advance(std::min<int64_t>(ms, 1'000));
      for (const Client* client : clients) heartbeat(*client);
    }
  }

  Answer<std::vector<ErrorCode>> send_commit(CommitOffsets request) {
    request.group_id = group;
    Answer<std::vector<ErrorCode>> answer;
    coordinator->commit_offsets(std::move(request), answer.callback());
    return answer;
  }
  ErrorCode commit(const Client& client, const std::string& topic, int64_t offset) {
    CommitOffsets request;
    request.generation_id = client.generation;
    request.member_id = client.member_id;
    request.group_instance_id = client.instance_id;
    request.partitions.push_back({{topic, 0}, offset, -1, "", -1});
    return send_commit(request)->at(0);
  }
  // Of a consumer outside of group management.
  ErrorCode commit(const std::string& topic, int64_t offset) {
    return commit(Client("simple"), topic, offset);
  }
  int64_t fetch(const std::string& topic) {
    const auto result = coordinator->fetch_offsets(group, {{topic, 0}}, false);
    EXPECT_EQ(result.error, ErrorCode::NONE);
    return result.offsets.empty() ? -2 : result.offsets[0].offset;
  }
  ErrorCode delete_group() {
    Answer<std::vector<DeletedGroup>> answer;
    coordinator->delete_groups({group}, answer.callback());
    return answer->at(0).error;
  }

  ManualLoop loop;
  GroupConfig config;
  MemoryOffsetsLog log;
  std::string group = "g";
  std::unique_ptr<GroupCoordinator> coordinator;

 private:
  uint8_t random_ = 0;
};

}  // namespace groups
}  // namespace ottla
