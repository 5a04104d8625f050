// SPDX-License-Identifier: Apache-2.0
#include "broker/net/listener.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "protocol/base/log.h"

namespace ottla::net {
namespace {

constexpr int kAcceptsPerTurn = 64;

std::string numeric_host(const sockaddr_storage& address, socklen_t length) {
  char host[NI_MAXHOST] = "";
  if (getnameinfo(reinterpret_cast<const sockaddr*>(&address), length, host, sizeof host, nullptr, 0,
                  NI_NUMERICHOST) != 0) {
    return "unknown";
  }
  const std::string text = host;
  return text.starts_with("::ffff:") ? text.substr(7) : text;
}

int port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

int bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return port_of(address);
}

// A listening descriptor for one resolved address, or -1 with errno.
int listen_on(const addrinfo& address) {
  const int fd = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ai_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (::bind(fd, address.ai_addr, address.ai_addrlen) == 0 && ::listen(fd, 1024) == 0) return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(FlushList& flush_list, const std::string& host, int port) {
  const std::string shown = (host.empty() ? "*" : host) + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  // A wildcard is tried as IPv6 first, which takes IPv4 too; machines without IPv6 fall to 0.0.0.0.
  const int rc =
      getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (rc != 0)
    return Status(ErrorCode::INVALID_CONFIG,
                  "cannot resolve listener address " + shown + ": " + gai_strerror(rc));
  int fd = -1;
  int error = 0;
  for (const int family : {host.empty() ? AF_INET6 : AF_INET, host.empty() ? AF_INET : AF_INET6}) {
    for (const addrinfo* address = found; address != nullptr && fd < 0; address = address->ai_next) {
      if (address->ai_family != family) continue;
      fd = listen_on(*address);
      // A port in use is the answer, whatever the other family would say.
      if (fd < 0 && error != EADDRINUSE) error = errno;
    }
    if (error == EADDRINUSE) break;
  }
  freeaddrinfo(found);
  if (fd < 0) return Status::from_errno(error, "cannot listen on " + shown);
  return std::unique_ptr<Listener>(new Listener(flush_list, fd, bound_port(fd)));
}

Listener::Listener(FlushList& flush_list, int fd, int port)
    : flush_list_(flush_list), fd_(fd), port_(port), reserve_fd_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {}

Listener::~Listener() {
  close();
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
}

void Listener::start(Accepted accepted, std::function<FlushList&()> home) {
  accepted_ = std::move(accepted);
  home_ = std::move(home);
  watch_ = flush_list_.loop().watch_fd(fd_, [this](bool, bool) { accept_some(); });
  watch_->update(true, false);
}

void Listener::close() {
  watch_.reset();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void Listener::accept_some() {
  for (int i = 0; i < kAcceptsPerTurn && fd_ >= 0; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const int fd =
        ::accept4(fd_, reinterpret_cast<sockaddr*>(&address), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE) out_of_descriptors();
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    FlushList& flush_list = home_ ? home_() : flush_list_;
    accepted_(std::make_shared<Socket>(flush_list, fd, numeric_host(address, length), port_of(address)));
  }
}

// The pending connection would wake the loop for ever: it is taken with the descriptor kept for this, and
// refused.
void Listener::out_of_descriptors() {
  log_warn("broker.net", "out of file descriptors: refusing a connection on port {} (raise 'ulimit -n')",
           port_);
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
  const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) ::close(fd);
  reserve_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  errno = EMFILE;
}

}  // namespace ottla::net
