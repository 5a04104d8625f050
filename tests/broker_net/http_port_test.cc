// SPDX-License-Identifier: Apache-2.0
#include "broker/net/http_port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "broker/net/uv_loop.h"

namespace ottla::net {
namespace {

// A port whose answer repeats the target, and plain clients on the same thread.
class HttpPortTest : public ::testing::Test {
 protected:
  HttpPortTest() {
    auto opened = Listener::open(list_, "127.0.0.1", 0);
    EXPECT_TRUE(opened.ok());
    port_ = std::make_unique<HttpPort>(list_, std::move(*opened), [](std::string_view target) {
      return coordination::HttpAnswer{200, "text/plain", "you asked for " + std::string(target)};
    });
  }
  ~HttpPortTest() override {
    for (const int fd : clients_) ::close(fd);
  }
  int connect() {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    clients_.push_back(fd);
    return fd;
  }
  void send(int fd, const std::string& text) {
    EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // All that comes until the port closes the connection.
  std::string read_all(int fd) {
    std::string text;
    const auto ticker = loop_.make_timer([&] { loop_.stop(); });
    const int64_t deadline_ms = loop_.monotonic_ms() + 30'000;
    while (loop_.monotonic_ms() < deadline_ms) {
      ticker->start(1);
      loop_.run();
      char bytes[4096];
      ssize_t count = 0;
      while ((count = ::read(fd, bytes, sizeof bytes)) > 0) text.append(bytes, static_cast<size_t>(count));
      if (count == 0 || errno == ECONNRESET) return text;
    }
    ADD_FAILURE() << "the connection stays open";
    return text;
  }
  std::string ask(const std::string& request) {
    const int fd = connect();
    send(fd, request);
    return read_all(fd);
  }

  UvLoop loop_;
  FlushList list_{loop_};
  std::unique_ptr<HttpPort> port_;
  std::vector<int> clients_;
};

TEST_F(HttpPortTest, AGetIsAnsweredAndTheConnectionClosed) {
  const std::string answer = ask("GET /commands/stat?a=b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 32\r\n"))
      << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nyou asked for /commands/stat?a=b")) << answer;
}

TEST_F(HttpPortTest, ARequestMayComeInPieces) {
  const int fd = connect();
  for (const char* piece : {"GE", "T /x HT", "TP/1.0\r\n", "Accept: all\r\n", "\r"}) send(fd, piece);
  send(fd, "\n");
  EXPECT_TRUE(read_all(fd).ends_with("you asked for /x"));
}

TEST_F(HttpPortTest, WhatIsNoGetIsRefused) {
  EXPECT_TRUE(ask("POST /x HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(ask("hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask("GET /x\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask("GET /x SMTP/1.1\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

TEST_F(HttpPortTest, AHeadHasItsLargestSize) {
  EXPECT_TRUE(ask("GET /x HTTP/1.1\r\nX: " + std::string(9000, 'x')).starts_with("HTTP/1.1 431 "));
}

TEST_F(HttpPortTest, SixteenConnectionsAreServedAtATime) {
  std::vector<int> idle;
  for (int i = 0; i < 16; ++i) idle.push_back(connect());
  EXPECT_EQ(read_all(connect()), "") << "one more is closed";
  send(idle[7], "GET /still HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(read_all(idle[7]).ends_with("/still"));
}

}  // namespace
}  // namespace ottla::net
