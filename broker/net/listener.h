// SPDX-License-Identifier: Apache-2.0
// A listening TCP port.
//
// Threads: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "broker/net/socket.h"
#include "protocol/base/event_loop.h"
#include "protocol/base/status.h"

namespace ottla::net {

class Listener {
 public:
  using Accepted = std::function<void(std::shared_ptr<Socket>)>;

  // Binds and listens, but accepts nobody before start(). `host` empty: all addresses, IPv6 and IPv4. `port`
  // 0: any free port. The error names the address and what is wrong with it.
  static Result<std::unique_ptr<Listener>> open(FlushList& flush_list, const std::string& host, int port);
  ~Listener();
  Listener(const Listener&) = delete;

  // `home` gives the list of the loop on which a connection is to live; without it all live on this one.
  void start(Accepted accepted, std::function<FlushList&()> home = nullptr);
  // Closes the port; connections that were accepted stay.
  void close();
  int port() const { return port_; }

 private:
  Listener(FlushList& flush_list, int fd, int port);
  void accept_some();
  void out_of_descriptors();

  FlushList& flush_list_;
  int fd_;
  int port_;
  int reserve_fd_;
  Accepted accepted_;
  std::function<FlushList&()> home_;
  std::unique_ptr<FdWatch> watch_;
};

}  // namespace ottla::net
