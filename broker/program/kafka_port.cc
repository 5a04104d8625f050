// SPDX-License-Identifier: Apache-2.0
#include "broker/program/kafka_port.h"

#include <algorithm>
#include <vector>

#include "protocol/base/log.h"

namespace ottla {
namespace {

// Idle connections are looked for this many times within max_idle_ms.
constexpr int64_t kIdleChecks = 10;
constexpr int64_t kShortestIdleCheckMs = 100;

}  // namespace

KafkaPort::KafkaPort(net::Loops& loops, std::unique_ptr<net::Listener> listener, std::string listener_name,
                     ConnectionLimits limits, Services& services)
    : loops_(loops),
      loop_(loops.list(0).loop()),
      listener_(std::move(listener)),
      name_(std::move(listener_name)),
      limits_(limits),
      dispatcher_(services, name_, [this](const net::Connection& connection) { forget(connection); }),
      idle_timer_(loop_.make_timer([this] { close_idle(); })) {}

KafkaPort::~KafkaPort() {
  listener_->close();
  close_all();
  OTTLA_CHECK(connections_.empty());
}

void KafkaPort::close_all() {
  const auto connections = connections_;
  for (const auto& [id, connection] : connections) connection->close();
}

void KafkaPort::close(std::function<void()> done) {
  listener_->close();
  all_closed_ = std::move(done);
  close_all();
  if (connections_.empty() && all_closed_) std::exchange(all_closed_, nullptr)();
}

void KafkaPort::start() {
  listener_->start([this](std::shared_ptr<net::Socket> socket) { accepted(std::move(socket)); },
                   [this]() -> net::FlushList& { return loops_.next(); });
}

void KafkaPort::accepted(std::shared_ptr<net::Socket> socket) {
  int64_t& from_there = per_ip_[socket->peer_address()];
  if (static_cast<int64_t>(connections_.size()) >= limits_.max_connections ||
      from_there >= limits_.max_connections_per_ip) {
    log_warn("broker.net",
             "refusing a connection from {}: max.connections or max.connections.per.ip is reached",
             socket->peer_address());
    if (from_there == 0) per_ip_.erase(socket->peer_address());
    return;
  }
  ++from_there;
  const uint64_t id = next_id_++;
  const auto connection =
      std::make_shared<net::Connection>(std::move(socket), id, limits_.max_frame_bytes, dispatcher_);
  if (connections_.empty() && limits_.max_idle_ms >= 0) {
    idle_timer_->start(std::max(kShortestIdleCheckMs, limits_.max_idle_ms / kIdleChecks));
  }
  connections_[id] = connection;
  connection->start();
}

void KafkaPort::forget(const net::Connection& connection) {
  const auto count = per_ip_.find(connection.peer_address());
  if (count != per_ip_.end() && --count->second == 0) per_ip_.erase(count);
  connections_.erase(connection.id());
  if (!connections_.empty() || !all_closed_) return;
  // Not from inside the last connection: this port goes with it.
  loop_.post(std::exchange(all_closed_, nullptr));
}

void KafkaPort::close_idle() {
  const int64_t now = loop_.monotonic_ms();
  std::vector<std::shared_ptr<net::Connection>> idle;
  for (const auto& [id, connection] : connections_) {
    if (!connection->has_open_requests() && now - connection->last_active_ms() >= limits_.max_idle_ms) {
      idle.push_back(connection);
    }
  }
  for (const auto& connection : idle) {
    log_info("broker.net", "closing the connection from {}: idle for longer than connections.max.idle.ms",
             connection->peer_address());
    connection->close();
  }
  if (!connections_.empty())
    idle_timer_->start(std::max(kShortestIdleCheckMs, limits_.max_idle_ms / kIdleChecks));
}

}  // namespace ottla
