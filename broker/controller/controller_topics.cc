// SPDX-License-Identifier: Apache-2.0
// What the controller does about topics: takes up new and grown ones, and deletes.
#include <algorithm>

#include "broker/controller/controller.h"
#include "protocol/base/log.h"

namespace ottla {

using coordination::ChildrenReply;
using coordination::DataReply;
using coordination::StatReply;
using coordination::VoidReply;
using coordination::ZkError;

namespace {

constexpr const char* kComponent = "broker.controller";
// A list of all topics takes the longer the more there are, and each new one asks for it: it waits a little,
// for more of them, where it takes long.
constexpr size_t kTopicsListedAtOnce = 64;
constexpr size_t kTopicsPerMsOfWait = 16;
constexpr int64_t kMostWaitMs = 250;

Status failure(ZkError error, const std::string& what) {
  return {ErrorCode::UNKNOWN_SERVER_ERROR, what + ": " + coordination::error_text(error)};
}

}  // namespace

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
    forget(name);
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
    co_await load_states(name, false);
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

Task<void> Controller::read_deletions() {
  deletions_check_waits_ = false;
  const ChildrenReply wishes = co_await client_.async_get_children(znodes::kDeleteTopics, true);
  if (!wishes.ok()) {
    log_warn(kComponent, "cannot list the topics to delete: {}", coordination::error_text(wishes.error));
    co_return;
  }
  bool any = false;
  for (const std::string& name : wishes.children) {
    if (settings_.delete_topic_enable) {
      any = co_await delete_topic(name) || any;
    } else {
      log_info(kComponent, "topic {} is not deleted: delete.topic.enable=false", name);
      co_await client_.async_remove(znodes::delete_topic_path(name));
    }
  }
  if (any) changed_();
}

// Waits, as Kafka does, for replicas whose brokers are not there: what they hold would come back with them.
Task<bool> Controller::stop_replicas(std::string name) {
  // A deletion that a crash interrupted may come before the topics are read.
  const bool known = topics_.contains(name);
  if (!known) {
    const DataReply node = co_await client_.async_get_data(znodes::topic_path(name));
    auto assignment = node.ok() ? znodes::decode_topic(node.data)
                                : Result<znodes::TopicAssignment>(znodes::TopicAssignment());
    if (assignment.ok()) topics_[name].assignment = std::move(*assignment);
    co_await load_states(name, true);
  }
  std::map<int32_t, std::vector<ControllerChannels::StoppedReplica>> by_broker;
  for (const auto& [index, replicas] : topics_[name].assignment.replicas) {
    for (const int32_t id : replicas) {
      if (id != settings_.broker_id) by_broker[id].push_back({name, index, -2, true});
    }
  }
  std::vector<int32_t> brokers;
  for (const auto& [id, replicas] : by_broker) brokers.push_back(id);
  for (const int32_t id : brokers) {
    if (metadata_.brokers.contains(id)) continue;
    log_info(kComponent, "topic {} is deleted when broker {}, which has replicas of it, is there", name, id);
    if (!known) topics_.erase(name);
    co_return false;
  }
  const auto stopped = co_await gather<bool>(brokers.size(), [&](size_t i, auto done) {
    channels_.stop_replicas(brokers[i], epoch_, by_broker[brokers[i]], done);
  });
  co_return std::all_of(stopped.begin(), stopped.end(), [](bool one) { return one; });
}

// Whether it is gone.
Task<bool> Controller::delete_topic(std::string name) {
  log_info(kComponent, "deleting topic {}", name);
  // Files go only where the wish stays: a power cut must not leave an emptied topic.
  co_await client_.async_durable();
  if (!co_await stop_replicas(name)) co_return false;
  forget(name);
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
  co_return true;
}

}  // namespace ottla
