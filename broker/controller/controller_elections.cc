// SPDX-License-Identifier: Apache-2.0
// Elections that somebody asks for, and those that bring leaders back to where they were assigned
// (kafka.controller.KafkaController.processReplicaLeaderElection, checkAndTriggerAutoLeaderRebalance).
#include <fmt/format.h>

#include <algorithm>

#include "broker/controller/controller.h"
#include "protocol/base/log.h"

namespace ottla {

using coordination::DataReply;
using coordination::StatReply;
using coordination::VoidReply;

namespace {

constexpr const char* kComponent = "broker.controller";

}  // namespace

void Controller::elect_leaders_of(std::optional<std::vector<znodes::TopicPartition>> partitions, bool unclean,
                                  ClusterControl::ElectedDone done) {
  queue_.add([this, partitions = std::move(partitions), unclean, done = std::move(done)] {
    return run_elections(partitions, unclean, done);
  });
}

Result<znodes::PartitionStateNode> Controller::chosen_leader(const std::string& name, int32_t index,
                                                             bool unclean) {
  const auto topic = topics_.find(name);
  if (topic == topics_.end() || !topic->second.states.contains(index))
    return Status(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "The partition does not exist.");
  const std::vector<int32_t>& replicas = topic->second.assignment.replicas[index];
  znodes::PartitionStateNode next = topic->second.states[index];
  const auto can = [&](int32_t id) { return usable(name, index, id) && !shutting_down_.contains(id); };
  const bool needed = unclean ? !usable(name, index, next.leader) : next.leader != replicas.front();
  if (!needed)
    return Status(ErrorCode::ELECTION_NOT_NEEDED, "Leader election not needed for topic partition.");
  if (!unclean) {
    if (!can(replicas.front()) || !contains(next.isr, replicas.front())) {
      return Status(ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE,
                    fmt::format("{}-{}: the preferred leader, broker {}, is not there or not in sync", name,
                                index, replicas.front()));
    }
    next.leader = replicas.front();
  } else {
    const auto in_sync = std::find_if(replicas.begin(), replicas.end(),
                                      [&](int32_t id) { return can(id) && contains(next.isr, id); });
    const auto any = std::find_if(replicas.begin(), replicas.end(), can);
    if (any == replicas.end())
      return Status(ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE,
                    fmt::format("{}-{}: no broker that has a replica is there", name, index));
    next.leader = in_sync != replicas.end() ? *in_sync : *any;
    if (in_sync == replicas.end()) {
      log_warn(kComponent,
               "{}-{}: broker {} leads as somebody asked for, which was not in sync: records may be lost",
               name, index, next.leader);
      next.isr = {next.leader};
    }
  }
  next.controller_epoch = epoch_;
  ++next.leader_epoch;
  return next;
}

Task<void> Controller::run_elections(std::optional<std::vector<znodes::TopicPartition>> partitions,
                                     bool unclean, ClusterControl::ElectedDone done) {
  std::vector<ClusterControl::Elected> results;
  std::map<std::string, States> by_topic;
  if (!partitions) {
    partitions.emplace();
    for (const auto& [name, topic] : topics_) {
      for (const auto& [index, state] : topic.states) partitions->emplace_back(name, index);
    }
  }
  // What leaders have written of late may not have been announced yet.
  std::set<std::string> topics;
  for (const auto& [name, index] : *partitions) {
    if (active_ && topics_.contains(name)) topics.insert(name);
  }
  for (const std::string& name : topics) co_await load_states(name, true);
  for (const auto& [name, index] : *partitions) {
    auto next = active_ ? chosen_leader(name, index, unclean)
                        : Result<znodes::PartitionStateNode>(Status(ErrorCode::NOT_CONTROLLER, ""));
    results.push_back({name, index, next.ok() ? ErrorCode::NONE : next.status().code(),
                       next.ok() ? "" : next.status().message()});
    if (next.ok()) by_topic[name][index] = std::move(*next);
  }
  for (auto& [name, states] : by_topic) {
    const bool written = co_await write_states(name, std::move(states));
    if (topics_.contains(name)) {
      if (!written) co_await load_states(name, true);
      publish(name);
    }
    if (written) continue;
    // A leader changed its in-sync replicas at the same time: whoever asked may ask again.
    for (ClusterControl::Elected& one : results) {
      if (one.topic != name || one.error != ErrorCode::NONE) continue;
      one.error = ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE;
      one.message = "the state of the partition changed meanwhile";
    }
  }
  if (!by_topic.empty()) {
    send();
    changed_();
  }
  done(results);
}

// What kafka-preferred-replica-election writes.
Task<void> Controller::read_election_wishes() {
  if (!active_) co_return;
  const DataReply wish = co_await client_.async_get_data(znodes::kPreferredElection);
  if (wish.ok()) {
    const auto partitions = znodes::decode_isr_change(wish.data);
    if (!partitions.ok())
      log_warn(kComponent, "{}: {}", znodes::kPreferredElection, partitions.status().message());
    if (partitions.ok())
      co_await run_elections(*partitions, false, [](const std::vector<ClusterControl::Elected>&) {});
    co_await client_.async_remove(znodes::kPreferredElection);
  }
  // The watch fires when it is made again.
  client_.exists(znodes::kPreferredElection, true, [](const StatReply&) {});
}

// Partitions whose first replica is there and in sync and does not lead, of brokers where these are more than
// a few of those that it is the first replica of.
std::vector<znodes::TopicPartition> Controller::imbalanced() const {
  struct Share {
    size_t all = 0;
    std::vector<znodes::TopicPartition> elsewhere;
  };
  std::map<int32_t, Share> shares;
  for (const auto& [name, topic] : topics_) {
    for (const auto& [index, state] : topic.states) {
      const auto replicas = topic.assignment.replicas.find(index);
      if (replicas == topic.assignment.replicas.end() || replicas->second.empty()) continue;
      const int32_t preferred = replicas->second.front();
      Share& share = shares[preferred];
      ++share.all;
      const bool can =
          alive(preferred) && !shutting_down_.contains(preferred) && contains(state.isr, preferred);
      if (state.leader != preferred && can) share.elsewhere.emplace_back(name, index);
    }
  }
  std::vector<znodes::TopicPartition> partitions;
  for (auto& [broker, share] : shares) {
    if (share.elsewhere.size() * 100 <= share.all * static_cast<size_t>(settings_.imbalance_percentage))
      continue;
    partitions.insert(partitions.end(), share.elsewhere.begin(), share.elsewhere.end());
  }
  return partitions;
}

void Controller::rebalance() {
  rebalance_timer_->start(settings_.rebalance_interval_ms);
  auto partitions = imbalanced();
  if (!active_ || partitions.empty()) return;
  log_info(kComponent, "{} partitions get their preferred leaders back", partitions.size());
  elect_leaders_of(std::move(partitions), false, [](const std::vector<ClusterControl::Elected>&) {});
}

}  // namespace ottla
