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
                       MetadataCache& metadata, ControllerActions& actions, Peers& peers, RandomBytes random)
    : settings_(settings),
      loop_(loop),
      client_(client),
      metadata_(metadata),
      actions_(actions),
      random_(std::move(random)),
      channels_({settings_.broker_id, settings_.inter_broker_listener, settings_.socket_timeout_ms}, loop,
                peers,
                [this](int32_t broker, const std::string& topic, int32_t index, bool failed) {
                  on_replica_told(broker, topic, index, failed);
                }),
      topics_check_timer_(loop.make_timer([this] { queue_.add([this] { return read_topics(); }); })),
      rebalance_timer_(loop.make_timer([this] { rebalance(); })) {}

void Controller::start(std::function<void(Status)> done) {
  queue_.add([this, done = std::move(done)] { return run_election(done); });
}

void Controller::stop() {
  queue_.clear();
  resign();
  topics_check_timer_->stop();
  topics_check_waits_ = deletions_check_waits_ = false;
  watched_topics_.clear();
}

void Controller::resign() {
  if (std::exchange(active_, false))
    log_info(kComponent, "broker {} is not the controller any more", settings_.broker_id);
  channels_.clear();
  rebalance_timer_->stop();
  shutting_down_.clear();
  failed_.clear();
  to_tell_.clear();
  to_show_.clear();
  gone_.clear();
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
    queue_.add([this] { return on_brokers_changed(); });
  } else if (event.path == znodes::kIsrChanges) {
    queue_.add([this] { return read_isr_changes(); });
  } else if (event.path == znodes::kPreferredElection) {
    queue_.add([this] { return read_election_wishes(); });
  } else if (event.path.starts_with(std::string(znodes::kTopics) + "/") &&
             event.type == EventType::kNodeDataChanged) {
    std::string name = event.path.substr(std::string_view(znodes::kTopics).size() + 1);
    watched_topics_.erase(name);
    queue_.add([this, name = std::move(name)] { return read_topic(name); });
  }
}

Task<void> Controller::run_election(std::function<void(Status)> done) {
  // Somebody may have removed /controller to have it elected anew.
  if (active_) {
    const DataReply current = co_await client_.async_get_data(znodes::kController, true);
    const auto holder = current.ok() ? znodes::decode_controller(current.data) : Result<int32_t>(-1);
    if (current.ok() && holder.ok() && *holder == settings_.broker_id) co_return done(Status());
    resign();
  }
  done(co_await elect());
}

