// SPDX-License-Identifier: Apache-2.0
// What a Server is made of (server.h tells the way of a request). Connections talk to this; nobody else
// includes it.
//
// Threads: the loop's. Connections are known by number, because output may outlive them.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "coordination/config.h"
#include "coordination/jute/records.h"
#include "coordination/server/authenticator.h"
#include "coordination/server/connection.h"
#include "coordination/server/data_tree.h"
#include "coordination/server/operations.h"
#include "coordination/server/session_tracker.h"
#include "coordination/server/store.h"
#include "coordination/server/summary.h"
#include "protocol/base/event_loop.h"

namespace ottla::coordination {

struct ServerCounters {
  int64_t started_ms = 0;  // monotonic
  // What srst sets back.
  int64_t received = 0;
  int64_t sent = 0;
  Summary latency_ms;
  int64_t last_response_bytes = -1, min_response_bytes = -1, max_response_bytes = -1;
  int64_t auth_failed = 0;
  // What only grows.
  int64_t bytes_received = 0;
  int64_t response_bytes = 0;
  int64_t watch_bytes = 0;
  int64_t connections_accepted = 0;
  int64_t connections_rejected = 0;
  int64_t connections_dropped = 0;  // closed by us: bad bytes, too slow
  int64_t sessions_resumed = 0;
  int64_t sessions_expired = 0;
  int64_t sessionless_expired = 0;
  int64_t requests = 0;
  ByNamespace<int64_t> quota_refusals;
  SampledSummary read_latency_ms, update_latency_ms;

  void reset_stats();
};

class ServerCore {
 public:
  ServerCore(EventLoop& loop, ServerConfig config, Authenticator authenticator,
             std::unique_ptr<DataTree> tree, std::unique_ptr<Store> store);
  ~ServerCore();

  // Ends the sessions that a killed program left behind, and ephemerals without a session. Once, before the
  // first connection.
  void recover_sessions();

  // ---- from connections ----
  // Registers it; false where its address has too many already.
  bool attach(ServerConnection& connection);
  void detach(ServerConnection& connection);
  // From a deferred callback, so that the caller of accept() has its connection by then.
  void close_later(uint64_t connection_number);
  // A new session, or the old one again; the answer is queued. False: the connection is to be closed without
  // one.
  bool connect(ServerConnection& connection, const jute::ConnectRequest& request);
  void submit(ServerConnection& connection, const jute::RequestHeader& header, Reader body);
  void authenticate(ServerConnection& connection, const jute::RequestHeader& header, Reader body);
  void take_certificate(ServerConnection& connection, const std::string& subject);
  // Hands out the output that nothing unsynced is behind.
  void release_output();
  void when_durable(std::function<void()> done);

  void shutdown(std::function<void()> done);
  void set_failure_handler(std::function<void(Status)> handler) { failure_handler_ = std::move(handler); }

  // ---- to look at ----
  EventLoop& loop() { return loop_; }
  const ServerConfig& config() const { return config_; }
  DataTree& tree() { return *tree_; }
  const DataTree& tree() const { return *tree_; }
  int64_t uptime_ms() const { return loop_.monotonic_ms() - counters_.started_ms; }
  const Store& store() const { return *store_; }
  const SessionTracker& sessions() const { return sessions_; }
  ServerCounters& counters() { return counters_; }
  const ServerCounters& counters() const { return counters_; }
  void reset_connection_counters();
  int64_t trace_mask() const { return trace_mask_; }
  void set_trace_mask(int64_t mask) { trace_mask_ = mask; }
  bool serving() const { return !stopping_ && !failed_; }
  int64_t last_zxid() const { return last_zxid_; }
  size_t outstanding() const { return output_.size() + early_output_.size(); }
  const std::map<uint64_t, ServerConnection*>& connections() const { return connections_; }
  uint64_t next_connection_number() { return ++last_connection_; }

