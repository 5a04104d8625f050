// SPDX-License-Identifier: Apache-2.0
#include "broker/net/resolver.h"

#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ottla::net {

Resolved resolve(const std::string& host, int port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  Resolved resolved;
  const int rc = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (rc != 0) {
    resolved.problem = ::gai_strerror(rc);
    return resolved;
  }
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Address& address = resolved.addresses.emplace_back();
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
  }
  ::freeaddrinfo(found);
  return resolved;
}

int begin_connect(const Address& address) {
  const int fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0 ||
      errno == EINPROGRESS)
    return fd;
  const int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

}  // namespace ottla::net
