// SPDX-License-Identifier: Apache-2.0
// Where another machine is, and the way to it.
#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

namespace ottla::net {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

struct Resolved {
  std::vector<Address> addresses;
  std::string problem;  // why there are none
};

// Blocks; any thread.
Resolved resolve(const std::string& host, int port);

// A non-blocking descriptor whose connection is under way, or -1 with errno. A Socket may be made of it at
// once: what is written waits, and a failure shows as the end of the connection.
int begin_connect(const Address& address);

}  // namespace ottla::net
