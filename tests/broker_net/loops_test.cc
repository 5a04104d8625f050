// SPDX-License-Identifier: Apache-2.0
// Several loops that share turns. scripts/test runs this under ThreadSanitizer.
#include "broker/net/loops.h"

#include <poll.h>

#include <atomic>
#include <future>
#include <map>
#include <thread>

#include "broker/net/connection.h"
#include "broker/net/peer_connection.h"
#include "tests/broker_net/loop_fixture.h"

namespace ottla::net {
namespace {

constexpr int kTimeoutMs = 20'000;

void append_frame(std::string& out, std::string_view body) {
  const auto size = static_cast<uint32_t>(body.size());
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<char>(size >> shift));
  out += body;
}

// What stands in for the broker: answers each request when its rules say so. `@` keeps it back, `!` answers
// all that were kept back (whosever they are) and then this one, `x` closes all other connections. All else
// is answered with itself.
class Rules : public RequestSink {
 public:
  void on_request(const std::shared_ptr<Connection>& connection, uint64_t slot,
                  std::span<uint8_t> frame) override {
    const std::string body(frame.begin(), frame.end());
    ++requests;
    if (body.starts_with("@")) return kept_back.push_back({connection, slot, body});
    if (body.starts_with("!")) {
      for (const Waiting& one : std::exchange(kept_back, {})) answer(*one.connection, one.slot, one.body);
    }
    if (body.starts_with("x")) {
      const auto others = open;
      for (const auto& [key, other] : others) {
        if (other != connection) other->close();
      }
    }
    answer(*connection, slot, body);
  }
  void on_connection_closed(const std::shared_ptr<Connection>& connection) override {
    open.erase(connection.get());
    ++closed;
  }
  static void answer(Connection& connection, uint64_t slot, const std::string& body) {
    if (connection.closed()) return;
    Writer& writer = connection.begin_response(slot);
    const size_t frame = writer.begin_frame();
    writer.raw({reinterpret_cast<const uint8_t*>(body.data()), body.size()});
    writer.end_frame(frame);
    connection.finish_response(slot);
  }

  struct Waiting {
    std::shared_ptr<Connection> connection;
    uint64_t slot;
    std::string body;
  };
  // All of it is only for whoever has the turn.
  std::vector<Waiting> kept_back;
  std::map<Connection*, std::shared_ptr<Connection>> open;
  int requests = 0;
  int closed = 0;
};

enum class Threads { kOne, kOneEach, kChanging };

class LoopsTest : public testing::TestWithParam<Threads> {
 protected:
  void start(int count) {
    loops_ = std::make_unique<Loops>(loop_, list_, count, Loops::Threads::kAsTold);
    auto opened = Listener::open(list_, "127.0.0.1", 0);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    listener_ = std::move(*opened);
    listener_->start(
        [this](std::shared_ptr<Socket> socket) {
          const auto connection = std::make_shared<Connection>(std::move(socket), 1, 1 << 20, rules_);
          rules_.open[connection.get()] = connection;
          connection->start();
        },
        [this]() -> FlushList& { return loops_->next(); });
    loop_.post([this] { loops_->start(); });
    first_ = std::thread([this] { loop_.run(); });
    if (GetParam() == Threads::kOneEach) in_turn(0, [this] { loops_->spread(); });
    if (GetParam() == Threads::kChanging) changing_ = std::thread([this] { keep_changing(); });
  }
  // Apart and together again, as fast as they go.
  void keep_changing() {
    while (!changed_enough_) {
      in_turn(0, [this] { loops_->spread(); });
      in_turn(loops_->size() - 1, [] {});
      in_turn(0, [this] { loops_->gather(); });
      in_turn(loops_->size() - 1, [] {});
    }
  }
  void TearDown() override {
    for (const int fd : clients_) ::close(fd);
    if (!first_.joinable()) return;
    changed_enough_ = true;
    if (changing_.joinable()) changing_.join();
    in_turn(0, [this] { listener_->close(); });
    in_turn(0, [this] {
      const auto connections = rules_.open;
      for (const auto& [key, connection] : connections) connection->close();
    });
    EXPECT_TRUE(becomes_true([this] { return rules_.open.empty(); }));
    loop_.post([this] { loop_.stop(); });
    first_.join();
    loops_->stop();
    rules_.kept_back.clear();
    listener_.reset();
  }

