// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/server_core.h"

#include <algorithm>

#include "protocol/base/log.h"

namespace ottla::coordination {
namespace {

constexpr const char* kLog = "coordination.server";
// A scratch Writer that one large reply made bigger gives its memory back.
constexpr size_t kKeptReplyBytes = 64 << 10;

Writer& emptied(Writer& scratch) {
  if (scratch.capacity() > kKeptReplyBytes) {
    scratch = Writer();
  } else {
    scratch.clear();
  }
  return scratch;
}

std::string host_of(const std::string& peer) { return peer.substr(0, peer.rfind(':')); }

}  // namespace

ServerCore::ServerCore(EventLoop& loop, ServerConfig config, Authenticator authenticator,
                       std::unique_ptr<DataTree> tree, std::unique_ptr<Store> store)
    : loop_(loop),
      config_(std::move(config)),
      authenticator_(std::move(authenticator)),
      tree_(std::move(tree)),
      store_(std::move(store)),
      sessions_(config_.tick_time_ms, loop.wall_ms()),
      last_zxid_(tree_->last_zxid()) {
  counters_.started_ms = loop_.monotonic_ms();
  expiry_timer_ = loop_.make_timer([this] { expire_sessions(); });
  sweep_timer_ = loop_.make_timer([this] { sweep(); });
  silence_timer_ = loop_.make_timer([this] { close_silent(); });
  store_->set_handlers([this] { on_synced(); }, [this](Status status) { on_failure(std::move(status)); });
  tree_->set_event_handler(
      [this](WatchManager::Watcher watcher, const WatchEvent& event, const AclList& must_read) {
        const auto entry = connections_.find(watcher);
        if (entry == connections_.end()) return;
        ServerConnection& connection = *entry->second;
        if (connection.state_ == ServerConnection::State::kClosed) return;
        if (!config_.skip_acl &&
            !acl_allows(must_read, perms::kRead, connection.identities_, authenticator_.acl_rules()))
          return;
        queue_event(connection, event);
      });
}

ServerCore::~ServerCore() {
  *alive_ = false;
  // The network layer destroys connections a turn after their sockets: some may be left.
  for (const auto& [number, connection] : connections_) {
    connection->state_ = ServerConnection::State::kClosed;
    connection->core_ = nullptr;
  }
}

bool ServerCore::attach(ServerConnection& connection) {
  connections_[connection.id_] = &connection;
  connection.counters_.established_ms = loop_.wall_ms();
  if (connection.in_process_) return true;
  ++counters_.connections_accepted;
  const int count = ++per_address_[host_of(connection.peer_)];
  const bool too_many =
      config_.max_connections > 0 && connections_.size() > static_cast<size_t>(config_.max_connections);
  if (too_many || (config_.max_client_connections > 0 && count > config_.max_client_connections)) {
    ++counters_.connections_rejected;
    log_warn(kLog, "Too many connections{}: refusing {}, max is {} ({})", too_many ? "" : " from its address",
             connection.peer_, too_many ? config_.max_connections : config_.max_client_connections,
             too_many ? "maxCnxns" : "maxClientCnxns");
    return false;
  }
  watch_silence(connection.id_);
  return true;
}

void ServerCore::reset_connection_counters() {
  for (const auto& [number, connection] : connections_) {
    const int64_t established_ms = connection->counters_.established_ms;
    connection->counters_ = {};
    connection->counters_.established_ms = established_ms;
  }
}

void ServerCounters::reset_stats() {
  received = sent = auth_failed = 0;
  latency_ms = {};
  last_response_bytes = min_response_bytes = max_response_bytes = -1;
}

void ServerCore::detach(ServerConnection& connection) {
  connections_.erase(connection.id_);
  tree_->data_watches().remove_watcher(connection.id_);
  tree_->child_watches().remove_watcher(connection.id_);
  const auto session = session_connections_.find(connection.session_id_);
  if (session != session_connections_.end() && session->second == connection.id_)
    session_connections_.erase(session);
  if (connection.in_process_) return;
  const auto address = per_address_.find(host_of(connection.peer_));
  if (--address->second == 0) per_address_.erase(address);
}

void ServerCore::close_later(uint64_t connection_number) {
  loop_.defer([this, alive = alive_, connection_number] {
    if (!*alive) return;
    const auto entry = connections_.find(connection_number);
    if (entry != connections_.end()) entry->second->close();
  });
}

bool ServerCore::connect(ServerConnection& connection, const jute::ConnectRequest& request) {
  if (!serving()) return false;
  if (request.last_zxid_seen > last_zxid_) {
    log_info(kLog, "Refusing a session to {}: it has seen zxid 0x{:x}, our last is 0x{:x}", connection.peer_,
             request.last_zxid_seen, last_zxid_);
    return false;
  }
  connection.session_timeout_ms_ =
      std::clamp(request.timeout_ms, config_.min_session_timeout(), config_.max_session_timeout());
  if (request.session_id == 0) {
    commit_session(connection, request);
  } else {
    resume_session(connection, request);
  }
  return true;
}

void ServerCore::commit_session(ServerConnection& connection, const jute::ConnectRequest&) {
  connection.session_id_ = sessions_.new_id(connection.in_process_);
  sessions_.track(connection.session_id_, connection.session_timeout_ms_, loop_.monotonic_ms());
  session_connections_[connection.session_id_] = connection.id_;
  const int64_t zxid = ++last_zxid_;
  static_cast<void>(commit(connection.session_id_, 0, jute::kCreateSession,
                           jute::CreateSessionTxn{connection.session_timeout_ms_}, zxid, loop_.wall_ms()));
  queue_connect_response(connection, true);
  arm_expiry();
}

void ServerCore::resume_session(ServerConnection& connection, const jute::ConnectRequest& request) {
  const bool valid =
      sessions_.contains(request.session_id) && request.password == session_password(request.session_id);
  if (!valid) {
    log_info(kLog, "Refusing {}: session 0x{:x} is {}", connection.peer_,
             static_cast<uint64_t>(request.session_id),
             sessions_.contains(request.session_id) ? "there but its password is another"
                                                    : "not there or not any more");
    queue_connect_response(connection, false);
    return;
  }
  // The client has left its old connection, whether we noticed or not.
  const auto old = session_connections_.find(request.session_id);
  if (old != session_connections_.end()) {
    ServerConnection* previous = connections_.at(old->second);
    session_connections_.erase(old);
    tree_->data_watches().remove_watcher(previous->id_);
    tree_->child_watches().remove_watcher(previous->id_);
    previous->session_id_ = 0;
    previous->close();
  }
  ++counters_.sessions_resumed;
  connection.session_id_ = request.session_id;
  session_connections_[connection.session_id_] = connection.id_;
  sessions_.track(connection.session_id_, connection.session_timeout_ms_, loop_.monotonic_ms());
  queue_connect_response(connection, true);
  arm_expiry();
}

void ServerCore::queue_connect_response(ServerConnection& connection, bool valid) {
  jute::ConnectResponse response;
  response.timeout_ms = valid ? connection.session_timeout_ms_ : 0;
  response.session_id = valid ? connection.session_id_ : 0;
  response.password = valid ? session_password(connection.session_id_) : std::string(16, '\0');
  if (connection.old_client_) response.read_only.reset();
  Writer frame;
  const size_t mark = frame.begin_frame();
  response.encode(frame);
  frame.end_frame(mark);
  queue(connection, frame, false, !valid);
}

TxnResult ServerCore::commit(int64_t session_id, int32_t cxid, int32_t type, jute::TxnBody body, int64_t zxid,
                             int64_t time_ms) {
  jute::Txn txn{{session_id, cxid, zxid, time_ms, type}, std::move(body)};
  store_->append(txn);
  TxnResult result = tree_->apply(txn);
  flush_at_end_of_turn();
  arm_sweep();
  return result;
}

void ServerCore::submit(ServerConnection& connection, const jute::RequestHeader& header, Reader body) {
  if (!serving() || !sessions_.touch(connection.session_id_, loop_.monotonic_ms())) return;
  ++counters_.requests;
  if (header.type == jute::kSasl) return step_sasl(connection, header, body);
  if (!authenticator_.lets_in(connection.identities_)) {
    log_warn(kLog, "Closing the connection from {}: it has not authenticated by a scheme that is demanded",
             connection.peer_);
    queue_reply(connection, {header.xid, 0, static_cast<int32_t>(ZkError::kSessionClosedRequireSaslAuth)}, {},
                true);
    return;
  }
  const Operation* operation = find_operation(header.type);
  if (operation == nullptr) {
    log_warn(kLog, "{} asks for operation {}, which does not exist", connection.peer_, header.type);
    queue_reply(connection, {header.xid, last_zxid_, static_cast<int32_t>(ZkError::kUnimplemented)}, {},
                true);
    return;
  }
  if (operation->prepare != nullptr) {
    submit_write(connection, *operation, header.xid, body);
  } else {
    submit_read(connection, *operation, header.xid, body);
  }
}

void ServerCore::submit_write(ServerConnection& connection, const Operation& operation, int32_t xid,
                              Reader body) {
  const Caller caller{
      connection.id_,   connection.session_id_, &connection.identities_, &authenticator_.acl_rules(),
      config_.skip_acl, config_.enforce_quota,  config_.reconfig_enabled};
  const int64_t zxid = ++last_zxid_, time_ms = loop_.wall_ms();
  WritePreparer preparer(*tree_, caller, zxid, time_ms);
  jute::TxnBody txn;
  const ZkError refused = operation.prepare(preparer, operation.type, body, &txn);
  warn_of_quota(preparer, connection.peer_);
  const auto reply_with = [&](ZkError error, Bytes bytes, bool then_close) {
    Output& reply = queue_reply(connection, {xid, zxid, static_cast<int32_t>(error)}, bytes, then_close);
    reply.brief = operation.brief;
    reply.xid = xid;
    reply.is_write = true;
  };
  if (refused != ZkError::kOk) {
    if (int64_t* const refusals = preparer.quota_refusal().empty()
                                      ? nullptr
                                      : counters_.quota_refusals.of(preparer.quota_refusal()))
      ++*refusals;
    static_cast<void>(commit(caller.session_id, xid, jute::kError,
                             jute::ErrorTxn{static_cast<int32_t>(refused)}, zxid, time_ms));
    return reply_with(refused, {}, false);
  }
  const TxnResult result = commit(caller.session_id, xid, operation.type, std::move(txn), zxid, time_ms);
  // What was prepared against this very tree applies to it; the parts of a multi carry their own errors.
  OTTLA_CHECK(result.error == ZkError::kOk || operation.type == jute::kMulti);
  const bool closing = operation.type == jute::kCloseSession;
  if (closing) {
    sessions_.remove(caller.session_id);
    session_connections_.erase(caller.session_id);
    connection.closing_session_ = true;
  }
  Writer& reply = emptied(body_scratch_);
  if (operation.respond != nullptr) operation.respond(result, reply);
  reply_with(ZkError::kOk, reply.buffer(), closing);
}

// At most a line a minute: who passes a soft limit may go on to write as fast as it likes.
void ServerCore::warn_of_quota(const WritePreparer& preparer, const std::string& peer) {
  if (preparer.quota_warning().empty()) return;
  const int64_t now_ms = loop_.monotonic_ms();
  if (quota_warned_ms_ >= 0 && now_ms - quota_warned_ms_ < 60'000) return;
  quota_warned_ms_ = now_ms;
  log_warn(kLog, "{}, by {}", preparer.quota_warning(), peer);
}

void ServerCore::submit_read(ServerConnection& connection, const Operation& operation, int32_t xid,
                             Reader body) {
  const Caller caller{connection.id_,
                      connection.session_id_,
                      &connection.identities_,
                      &authenticator_.acl_rules(),
                      config_.skip_acl,
                      false,
                      false};
  ReadContext context{*tree_, caller, [&](const WatchEvent& event) { queue_event(connection, event); },
                      false};
  Writer& reply = emptied(body_scratch_);
  const ZkError error = operation.read(context, body, reply);
  const bool ok = error == ZkError::kOk;
  Output& output =
      queue_reply(connection, {xid, last_zxid_, static_cast<int32_t>(error)}, ok ? reply.buffer() : Bytes());
  output.brief = operation.brief;
  output.xid = xid;
}

ServerCore::Output& ServerCore::queue(ServerConnection& connection, const Writer& frame, bool is_reply,
                                      bool then_close) {
  const Bytes bytes = frame.buffer();
  auto& output = connection.in_process_ ? early_output_ : output_;
  output.push_back(Output{last_zxid_, connection.id_, std::vector<uint8_t>(bytes.begin(), bytes.end()),
                          is_reply, then_close, loop_.monotonic_ms()});
  connection.queued_bytes_ += bytes.size();
  if (is_reply) {
    ++connection.outstanding_;
    connection.largest_reply_ = std::max(connection.largest_reply_, bytes.size());
  }
  if (connection.in_process_) {
    in_process_answered_ = true;
    release_at_end_of_turn();
  }
  return output.back();
}

ServerCore::Output& ServerCore::queue_reply(ServerConnection& connection, const jute::ReplyHeader& header,
                                            Bytes body, bool then_close) {
  Writer& frame = emptied(frame_scratch_);
  const size_t mark = frame.begin_frame();
  header.encode(frame);
  frame.raw(body);
  frame.end_frame(mark);
  counters_.response_bytes += static_cast<int64_t>(body.size());
  return queue(connection, frame, true, then_close);
}

void ServerCore::queue_event(ServerConnection& connection, const WatchEvent& event) {
  Writer frame;
  const size_t mark = frame.begin_frame();
  jute::ReplyHeader{jute::kNotificationXid, -1, 0}.encode(frame);
  jute::WatcherEvent{static_cast<int32_t>(event.type), jute::kSyncConnected, event.path}.encode(frame);
  frame.end_frame(mark);
  counters_.watch_bytes += static_cast<int64_t>(frame.buffer().size());
  queue(connection, frame, false);
  connection.drop_if_deaf();
}

void ServerCore::release_output() {
  // A sink may give us more bytes from inside send(); the outer call goes on with what they add.
  if (releasing_ || failed_) return;
  releasing_ = true;
  while (!early_output_.empty()) {
    const Output output = std::move(early_output_.front());
    early_output_.pop_front();
    deliver(output);
  }
  while (!output_.empty() && output_.front().zxid <= store_->synced_zxid()) {
    const Output output = std::move(output_.front());
    output_.pop_front();
    deliver(output);
  }
  releasing_ = false;
}

void ServerCore::deliver(const Output& output) {
  count(output);
  const auto entry = connections_.find(output.connection);
  if (entry == connections_.end()) return;
  if (output.is_reply) entry->second->count_reply(output.brief, output.xid, output.zxid, output.submitted_ms);
  if (!output.bytes.empty()) entry->second->deliver(output.bytes, output.is_reply);
  if (output.then_close) entry->second->close();
}

// What others' requests caused reaches an in-process connection from here; its own, from its on_bytes().
void ServerCore::release_at_end_of_turn() {
  if (release_scheduled_) return;
  release_scheduled_ = true;
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    release_scheduled_ = false;
    release_output();
  });
}

