// SPDX-License-Identifier: Apache-2.0
// Ports of this machine that lead to TLS servers elsewhere, for a library that speaks no TLS (Apache's C
// client of ZooKeeper as Debian builds it): what comes in on a port goes out encrypted to that port's server,
// and back.
//
// The ports are on 127.0.0.1 and let in only connections of the user that runs this program, who may read its
// keys as well; anybody else's is closed unread.
//
// A connection that cannot be made, or whose handshake fails, is closed, and the log says why, once for each
// new reason; the library tries again as it does with any server.
//
// Threads: the loop's; names are resolved on its pool.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/net/listener.h"
#include "protocol/tls/tls.h"

namespace ottla::net {

class TlsTunnel {
 public:
  struct Server {
    std::string host;
    int port = 0;
  };

  // `flush_list` outlives the tunnel.
  static Result<std::unique_ptr<TlsTunnel>> open(FlushList& flush_list,
                                                 std::shared_ptr<const tls::Context> context,
                                                 std::vector<Server> servers);
  ~TlsTunnel();
  TlsTunnel(const TlsTunnel&) = delete;

  // Of 127.0.0.1, in the order of the servers.
  std::vector<int> ports() const;
  // Connections that are open.
  size_t size() const;

 private:
  class Gate;
  TlsTunnel();
  std::vector<std::unique_ptr<Gate>> gates_;
};

// The user that owns the connection from 127.0.0.1:`from` to 127.0.0.1:`to`, as /proc/net/tcp has it; nothing
// where there is none.
std::optional<uint32_t> user_of_local_connection(int from, int to);

}  // namespace ottla::net
