// SPDX-License-Identifier: Apache-2.0
// What interop.py starts:
//   coordination_tool serve PORT DATADIR [key=value ...]   our server on sockets; prints "ready PORT"
//   coordination_tool client CONNECT                       Apache's C client behind our Client, against any
//   server coordination_tool hold CONNECT PATH                    makes an ephemeral, prints session events
//   until killed
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "coordination/config.h"
#include "coordination/server/server.h"
#include "coordination/zookeeper_client.h"
#include "storage/io/file_system.h"
#include "tests/coordination/poll_loop.h"

namespace ottla::coordination {
namespace {

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "coordination_tool: %s\n", what.c_str());
  std::exit(1);
}

// ---- serve ----

class Port;

class Adapter : public ConnectionSink {
 public:
  Adapter(Port& port, EventLoop& loop, int fd, const std::string& peer);
  ~Adapter() override { ::close(fd_); }
  void send(Bytes bytes) override { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void close() override { closing_ = true; }
  void abort() override { broken_ = true; }
  void pause_reading() override { watch_->update(false, false); }
  void resume_reading() override { watch_->update(true, false); }
  size_t pending_bytes() const override { return out_.size(); }
  void flush();
  bool finished() const { return broken_ || (closing_ && out_.empty()); }

 private:
  void on_ready(bool readable);

  const int fd_;
  std::vector<uint8_t> out_;
  bool closing_ = false;
  bool broken_ = false;
  std::unique_ptr<FdWatch> watch_;
  std::unique_ptr<ServerConnection> connection_;
};

class Port {
 public:
  Port(EventLoop& loop, Server& server, int port) : loop_(loop), server(server) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd_, 64) != 0) {
      die("cannot listen: " + std::string(std::strerror(errno)));
    }
    socklen_t length = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    number = ntohs(address.sin_port);
    watch_ = loop_.watch_fd(fd_, [this](bool, bool) { accept_some(); });
    watch_->update(true, false);
    // Every few milliseconds is often enough for a test, and needs no bookkeeping.
    timer_ = loop_.make_timer([this] { sweep(); });
    sweep();
  }

  void sweep() {
    for (auto& adapter : adapters_) adapter->flush();
    std::erase_if(adapters_, [](const auto& adapter) { return adapter->finished(); });
    timer_->start(1);
  }

  int number = 0;

 private:
  friend class Adapter;
  void accept_some() {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    const int fd =
        ::accept4(fd_, reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    char text[INET_ADDRSTRLEN];
    ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
    adapters_.push_back(std::make_unique<Adapter>(
        *this, loop_, fd, std::string(text) + ":" + std::to_string(ntohs(address.sin_port))));
  }

  EventLoop& loop_;
  Server& server;
  int fd_;
  std::unique_ptr<FdWatch> watch_;
  std::unique_ptr<Timer> timer_;
  std::vector<std::unique_ptr<Adapter>> adapters_;
};

Adapter::Adapter(Port& port, EventLoop& loop, int fd, const std::string& peer) : fd_(fd) {
  watch_ = loop.watch_fd(fd_, [this](bool readable, bool) { on_ready(readable); });
  connection_ = port.server.accept(*this, peer);
  watch_->update(true, false);
}

void Adapter::on_ready(bool readable) {
  if (!readable) return;
  uint8_t bytes[65536];
  const ssize_t count = ::read(fd_, bytes, sizeof bytes);
  if (count <= 0) {
    broken_ = count == 0 || (errno != EAGAIN && errno != EINTR);
    watch_->update(!broken_, false);
    return;
  }
  connection_->on_bytes({bytes, static_cast<size_t>(count)});
}

void Adapter::flush() {
  if (out_.empty()) return;
  while (!out_.empty() && !broken_) {
    const ssize_t count = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (count < 0) {
      broken_ = errno != EAGAIN && errno != EINTR;
      return;
    }
    out_.erase(out_.begin(), out_.begin() + count);
  }
  if (!broken_) connection_->on_drained();
}

