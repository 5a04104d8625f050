// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/controller.h"

#include <algorithm>
#include <charconv>

#include "protocol/base/log.h"

namespace ottla {

using coordination::ChildrenReply;
using coordination::CreateMode;
using coordination::CreateReply;
using coordination::DataReply;
using coordination::EventType;
using coordination::MultiReply;
using coordination::Op;
using coordination::StatReply;
using coordination::VoidReply;
using coordination::ZkError;

namespace {

constexpr const char* kComponent = "broker.controller";
// A multi stays well below jute.maxbuffer (1 MiB): two nodes of about 200 bytes per partition.
constexpr size_t kPartitionsPerMulti = 500;
// A list of all topics takes the longer the more there are, and each new one asks for it: it waits a little,
// for more of them, where it takes long.
constexpr size_t kTopicsListedAtOnce = 64;
constexpr size_t kTopicsPerMsOfWait = 16;
constexpr int64_t kMostWaitMs = 250;

Status failure(ZkError error, const std::string& what) {
  return {ErrorCode::UNKNOWN_SERVER_ERROR, what + ": " + coordination::error_text(error)};
}

int32_t parse_int(const std::string& text) {
  int32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Controller::Controller(Settings settings, EventLoop& loop, coordination::Client& client,
                       MetadataCache& metadata, ControllerActions& actions, RandomBytes random)
    : settings_(settings),
      loop_(loop),
      client_(client),
      metadata_(metadata),
      actions_(actions),
      random_(std::move(random)),
      topics_check_timer_(loop.make_timer([this] { queue_.add([this] { return read_topics(); }); })) {}

void Controller::start(std::function<void(Status)> done) {
  queue_.add([this, done = std::move(done)] { return run_election(done); });
}

void Controller::stop() {
  queue_.clear();
  active_ = false;
  topics_check_timer_->stop();
  topics_check_waits_ = deletions_check_waits_ = false;
  watched_topics_.clear();
}

void Controller::on_watch_event(const coordination::WatchEvent& event) {
  if (event.path == znodes::kController) {
    start([](const Status& status) {
      if (!status.ok()) log_warn(kComponent, "election failed: {}", status.message());
    });
  } else if (event.path == znodes::kTopics) {
    check_topics();
  } else if (event.path == znodes::kDeleteTopics) {
    check_deletions();
  } else if (event.path == znodes::kBrokerIds) {
    queue_.add([this]() -> Task<void> {
      const Status status = co_await load_brokers();
      if (!status.ok()) log_warn(kComponent, "cannot read the live brokers: {}", status.message());
    });
  } else if (event.path.starts_with(std::string(znodes::kTopics) + "/") &&
             event.type == EventType::kNodeDataChanged) {
    std::string name = event.path.substr(std::string_view(znodes::kTopics).size() + 1);
    watched_topics_.erase(name);
    queue_.add([this, name = std::move(name)] { return read_topic(name); });
  }
}

void Controller::check_topics() {
  if (!active_ || topics_check_waits_) return;
  topics_check_waits_ = true;
  const size_t wait = topics_.size() < kTopicsListedAtOnce ? 0 : topics_.size() / kTopicsPerMsOfWait;
  if (wait > 0) return topics_check_timer_->start(std::min(kMostWaitMs, static_cast<int64_t>(wait)));
  queue_.add([this] { return read_topics(); });
}

void Controller::take_up_topic(std::string name) {
  if (!active_) return;
  queue_.add([this, name = std::move(name)] { return read_new_topic(name); });
}

void Controller::check_deletions() {
  if (!active_ || deletions_check_waits_) return;
  deletions_check_waits_ = true;
  queue_.add([this] { return read_deletions(); });
}

Task<void> Controller::run_election(std::function<void(Status)> done) {
  Status status;
  if (!active_) status = co_await elect();
  done(status);
}

Task<Status> Controller::elect() {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const DataReply current = co_await client_.async_get_data(znodes::kController, true);
    if (current.ok()) {
      const auto holder = znodes::decode_controller(current.data);
      const int32_t id = holder.ok() ? *holder : -1;
      if (id != settings_.broker_id) {
        metadata_.controller_id = id;
        log_warn(kComponent,
                 "broker {} is the controller of this cluster; this release opens its partitions only on the "
                 "controller itself",
                 id);
        co_return co_await load_brokers();
      }
      // Left behind by an earlier run of ours: nobody else has our broker id.
      if (current.stat.ephemeral_owner != client_.session_id())
        co_await client_.async_remove(znodes::kController);
    } else if (current.error != ZkError::kNoNode) {
      co_return failure(current.error, "cannot read /controller");
    }
    // Where it is missing it is made first; both calls share one commit.
    client_.create(znodes::kControllerEpoch, "0", coordination::default_acl(), CreateMode::kPersistent,
                   [](const CreateReply&) {});
    const DataReply epoch = co_await client_.async_get_data(znodes::kControllerEpoch);
    if (!epoch.ok()) co_return failure(epoch.error, "cannot read /controller_epoch");
    const Status elected = co_await take_office(parse_int(epoch.data), epoch.stat.version);
    if (elected.ok()) co_return co_await load_cluster();
    log_info(kComponent, "did not become controller: {}", elected.message());
  }
  co_return Status(ErrorCode::UNKNOWN_SERVER_ERROR, "/controller comes and goes in ZooKeeper");
}

Task<Status> Controller::take_office(int32_t old_epoch, int32_t epoch_version) {
  std::vector<Op> ops;
  ops.push_back(Op::create(znodes::kController,
                           znodes::encode_controller(settings_.broker_id, loop_.wall_ms()),
                           coordination::default_acl(), CreateMode::kEphemeral));
  ops.push_back(Op::set_data(znodes::kControllerEpoch, std::to_string(old_epoch + 1), epoch_version));
  const MultiReply reply = co_await client_.async_multi(std::move(ops));
  if (!reply.ok()) co_return failure(reply.error, "cannot take /controller");
  epoch_ = old_epoch + 1;
  epoch_version_ = epoch_version + 1;
  active_ = true;
  metadata_.controller_id = settings_.broker_id;
  log_info(kComponent, "broker {} is the controller, epoch {}", settings_.broker_id, epoch_);
  co_return Status();
}

Task<Status> Controller::load_cluster() {
  client_.create(znodes::kFeature, znodes::encode_feature(), coordination::default_acl(),
                 CreateMode::kPersistent, [](const CreateReply&) {});
  const Status brokers = co_await load_brokers();
  if (!brokers.ok()) co_return brokers;
  topics_.clear();
  co_await read_deletions();
  co_await read_topics();
  co_return Status();
}

Task<Status> Controller::load_brokers() {
  const ChildrenReply children = co_await client_.async_get_children(znodes::kBrokerIds, true);
  if (!children.ok()) co_return failure(children.error, "cannot list /brokers/ids");
  const auto nodes = co_await gather<DataReply>(children.children.size(), [&](size_t i, auto done) {
    client_.get_data(std::string(znodes::kBrokerIds) + "/" + children.children[i], false, done);
  });
  metadata_.brokers.clear();
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (!nodes[i].ok()) continue;
    const int32_t id = parse_int(children.children[i]);
    auto node = znodes::decode_broker(id, nodes[i].data);
    if (!node.ok()) {
      log_warn(kComponent, "broker {}: {}", id, node.status().message());
      continue;
    }
    node->epoch = nodes[i].stat.czxid;
    metadata_.brokers[id] = std::move(*node);
  }
  co_return Status();
}

Task<void> Controller::read_topics() {
  topics_check_waits_ = false;
  ChildrenReply children = co_await client_.async_get_children(znodes::kTopics, true);
  if (!children.ok()) {
    log_warn(kComponent, "cannot list the topics: {}", coordination::error_text(children.error));
    co_return;
  }
  std::vector<std::string> present = std::move(children.children);
  std::sort(present.begin(), present.end());
  std::vector<std::string> added;
  std::vector<std::string> vanished;
  auto known = topics_.begin();
  for (const std::string& name : present) {
    for (; known != topics_.end() && known->first < name; ++known) vanished.push_back(known->first);
    if (known != topics_.end() && known->first == name) {
      ++known;
    } else {
      added.push_back(name);
    }
  }
  for (; known != topics_.end(); ++known) vanished.push_back(known->first);
  // Somebody removed the znodes by hand: the logs stay on disk, as with Kafka.
  for (const std::string& name : vanished) {
    topics_.erase(name);
    metadata_.remove(name);
  }
  co_await update_topics(std::move(added));
  if (!vanished.empty()) changed_();
}

Task<void> Controller::read_new_topic(std::string name) {
  if (!active_ || topics_.contains(name)) co_return;
  std::vector<std::string> names(1, name);
  co_await update_topics(std::move(names));
}

Task<void> Controller::read_topic(std::string name) {
  if (!active_ || !topics_.contains(name)) co_return;
  std::vector<std::string> names(1, name);
  co_await update_topics(std::move(names));
}

// Reads the assignments of `names` and makes them real.
Task<void> Controller::update_topics(std::vector<std::string> names) {
  if (names.empty()) co_return;
  const auto nodes = co_await gather<DataReply>(names.size(), [&](size_t i, auto done) {
    client_.get_data(znodes::topic_path(names[i]), watched_topics_.insert(names[i]).second, done);
  });
  const auto settings = co_await gather<DataReply>(names.size(), [&](size_t i, auto done) {
    client_.get_data(znodes::topic_config_path(names[i]), false, done);
  });
  std::vector<std::string> without_id;
  std::vector<std::string> good;
  for (size_t i = 0; i < names.size(); ++i) {
    auto assignment = nodes[i].ok() ? znodes::decode_topic(nodes[i].data)
                                    : Result<znodes::TopicAssignment>(failure(nodes[i].error, "cannot read"));
    if (!assignment.ok()) {
      watched_topics_.erase(names[i]);
      log_warn(kComponent, "topic {}: {}", names[i], assignment.status().message());
      continue;
    }
    if (assignment->topic_id.is_zero()) without_id.push_back(names[i]);
    topics_[names[i]].assignment = std::move(*assignment);
    good.push_back(names[i]);
    auto overrides = znodes::decode_config(settings[i].ok() ? settings[i].data : "{}");
    if (!overrides.ok())
      log_warn(kComponent, "settings of topic {}: {}", names[i], overrides.status().message());
    actions_.set_topic_overrides(
        names[i], overrides.ok() ? std::move(*overrides) : std::map<std::string, std::string>());
  }
  if (!without_id.empty() && !co_await give_topic_ids(std::move(without_id))) co_return;
  for (const std::string& name : good) {
    co_await load_states(name);
    co_await elect_leaders(name);
    if (!co_await create_states(name)) continue;
    publish(name);
  }
  changed_();
}

// Tools that write the assignment themselves (kafka-topics --zookeeper) know no topic ids: the controller
// adds them.
Task<bool> Controller::give_topic_ids(std::vector<std::string> names) {
  const auto replies = co_await gather<StatReply>(names.size(), [&](size_t i, auto done) {
    znodes::TopicAssignment& assignment = topics_[names[i]].assignment;
    assignment.topic_id = Uuid::from_random(random_());
    client_.set_data(znodes::topic_path(names[i]), znodes::encode_topic(assignment), -1, done);
  });
  bool all = true;
  for (size_t i = 0; i < names.size(); ++i) {
    if (replies[i].ok()) continue;
    log_warn(kComponent, "cannot give topic {} an id: {}", names[i],
             coordination::error_text(replies[i].error));
    topics_.erase(names[i]);
    all = false;
  }
  co_return all;
}

Task<void> Controller::load_states(std::string name) {
  std::vector<int32_t> wanted;
  for (const auto& [partition, replicas] : topics_[name].assignment.replicas) {
    if (!topics_[name].states.contains(partition)) wanted.push_back(partition);
  }
  const auto nodes = co_await gather<DataReply>(wanted.size(), [&](size_t i, auto done) {
    client_.get_data(znodes::partition_state_path(name, wanted[i]), false, done);
  });
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!nodes[i].ok()) continue;
    const auto state = znodes::decode_partition_state(nodes[i].data);
    if (state.ok()) topics_[name].states[wanted[i]] = *state;
  }
}