void ServerCore::when_durable(std::function<void()> done) {
  durability_waits_.push_back({last_zxid_, std::move(done)});
  loop_.defer([this, alive = alive_] {
    if (*alive) release_durability_waits();
  });
}

void ServerCore::release_durability_waits() {
  const std::shared_ptr<bool> alive = alive_;
  while (*alive && !failed_ && !durability_waits_.empty() &&
         durability_waits_.front().zxid <= store_->synced_zxid()) {
    const auto done = std::move(durability_waits_.front().done);
    durability_waits_.pop_front();
    done();
  }
}

void ServerCore::count(const Output& output) {
  if (!output.is_reply) return;
  const int64_t latency_ms = loop_.monotonic_ms() - output.submitted_ms;
  counters_.latency_ms.add(latency_ms);
  (output.is_write ? counters_.update_latency_ms : counters_.read_latency_ms).add(latency_ms);
  const auto bytes = static_cast<int64_t>(output.bytes.size());
  counters_.last_response_bytes = bytes;
  counters_.max_response_bytes = std::max(counters_.max_response_bytes, bytes);
  counters_.min_response_bytes =
      counters_.min_response_bytes < 0 ? bytes : std::min(counters_.min_response_bytes, bytes);
}

void ServerCore::flush_at_end_of_turn() {
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  put_off_flush();
}

