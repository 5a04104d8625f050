// SPDX-License-Identifier: Apache-2.0
// A TCP port that answers GET requests of HTTP/1.x and nothing else: one request a connection, no bodies, at
// most 8 KiB of head, 16 connections at a time, 10 seconds for each. For figures and commands that people and
// monitoring ask for, not for load.
//
// Threads: the loop's.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "broker/net/listener.h"
#include "broker/net/socket.h"
#include "coordination/server/admin.h"

namespace ottla::net {

class HttpPort {
 public:
  // The answer to a target ("/commands/stat?x=y"), which is valid during the call only.
  using Answer = std::function<coordination::HttpAnswer(std::string_view target)>;

  // Takes an open listener and serves it. `flush_list` outlives this.
  HttpPort(FlushList& flush_list, std::unique_ptr<Listener> listener, Answer answer);
  ~HttpPort();

  int port() const { return listener_->port(); }

 private:
  class Client;
  void forget(Client* client);

  FlushList& flush_list_;
  std::unique_ptr<Listener> listener_;
  const Answer answer_;
  std::map<Client*, std::shared_ptr<Client>> clients_;
};

}  // namespace ottla::net
