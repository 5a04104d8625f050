// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/controller_channels.h"

#include <algorithm>
#include <deque>
#include <set>

#include "protocol/base/error_code.h"
#include "protocol/base/log.h"
#include "protocol/generated/leader_and_isr_request.h"
#include "protocol/generated/leader_and_isr_response.h"
#include "protocol/generated/stop_replica_request.h"
#include "protocol/generated/stop_replica_response.h"
#include "protocol/generated/update_metadata_request.h"
#include "protocol/generated/update_metadata_response.h"

namespace ottla {
namespace {

using protocol::ApiKey;
using protocol::LeaderAndIsrRequest;
using protocol::LeaderAndIsrResponse;
using protocol::StopReplicaRequest;
using protocol::StopReplicaResponse;
using protocol::UpdateMetadataRequest;
using protocol::UpdateMetadataResponse;

constexpr const char* kComponent = "broker.controller";
constexpr int64_t kReconnectMs = 100;
// Those of Kafka 2.8, which all later brokers with ZooKeeper know too.
constexpr int16_t kLeaderAndIsrVersion = 5;
constexpr int16_t kUpdateMetadataVersion = 7;
constexpr int16_t kStopReplicaVersion = 3;

int16_t security_protocol_id(const std::string& name) {
  if (name == "SSL") return 1;
  if (name == "SASL_PLAINTEXT") return 2;
  if (name == "SASL_SSL") return 3;
  return 0;
}

template <typename Request>
Request from_controller(int32_t controller, int32_t controller_epoch, int64_t broker_epoch) {
  Request request;
  request.controller_id = controller;
  request.controller_epoch = controller_epoch;
  request.broker_epoch = broker_epoch;
  return request;
}

// Partitions of one topic stand together.
template <typename Request, typename Add>
void add_by_topic(Request& request, const std::vector<PartitionChange>& changes, Add add) {
  std::string_view last;
  for (const PartitionChange& change : changes) {
    if (request.topic_states.empty() || last != change.topic) {
      auto& topic = request.topic_states.emplace_back();
      topic.topic_name = last = change.topic;
      topic.topic_id = change.topic_id;
    }
    auto& partition = request.topic_states.back().partition_states.emplace_back();
    partition.partition_index = change.index;
    partition.controller_epoch = change.state.controller_epoch;
    partition.leader = change.state.leader;
    partition.leader_epoch = change.state.leader_epoch;
    partition.isr = change.state.isr;
    partition.replicas = change.state.replicas;
    add(partition, change);
  }
}

void add_brokers(UpdateMetadataRequest& request, const ControllerChannels::Brokers& live) {
  for (const auto& [id, node] : live) {
    auto& broker = request.live_brokers.emplace_back();
    broker.id = id;
    broker.rack = std::nullopt;
    if (node.rack) broker.rack = *node.rack;
    for (const Endpoint& known : node.endpoints) {
      auto& endpoint = broker.endpoints.emplace_back();
      endpoint.host = known.host;
      endpoint.port = known.port;
      endpoint.listener = known.listener;
      endpoint.security_protocol = security_protocol_id(known.security_protocol);
    }
  }
}

}  // namespace

class ControllerChannels::Channel : public std::enable_shared_from_this<Channel> {
 public:
  // `body` is null where there will be no answer.
  using Answered = std::function<void(Reader* body)>;

  Channel(EventLoop& loop, Peers& peers, int32_t id, int64_t epoch, Endpoint endpoint, int64_t timeout_ms)
      : loop_(loop),
        peers_(peers),
        id_(id),
        epoch_(epoch),
        endpoint_(std::move(endpoint)),
        timeout_ms_(timeout_ms),
        timer_(loop.make_timer([this] { send_next(); })) {}
  ~Channel() {
    peer_.reset();
    for (const Message& message : std::exchange(waiting_, {})) message.answered(nullptr);
  }

  int64_t epoch() const { return epoch_; }
  const Endpoint& endpoint() const { return endpoint_; }

  template <typename Request>
  void send(ApiKey key, int16_t version, const Request& request, Answered answered) {
    Writer writer;
    request.encode(writer, version);
    const Bytes body = writer.buffer();
    waiting_.push_back({key, version, {body.begin(), body.end()}, std::move(answered)});
    if (!under_way_ && !timer_->active()) send_next();
  }

 private:
  struct Message {
    ApiKey key;
    int16_t version;
    std::vector<uint8_t> body;
    Answered answered;
  };

  void send_next() {
    if (under_way_ || waiting_.empty()) return;
    if (peer_ == nullptr)
      peer_ = peers_.connect(endpoint_, timeout_ms_, [this](const Status& why) { on_broken(why); });
    under_way_ = true;
    const Message& next = waiting_.front();
    peer_->send(
        next.key, next.version, [&next](Writer& out) { out.raw(next.body); },
        [this](Reader& body) { on_answer(body); });
  }

  void on_answer(Reader& body) {
    const auto self = shared_from_this();
    under_way_ = false;
    if (std::exchange(complained_, false)) log_info(kComponent, "broker {} answers again", id_);
    const Message message = std::move(waiting_.front());
    waiting_.pop_front();
    message.answered(&body);
    send_next();
  }

  void on_broken(const Status& why) {
    if (!std::exchange(complained_, true)) {
      log_warn(kComponent, "cannot tell broker {} at {}:{} what it leads: {}; trying again", id_,
               endpoint_.host, endpoint_.port, why.message());
    }
    peer_.reset();
    under_way_ = false;
    timer_->start(kReconnectMs);
  }

