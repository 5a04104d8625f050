// SPDX-License-Identifier: Apache-2.0
// One listener of the broker: its port, its connections, and the closing of those that idle longer than
// connections.max.idle.ms. The first loop accepts, each loop in turn gets the next connection for life.
//
// Threads: whoever has the turn.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "broker/apis/dispatcher.h"
#include "broker/net/connection.h"
#include "broker/net/listener.h"
#include "broker/net/loops.h"

namespace ottla {

struct ConnectionLimits {
  size_t max_frame_bytes = 104857600;   // socket.request.max.bytes
  int64_t max_idle_ms = 600000;         // connections.max.idle.ms; negative: never
  int64_t max_connections = INT32_MAX;  // max.connections
  int64_t max_connections_per_ip = INT32_MAX;
};

class KafkaPort {
 public:
  // `listener` is bound already; clients are accepted from start() on. `services` outlives this.
  KafkaPort(net::Loops& loops, std::unique_ptr<net::Listener> listener, std::string listener_name,
            ConnectionLimits limits, Services& services);
  ~KafkaPort();

  void start();
  // For connections to come (max.connections, max.connections.per.ip changed).
  void set_limits(const ConnectionLimits& limits) { limits_ = limits; }
  int port() const { return listener_->port(); }
  const std::string& listener_name() const { return name_; }
  size_t connection_count() const { return connections_.size(); }
  // Accepts nobody further; connections stay.
  void close_listener() { listener_->close(); }
  // Closes the connections, too; `done` is called when the last is gone, at once where there is but one loop.
  void close(std::function<void()> done);

 private:
  void accepted(std::shared_ptr<net::Socket> socket);
  void forget(const net::Connection& connection);
  void close_idle();
  void close_all();

  net::Loops& loops_;
  EventLoop& loop_;
  std::unique_ptr<net::Listener> listener_;
  std::string name_;
  ConnectionLimits limits_;
  Dispatcher dispatcher_;
  std::map<uint64_t, std::shared_ptr<net::Connection>> connections_;
  std::map<std::string, int64_t> per_ip_;
  std::unique_ptr<Timer> idle_timer_;
  std::function<void()> all_closed_;
  uint64_t next_id_ = 1;
};

}  // namespace ottla
