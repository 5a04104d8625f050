// SPDX-License-Identifier: Apache-2.0
// What the tests of coordination share: a server on a loop whose time and background work the test moves, on
// a file system that forgets; a client with calls that wait; a connection that speaks frames.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "coordination/in_process_client.h"
#include "coordination/jute/records.h"
#include "coordination/server/connection.h"
#include "coordination/server/server.h"
#include "protocol/base/manual_loop.h"
#include "storage/io/faulty_file_system.h"

namespace ottla::coordination {

// Background work waits until it is let go where `hold` is set.
class SteppedLoop : public ManualLoop {
 public:
  void run_in_background(std::function<void()> work, std::function<void()> done) override {
    if (!hold) return ManualLoop::run_in_background(std::move(work), std::move(done));
    held.emplace_back([work = std::move(work), done = std::move(done)] {
      work();
      done();
    });
  }
  // Lets the next one run.
  void step() {
    const auto job = std::move(held.front());
    held.pop_front();
    job();
    run_pending();
  }
  bool hold = false;
  std::deque<std::function<void()>> held;
};

// A peer with the frames it was sent.
class Peer : public ConnectionSink {
 public:
  void send(Bytes bytes) override { received.insert(received.end(), bytes.begin(), bytes.end()); }
  void close() override { closed = true; }
  void pause_reading() override { paused = true; }
  void resume_reading() override { paused = false; }

  // The next whole frame without its length; empty where there is none.
  std::vector<uint8_t> take_frame() {
    if (received.size() < 4) return {};
    const auto length = static_cast<size_t>(Reader(Bytes(received).first(4)).int32());
    if (received.size() < 4 + length) return {};
    std::vector<uint8_t> frame(received.begin() + 4, received.begin() + 4 + static_cast<ptrdiff_t>(length));
    received.erase(received.begin(), received.begin() + 4 + static_cast<ptrdiff_t>(length));
    return frame;
  }
  std::string text() const { return {received.begin(), received.end()}; }

  std::vector<uint8_t> received;
  void abort() override { closed = aborted = true; }
  // A peer that does not read leaves everything with us.
  size_t pending_bytes() const override { return deaf ? received.size() : 0; }

  bool closed = false;
  bool aborted = false;
  bool paused = false;
  bool deaf = false;
};

struct Reply {
  jute::ReplyHeader header;
  std::vector<uint8_t> body;
  ZkError error() const { return static_cast<ZkError>(header.error); }
};

// A client on the wire.
class WireClient {
 public:
  WireClient(Server& server, std::string address = "127.0.0.1:40000")
      : connection(server.accept(peer, std::move(address))) {}

  void send_raw(Bytes bytes) {
    if (connection) connection->on_bytes(bytes);
  }
  void send_frame(const Writer& body) {
    Writer frame;
    const size_t mark = frame.begin_frame();
    frame.raw(body.buffer());
    frame.end_frame(mark);
    send_raw(frame.buffer());
  }
  void hello(int32_t timeout_ms = 6000, int64_t session = 0, std::string password = std::string(16, '\0'),
             int64_t last_zxid = 0) {
    Writer body;
    jute::ConnectRequest{0, last_zxid, timeout_ms, session, std::move(password), false}.encode(body);
    send_frame(body);
  }
  jute::ConnectResponse take_hello() {
    frame = peer.take_frame();
    Reader reader(frame);
    auto response = jute::ConnectResponse::decode(reader);
    EXPECT_TRUE(reader.ok());
    return response;
  }
  template <typename Body>
  int32_t request(int32_t type, const Body& body, int32_t xid = 0) {
    Writer writer;
    jute::RequestHeader{xid != 0 ? xid : ++last_xid, type}.encode(writer);
    body.encode(writer);
    send_frame(writer);
    return last_xid;
  }
  struct Empty {
    void encode(Writer&) const {}
  };
  struct Path {
    std::string path;
    void encode(Writer& writer) const { writer.jute_string(path); }
  };
  Reply take_reply() {
    const auto bytes = peer.take_frame();
    Reader reader(bytes);
    Reply reply;
    reply.header = jute::ReplyHeader::decode(reader);
    EXPECT_TRUE(reader.ok()) << "no reply";
    reply.body.assign(bytes.begin() + static_cast<ptrdiff_t>(reader.position()), bytes.end());
    return reply;
  }
  jute::WatcherEvent take_event() {
    const Reply reply = take_reply();
    EXPECT_EQ(reply.header.xid, jute::kNotificationXid);
    Reader reader(reply.body);
    return jute::WatcherEvent::decode(reader);
  }
  void create(const std::string& path, std::string data = "", int32_t flags = 0) {
    request(jute::kCreate, jute::CreateRequest{path, std::move(data), open_acl(), flags, -1});
  }

