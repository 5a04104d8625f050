// SPDX-License-Identifier: Apache-2.0
// What the controller decides about partitions, and how the brokers learn of it.
#include <algorithm>

#include "broker/controller/controller.h"
#include "protocol/base/log.h"

namespace ottla {

using coordination::DataReply;
using coordination::MultiReply;
using coordination::Op;
using coordination::ZkError;

namespace {

constexpr const char* kComponent = "broker.controller";
// A multi stays well below jute.maxbuffer (1 MiB): two nodes of about 200 bytes per partition.
constexpr size_t kPartitionsPerMulti = 500;
// Leaders write the same znodes.
constexpr int kAttempts = 5;

}  // namespace

bool Controller::alive(int32_t broker) const {
  return metadata_.brokers.contains(broker) && !bounced_.contains(broker);
}

// Whether `broker`'s replica can be in sync.
bool Controller::usable(const std::string& name, int32_t index, int32_t broker) const {
  return alive(broker) && !failed_.contains({broker, {name, index}});
}

Task<void> Controller::load_states(std::string name, bool again) {
  std::vector<int32_t> wanted;
  for (const auto& [partition, replicas] : topics_[name].assignment.replicas) {
    if (again || !topics_[name].states.contains(partition)) wanted.push_back(partition);
  }
  const auto nodes = co_await gather<DataReply>(wanted.size(), [&](size_t i, auto done) {
    client_.get_data(znodes::partition_state_path(name, wanted[i]), false, done);
  });
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!nodes[i].ok()) continue;
    auto state = znodes::decode_partition_state(nodes[i].data);
    if (!state.ok()) continue;
    state->zk_version = nodes[i].stat.version;
    topics_[name].states[wanted[i]] = *state;
  }
}

// The leader stays where it can. Where it can not, a replica that is in sync leads, in the order of the
// assignment; where none of these lives, nobody does (-1, and those that were in sync stay so, to lead
// again), or, with unclean.leader.election.enable, any that lives (kafka
// OfflinePartitionLeaderElectionStrategy). A broker that stops in good order leaves the last of its
// partitions like that.
std::optional<znodes::PartitionStateNode> Controller::next_state(const std::string& name, int32_t index,
                                                                 const znodes::PartitionStateNode& state) {
  const auto can = [&](int32_t id) { return usable(name, index, id); };
  const std::vector<int32_t>& replicas = topics_[name].assignment.replicas[index];
  znodes::PartitionStateNode next = state;
  std::erase_if(next.isr, [&](int32_t id) { return !can(id); });
  std::vector<int32_t> staying = next.isr;
  std::erase_if(staying, [&](int32_t id) { return shutting_down_.contains(id); });
  if (!staying.empty()) next.isr = staying;
  const auto any = std::find_if(replicas.begin(), replicas.end(), can);
  if (next.isr.empty() && (any == replicas.end() || !actions_.unclean_election(name))) {
    // With an epoch of its own, so that whoever is told of a leader again takes it for news.
    next.isr = state.isr;
    next.leader = -1;
  } else if (next.isr.empty()) {
    log_warn(kComponent, "{}-{}: broker {} leads, which was not in sync: records may be lost", name, index,
             *any);
    next.isr = {*any};
    next.leader = *any;
  } else if (!contains(next.isr, next.leader)) {
    const auto first =
        std::find_if(replicas.begin(), replicas.end(), [&](int32_t id) { return contains(next.isr, id); });
    if (first == replicas.end()) return std::nullopt;
    next.leader = *first;
  }
  if (next.leader == state.leader && next.isr == state.isr) return std::nullopt;
  next.controller_epoch = epoch_;
  ++next.leader_epoch;
  return next;
}

Task<void> Controller::elect_leaders(std::string name) {
  for (int attempt = 0; attempt < kAttempts && topics_.contains(name); ++attempt) {
    States next;
    for (const auto& [index, state] : topics_[name].states) {
      if (auto elected = next_state(name, index, state)) next[index] = std::move(*elected);
    }
    if (next.empty() || co_await write_states(name, std::move(next))) co_return;
    // A leader has changed its in-sync replicas.
    co_await load_states(name, true);
  }
}

Task<bool> Controller::write_states(std::string name, States next) {
  for (auto first = next.begin(); first != next.end();) {
    std::vector<Op> ops = {Op::check(znodes::kControllerEpoch, epoch_version_)};
    auto end = first;
    for (; end != next.end() && ops.size() <= kPartitionsPerMulti; ++end) {
      ops.push_back(Op::set_data(znodes::partition_state_path(name, end->first),
                                 znodes::encode_partition_state(end->second), end->second.zk_version));
    }
    const MultiReply reply = co_await client_.async_multi(std::move(ops));
    if (!reply.ok()) {
      if (reply.error != ZkError::kBadVersion)
        log_warn(kComponent, "cannot elect leaders of topic {}: {}", name,
                 coordination::error_text(reply.error));
      co_return false;
    }
    for (size_t i = 1; first != end; ++first, ++i) {
      first->second.zk_version = reply.results[i].stat.version;
      topics_[name].states[first->first] = first->second;
    }
  }
  co_return true;
}