// Partitions without a leader that lives, where a replica that is in sync does: a broker that stops in good
// order leaves the last of its partitions with leader -1 and itself in the ISR (kafka
// OfflinePartitionLeaderElectionStrategy).
Task<void> Controller::elect_leaders(std::string name) {
  std::vector<std::pair<int32_t, znodes::PartitionStateNode>> elected;
  for (const auto& [partition, state] : topics_[name].states) {
    if (leader_alive(state.leader)) continue;
    znodes::PartitionStateNode next = state;
    std::erase_if(next.isr, [this](int32_t id) { return !leader_alive(id); });
    for (const int32_t replica : topics_[name].assignment.replicas[partition]) {
      if (std::count(next.isr.begin(), next.isr.end(), replica) == 0) continue;
      next.leader = replica;
      next.controller_epoch = epoch_;
      ++next.leader_epoch;
      elected.emplace_back(partition, std::move(next));
      break;
    }
  }
  for (size_t first = 0; first < elected.size(); first += kPartitionsPerMulti) {
    const size_t end = std::min(elected.size(), first + kPartitionsPerMulti);
    std::vector<Op> ops = {Op::check(znodes::kControllerEpoch, epoch_version_)};
    for (size_t i = first; i < end; ++i) {
      ops.push_back(Op::set_data(znodes::partition_state_path(name, elected[i].first),
                                 znodes::encode_partition_state(elected[i].second), -1));
    }
    const MultiReply reply = co_await client_.async_multi(std::move(ops));
    if (!reply.ok()) {
      log_warn(kComponent, "cannot elect leaders of topic {}: {}", name,
               coordination::error_text(reply.error));
      co_return;
    }
    for (size_t i = first; i < end; ++i) topics_[name].states[elected[i].first] = elected[i].second;
  }
}

