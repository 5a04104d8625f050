// SPDX-License-Identifier: Apache-2.0
// The coordination server's TCP port: one ServerConnection (coordination/server/connection.h) per socket.
//
// Threads: the loop's. Must be destroyed before its Server.
#pragma once

#include <map>
#include <memory>

#include "broker/net/listener.h"
#include "broker/net/socket.h"
#include "coordination/server/server.h"

namespace ottla::net {

// With a context, TLS is spoken: by everyone, or by whoever begins with it.
struct PortSecurity {
  std::shared_ptr<const tls::Context> context;
  bool optional = false;
};

class CoordinationPort {
 public:
  // Takes an open listener and serves it. `server` and `flush_list` outlive this.
  CoordinationPort(FlushList& flush_list, coordination::Server& server, std::unique_ptr<Listener> listener,
                   PortSecurity security = {});
  ~CoordinationPort();

  int port() const { return listener_->port(); }
  size_t connection_count() const { return clients_.size(); }

 private:
  class Client;
  void forget(Client* client);

  FlushList& flush_list_;
  coordination::Server& server_;
  std::unique_ptr<Listener> listener_;
  const PortSecurity security_;
  std::map<Client*, std::shared_ptr<Client>> clients_;
};

}  // namespace ottla::net