// The broker in this program is answered at once and may write more in answer: all of a chain (a topic, then
// the states of its partitions) shares one commit.
void ServerCore::put_off_flush() {
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    if (std::exchange(in_process_answered_, false)) return put_off_flush();
    flush_scheduled_ = false;
    if (!failed_) store_->flush();
  });
}

void ServerCore::on_synced() {
  const std::shared_ptr<bool> alive = alive_;
  release_output();
  release_durability_waits();
  if (!*alive) return;
  store_->maybe_snapshot(*tree_);
  if (stopping_ && stopped_ && store_->idle()) {
    // Moved out first: the callback may destroy what holds it.
    const auto stopped = std::move(stopped_);
    stopped();
  }
}

void ServerCore::on_failure(Status status) {
  if (failed_) return;
  failed_ = true;
  log_error(kLog, "The coordination server stops: {}", status.message());
  output_.clear();
  const auto all = connections_;
  for (const auto& [id, connection] : all) connection->close();
  if (failure_handler_) failure_handler_(std::move(status));
}

void ServerCore::shutdown(std::function<void()> done) {
  stopping_ = true;
  expiry_timer_->stop();
  sweep_timer_->stop();
  silence_timer_->stop();
  stopped_ = std::move(done);
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    if (!failed_) store_->flush();
    if (store_->idle() || failed_) {
      release_output();
      if (!stopped_) return;
      const auto stopped = std::move(stopped_);
      stopped();
    }
  });
}

}  // namespace ottla::coordination