Task<bool> Controller::create_states(std::string name) {
  if (!topics_.contains(name)) co_return false;
  TopicEntry& entry = topics_[name];
  std::vector<int32_t> missing;
  for (const auto& [partition, replicas] : entry.assignment.replicas) {
    const bool any = std::any_of(replicas.begin(), replicas.end(), [this](int32_t id) { return alive(id); });
    if (!entry.states.contains(partition) && any) missing.push_back(partition);
  }
  bool parent_exists = !entry.states.empty();
  for (size_t first = 0; first < missing.size(); first += kPartitionsPerMulti) {
    std::vector<Op> ops = {Op::check(znodes::kControllerEpoch, epoch_version_)};
    if (!parent_exists) ops.push_back(Op::create(znodes::partitions_path(name), std::nullopt));
    parent_exists = true;
    std::map<int32_t, znodes::PartitionStateNode> made;
    for (size_t i = first; i < std::min(missing.size(), first + kPartitionsPerMulti); ++i) {
      znodes::PartitionStateNode state;
      state.controller_epoch = epoch_;
      for (const int32_t replica : entry.assignment.replicas[missing[i]]) {
        if (alive(replica)) state.isr.push_back(replica);
      }
      state.leader = state.isr.front();
      ops.push_back(Op::create(znodes::partition_path(name, missing[i]), std::nullopt));
      ops.push_back(
          Op::create(znodes::partition_state_path(name, missing[i]), znodes::encode_partition_state(state)));
      made[missing[i]] = state;
    }
    const MultiReply reply = co_await client_.async_multi(std::move(ops));
    if (!reply.ok()) {
      log_warn(kComponent, "cannot write the partition states of topic {}: {}", name,
               coordination::error_text(reply.error));
      topics_.erase(name);
      co_return false;
    }
    for (const auto& [partition, state] : made) entry.created.insert(partition);
    entry.states.merge(made);
  }
  co_return true;
}

void Controller::alter_partitions(int32_t broker, int64_t broker_epoch, std::vector<PartitionChange> changes,
                                  ClusterControl::AlteredDone done) {
  queue_.add([this, broker, broker_epoch, changes = std::move(changes), done = std::move(done)] {
    return run_alter_partitions(broker, broker_epoch, changes, done);
  });
}

Task<void> Controller::run_alter_partitions(int32_t broker, int64_t broker_epoch,
                                            std::vector<PartitionChange> changes,
                                            ClusterControl::AlteredDone done) {
  if (!active_) co_return done(ErrorCode::NOT_CONTROLLER, {});
  const auto known = metadata_.brokers.find(broker);
  if (known == metadata_.brokers.end() || known->second.epoch != broker_epoch)
    co_return done(ErrorCode::STALE_BROKER_EPOCH, {});
  std::vector<ClusterControl::Altered> altered;
  std::set<std::string> topics;
  for (const PartitionChange& change : changes) {
    altered.push_back(co_await alter_partition(broker, change));
    if (altered.back().error == ErrorCode::NONE) topics.insert(change.topic);
  }
  done(ErrorCode::NONE, altered);
  for (const std::string& topic : topics) publish(topic);
  if (!topics.empty()) changed_();
}

Task<ClusterControl::Altered> Controller::alter_partition(int32_t broker, PartitionChange change) {
  ClusterControl::Altered altered;
  const auto topic = topics_.find(change.topic);
  if (topic == topics_.end() || !topic->second.states.contains(change.index)) {
    altered.error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    co_return altered;
  }
  znodes::PartitionStateNode next = topic->second.states[change.index];
  if (change.state.leader_epoch < next.leader_epoch || next.leader != broker) {
    altered.error = ErrorCode::FENCED_LEADER_EPOCH;
    co_return altered;
  }
  if (next.isr != change.state.isr) {
    next.isr = change.state.isr;
    next.zk_version = change.state.zk_version;
    States states;
    states[change.index] = next;
    if (!co_await write_states(change.topic, std::move(states))) {
      altered.error = ErrorCode::INVALID_UPDATE_VERSION;
      if (topics_.contains(change.topic)) co_await load_states(change.topic, true);
      co_return altered;
    }
  }
  altered.state = change_of(change.topic, change.index).state;
  co_return altered;
}

