// SPDX-License-Identifier: Apache-2.0
#include "broker/net/tls_tunnel.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <utility>

#include "broker/net/resolver.h"
#include "protocol/base/log.h"

namespace ottla::net {
namespace {

constexpr const char* kComponent = "broker.net";
// What one side has sent and the other not taken: then the one is not read.
constexpr size_t kMostWaiting = 1 << 20;

}  // namespace

std::optional<uint32_t> user_of_local_connection(int from, int to) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> table(
      std::fopen("/proc/net/tcp", "re"), [](std::FILE* file) { return std::fclose(file); });
  if (!table) return std::nullopt;
  const unsigned loopback = htonl(INADDR_LOOPBACK);
  char line[512];
  while (std::fgets(line, sizeof line, table.get()) != nullptr) {
    unsigned local = 0, local_port = 0, remote = 0, remote_port = 0, user = 0;
    if (std::sscanf(line, "%*d: %8X:%4X %8X:%4X %*X %*X:%*X %*X:%*X %*X %u", &local, &local_port, &remote,
                    &remote_port, &user) != 5)
      continue;
    if (local == loopback && remote == loopback && local_port == static_cast<unsigned>(from) &&
        remote_port == static_cast<unsigned>(to))
      return user;
  }
  return std::nullopt;
}

// The port of one server, and its connections.
class TlsTunnel::Gate {
 public:
  Gate(FlushList& flush_list, std::shared_ptr<const tls::Context> context, Server server,
       std::unique_ptr<Listener> listener)
      : flush_list_(flush_list),
        context_(std::move(context)),
        server_(std::move(server)),
        listener_(std::move(listener)) {
    listener_->start([this](std::shared_ptr<Socket> socket) { let_in(std::move(socket)); });
  }
  ~Gate();

  int port() const { return listener_->port(); }
  size_t size() const { return pipes_.size(); }

 private:
  class Pipe;

  void let_in(std::shared_ptr<Socket> socket);
  void connect(const std::shared_ptr<Socket>& inside, const Resolved& resolved);
  void complain(const std::string& problem);

  FlushList& flush_list_;
  std::shared_ptr<const tls::Context> context_;
  Server server_;
  std::unique_ptr<Listener> listener_;
  std::set<std::shared_ptr<Pipe>> pipes_;
  size_t attempts_ = 0;
  std::string problem_;  // what was complained of last
  std::shared_ptr<Gate*> alive_ = std::make_shared<Gate*>(this);
};

// One connection: its inner and its outer side.
class TlsTunnel::Gate::Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  Pipe(Gate& gate, std::shared_ptr<Socket> inside, std::shared_ptr<Socket> outside)
      : gate_(gate), inner_{*this, std::move(inside)}, outer_{*this, std::move(outside)} {
    inner_.other = &outer_;
    outer_.other = &inner_;
  }
  void start() {
    inner_.socket->start(inner_);
    outer_.socket->start(outer_);
  }
  // Either side has ended.
  void close() {
    if (closing_) return;
    const Status& problem = outer_.socket->security_problem();
    if (!problem.ok()) {
      gate_.complain(problem.message());
    } else if (!outer_.secured) {
      gate_.complain("no connection, or it ended before the handshake was done");
    }
    end();
    gate_.pipes_.erase(shared_from_this());
  }
  void end() {
    closing_ = true;
    inner_.socket->close_after_flush();
    outer_.socket->close_after_flush();
    // What is to be written waits for the end of the turn, and the sockets for their handlers.
    gate_.flush_list_.loop().post([self = shared_from_this()] {
      self->inner_.socket->close();
      self->outer_.socket->close();
    });
  }

 private:
  struct Side : SocketHandler {
    Side(Pipe& owner, std::shared_ptr<Socket> mine) : pipe(owner), socket(std::move(mine)) {}
    void on_bytes(std::span<uint8_t> bytes) override {
      other->socket->output().raw(bytes);
      other->socket->mark_dirty();
      if (other->socket->pending_bytes() <= kMostWaiting) return;
      paused = true;
      socket->pause_reading();
    }
    void on_secured(const std::string&) override {
      secured = true;
      pipe.gate_.problem_.clear();
    }
    void on_drained() override {
      if (std::exchange(other->paused, false) && !other->socket->closed()) other->socket->resume_reading();
    }
    void on_closed() override { pipe.close(); }

    Pipe& pipe;
    std::shared_ptr<Socket> socket;
    Side* other = nullptr;
    bool secured = false;
    bool paused = false;
  };

  Gate& gate_;
  bool closing_ = false;
  Side inner_;
  Side outer_;
};

TlsTunnel::Gate::~Gate() {
  *alive_ = nullptr;
  listener_->close();
  for (const auto& pipe : pipes_) pipe->end();
}

void TlsTunnel::Gate::let_in(std::shared_ptr<Socket> socket) {
  if (user_of_local_connection(socket->peer_port(), port()) != ::geteuid()) {
    log_warn(kComponent,
             "127.0.0.1:{} is for this program's ZooKeeper client alone: closed a connection of another user",
             port());
    return;
  }
  auto resolved = std::make_shared<Resolved>();
  flush_list_.loop().run_in_background(
      [resolved, server = server_] { *resolved = resolve(server.host, server.port); },
      [alive = alive_, resolved, socket = std::move(socket)] {
        if (*alive != nullptr) (*alive)->connect(socket, *resolved);
      });
}

void TlsTunnel::Gate::connect(const std::shared_ptr<Socket>& inside, const Resolved& resolved) {
  if (resolved.addresses.empty()) return complain(resolved.problem);
  const int fd = begin_connect(resolved.addresses[attempts_++ % resolved.addresses.size()]);
  if (fd < 0) return complain(std::strerror(errno));
  auto outside = std::make_shared<Socket>(flush_list_, fd, server_.host, server_.port);
  outside->secure(context_->connect(server_.host));
  const auto pipe = std::make_shared<Pipe>(*this, inside, std::move(outside));
  pipes_.insert(pipe);
  pipe->start();
}

void TlsTunnel::Gate::complain(const std::string& problem) {
  if (problem == problem_) return;
  problem_ = problem;
  log_warn(kComponent, "no TLS connection with {}:{}: {}", server_.host, server_.port, problem);
}

Result<std::unique_ptr<TlsTunnel>> TlsTunnel::open(FlushList& flush_list,
                                                   std::shared_ptr<const tls::Context> context,
                                                   std::vector<Server> servers) {
  std::unique_ptr<TlsTunnel> tunnel(new TlsTunnel());
  for (Server& server : servers) {
    auto listener = Listener::open(flush_list, "127.0.0.1", 0);
    if (!listener.ok()) return listener.status();
    tunnel->gates_.push_back(
        std::make_unique<Gate>(flush_list, context, std::move(server), std::move(*listener)));
  }
  return tunnel;
}

TlsTunnel::TlsTunnel() = default;

TlsTunnel::~TlsTunnel() = default;

std::vector<int> TlsTunnel::ports() const {
  std::vector<int> ports;
  for (const auto& gate : gates_) ports.push_back(gate->port());
  return ports;
}

size_t TlsTunnel::size() const {
  size_t size = 0;
  for (const auto& gate : gates_) size += gate->size();
  return size;
}

}  // namespace ottla::net