  // Runs `what` in a turn of loop `index`.
  void in_turn(size_t index, std::function<void()> what) {
    std::promise<void> done;
    loops_->list(index).loop().post([&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }
  // Asks in turns of the last loop.
  bool becomes_true(std::function<bool()> condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
    bool yes = false;
    while (!yes && std::chrono::steady_clock::now() < deadline)
      in_turn(loops_->size() - 1, [&] { yes = condition(); });
    return yes;
  }
  int connect() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(listener_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    clients_.push_back(fd);
    return fd;
  }
  static void send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      ASSERT_GT(sent, 0);
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  static void ask(int fd, std::string_view body) {
    std::string bytes;
    append_frame(bytes, body);
    send_all(fd, bytes);
  }
  // Up to `count` bytes; fewer where the other side closed or nothing comes for long.
  static std::string receive(int fd, size_t count) {
    std::string out(count, '\0');
    size_t got = 0;
    while (got < count) {
      pollfd waiting{fd, POLLIN, 0};
      if (::poll(&waiting, 1, kTimeoutMs) <= 0) break;
      const ssize_t more = ::recv(fd, out.data() + got, count - got, 0);
      if (more <= 0) break;
      got += static_cast<size_t>(more);
    }
    out.resize(got);
    return out;
  }
  static std::string answer(int fd) {
    const std::string prefix = receive(fd, 4);
    if (prefix.size() < 4) return "closed";
    uint32_t size = 0;
    for (const char byte : prefix) size = size << 8 | static_cast<uint8_t>(byte);
    return receive(fd, size);
  }

  UvLoop loop_;
  FlushList list_{loop_};
  std::unique_ptr<Loops> loops_;
  std::unique_ptr<Listener> listener_;
  Rules rules_;
  std::thread first_;
  std::thread changing_;
  std::atomic<bool> changed_enough_ = false;
  std::vector<int> clients_;
};

TEST_P(LoopsTest, ConnectionsLiveOnEachLoopInTurn) {
  start(3);
  std::vector<int> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(connect());
  for (const int client : clients) ask(client, "a");
  for (const int client : clients) EXPECT_EQ(answer(client), "a");
  // The one that answers is on its own loop, the others are not.
  std::vector<int> on_loop(3);
  for (size_t i = 0; i < 3; ++i) {
    in_turn(i, [&] {
      for (auto& list : {&loops_->list(0), &loops_->list(1), &loops_->list(2)})
        on_loop[i] += list->on_own_thread();
    });
  }
  EXPECT_EQ(on_loop, (std::vector<int>{1, 1, 1}));
}

TEST_P(LoopsTest, AnAnswerThatAnotherLoopCompletesIsSent) {
  start(2);
  const int one = connect();
  const int other = connect();
  for (int i = 0; i < 200; ++i) {
    const int waits = i % 2 == 0 ? one : other;
    const int completes = i % 2 == 0 ? other : one;
    ask(waits, "@" + std::to_string(i));
    ASSERT_TRUE(becomes_true([this] { return !rules_.kept_back.empty(); }));
    ask(completes, "!");
    ASSERT_EQ(answer(completes), "!");
    ASSERT_EQ(answer(waits), "@" + std::to_string(i));
  }
}

TEST_P(LoopsTest, ALargeAnswerThatAnotherLoopCompletesArrivesWhole) {
  start(2);
  const int one = connect();
  const int other = connect();
  const std::string much = "@" + std::string(900'000, 'm');
  ask(one, much);
  ask(one, much);
  ASSERT_TRUE(becomes_true([this] { return rules_.kept_back.size() == 2; }));
  ask(other, "!");
  EXPECT_EQ(answer(other), "!");
  EXPECT_EQ(answer(one), much);
  EXPECT_EQ(answer(one), much);
}

TEST_P(LoopsTest, AConnectionThatAnotherLoopClosesIsClosedOnce) {
  start(3);
  for (int round = 0; round < 20; ++round) {
    std::vector<int> clients;
    for (int i = 0; i < 6; ++i) clients.push_back(connect());
    // A flood, so that reads and writes are under way.
    for (const int client : clients) ask(client, "a" + std::string(round * 1000, 'a'));
    const int killer = connect();
    ask(killer, "x");
    EXPECT_EQ(answer(killer), "x");
    ASSERT_TRUE(becomes_true([this] { return rules_.open.size() <= 1; }));
    // What was accepted after the closing stays; the rest ends.
    ask(killer, "x");
    EXPECT_EQ(answer(killer), "x");
    for (const int client : clients) {
      while (answer(client) != "closed") {
      }
    }
    ::shutdown(killer, SHUT_RDWR);
    ASSERT_TRUE(becomes_true([this] { return rules_.open.empty(); }));
  }
  EXPECT_EQ(rules_.closed, 20 * 7);
}

TEST_P(LoopsTest, AFloodBothWaysLosesNothingAndKeepsTheOrder) {
  start(4);
  constexpr int kClients = 8;
  constexpr int kRequests = 3000;
  std::vector<int> fds;
  for (int i = 0; i < kClients; ++i) fds.push_back(connect());
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < kClients; ++i) {
    const auto body = [i](int n) {
      // Half of what one client keeps back, others complete.
      const char* rule = n == kRequests - 1 ? "!" : n % 7 == i % 7 ? "@" : n % 5 == 0 ? "!" : "r";
      return rule + std::to_string(i) + "-" + std::to_string(n) + std::string(n % 300, '.');
    };
    threads.emplace_back([=, &fds] {
      std::string bytes;
      for (int n = 0; n < kRequests; ++n) append_frame(bytes, body(n));
      send_all(fds[i], bytes);
    });
    threads.emplace_back([=, &fds, &wrong] {
      for (int n = 0; n < kRequests; ++n) {
        if (answer(fds[i]) != body(n)) {
          ++wrong;
          return;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(rules_.requests, kClients * kRequests);
}

TEST_P(LoopsTest, ATimerThatAnotherLoopStartsFiresOnItsOwn) {
  start(2);
  int fired = 0;
  bool on_own = true;
  std::vector<std::unique_ptr<Timer>> timers;
  in_turn(1, [&] {
    for (const int delay_ms : {30, 1, 3'600'000, 0, 10}) {
      timers.push_back(loops_->list(0).loop().make_timer([&] {
        ++fired;
        on_own = on_own && loops_->list(0).on_own_thread();
      }));
      timers.back()->start(delay_ms);
    }
  });
  EXPECT_TRUE(becomes_true([&] { return fired == 4; }));
  in_turn(1, [&] {
    EXPECT_TRUE(timers[2]->active());
    timers[2]->start(1);
    timers[1]->start(50);
    timers[1]->stop();
  });
  EXPECT_TRUE(becomes_true([&] { return fired == 5; }));
  in_turn(1, [&] { timers.clear(); });
  EXPECT_TRUE(on_own);
}

TEST_P(LoopsTest, WhatIsDeferredRunsInTheTurnThatDefersIt) {
  start(2);
  std::atomic<int> done = 0;
  bool same_turn = true;
  for (size_t i = 0; i < 2; ++i) {
    in_turn(i, [&, i] {
      loops_->list(0).loop().defer([&, i] {
        same_turn = same_turn && loops_->list(i).on_own_thread();
        ++done;
      });
    });
  }
  EXPECT_TRUE(becomes_true([&] { return done == 2; }));
  in_turn(0, [&] { EXPECT_TRUE(same_turn); });
}

TEST_P(LoopsTest, WorkInTheBackgroundEndsInATurnOfTheLoopThatWasAsked) {
  start(2);
  int done = 0;
  bool on_own = true;
  in_turn(1, [&] {
    for (size_t i = 0; i < 2; ++i) {
      loops_->list(i).loop().run_in_background([] {},
                                               [&, i] {
                                                 ++done;
                                                 on_own = on_own && loops_->list(i).on_own_thread();
                                               });
    }
  });
  EXPECT_TRUE(becomes_true([&] { return done == 2; }));
  in_turn(0, [&] { EXPECT_TRUE(on_own); });
}

TEST_P(LoopsTest, AWatchMayBeMadeAndEndedByAnotherLoop) {
  start(2);
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
  int told = 0;
  std::unique_ptr<FdWatch> watch;
  for (int round = 1; round <= 20; ++round) {
    in_turn(1, [&] {
      watch = loops_->list(0).loop().watch_fd(pair[0], [&](bool readable, bool) {
        char byte = 0;
        if (readable && ::read(pair[0], &byte, 1) == 1) ++told;
      });
      watch->update(true, false);
    });
    ASSERT_EQ(::write(pair[1], "a", 1), 1);
    ASSERT_TRUE(becomes_true([&] { return told == round; }));
    in_turn(1, [&] { watch.reset(); });
  }
  in_turn(0, [&] { ::close(pair[0]); });
  ::close(pair[1]);
}

TEST_P(LoopsTest, AConnectionToABrokerMayBeMadeAndLetGoByAnotherLoop) {
  start(2);
  PeerConnections peers(list_, "tester");
  std::unique_ptr<Peer> peer;
  for (int round = 1; round <= 20; ++round) {
    in_turn(1, [&] {
      peer = peers.connect({"", "", "127.0.0.1", listener_->port()}, kTimeoutMs, [](const Status&) {});
      peer->send(
          protocol::ApiKey::kApiVersions, 0, [](Writer&) {}, [](Reader&) {});
    });
    ASSERT_TRUE(becomes_true([&] { return rules_.requests == round; }));
    in_turn(1, [&] { peer.reset(); });
    ASSERT_TRUE(becomes_true([&] { return rules_.open.empty(); }));
  }
}

TEST_P(LoopsTest, OneThreadRunsAllAfterTheyWereGathered) {
  start(3);
  if (GetParam() == Threads::kChanging) return;
  in_turn(0, [&] { EXPECT_EQ(loops_->gathered(), GetParam() == Threads::kOne); });
  in_turn(0, [&] { loops_->gather(); });
  EXPECT_TRUE(becomes_true([&] { return loops_->gathered(); }));
  std::array<std::thread::id, 3> threads;
  for (size_t i = 0; i < 3; ++i) in_turn(i, [&] { threads[i] = std::this_thread::get_id(); });
  EXPECT_EQ(threads[1], threads[0]);
  EXPECT_EQ(threads[2], threads[0]);
  in_turn(0, [&] { loops_->spread(); });
  for (size_t i = 0; i < 3; ++i) in_turn(i, [&] { threads[i] = std::this_thread::get_id(); });
  EXPECT_NE(threads[1], threads[0]);
  EXPECT_NE(threads[2], threads[1]);
}

INSTANTIATE_TEST_SUITE_P(Threads, LoopsTest,
                         testing::Values(Threads::kOne, Threads::kOneEach, Threads::kChanging),
                         [](const auto& info) {
                           return info.param == Threads::kOne       ? "One"
                                  : info.param == Threads::kOneEach ? "OneEach"
                                                                    : "Changing";
                         });

}  // namespace
}  // namespace ottla::net