PartitionChange Controller::change_of(const std::string& name, int32_t index) {
  const TopicEntry& entry = topics_[name];
  PartitionChange change;
  change.topic = name;
  change.topic_id = entry.assignment.topic_id;
  change.index = index;
  change.state.replicas = entry.assignment.replicas.at(index);
  const auto state = entry.states.find(index);
  if (state == entry.states.end()) return change;
  change.state.controller_epoch = state->second.controller_epoch;
  change.state.leader_epoch = state->second.leader_epoch;
  change.state.isr = state->second.isr;
  change.state.zk_version = state->second.zk_version;
  if (usable(name, index, state->second.leader)) change.state.leader = state->second.leader;
  change.state.is_new = entry.created.contains(index);
  return change;
}

// This broker is told at once.
ErrorCode Controller::tell_replicas(const PartitionChange& change) {
  ErrorCode own = ErrorCode::NONE;
  for (const int32_t replica : change.state.replicas) {
    if (replica == settings_.broker_id) {
      own = actions_.apply(change);
    } else if (alive(replica)) {
      to_tell_[replica].push_back(change);
    }
  }
  return own;
}

// Tells the replicas what they are to do, and everybody what the topic looks like.
void Controller::publish(const std::string& name) {
  TopicEntry& entry = topics_[name];
  TopicMetadata topic;
  topic.name = name;
  topic.id = entry.assignment.topic_id;
  for (const auto& [index, replicas] : entry.assignment.replicas) {
    PartitionChange change = change_of(name, index);
    const bool known = entry.states.contains(index);
    const auto told = entry.told.find(index);
    if (known && (told == entry.told.end() || told->second != change.state.leader_epoch)) {
      const ErrorCode own = tell_replicas(change);
      if (own == ErrorCode::NONE) {
        entry.told[index] = change.state.leader_epoch;
        entry.created.erase(index);
      } else if (change.state.leader == settings_.broker_id) {
        change.state.leader = -1;
      }
      if (contains(replicas, settings_.broker_id) && replicas.size() > 1)
        on_replica_told(settings_.broker_id, name, index, own == ErrorCode::KAFKA_STORAGE_ERROR);
    }
    if (static_cast<size_t>(index) >= topic.partitions.size())
      topic.partitions.resize(static_cast<size_t>(index) + 1);
    PartitionMetadata& shown = topic.partitions[static_cast<size_t>(index)];
    shown.leader = change.state.leader;
    if (known) shown.leader_epoch = change.state.leader_epoch;
    shown.isr = std::move(change.state.isr);
    shown.replicas = replicas;
  }
  metadata_.put(std::move(topic));
  to_show_.insert(name);
  send_later();
}

// A broker that came is shown all topics before it is told what it leads and follows.
void Controller::tell_everything(int32_t broker) {
  std::vector<PartitionChange> all;
  std::vector<PartitionChange> own;
  for (const auto& [name, entry] : topics_) {
    for (const auto& [index, replicas] : entry.assignment.replicas) {
      if (!entry.states.contains(index)) continue;
      all.push_back(change_of(name, index));
      if (contains(replicas, broker)) own.push_back(all.back());
    }
  }
  channels_.update_metadata(broker, epoch_, all, metadata_.brokers);
  if (!own.empty()) channels_.leader_and_isr(broker, epoch_, own, metadata_.brokers);
}

// Everybody forgets the topic.
void Controller::forget(const std::string& name) {
  metadata_.remove(name);
  const auto entry = topics_.find(name);
  if (entry == topics_.end()) return;
  for (const auto& [index, replicas] : entry->second.assignment.replicas) {
    PartitionChange change = change_of(name, index);
    change.state.leader = ControllerChannels::kDeleted;
    gone_.push_back(std::move(change));
  }
  topics_.erase(entry);
  to_show_.erase(name);
  send_later();
}

void Controller::send_later() {
  if (std::exchange(send_waits_, true)) return;
  loop_.defer([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) send();
  });
}

void Controller::send() {
  send_waits_ = false;
  const auto to_tell = std::exchange(to_tell_, {});
  const auto to_show = std::exchange(to_show_, {});
  std::vector<PartitionChange> shown = std::exchange(gone_, {});
  const bool brokers = std::exchange(brokers_to_show_, false);
  const std::vector<int32_t> others = channels_.brokers();
  if (!active_ || others.empty() || (to_tell.empty() && to_show.empty() && shown.empty() && !brokers)) return;
  for (const auto& [broker, changes] : to_tell)
    channels_.leader_and_isr(broker, epoch_, changes, metadata_.brokers);
  for (const std::string& name : to_show) {
    const auto entry = topics_.find(name);
    if (entry == topics_.end()) continue;
    for (const auto& [index, replicas] : entry->second.assignment.replicas) {
      if (entry->second.states.contains(index)) shown.push_back(change_of(name, index));
    }
  }
  for (const int32_t broker : others) channels_.update_metadata(broker, epoch_, shown, metadata_.brokers);
}

}  // namespace ottla
