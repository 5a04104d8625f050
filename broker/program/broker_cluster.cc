// SPDX-License-Identifier: Apache-2.0
// The broker among others: what a controller tells it, this one or another, and how it leaves.
#include <utility>

#include "broker/config/log_config.h"
#include "broker/program/broker.h"
#include "protocol/base/log.h"
#include "protocol/generated/controlled_shutdown_request.h"
#include "protocol/generated/controlled_shutdown_response.h"

namespace ottla {

using coordination::DataReply;

namespace {

constexpr const char* kComponent = "broker";
constexpr int16_t kControlledShutdownVersion = 3;
constexpr int64_t kShutdownTimeoutMs = 30000;

}  // namespace

ErrorCode Broker::apply(const PartitionChange& change) { return replicas_->apply(change); }

void Broker::set_topic_overrides(const std::string& topic, std::map<std::string, std::string> overrides) {
  configs_.set_topic_overrides(topic, overrides);
}

void Broker::drop_topic(const std::string& topic) {
  replicas_->delete_topic(topic);
  configs_.forget_topic(topic);
  groups_->on_topics_deleted({topic});
}

bool Broker::unclean_election(const std::string& topic) {
  return configs_.topic_config(topic).unclean_leader_election_enable;
}

std::map<int32_t, Endpoint> Broker::peer_endpoints() const {
  std::map<int32_t, Endpoint> peers;
  for (const auto& [id, node] : metadata_.brokers) {
    const Endpoint* endpoint = node.endpoint(configs_.broker().inter_broker_listener_name);
    if (endpoint != nullptr && id != configs_.broker().broker_id) peers[id] = *endpoint;
  }
  return peers;
}

void Broker::brokers_changed() { replicas_->set_brokers(peer_endpoints()); }

void Broker::take_word_of(int32_t controller, int32_t controller_epoch, int64_t broker_epoch,
                          std::function<void(ErrorCode)> done) {
  if (controller_epoch < metadata_.controller_epoch) {
    log_warn(kComponent, "broker {} speaks as controller of epoch {}; {} is known", controller,
             controller_epoch, metadata_.controller_epoch);
    return done(ErrorCode::STALE_CONTROLLER_EPOCH);
  }
  if (broker_epoch >= 0 && broker_epoch < metadata_.own_epoch) return done(ErrorCode::STALE_BROKER_EPOCH);
  if (known_controller_ == std::pair(controller, controller_epoch)) return done(ErrorCode::NONE);
  // This broker speaks to itself without a connection.
  if (controller == configs_.broker().broker_id) return done(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
  start_detached(verify_controller(controller, controller_epoch, std::move(done)));
}

// Anybody may say that it is the controller; who is, stands in ZooKeeper.
Task<void> Broker::verify_controller(int32_t controller, int32_t controller_epoch,
                                     std::function<void(ErrorCode)> done) {
  co_await client_->async_sync(znodes::kController);
  const DataReply office = co_await client_->async_get_data(znodes::kController);
  const DataReply epoch = co_await client_->async_get_data(znodes::kControllerEpoch);
  const auto holder = office.ok() ? znodes::decode_controller(office.data) : Result<int32_t>(-1);
  const bool holds =
      holder.ok() && *holder == controller && epoch.ok() && epoch.data == std::to_string(controller_epoch);
  if (!holds || controller_epoch < metadata_.controller_epoch) {
    log_warn(kComponent, "somebody speaks as controller {} of epoch {}, who does not hold the office",
             controller, controller_epoch);
    co_return done(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
  }
  known_controller_.emplace(controller, controller_epoch);
  metadata_.controller_epoch = controller_epoch;
  metadata_.controller_id = controller;
  done(ErrorCode::NONE);
}

void Broker::leader_and_isr(std::vector<PartitionChange> changes, std::map<int32_t, Endpoint> live_leaders,
                            std::function<void(const std::vector<ErrorCode>&)> done) {
  start_detached(run_leader_and_isr(std::move(changes), std::move(live_leaders), std::move(done)));
}

Task<void> Broker::run_leader_and_isr(std::vector<PartitionChange> changes,
                                      std::map<int32_t, Endpoint> live_leaders,
                                      std::function<void(const std::vector<ErrorCode>&)> done) {
  std::vector<std::string> topics;
  for (const PartitionChange& change : changes) {
    const bool seen = !topics.empty() && topics.back() == change.topic;
    if (!seen && partitions_->partitions_of(change.topic).empty()) topics.push_back(change.topic);
  }
  const auto settings = co_await gather<DataReply>(topics.size(), [&](size_t i, auto read) {
    client_->get_data(znodes::topic_config_path(topics[i]), false, read);
  });
  for (size_t i = 0; i < topics.size(); ++i) {
    auto overrides = znodes::decode_config(settings[i].ok() ? settings[i].data : "{}");
    if (overrides.ok()) configs_.set_topic_overrides(topics[i], *overrides);
  }
  std::vector<ErrorCode> codes(changes.size(), ErrorCode::STALE_BROKER_EPOCH);
  if (stopping_) co_return done(codes);
  // The leaders' addresses may come before those of all brokers do.
  live_leaders.merge(peer_endpoints());
  live_leaders.erase(configs_.broker().broker_id);
  replicas_->set_brokers(std::move(live_leaders));
  for (size_t i = 0; i < changes.size(); ++i) codes[i] = replicas_->apply(changes[i]);
  done(codes);
}

ErrorCode Broker::stop_replica(const std::string& topic, int32_t index, int32_t leader_epoch,
                               bool delete_log) {
  return replicas_->stop_replica(topic, index, leader_epoch, delete_log);
}

void Broker::update_metadata(const std::vector<PartitionChange>& changes,
                             std::map<int32_t, BrokerNode> brokers) {
  metadata_.brokers = std::move(brokers);
  std::map<std::string, TopicMetadata> topics;
  std::vector<std::string> gone;
  for (const PartitionChange& change : changes) {
    if (change.state.leader == ControllerChannels::kDeleted) {
      gone.push_back(change.topic);
      continue;
    }
    if (change.index < 0) continue;
    const TopicMetadata* known = metadata_.find(change.topic);
    TopicMetadata& topic =
        topics.try_emplace(change.topic, known != nullptr ? *known : TopicMetadata()).first->second;
    topic.name = change.topic;
    if (!change.topic_id.is_zero()) topic.id = change.topic_id;
    const auto index = static_cast<size_t>(change.index);
    if (index >= topic.partitions.size()) topic.partitions.resize(index + 1);
    topic.partitions[index] = {change.state.leader, change.state.leader_epoch, change.state.replicas,
                               change.state.isr};
  }
  for (auto& [name, topic] : topics) metadata_.put(std::move(topic));
  for (const std::string& name : gone) {
    if (metadata_.find(name) == nullptr) continue;
    metadata_.remove(name);
    configs_.forget_topic(name);
    groups_->on_topics_deleted({name});
  }
  brokers_changed();
  on_topics_changed();
}

void Broker::alter_partitions(int32_t broker, int64_t broker_epoch, std::vector<PartitionChange> changes,
                              AlteredDone done) {
  controller_->alter_partitions(broker, broker_epoch, std::move(changes), std::move(done));
}

void Broker::elect_leaders(std::optional<std::vector<znodes::TopicPartition>> partitions, bool unclean,
                           ElectedDone done) {
  controller_->elect_leaders_of(std::move(partitions), unclean, std::move(done));
}

void Broker::controlled_shutdown(int32_t broker, int64_t broker_epoch, ShutdownDone done) {
  if (broker == configs_.broker().broker_id) return done(ErrorCode::CLUSTER_AUTHORIZATION_FAILED, {});
  controller_->controlled_shutdown(broker, broker_epoch, std::move(done));
}

Task<void> Broker::hand_over() {
  const config::BrokerConfig& config = configs_.broker();
  if (!config.controlled_shutdown_enable || !joined_ || metadata_.brokers.size() < 2) co_return;
  for (int32_t attempt = 0; attempt <= config.controlled_shutdown_max_retries; ++attempt) {
    if (co_await ask_for_shutdown()) co_return;
    co_await Callback<bool>([&](auto woken) {
      connect_timer_ = loop_.make_timer([woken] { woken(true); });
      connect_timer_->start(config.controlled_shutdown_retry_backoff_ms);
    });
  }
  log_warn(kComponent, "stopping although no other broker has taken over all that this one leads");
}

// Whether nothing is left that another replica could lead.
Task<bool> Broker::ask_for_shutdown() {
  const int32_t id = configs_.broker().broker_id;
  if (controller_->active()) {
    co_return co_await Callback<bool>([&](auto done) {
      controller_->controlled_shutdown(id, metadata_.own_epoch,
                                       [done](ErrorCode error, const auto& remaining) {
                                         done(error == ErrorCode::NONE && remaining.empty());
                                       });
    });
  }
  const auto peers = peer_endpoints();
  const auto controller = peers.find(metadata_.controller_id);
  if (controller == peers.end()) co_return false;
  std::unique_ptr<Peer> peer;
  const bool handed_over = co_await Callback<bool>([&](auto done) {
    peer = peers_.connect(controller->second, kShutdownTimeoutMs, [done](const Status&) { done(false); });
    protocol::ControlledShutdownRequest request;
    request.broker_id = id;
    request.broker_epoch = metadata_.own_epoch;
    peer->send(
        protocol::ApiKey::kControlledShutdown, kControlledShutdownVersion,
        [&request](Writer& out) { request.encode(out, kControlledShutdownVersion); },
        [done](Reader& body) {
          protocol::ControlledShutdownResponse response;
          response.decode(body, kControlledShutdownVersion);
          done(body.ok() && response.error_code == 0 && response.remaining_partitions.empty());
        });
  });
  co_return handed_over;
}

}  // namespace ottla