Task<bool> Controller::create_states(std::string name) {
  TopicEntry& entry = topics_[name];
  std::vector<int32_t> missing;
  for (const auto& [partition, replicas] : entry.assignment.replicas) {
    const bool alive =
        std::any_of(replicas.begin(), replicas.end(), [this](int32_t id) { return leader_alive(id); });
    if (!entry.states.contains(partition) && alive) missing.push_back(partition);
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
        if (leader_alive(replica)) state.isr.push_back(replica);
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

// Opens what this broker leads, and shows the topic to clients.
void Controller::publish(const std::string& name) {
  const TopicEntry& entry = topics_[name];
  TopicMetadata topic;
  topic.name = name;
  topic.id = entry.assignment.topic_id;
  for (const auto& [index, replicas] : entry.assignment.replicas) {
    PartitionMetadata partition;
    partition.replicas = replicas;
    const auto state = entry.states.find(index);
    if (state != entry.states.end()) {
      partition.isr = state->second.isr;
      partition.leader_epoch = state->second.leader_epoch;
      if (leader_alive(state->second.leader)) partition.leader = state->second.leader;
    }
    if (partition.leader == settings_.broker_id) {
      const Status opened = actions_.lead_partition(name, topic.id, index, partition.leader_epoch,
                                                    entry.created.contains(index));
      if (!opened.ok()) {
        log_error(kComponent, "partition {}-{} stays without a leader: {}", name, index, opened.message());
        partition.leader = -1;
      }
    }
    if (static_cast<size_t>(index) >= topic.partitions.size())
      topic.partitions.resize(static_cast<size_t>(index) + 1);
    topic.partitions[static_cast<size_t>(index)] = std::move(partition);
  }
  metadata_.put(std::move(topic));
}

Task<void> Controller::read_deletions() {
  deletions_check_waits_ = false;
  const ChildrenReply wishes = co_await client_.async_get_children(znodes::kDeleteTopics, true);
  if (!wishes.ok()) {
    log_warn(kComponent, "cannot list the topics to delete: {}", coordination::error_text(wishes.error));
    co_return;
  }
  for (const std::string& name : wishes.children) {
    if (settings_.delete_topic_enable) {
      co_await delete_topic(name);
    } else {
      log_info(kComponent, "topic {} is not deleted: delete.topic.enable=false", name);
      co_await client_.async_remove(znodes::delete_topic_path(name));
    }
  }
  if (!wishes.children.empty()) changed_();
}

Task<void> Controller::delete_topic(std::string name) {
  log_info(kComponent, "deleting topic {}", name);
  // Files go only where the wish stays: a power cut must not leave an emptied topic.
  co_await client_.async_durable();
  metadata_.remove(name);
  topics_.erase(name);
  watched_topics_.erase(name);
  actions_.drop_topic(name);
  const ChildrenReply partitions = co_await client_.async_get_children(znodes::partitions_path(name));
  std::vector<std::string> paths;
  for (const std::string& partition : partitions.children) {
    paths.push_back(znodes::partitions_path(name) + "/" + partition + "/state");
    paths.push_back(znodes::partitions_path(name) + "/" + partition);
  }
  paths.push_back(znodes::partitions_path(name));
  paths.push_back(znodes::topic_path(name));
  paths.push_back(znodes::topic_config_path(name));
  // The wish goes last: whoever takes over after a crash here starts the deletion again.
  paths.push_back(znodes::delete_topic_path(name));
  const auto replies = co_await gather<VoidReply>(
      paths.size(), [&](size_t i, auto done) { client_.remove(paths[i], -1, done); });
  for (size_t i = 0; i < replies.size(); ++i) {
    if (replies[i].ok() || replies[i].error == ZkError::kNoNode) continue;
    log_warn(kComponent, "cannot remove {}: {}", paths[i], coordination::error_text(replies[i].error));
  }
}

}  // namespace ottla