int serve(int port, const std::string& directory, std::vector<Property> properties) {
  properties.push_back({"dataDir", directory, 0});
  auto config = parse_server_config(properties, "arguments");
  if (!config.ok()) die(config.status().message());
  const auto files = ottla::storage::posix_file_system();
  PollLoop loop;
  auto server = Server::open(loop, *files, config->config);
  if (!server.ok()) die(server.status().message());
  (*server)->set_failure_handler([](const Status& status) { die(status.message()); });
  Port listener(loop, **server, port);
  std::printf("ready %d\n", listener.number);
  std::fflush(stdout);
  loop.run();
  return 0;
}

// ---- client ----

#define EXPECT(condition) \
  if (!(condition)) die(std::string("line ") + std::to_string(__LINE__) + ": not so: " #condition)

Task<void> check_calls(Client& client, std::vector<WatchEvent>& events) {
  VoidReply nothing = co_await client.async_remove("/cc/nothing");
  EXPECT(nothing.error == ZkError::kNoNode);
  CreateReply made = co_await client.async_create("/cc", std::nullopt);
  EXPECT(made.ok() && made.path == "/cc" && made.stat.czxid > 0);
  DataReply null_data = co_await client.async_get_data("/cc");
  EXPECT(null_data.ok() && null_data.data_is_null);
  CreateReply twice = co_await client.async_create("/cc", "x");
  EXPECT(twice.error == ZkError::kNodeExists);
  CreateReply numbered = co_await client.async_create("/cc/seq-", "one", CreateMode::kEphemeralSequential);
  EXPECT(numbered.path == "/cc/seq-0000000000" && numbered.stat.ephemeral_owner == client.session_id());
  DataReply read = co_await client.async_get_data(numbered.path, true);
  EXPECT(read.data == "one" && read.stat.data_length == 3);
  StatReply changed = co_await client.async_set_data(numbered.path, "two", 0);
  EXPECT(changed.ok() && changed.stat.version == 1);
  EXPECT(events.size() == 1 && events[0].type == EventType::kNodeDataChanged &&
         events[0].path == numbered.path);
  StatReply stale = co_await client.async_set_data(numbered.path, "three", 0);
  EXPECT(stale.error == ZkError::kBadVersion);
  StatReply missing = co_await client.async_exists("/cc/later", true);
  EXPECT(missing.error == ZkError::kNoNode);
  ChildrenReply names = co_await client.async_get_children("/cc", true);
  EXPECT(names.ok() && names.children.size() == 1 && names.stat.num_children == 1);
  events.clear();
  std::vector<Op> ops;
  ops.push_back(Op::check("/cc", 0));
  ops.push_back(Op::create("/cc/later", "x"));
  ops.push_back(Op::set_data("/cc", "y"));
  ops.push_back(Op::create("/cc/s-", "z", open_acl(), CreateMode::kPersistentSequential));
  ops.push_back(Op::remove(numbered.path));
  MultiReply all = co_await client.async_multi(ops);
  EXPECT(all.ok() && all.results.size() == 5 && all.results[1].path == "/cc/later");
  EXPECT(all.results[2].stat.version == 1 && all.results[3].path == "/cc/s-0000000002");
  EXPECT(events.size() == 2);
  ops.clear();
  ops.push_back(Op::set_data("/cc", "no"));
  ops.push_back(Op::remove("/cc/absent"));
  ops.push_back(Op::create("/cc/never", ""));
  MultiReply none = co_await client.async_multi(ops);
  EXPECT(none.error == ZkError::kNoNode && none.results.size() == 3);
  EXPECT(none.results[0].error == ZkError::kOk && none.results[2].error == ZkError::kRuntimeInconsistency);
  AclReply acl = co_await client.async_get_acl("/cc");
  EXPECT(acl.ok() && acl.acl == open_acl());
  AclList readers;
  readers.push_back(Acl{perms::kRead | perms::kWrite | perms::kCreate | perms::kDelete, "world", "anyone"});
  StatReply set = co_await client.async_set_acl("/cc/later", readers, 0);
  EXPECT(set.ok());
  VoidReply synced = co_await client.async_sync("/cc");
  EXPECT(synced.ok());
  for (const char* name : {"/cc/later", "/cc/s-0000000002", "/cc"}) {
    VoidReply removed = co_await client.async_remove(name);
    EXPECT(removed.ok());
  }
}

Task<void> check_all(PollLoop& loop, Client& client, std::vector<WatchEvent>& events, bool& done) {
  co_await check_calls(client, events);
  co_await client.async_close();
  done = true;
  loop.stop();
}

int run_client(const std::string& connect) {
  auto parsed = ConnectString::parse(connect);
  if (!parsed.ok()) die(parsed.status().message());
  PollLoop loop;
  std::vector<WatchEvent> events;
  bool done = false, below_done = false;
  auto client = make_zookeeper_client(loop, *parsed, 10'000);
  client->set_watch_handler([&](const WatchEvent& event) { events.push_back(event); });
  if (Status status = client->start(); !status.ok()) die(status.message());
  // Once at the root, and once below a chroot that is made first.
  start_detached(check_all(loop, *client, events, done));
  const auto deadline = loop.make_timer([] { die("no end after 30 s"); });
  deadline->start(30'000);
  loop.run();

  auto below = *parsed;
  below.chroot += "/chroot/of/test";
  events.clear();
  auto chrooted = make_zookeeper_client(loop, below, 10'000);
  chrooted->set_watch_handler([&](const WatchEvent& event) { events.push_back(event); });
  if (Status status = chrooted->start(); !status.ok()) die(status.message());
  chrooted->make_chroot([&](const VoidReply& reply) {
    if (!reply.ok()) die("make_chroot: " + error_text(reply.error));
    start_detached(check_all(loop, *chrooted, events, below_done));
  });
  loop.run();
  if (!done || !below_done) die("not finished");
  std::printf("client ok\n");
  return 0;
}

// ---- hold ----

int hold(const std::string& connect, const std::string& path) {
  auto parsed = ConnectString::parse(connect);
  if (!parsed.ok()) die(parsed.status().message());
  PollLoop loop;
  auto client = make_zookeeper_client(loop, *parsed, 6000);
  const auto say = [](const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  };
  const auto watch = [&] {
    client->exists(path + "-watched", true, [&](const StatReply& reply) {
      if (reply.ok() || reply.error == ZkError::kNoNode) say("watching");
    });
  };
  client->set_watch_handler([&](const WatchEvent& event) { say("event " + event.path); });
  client->set_session_handler([&](SessionEvent event) {
    if (event == SessionEvent::kConnected) say("connected");
    if (event == SessionEvent::kDisconnected) say("disconnected");
    if (event != SessionEvent::kExpired) return;
    say("expired");
    if (Status status = client->start(); !status.ok()) die(status.message());
    client->create(path, "again", open_acl(), CreateMode::kEphemeral,
                   [&](const CreateReply& reply) { say("created " + error_text(reply.error)); });
  });
  if (Status status = client->start(); !status.ok()) die(status.message());
  client->create(path, "x", open_acl(), CreateMode::kEphemeral,
                 [&](const CreateReply& reply) { say("created " + error_text(reply.error)); });
  watch();
  loop.run();
  return 0;
}

}  // namespace
}  // namespace ottla::coordination

int main(int argc, char** argv) {
  using namespace ottla::coordination;
  const std::string mode = argc > 2 ? argv[1] : "";
  if (mode == "serve" && argc > 3) {
    std::vector<ottla::Property> properties;
    for (int i = 4; i < argc; ++i) {
      const std::string pair = argv[i];
      properties.push_back({pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1), 0});
    }
    return serve(std::atoi(argv[2]), argv[3], std::move(properties));
  }
  if (mode == "client") return run_client(argv[2]);
  if (mode == "hold" && argc > 3) return hold(argv[2], argv[3]);
  std::fprintf(stderr, "usage: coordination_tool serve PORT DATADIR | client CONNECT | hold CONNECT PATH\n");
  return 2;
}
