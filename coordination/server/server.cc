// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/server.h"

#include "coordination/server/server_core.h"

namespace ottla::coordination {

Server::Server(std::unique_ptr<ServerCore> core) : core_(std::move(core)) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::open(EventLoop& loop, storage::FileSystem& files,
                                             ServerConfig config) {
  auto authenticator = Authenticator::make(config, files);
  if (!authenticator.ok()) return authenticator.status();
  auto tree = std::make_unique<DataTree>(ExtendedTypes{config.extended_types, config.emulate_353_ttl});
  auto store = Store::open(loop, files, config, *tree);
  if (!store.ok()) return store.status();
  auto core = std::make_unique<ServerCore>(loop, std::move(config), std::move(*authenticator),
                                           std::move(tree), std::move(*store));
  core->recover_sessions();
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

std::unique_ptr<ServerConnection> Server::accept(ConnectionSink& sink, std::string peer_address) {
  std::unique_ptr<ServerConnection> connection(
      new ServerConnection(*core_, sink, core_->next_connection_number(), std::move(peer_address), false));
  if (!core_->attach(*connection) || !core_->serving()) {
    core_->close_later(connection->id_);
  }
  return connection;
}

std::unique_ptr<ServerConnection> Server::accept_in_process(ConnectionSink& sink) {
  std::unique_ptr<ServerConnection> connection(
      new ServerConnection(*core_, sink, core_->next_connection_number(), "in-process", true));
  if (!core_->attach(*connection) || !core_->serving()) core_->close_later(connection->id_);
  return connection;
}

void Server::when_durable(std::function<void()> done) { core_->when_durable(std::move(done)); }

void Server::shutdown(std::function<void()> done) { core_->shutdown(std::move(done)); }

void Server::set_failure_handler(std::function<void(Status)> handler) {
  core_->set_failure_handler(std::move(handler));
}

HttpAnswer Server::answer_admin(std::string_view target) {
  return coordination::answer_admin(*core_, target);
}

HttpAnswer Server::answer_metrics(std::string_view target) {
  return coordination::answer_metrics(*core_, target);
}

const ServerConfig& Server::config() const { return core_->config(); }

int64_t Server::last_zxid() const { return core_->last_zxid(); }

int64_t Server::sync_count() const { return core_->store().sync_count(); }

}  // namespace ottla::coordination