  EventLoop& loop_;
  Peers& peers_;
  int32_t id_;
  int64_t epoch_;
  Endpoint endpoint_;
  int64_t timeout_ms_;
  std::unique_ptr<Peer> peer_;
  std::unique_ptr<Timer> timer_;
  std::deque<Message> waiting_;  // the first is under way
  bool under_way_ = false;
  bool complained_ = false;
};

ControllerChannels::ControllerChannels(Settings settings, EventLoop& loop, Peers& peers, ReplicaTold told)
    : settings_(std::move(settings)), loop_(loop), peers_(peers), told_(std::move(told)) {}

ControllerChannels::~ControllerChannels() = default;

void ControllerChannels::set_brokers(const Brokers& brokers) {
  std::map<int32_t, std::shared_ptr<Channel>> before;
  before.swap(channels_);
  for (const auto& [id, node] : brokers) {
    const Endpoint* endpoint = node.endpoint(settings_.listener);
    if (id == settings_.broker_id) continue;
    if (endpoint == nullptr) {
      log_warn(kComponent, "broker {} has no listener {}, which brokers of this cluster use among themselves",
               id, settings_.listener);
      continue;
    }
    const auto known = before.find(id);
    if (known != before.end() && known->second->epoch() == node.epoch) {
      channels_[id] = known->second;
    } else {
      channels_[id] =
          std::make_shared<Channel>(loop_, peers_, id, node.epoch, *endpoint, settings_.timeout_ms);
    }
  }
}

std::vector<int32_t> ControllerChannels::brokers() const {
  std::vector<int32_t> ids;
  for (const auto& [id, channel] : channels_) ids.push_back(id);
  return ids;
}

ControllerChannels::Channel* ControllerChannels::find(int32_t broker) {
  const auto found = channels_.find(broker);
  return found == channels_.end() ? nullptr : found->second.get();
}

void ControllerChannels::leader_and_isr(int32_t broker, int32_t controller_epoch,
                                        const std::vector<PartitionChange>& changes, const Brokers& live) {
  Channel* channel = find(broker);
  if (channel == nullptr) return;
  auto request =
      from_controller<LeaderAndIsrRequest>(settings_.broker_id, controller_epoch, channel->epoch());
  std::set<int32_t> leaders;
  std::map<Uuid, std::string> names;
  add_by_topic(request, changes, [&](auto& partition, const PartitionChange& change) {
    partition.partition_epoch = change.state.zk_version;
    partition.is_new = change.state.is_new;
    leaders.insert(change.state.leader);
    names[change.topic_id] = change.topic;
  });
  for (const int32_t leader : leaders) {
    const auto node = live.find(leader);
    const Endpoint* endpoint = node == live.end() ? nullptr : node->second.endpoint(settings_.listener);
    if (endpoint == nullptr) continue;
    auto& known = request.live_leaders.emplace_back();
    known.broker_id = leader;
    known.host_name = endpoint->host;
    known.port = endpoint->port;
  }
  channel->send(ApiKey::kLeaderAndIsr, kLeaderAndIsrVersion, request,
                [this, broker, names = std::move(names)](Reader* body) {
                  if (body == nullptr) return;
                  LeaderAndIsrResponse response;
                  response.decode(*body, kLeaderAndIsrVersion);
                  if (!body->ok() || response.error_code != 0) return;
                  for (const auto& topic : response.topics) {
                    const auto name = names.find(topic.topic_id);
                    for (const auto& partition : topic.partition_errors) {
                      if (name == names.end()) continue;
                      told_(broker, name->second, partition.partition_index,
                            partition.error_code == static_cast<int16_t>(ErrorCode::KAFKA_STORAGE_ERROR));
                    }
                  }
                });
}

void ControllerChannels::update_metadata(int32_t broker, int32_t controller_epoch,
                                         const std::vector<PartitionChange>& changes, const Brokers& live) {
  Channel* channel = find(broker);
  if (channel == nullptr) return;
  auto request =
      from_controller<UpdateMetadataRequest>(settings_.broker_id, controller_epoch, channel->epoch());
  add_by_topic(request, changes, [&](auto& partition, const PartitionChange& change) {
    partition.zk_version = change.state.zk_version;
    for (const int32_t replica : change.state.replicas) {
      if (!live.contains(replica)) partition.offline_replicas.push_back(replica);
    }
  });
  add_brokers(request, live);
  channel->send(ApiKey::kUpdateMetadata, kUpdateMetadataVersion, request, [](Reader*) {});
}

void ControllerChannels::stop_replicas(int32_t broker, int32_t controller_epoch,
                                       const std::vector<StoppedReplica>& replicas,
                                       std::function<void(bool)> done) {
  Channel* channel = find(broker);
  if (channel == nullptr) return done(false);
  auto request = from_controller<StopReplicaRequest>(settings_.broker_id, controller_epoch, channel->epoch());
  for (const StoppedReplica& replica : replicas) {
    if (request.topic_states.empty() || request.topic_states.back().topic_name != replica.topic)
      request.topic_states.emplace_back().topic_name = replica.topic;
    auto& partition = request.topic_states.back().partition_states.emplace_back();
    partition.partition_index = replica.index;
    partition.leader_epoch = replica.leader_epoch;
    partition.delete_partition = replica.delete_log;
  }
  channel->send(ApiKey::kStopReplica, kStopReplicaVersion, request,
                [done = std::move(done)](Reader* body) { done(body != nullptr); });
}

}  // namespace ottla
