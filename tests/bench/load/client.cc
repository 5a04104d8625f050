// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/load/client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "protocol/generated/create_topics_request.h"
#include "protocol/generated/create_topics_response.h"
#include "protocol/generated/delete_topics_request.h"
#include "protocol/generated/delete_topics_response.h"
#include "protocol/generated/fetch_request.h"
#include "protocol/generated/fetch_response.h"
#include "protocol/generated/metadata_request.h"
#include "protocol/generated/metadata_response.h"
#include "tests/bench/load/clocks.h"

namespace ottla::load {
namespace {

constexpr int16_t kCreateVersion = 4;
constexpr int16_t kDeleteVersion = 3;
constexpr int16_t kMetadataVersion = 4;
constexpr int16_t kFetchVersion = 11;
constexpr int32_t kPatienceMs = 120'000;

bool receive(int fd, std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t count = ::recv(fd, out.data(), out.size(), 0);
    if (count <= 0) return false;
    out = out.subspan(static_cast<size_t>(count));
  }
  return true;
}

// Kafka names a partition's leader before that leader knows.
bool serve(Client& client, const std::vector<std::string>& topics, int32_t partitions) {
  protocol::FetchRequest request;
  request.max_bytes = 1;
  for (const std::string& topic : topics) {
    auto& one = request.topics.emplace_back();
    one.topic = topic;
    for (int32_t i = 0; i < partitions; ++i) {
      auto& partition = one.partitions.emplace_back();
      partition.partition = i;
      partition.partition_max_bytes = 1;
    }
  }
  const auto response = client.ask<protocol::FetchResponse>(request, kFetchVersion);
  if (response.error_code != 0 || response.responses.size() < topics.size()) return false;
  return std::all_of(response.responses.begin(), response.responses.end(), [](const auto& topic) {
    return std::all_of(topic.partitions.begin(), topic.partitions.end(),
                       [](const auto& partition) { return partition.error_code == 0; });
  });
}

bool led(const protocol::MetadataResponse& response, int32_t partitions) {
  return std::all_of(response.topics.begin(), response.topics.end(), [partitions](const auto& topic) {
    const auto leaders = std::count_if(topic.partitions.begin(), topic.partitions.end(), [](const auto& one) {
      return one.error_code == 0 && one.leader_id >= 0;
    });
    return topic.error_code == 0 && leaders >= partitions;
  });
}

}  // namespace

Client::Client(const Address& address) : fd_(connect_to(address)) {
  if (fd_ < 0) fail_errno("connect to " + address.host + ":" + std::to_string(address.port));
}

Client::~Client() { ::close(fd_); }

bool Client::try_exchange(std::span<const uint8_t> frame) {
  while (!frame.empty()) {
    const ssize_t sent = ::send(fd_, frame.data(), frame.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    frame = frame.subspan(static_cast<size_t>(sent));
  }
  std::array<uint8_t, 4> prefix{};
  if (!receive(fd_, prefix)) return false;
  answer_.resize(static_cast<size_t>(Reader(prefix).int32()));
  return receive(fd_, answer_);
}

void Client::exchange(std::span<const uint8_t> frame) {
  if (!try_exchange(frame)) fail("the broker closed the connection");
}

void make_topic(Client& client, const std::string& topic, int32_t partitions) {
  protocol::CreateTopicsRequest request;
  request.timeout_ms = kPatienceMs;
  auto& one = request.topics.emplace_back();
  one.name = topic;
  one.num_partitions = partitions;
  one.replication_factor = 1;
  const auto response = client.ask<protocol::CreateTopicsResponse>(request, kCreateVersion);
  if (response.topics.at(0).error_code != 0) {
    fail("topic " + topic + " was not created: error " + std::to_string(response.topics[0].error_code));
  }
  await_topic(client, topic, partitions);
}

void delete_topic(Client& client, const std::string& topic) {
  protocol::DeleteTopicsRequest request;
  request.timeout_ms = kPatienceMs;
  request.topic_names = {topic};
  const auto response = client.ask<protocol::DeleteTopicsResponse>(request, kDeleteVersion);
  if (response.responses.at(0).error_code != 0) fail("topic " + topic + " was not deleted");
}

void await_topics(Client& client, const std::vector<std::string>& topics, int32_t partitions) {
  protocol::MetadataRequest request;
  for (const std::string& topic : topics) request.topics->emplace_back().name = topic;
  const int64_t deadline = now_ns() + int64_t{kPatienceMs} * 1'000'000;
  while (now_ns() < deadline) {
    const auto response = client.ask<protocol::MetadataResponse>(request, kMetadataVersion);
    if (led(response, partitions) && serve(client, topics, partitions)) return;
    ::usleep(1000);
  }
  fail("topic " + topics.back() + " has no leaders");
}

void await_topic(Client& client, const std::string& topic, int32_t partitions) {
  await_topics(client, {topic}, partitions);
}

}  // namespace ottla::load
