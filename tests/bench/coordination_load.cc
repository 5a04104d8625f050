// SPDX-License-Identifier: Apache-2.0
// The load of scripts/bench-coordination: sessions of ZooKeeper's protocol, each with `depth` requests under
// way.
//
//   coordination_load run PORT getData|setData|create SESSIONS COUNT DEPTH
//       connects and makes what is read or written, prints "ready", waits for a line, sends COUNT requests by
//       each session, prints the seconds that it took.
//   coordination_load null
//       a server that answers every frame at once with as many bytes as getData gives, and does nothing else:
//       what the kernel takes for it. Prints its port.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

namespace {

constexpr int kCreate = 1, kGetData = 4, kSetData = 5;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

void add(std::string& to, uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(number >> shift);
}

void add(std::string& to, const std::string& text) {
  add(to, static_cast<uint32_t>(text.size()));
  to += text;
}

std::string framed(const std::string& body) {
  std::string frame;
  add(frame, body);
  return frame;
}

std::string request(int kind, uint32_t xid, const std::string& path) {
  static const std::string data(128, 'x');
  std::string body;
  add(body, xid);
  add(body, static_cast<uint32_t>(kind));
  add(body, path);
  if (kind == kGetData) body += '\0';
  if (kind != kGetData) add(body, data);
  if (kind == kSetData) add(body, static_cast<uint32_t>(-1));
  if (kind == kCreate) {
    add(body, 1);
    add(body, 31);
    add(body, "world");
    add(body, "anyone");
    add(body, 0);
  }
  return framed(body);
}

// How many whole frames lie in `bytes`; they are taken off.
size_t take_frames(std::string& bytes) {
  size_t at = 0, frames = 0;
  while (bytes.size() - at >= 4) {
    uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, 4);
    length = ntohl(length);
    if (bytes.size() - at < 4 + length) break;
    at += 4 + length;
    ++frames;
  }
  bytes.erase(0, at);
  return frames;
}

// False: the peer has gone.
bool receive(int socket, std::string& to) {
  static std::array<char, 1 << 18> buffer;
  const ssize_t got = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (got < 0) fail("recv");
  to.append(buffer.data(), static_cast<size_t>(got));
  return got > 0;
}

void send_all(int socket, const std::string& bytes) {
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t took = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (took < 0) fail("send");
    sent += static_cast<size_t>(took);
  }
}

void call(int socket, const std::string& frame) {
  send_all(socket, frame);
  std::string answer;
  while (take_frames(answer) == 0) {
    if (!receive(socket, answer)) fail("the server closed the connection");
  }
}

void without_delay(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int connect_session(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
  without_delay(socket);
  // Version, last zxid, time-out, session, password, may be read-only.
  std::string hello(12, '\0');
  add(hello, 600'000);
  hello.append(8, '\0');
  add(hello, std::string(16, '\0'));
  hello += '\0';
  call(socket, framed(hello));
  return socket;
}

struct Session {
  int socket;
  std::string path;
  std::vector<std::string> frames;
  size_t sent = 0, answered = 0;
  std::string rest;

  void send(size_t count) {
    std::string batch;
    for (; count > 0 && sent < frames.size(); --count) batch += frames[sent++];
    send_all(socket, batch);
  }
};

int run(int port, const std::string& kind_name, size_t sessions, size_t count, size_t depth) {
  const int kind = kind_name == "create" ? kCreate : kind_name == "setData" ? kSetData : kGetData;
  const int epoll = ::epoll_create1(0);
  std::vector<Session> all(sessions);
  for (size_t number = 0; number < sessions; ++number) {
    Session& session = all[number];
    session.socket = connect_session(port);
    session.path = "/" + kind_name + "-" + std::to_string(::getpid()) + "-" + std::to_string(number);
    call(session.socket, request(kCreate, 1, session.path));
    for (size_t i = 0; i < count; ++i) {
      const std::string path = kind == kCreate ? session.path + "-" + std::to_string(i) : session.path;
      session.frames.push_back(request(kind, static_cast<uint32_t>(i) + 2, path));
    }
    epoll_event event{EPOLLIN, {.u64 = number}};
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, session.socket, &event) != 0) fail("epoll_ctl");
  }
  std::cout << "ready" << std::endl;
  std::string line;
  std::getline(std::cin, line);
  const auto began = std::chrono::steady_clock::now();
  for (Session& session : all) session.send(depth);
  std::array<epoll_event, 256> events{};
  for (size_t left = sessions; left > 0;) {
    const int ready = ::epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < ready; ++i) {
      Session& session = all[events[static_cast<size_t>(i)].data.u64];
      if (!receive(session.socket, session.rest)) fail("the server closed the connection");
      const size_t frames = take_frames(session.rest);
      session.answered += frames;
      session.send(frames);
      if (frames > 0 && session.answered == count) --left;
    }
  }
  std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() << std::endl;
  return 0;
}

int serve_null() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 1000) != 0)
    fail("listen");
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::cout << ntohs(address.sin_port) << std::endl;
  const int epoll = ::epoll_create1(0);
  epoll_event event{EPOLLIN, {.fd = listener}};
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  // A reply's header, the data and the stat.
  const std::string answer = framed(std::string(16 + 4 + 128 + 68, '\0'));
  std::vector<std::string> rest;
  std::array<epoll_event, 1024> events{};
  while (true) {
    const int ready = ::epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < ready; ++i) {
      const int socket = events[static_cast<size_t>(i)].data.fd;
      if (socket == listener) {
        const int accepted = ::accept(listener, nullptr, nullptr);
        if (accepted < 0) fail("accept");
        without_delay(accepted);
        if (rest.size() <= static_cast<size_t>(accepted)) rest.resize(static_cast<size_t>(accepted) + 1);
        event = {EPOLLIN, {.fd = accepted}};
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, accepted, &event);
        continue;
      }
      std::string& bytes = rest[static_cast<size_t>(socket)];
      if (!receive(socket, bytes)) {
        bytes.clear();
        ::close(socket);
        continue;
      }
      std::string answers;
      for (size_t frames = take_frames(bytes); frames > 0; --frames) answers += answer;
      if (!answers.empty()) send_all(socket, answers);
    }
  }
}

}  // namespace

int main(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "";
  if (what == "null") return serve_null();
  if (what == "run" && count == 7)
    return run(std::atoi(words[2]), words[3], std::strtoul(words[4], nullptr, 10),
               std::strtoul(words[5], nullptr, 10), std::strtoul(words[6], nullptr, 10));
  std::cerr << "usage: coordination_load null | run PORT getData|setData|create SESSIONS COUNT DEPTH\n";
  return 1;
}
