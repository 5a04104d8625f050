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
bool serves(Client& client, const std::string& topic, int32_t partitions) {
  protocol::FetchRequest request;
  request.max_bytes = 1;
  auto& one = request.topics.emplace_back();
  one.topic = topic;
  for (int32_t i = 0; i < partitions; ++i) {
    auto& partition = one.partitions.emplace_back();
    partition.partition = i;
    partition.partition_max_bytes = 1;
  }
  const auto response = client.ask<protocol::FetchResponse>(request, kFetchVersion);
  if (response.error_code != 0 || response.responses.empty()) return false;
  const auto& found = response.responses[0].partitions;
  return std::all_of(found.begin(), found.end(),
                     [](const auto& partition) { return partition.error_code == 0; });
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

void await_topic(Client& client, const std::string& topic, int32_t partitions) {
  protocol::MetadataRequest request;
  request.topics->emplace_back().name = topic;
  const int64_t deadline = now_ns() + int64_t{kPatienceMs} * 1'000'000;
  while (now_ns() < deadline) {
    const auto response = client.ask<protocol::MetadataResponse>(request, kMetadataVersion);
    const auto& found = response.topics.at(0);
    const auto led = std::count_if(found.partitions.begin(), found.partitions.end(),
                                   [](const auto& one) { return one.error_code == 0 && one.leader_id >= 0; });
    if (found.error_code == 0 && led >= partitions && serves(client, topic, partitions)) return;
    ::usleep(1000);
  }
  fail("topic " + topic + " has no leaders");
}

}  // namespace ottla::load