 private:
  struct Output {
    int64_t zxid;         // goes out when the log is synced up to here
    uint64_t connection;  // gone in the meantime: dropped
    std::vector<uint8_t> bytes;
    bool is_reply = false;
    bool then_close = false;
    int64_t submitted_ms = 0;
    // Of a reply, for the connection's counters.
    const char* brief = "NA";
    int32_t xid = -1;
    bool is_write = false;
  };

  void commit_session(ServerConnection& connection, const jute::ConnectRequest& request);
  void resume_session(ServerConnection& connection, const jute::ConnectRequest& request);
  void queue_connect_response(ServerConnection& connection, bool valid);
  TxnResult commit(int64_t session_id, int32_t cxid, int32_t type, jute::TxnBody body, int64_t zxid,
                   int64_t time_ms);
  void submit_write(ServerConnection& connection, const Operation& operation, int32_t xid, Reader body);
  void submit_read(ServerConnection& connection, const Operation& operation, int32_t xid, Reader body);
  void step_sasl(ServerConnection& connection, const jute::RequestHeader& header, Reader body);
  void fail_sasl(ServerConnection& connection, const jute::RequestHeader& header, const std::string& why);
  void end_session(int64_t session_id);
  Output& queue(ServerConnection& connection, const Writer& frame, bool is_reply, bool then_close = false);
  Output& queue_reply(ServerConnection& connection, const jute::ReplyHeader& header, Bytes body,
                      bool then_close = false);
  void warn_of_quota(const WritePreparer& preparer, const std::string& peer);
  void queue_event(ServerConnection& connection, const WatchEvent& event);
  void flush_at_end_of_turn();
  void put_off_flush();
  void on_synced();
  void deliver(const Output& output);
  void release_durability_waits();
  void release_at_end_of_turn();
  void on_failure(Status status);
  void expire_sessions();
  void arm_expiry();
  std::vector<std::string> sweep_candidates() const;
  void sweep();
  void arm_sweep();
  void watch_silence(uint64_t connection_number);
  void close_silent();
  void count(const Output& output);

  EventLoop& loop_;
  const ServerConfig config_;
  const Authenticator authenticator_;
  std::unique_ptr<DataTree> tree_;
  std::unique_ptr<Store> store_;
  SessionTracker sessions_;
  int64_t last_zxid_;  // given out; what the tree holds
  // Of submit_read() and submit_write(), and of queue_reply(): kept, so that a reply allocates no memory to
  // be made in.
  Writer body_scratch_, frame_scratch_;
  std::deque<Output> output_;
  // For in-process connections: waits for no sync.
  std::deque<Output> early_output_;
  struct DurabilityWait {
    int64_t zxid;
    std::function<void()> done;
  };
  std::deque<DurabilityWait> durability_waits_;
  bool releasing_ = false;
  bool flush_scheduled_ = false;
  bool in_process_answered_ = false;  // since the flush was put off last
  bool release_scheduled_ = false;
  bool stopping_ = false;
  bool failed_ = false;
  std::function<void()> stopped_;
  std::function<void(Status)> failure_handler_;
  uint64_t last_connection_ = 0;
  std::map<uint64_t, ServerConnection*> connections_;
  std::map<int64_t, uint64_t> session_connections_;
  std::map<std::string, int> per_address_;
  std::unique_ptr<Timer> expiry_timer_;
  int64_t armed_for_ms_ = 0;
  std::unique_ptr<Timer> sweep_timer_;
  struct Silent {
    uint64_t connection;
    int64_t deadline_ms;
  };
  std::deque<Silent> silent_;  // those that had sent no connect request when they came, oldest first
  std::unique_ptr<Timer> silence_timer_;
  int64_t quota_warned_ms_ = -1;
  int64_t trace_mask_ = 306;  // ZooTrace's default; nothing is traced here
  ServerCounters counters_;
  // Callbacks that the loop still holds when this is gone look here first.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ottla::coordination