Task<Status> Controller::elect() {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const DataReply current = co_await client_.async_get_data(znodes::kController, true);
    if (current.ok()) {
      const auto holder = znodes::decode_controller(current.data);
      const int32_t id = holder.ok() ? *holder : -1;
      if (id != settings_.broker_id) {
        metadata_.controller_id = id;
        log_info(kComponent, "broker {} is the controller", id);
        const Status brokers = co_await load_brokers();
        if (brokers.ok()) actions_.brokers_changed();
        co_return brokers;
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
  metadata_.controller_epoch = epoch_;
  log_info(kComponent, "broker {} is the controller, epoch {}", settings_.broker_id, epoch_);
  co_return Status();
}

Task<Status> Controller::load_cluster() {
  client_.create(znodes::kFeature, znodes::encode_feature(), coordination::default_acl(),
                 CreateMode::kPersistent, [](const CreateReply&) {});
  const Status brokers = co_await load_brokers();
  if (!brokers.ok()) co_return brokers;
  actions_.brokers_changed();
  channels_.set_brokers(metadata_.brokers);
  topics_.clear();
  co_await read_deletions();
  co_await read_topics();
  // What an earlier controller told of, and is not there any more.
  std::vector<std::string> vanished;
  for (const auto& [name, topic] : metadata_.topics()) {
    if (!topics_.contains(name)) vanished.push_back(name);
  }
  for (const std::string& name : vanished) metadata_.remove(name);
  brokers_to_show_ = true;
  send();
  co_await read_isr_changes();
  co_await read_election_wishes();
  if (settings_.rebalance_interval_ms > 0) rebalance_timer_->start(settings_.rebalance_interval_ms);
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

// Those that registered anew between two looks were gone meanwhile, and what they held in memory with them.
Task<void> Controller::on_brokers_changed() {
  std::map<int32_t, int64_t> before;
  for (const auto& [id, node] : metadata_.brokers) before[id] = node.epoch;
  const Status status = co_await load_brokers();
  if (!status.ok()) {
    log_warn(kComponent, "cannot read the live brokers: {}", status.message());
    co_return;
  }
  actions_.brokers_changed();
  if (!active_) co_return;
  std::set<int32_t> gone;
  std::set<int32_t> came;
  for (const auto& [id, epoch] : before) {
    const auto now = metadata_.brokers.find(id);
    if (now == metadata_.brokers.end() || now->second.epoch != epoch) gone.insert(id);
  }
  for (const auto& [id, node] : metadata_.brokers) {
    const auto then = before.find(id);
    if (then == before.end() || then->second != node.epoch) came.insert(id);
  }
  channels_.set_brokers(metadata_.brokers);
  for (const int32_t id : gone) shutting_down_.erase(id);
  std::erase_if(failed_, [&](const auto& one) { return came.contains(one.first); });
  if (!gone.empty() || !came.empty())
    log_info(kComponent, "brokers that went: {}, that came: {}", gone.size(), came.size());
  bounced_ = came;
  if (!gone.empty()) co_await elect_everywhere();
  bounced_.clear();
  if (!came.empty()) co_await elect_everywhere();
  for (const int32_t id : came) {
    to_tell_.erase(id);
    tell_everything(id);
  }
  brokers_to_show_ = true;
  send();
  changed_();
  if (!came.empty()) check_deletions();
}

Task<void> Controller::elect_everywhere() {
  std::vector<std::string> names;
  for (const auto& [name, topic] : topics_) names.push_back(name);
  for (const std::string& name : names) {
    co_await elect_leaders(name);
    if (co_await create_states(name)) publish(name);
  }
}

Task<void> Controller::read_isr_changes() {
  if (!active_) co_return;
  const ChildrenReply changes = co_await client_.async_get_children(znodes::kIsrChanges, true);
  if (!changes.ok()) {
    log_warn(kComponent, "cannot list {}: {}", znodes::kIsrChanges, coordination::error_text(changes.error));
    co_return;
  }
  std::vector<std::string> paths;
  for (const std::string& change : changes.children)
    paths.push_back(std::string(znodes::kIsrChanges) + "/" + change);
  const auto nodes = co_await gather<DataReply>(
      paths.size(), [&](size_t i, auto done) { client_.get_data(paths[i], false, done); });
  std::set<std::string> topics;
  for (size_t i = 0; i < paths.size(); ++i) {
    client_.remove(paths[i], -1, [](const VoidReply&) {});
    if (!nodes[i].ok()) continue;
    const auto partitions = znodes::decode_isr_change(nodes[i].data);
    if (!partitions.ok()) {
      log_warn(kComponent, "{}: {}", paths[i], partitions.status().message());
      continue;
    }
    for (const auto& [topic, index] : *partitions) topics.insert(topic);
  }
  for (const std::string& topic : topics) {
    if (!topics_.contains(topic)) continue;
    co_await load_states(topic, true);
    co_await elect_leaders(topic);
    publish(topic);
  }
  if (!topics.empty()) changed_();
}

void Controller::on_replica_told(int32_t broker, const std::string& topic, int32_t index, bool failed) {
  if (!failed) {
    failed_.erase({broker, {topic, index}});
    return;
  }
  if (!active_ || !failed_.insert({broker, {topic, index}}).second) return;
  log_warn(kComponent, "broker {} can not open {}-{}", broker, topic, index);
  queue_.add([this, topic]() -> Task<void> {
    if (!active_ || !topics_.contains(topic)) co_return;
    co_await elect_leaders(topic);
    publish(topic);
    changed_();
  });
}

void Controller::controlled_shutdown(int32_t broker, int64_t broker_epoch, ShutdownDone done) {
  queue_.add([this, broker, broker_epoch, done = std::move(done)] {
    return run_shutdown(broker, broker_epoch, done);
  });
}

Task<void> Controller::run_shutdown(int32_t broker, int64_t broker_epoch, ShutdownDone done) {
  if (!active_) co_return done(ErrorCode::NOT_CONTROLLER, {});
  const auto known = metadata_.brokers.find(broker);
  if (known == metadata_.brokers.end()) co_return done(ErrorCode::BROKER_NOT_AVAILABLE, {});
  if (broker_epoch >= 0 && broker_epoch < known->second.epoch)
    co_return done(ErrorCode::STALE_BROKER_EPOCH, {});
  log_info(kComponent, "broker {} is about to stop", broker);
  shutting_down_.insert(broker);
  co_await elect_everywhere();
  send();
  changed_();
  std::vector<znodes::TopicPartition> remaining;
  for (const auto& [name, topic] : topics_) {
    for (const auto& [index, state] : topic.states) {
      const auto replicas = topic.assignment.replicas.find(index);
      const bool alone = replicas == topic.assignment.replicas.end() || replicas->second.size() <= 1;
      // What has no other replica can not be moved, and does not keep the broker.
      if (state.leader == broker && !alone) remaining.emplace_back(name, index);
    }
  }
  done(ErrorCode::NONE, remaining);
}

}  // namespace ottla
