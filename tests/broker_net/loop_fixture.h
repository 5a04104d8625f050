// SPDX-License-Identifier: Apache-2.0
// A loop of the machine's own, and plain clients on the same thread.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "broker/net/listener.h"
#include "broker/net/uv_loop.h"

namespace ottla::net {

class LoopTest : public testing::Test {
 protected:
  ~LoopTest() override {
    for (const int fd : clients_) ::close(fd);
  }
  std::unique_ptr<Listener> listen() {
    auto opened = Listener::open(list_, "127.0.0.1", 0);
    EXPECT_TRUE(opened.ok()) << opened.status().message();
    return std::move(*opened);
  }
  // A blocking client of a port of ours.
  int connect(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    clients_.push_back(fd);
    return fd;
  }
  static void send_text(int fd, const std::string& bytes) {
    ASSERT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // Runs the loop until `done`, at most five seconds.
  void run_until(std::function<bool()> done) {
    bool late = false;
    auto deadline = loop_.make_timer([&] {
      late = true;
      loop_.stop();
    });
    std::unique_ptr<Timer> poll;
    poll = loop_.make_timer([&] {
      if (done()) {
        loop_.stop();
      } else {
        poll->start(1);
      }
    });
    poll->start(0);
    deadline->start(5000);
    loop_.run();
    EXPECT_FALSE(late) << "waited five seconds in vain";
  }
  std::string receive(int fd, size_t count) {
    std::string out;
    run_until([&] {
      char buffer[65536];
      const ssize_t got = ::recv(fd, buffer, std::min(sizeof buffer, count - out.size()), MSG_DONTWAIT);
      if (got > 0) out.append(buffer, static_cast<size_t>(got));
      return out.size() == count;
    });
    return out;
  }
  // The other side has closed the connection, and sent nothing more.
  bool is_closed(int fd) {
    char byte = 0;
    const ssize_t got = ::recv(fd, &byte, 1, MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }

  UvLoop loop_;
  FlushList list_{loop_};

 private:
  std::vector<int> clients_;
};

}  // namespace ottla::net
