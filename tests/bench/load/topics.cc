// SPDX-License-Identifier: Apache-2.0
// Everything that is asked one thing at a time: topics, groups, many connections, a start.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "protocol/generated/api_versions_request.h"
#include "protocol/generated/api_versions_response.h"
#include "protocol/generated/create_topics_request.h"
#include "protocol/generated/create_topics_response.h"
#include "protocol/generated/metadata_request.h"
#include "protocol/generated/metadata_response.h"
#include "protocol/generated/produce_response.h"
#include "tests/bench/load/client.h"
#include "tests/bench/load/frames.h"
#include "tests/bench/load/options.h"
#include "tests/bench/load/report.h"

extern char** environ;

namespace ottla::load {
namespace {

constexpr int16_t kCreateVersion = 4;
constexpr int16_t kMetadataVersion = 4;
constexpr int64_t kMostStartNs = int64_t{120} * 1'000'000'000;
constexpr useconds_t kAskAgainUs = 300;

std::string name_of(const Options& options, int i) { return options.topic + "-" + std::to_string(i); }

void await_end_of_input() {
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) continue;
}

// Whether a record on options.topic was acknowledged; the topic may be on its way.
bool acknowledged(const Options& options, const std::vector<uint8_t>& metadata,
                  const std::vector<uint8_t>& produce) {
  const Address address = parse_address(options.bootstrap);
  const int fd = connect_to(address);
  if (fd < 0) return false;
  ::close(fd);
  Client client(address);
  while (client.try_exchange(metadata) && client.try_exchange(produce)) {
    protocol::ProduceResponse response;
    decode_answer(client.answer(), kProduceVersion, response);
    if (response.responses.at(0).partition_responses.at(0).error_code == 0) return true;
    ::usleep(kAskAgainUs);
  }
  return false;
}

}  // namespace

// Topics of options.partitions partitions, one by one or in one request, until all are led.
void run_topics(const Options& options) {
  Client client(parse_address(options.bootstrap));
  std::vector<std::string> names;
  for (int i = 0; i < options.count; ++i) names.push_back(name_of(options, i));
  Histogram latency;
  Stretch stretch(options.server_pids);
  protocol::CreateTopicsRequest request;
  request.timeout_ms = 120'000;
  for (const std::string& name : names) {
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.num_partitions = options.partitions;
    topic.replication_factor = 1;
    if (options.in_one_request) continue;
    const int64_t asked = now_ns();
    const auto response = client.ask<protocol::CreateTopicsResponse>(request, kCreateVersion);
    if (response.topics.at(0).error_code != 0) fail("a topic was not created");
    latency.record(now_ns() - asked);
    request.topics.clear();
  }
  if (options.in_one_request) {
    const auto response = client.ask<protocol::CreateTopicsResponse>(request, kCreateVersion);
    for (const auto& topic : response.topics) {
      if (topic.error_code != 0) fail("a topic was not created");
    }
  }
  await_topics(client, names, options.partitions);
  nlohmann::json out{{"topics", options.count}, {"latency_us", latency_us(latency)}};
  stretch.report(out);
  print(out);
}

// Opens options.count connections, each used once, prints what that took, and holds them until standard input
// ends.
void run_connections(const Options& options) {
  const Address address = parse_address(options.bootstrap);
  const auto frame = request_frame(protocol::ApiVersionsRequest(), 0);
  std::vector<std::unique_ptr<Client>> clients;
  Stretch stretch(options.server_pids);
  for (int i = 0; i < options.count; ++i) {
    clients.push_back(std::make_unique<Client>(address));
    if (!clients.back()->try_exchange(frame)) fail("a connection was refused");
  }
  nlohmann::json out{{"connections", options.count}};
  stretch.report(out);
  print(out);
  await_end_of_input();
}

// Runs options.command and asks until a record on a new topic is acknowledged, then ends it (SIGKILL).
void run_start(const Options& options) {
  protocol::MetadataRequest wanted;
  wanted.topics->emplace_back().name = options.topic;
  const auto metadata = request_frame(wanted, kMetadataVersion);
  const auto produce = produce_frames(options)[0];
  std::vector<char*> arguments;
  for (const std::string& argument : options.command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int64_t begin = now_ns();
  if (::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) {
    fail_errno("run " + options.command[0]);
  }
  bool done = false;
  while (!done && now_ns() - begin < kMostStartNs) {
    done = acknowledged(options, metadata, produce);
    if (!done) ::usleep(kAskAgainUs);
  }
  const double ms = static_cast<double>(now_ns() - begin) / 1e6;
  const std::vector<int> pids{child};
  const double cpu = static_cast<double>(cpu_ns_of(pids)) / 1e9;
  if (done) {
    print({{"milliseconds", ms}, {"server_cpu_s", cpu}, {"pid", child}});
    if (options.hold) await_end_of_input();
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  if (!done) fail("no record was acknowledged");
}

}  // namespace ottla::load
