// SPDX-License-Identifier: Apache-2.0
// The coordination half of the program: a server over its directory, and its port if it has one.
//
// Threads: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "broker/net/coordination_port.h"
#include "broker/net/http_port.h"
#include "broker/net/socket.h"
#include "coordination/config.h"
#include "coordination/server/server.h"
#include "storage/io/file_system.h"

namespace ottla {

class CoordinationService {
 public:
  // Opens the ports first, so that a taken one costs nothing, then loads the directory. config.client_port
  // negative: no port; 0: any free one. Errors say what to change. The ports of the admin server and of
  // Prometheus are opened where the config asks for them.
  static Result<std::unique_ptr<CoordinationService>> open(net::FlushList& flush_list,
                                                           storage::FileSystem& files,
                                                           coordination::ServerConfig config);
  coordination::Server& server() { return *server_; }
  // "127.0.0.1:2181"; empty without a port.
  std::string address() const;
  // 0 without one.
  int admin_port() const { return admin_ ? admin_->port() : 0; }
  int metrics_port() const { return metrics_ ? metrics_->port() : 0; }
  int secure_port() const { return secure_port_ ? secure_port_->port() : 0; }
  // Closes the port and the connections; `done` comes when everything taken is on disk.
  void stop(std::function<void()> done);

 private:
  CoordinationService() = default;
  std::string host_;
  std::unique_ptr<coordination::Server> server_;
  std::unique_ptr<net::CoordinationPort> port_;
  std::unique_ptr<net::CoordinationPort> secure_port_;
  std::unique_ptr<net::HttpPort> admin_;
  std::unique_ptr<net::HttpPort> metrics_;
};

// Whether `host` is this machine: a loopback address or name, the machine's own name, or the address of one
// of its interfaces.
bool names_this_machine(const std::string& host);
// The name that other machines know this one by; "localhost" where it has none that resolves.
std::string machine_name();

}  // namespace ottla
