// SPDX-License-Identifier: Apache-2.0
// A standalone ZooKeeper server without sockets (org.apache.zookeeper.server.ZooKeeperServer and its chain of
// processors).
//
// The way of a request, all on the loop's thread:
//   1. ServerConnection cuts the stream into frames and hands each request to the server.
//   2. A write is checked against the tree and becomes a transaction (operations.h), which takes the next
//   zxid, is put into the
//      log's buffer and is applied to the tree at once; the watches it fires and its reply queue up as
//      output.
//   3. A read is answered from the tree; its reply queues up too.
//   4. At the end of the turn everything buffered goes to the log file with one fdatasync, on a pool thread;
//   what comes
//      meanwhile waits for the next round.
//   5. Output leaves in the order it was made, as far as the log is synced up to the last zxid its maker
//   could see. So nobody
//      learns of a write that a power cut could still take back, and replies of one session keep their order.
//      Only the session of this very program (InProcessClient) is answered at the end of the turn: it dies
//      with the server, and asks when_durable() before it lets anything out that must not be taken back.
//
// When the log cannot be written, nothing more is answered: connections are closed and the failure handler is
// told.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "coordination/config.h"
#include "coordination/server/admin.h"
#include "coordination/server/connection.h"
#include "protocol/base/event_loop.h"
#include "protocol/base/status.h"

namespace ottla::storage {
class FileSystem;
}

namespace ottla::coordination {

class ServerCore;

class Server {
 public:
  // Loads config.data_dir, creating it where it misses. Blocking: reads the newest snapshot and the logs
  // after it. `loop` and `files` outlive the server. Errors name the file and the way out.
  static Result<std::unique_ptr<Server>> open(EventLoop& loop, storage::FileSystem& files,
                                              ServerConfig config);
  // REQUIRES: all connections are gone. What was not synced yet is dropped; shutdown() first for a clean
  // stop.
  ~Server();

  // See connection.h. `peer_address` is "ip:port" ("[::1]:port").
  std::unique_ptr<ServerConnection> accept(ConnectionSink& sink, std::string peer_address);
  // For InProcessClient: its session does not expire while connected, is not counted, and dies with the
  // program.
  std::unique_ptr<ServerConnection> accept_in_process(ConnectionSink& sink);

  // `done` in a later turn, when everything committed until now is synced. Never where the log fails.
  void when_durable(std::function<void()> done);
  // No request is taken any more; `done` comes when what was taken is in the log and answered. Sessions stay.
  void shutdown(std::function<void()> done);
  // Called once when the log or a directory fails; the program should end, as ZooKeeper does.
  void set_failure_handler(std::function<void(Status)> handler);

  // For the ports of the admin server and of Prometheus (admin.h).
  HttpAnswer answer_admin(std::string_view target);
  HttpAnswer answer_metrics(std::string_view target);

  const ServerConfig& config() const;
  int64_t last_zxid() const;
  // fdatasync calls of the log so far; for tests and figures.
  int64_t sync_count() const;

 private:
  friend class ServerConnection;
  explicit Server(std::unique_ptr<ServerCore> core);
  std::unique_ptr<ServerCore> core_;
};

}  // namespace ottla::coordination