  Peer peer;
  std::vector<uint8_t> frame;
  int32_t last_xid = 0;
  std::unique_ptr<ServerConnection> connection;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    config.data_dir = "/data";
    config.tick_time_ms = 2000;
    config.four_letter_words = {"*"};
  }
  ~ServerTest() override { stop(); }

  Status try_start() {
    auto opened = Server::open(loop, files, config);
    if (!opened.ok()) return opened.status();
    server = std::move(*opened);
    server->set_failure_handler([this](Status status) { failure = std::move(status); });
    return {};
  }
  void start() {
    const Status status = try_start();
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void stop() {
    client.reset();
    extra_clients.clear();
    server.reset();
    loop.run_pending();
  }
  // The process dies; what it wrote is there.
  void kill_and_start() {
    stop();
    files.kill();
    start();
  }
  // Power is lost.
  void crash_and_start(size_t kept = 0) {
    stop();
    files.crash(kept);
    start();
  }

  Client& connect(int32_t timeout_ms = 6000) {
    client = make_in_process_client(loop, *server, "", timeout_ms);
    open(*client);
    return *client;
  }
  Client& connect_another(std::string chroot = "") {
    extra_clients.push_back(make_in_process_client(loop, *server, std::move(chroot), 6000));
    open(*extra_clients.back());
    return *extra_clients.back();
  }
  void open(Client& one) {
    one.set_watch_handler([this](const WatchEvent& event) { events.push_back(event); });
    ASSERT_TRUE(one.start().ok());
    loop.run_pending();
    ASSERT_TRUE(one.connected());
  }

  // Calls that wait for their answer.
  template <typename R, typename Begin>
  R wait(Begin begin) {
    std::optional<R> answer;
    begin([&](R reply) { answer = std::move(reply); });
    loop.run_pending();
    EXPECT_TRUE(answer.has_value()) << "no answer";
    return answer.value_or(R{});
  }
  CreateReply create(const std::string& path, std::optional<std::string> data = "",
                     CreateMode mode = CreateMode::kPersistent, AclList acl = open_acl(),
                     Client* by = nullptr) {
    return wait<CreateReply>([&](auto done) { who(by).create(path, data, acl, mode, done); });
  }
  ZkError remove(const std::string& path, int32_t version = -1, Client* by = nullptr) {
    return wait<VoidReply>([&](auto done) { who(by).remove(path, version, done); }).error;
  }
  StatReply set(const std::string& path, std::optional<std::string> data, int32_t version = -1,
                Client* by = nullptr) {
    return wait<StatReply>([&](auto done) { who(by).set_data(path, data, version, done); });
  }
  DataReply get(const std::string& path, bool watch = false, Client* by = nullptr) {
    return wait<DataReply>([&](auto done) { who(by).get_data(path, watch, done); });
  }
  StatReply exists(const std::string& path, bool watch = false, Client* by = nullptr) {
    return wait<StatReply>([&](auto done) { who(by).exists(path, watch, done); });
  }
  ChildrenReply children(const std::string& path, bool watch = false, Client* by = nullptr) {
    return wait<ChildrenReply>([&](auto done) { who(by).get_children(path, watch, done); });
  }
  MultiReply multi(std::vector<Op> ops, Client* by = nullptr) {
    return wait<MultiReply>([&](auto done) { who(by).multi(ops, done); });
  }
  std::vector<WatchEvent> take_events() { return std::exchange(events, {}); }
  Client& who(Client* by) { return by != nullptr ? *by : *client; }

  SteppedLoop loop;
  storage::FaultyFileSystem files;
  ServerConfig config;
  std::unique_ptr<Server> server;
  std::unique_ptr<Client> client;
  std::vector<std::unique_ptr<Client>> extra_clients;
  std::vector<WatchEvent> events;
  Status failure;
};

}  // namespace ottla::coordination
