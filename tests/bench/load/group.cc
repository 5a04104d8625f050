// SPDX-License-Identifier: Apache-2.0
// Members of one group, a thread each: how long until all share a generation, and what commits take then.
#include <unistd.h>

#include <atomic>
#include <thread>

#include "protocol/generated/find_coordinator_request.h"
#include "protocol/generated/find_coordinator_response.h"
#include "protocol/generated/heartbeat_request.h"
#include "protocol/generated/heartbeat_response.h"
#include "protocol/generated/join_group_request.h"
#include "protocol/generated/join_group_response.h"
#include "protocol/generated/offset_commit_request.h"
#include "protocol/generated/offset_commit_response.h"
#include "protocol/generated/sync_group_request.h"
#include "protocol/generated/sync_group_response.h"
#include "tests/bench/load/client.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/report.h"

namespace ottla::load {
namespace {

constexpr int16_t kJoinVersion = 4;
constexpr int16_t kSyncVersion = 2;
constexpr int16_t kHeartbeatVersion = 2;
constexpr int16_t kCommitVersion = 5;
constexpr int16_t kMemberIdRequired = 79;
constexpr useconds_t kBeatUs = 10'000;

struct Shared {
  const Options& options;
  std::atomic<int32_t> whole_generation{-1};  // that has all members
  std::atomic<int> arrived{0};
};

class Member {
 public:
  explicit Member(Shared& shared) : shared_(shared), client_(parse_address(shared.options.bootstrap)) {}

  // Until this member is in a generation that has all members.
  void settle() {
    for (;;) {
      if (!join() || !sync()) {
        ::usleep(kBeatUs);
        continue;
      }
      while (heartbeat()) {
        if (shared_.whole_generation == generation_) {
          ++shared_.arrived;
          return;
        }
        ::usleep(kBeatUs);
      }
    }
  }

  void commit(int64_t count, Histogram& latency) {
    protocol::OffsetCommitRequest request;
    request.group_id = shared_.options.topic;
    request.generation_id_or_member_epoch = generation_;
    request.member_id = id_;
    auto& topic = request.topics.emplace_back();
    topic.name = shared_.options.topic;
    auto& partition = topic.partitions.emplace_back();
    for (int64_t i = 0; i < count; ++i) {
      partition.committed_offset = i;
      const int64_t asked = now_ns();
      const auto response = client_.ask<protocol::OffsetCommitResponse>(request, kCommitVersion);
      if (response.topics.at(0).partitions.at(0).error_code != 0) fail("a commit was refused");
      latency.record(now_ns() - asked);
    }
  }

 private:
  bool join() {
    protocol::JoinGroupRequest request;
    request.group_id = shared_.options.topic;
    request.session_timeout_ms = 30'000;
    request.rebalance_timeout_ms = 60'000;
    request.member_id = id_;
    request.protocol_type = "consumer";
    request.protocols.emplace_back().name = "range";
    const auto response = client_.ask<protocol::JoinGroupResponse>(request, kJoinVersion);
    if (response.error_code == 0 || response.error_code == kMemberIdRequired) id_ = response.member_id;
    if (response.error_code == kMemberIdRequired) return join();
    if (response.error_code != 0) return false;
    generation_ = response.generation_id;
    if (static_cast<int>(response.members.size()) == shared_.options.count)
      shared_.whole_generation = generation_;
    return true;
  }
  bool sync() {
    protocol::SyncGroupRequest request;
    request.group_id = shared_.options.topic;
    request.generation_id = generation_;
    request.member_id = id_;
    return client_.ask<protocol::SyncGroupResponse>(request, kSyncVersion).error_code == 0;
  }
  bool heartbeat() {
    protocol::HeartbeatRequest request;
    request.group_id = shared_.options.topic;
    request.generation_id = generation_;
    request.member_id = id_;
    return client_.ask<protocol::HeartbeatResponse>(request, kHeartbeatVersion).error_code == 0;
  }

  Shared& shared_;
  Client client_;
  std::string id_;
  int32_t generation_ = -1;
};

// The first to ask for a coordinator has its topic made.
void await_coordinator(Client& client, const std::string& group) {
  protocol::FindCoordinatorRequest request;
  request.key = group;
  while (client.ask<protocol::FindCoordinatorResponse>(request, 1).error_code != 0) ::usleep(kBeatUs);
}

}  // namespace

void run_group(const Options& options) {
  Client client(parse_address(options.bootstrap));
  make_topic(client, options.topic, 1);
  await_coordinator(client, options.topic);
  Shared shared{options};
  Stretch stretch(options.server_pids);
  std::vector<std::unique_ptr<Member>> members;
  std::vector<std::thread> threads;
  for (int i = 0; i < options.count; ++i) members.push_back(std::make_unique<Member>(shared));
  for (auto& member : members) threads.emplace_back([&member] { member->settle(); });
  for (std::thread& thread : threads) thread.join();
  nlohmann::json out{{"members", shared.arrived.load()}};
  stretch.report(out);
  Histogram latency;
  if (options.requests > 0) members[0]->commit(options.requests, latency);
  out["commit_us"] = latency_us(latency);
  print(out);
}

}  // namespace ottla::load
