// SPDX-License-Identifier: Apache-2.0
#include "broker/net/coordination_port.h"

#include "coordination/server/connection.h"
#include "protocol/base/log.h"

namespace ottla::net {

class CoordinationPort::Client : public SocketHandler,
                                 public coordination::ConnectionSink,
                                 public std::enable_shared_from_this<Client> {
 public:
  Client(CoordinationPort& port, std::shared_ptr<Socket> socket) : port_(port), socket_(std::move(socket)) {}

  void start() {
    const std::string& host = socket_->peer_address();
    const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
    connection_ = port_.server_.accept(*this, shown + ":" + std::to_string(socket_->peer_port()));
    if (port_.security_.context) socket_->secure(port_.security_.context->accept(), port_.security_.optional);
    socket_->start(*this);
  }
  void drop() { socket_->close(); }

  void on_secured(const std::string& peer_name) override { connection_->on_secured(peer_name); }
  void on_bytes(std::span<uint8_t> bytes) override { connection_->on_bytes(bytes); }
  void on_drained() override { connection_->on_drained(); }
  // The connection may be in the middle of a call that led here: it is destroyed in a later turn.
  void on_closed() override {
    if (const Status& problem = socket_->security_problem(); !problem.ok())
      log_warn("coordination.server", "Closing the connection from {}: {}", connection_->peer(),
               problem.message());
    port_.flush_list_.loop().post([self = shared_from_this()] { self->connection_.reset(); });
    port_.forget(this);
  }

  void send(Bytes bytes) override {
    if (socket_->closed()) return;
    socket_->output().raw(bytes);
    socket_->mark_dirty();
  }
  void close() override { socket_->close_after_flush(); }
  void abort() override { socket_->close(); }
  size_t pending_bytes() const override { return socket_->pending_bytes(); }
  void pause_reading() override { socket_->pause_reading(); }
  void resume_reading() override { socket_->resume_reading(); }
  void destroy_connection() { connection_.reset(); }

 private:
  CoordinationPort& port_;
  std::shared_ptr<Socket> socket_;
  std::unique_ptr<coordination::ServerConnection> connection_;
};

CoordinationPort::CoordinationPort(FlushList& flush_list, coordination::Server& server,
                                   std::unique_ptr<Listener> listener, PortSecurity security)
    : flush_list_(flush_list),
      server_(server),
      listener_(std::move(listener)),
      security_(std::move(security)) {
  listener_->start([this](std::shared_ptr<Socket> socket) {
    const auto client = std::make_shared<Client>(*this, std::move(socket));
    clients_[client.get()] = client;
    client->start();
  });
}

CoordinationPort::~CoordinationPort() {
  listener_->close();
  const auto clients = std::exchange(clients_, {});
  for (const auto& [key, client] : clients) {
    client->drop();
    client->destroy_connection();
  }
}

void CoordinationPort::forget(Client* client) { clients_.erase(client); }

}  // namespace ottla::net
