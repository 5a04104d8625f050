// SPDX-License-Identifier: Apache-2.0
// What ServerCore does without being asked: sessions expire, empty containers and nodes past their time to
// live are deleted (ContainerManager), connections that never say who they are are closed.
#include <algorithm>

#include "coordination/server/server_core.h"
#include "protocol/base/log.h"

namespace ottla::coordination {
namespace {

constexpr const char* kLog = "coordination.server";

}  // namespace

void ServerCore::recover_sessions() {
  const int64_t now_ms = loop_.monotonic_ms();
  std::vector<int64_t> dead;
  for (const auto& [id, timeout_ms] : tree_->sessions()) {
    if (SessionTracker::is_in_process(id)) {
      dead.push_back(id);
    } else {
      sessions_.track(id, timeout_ms, now_ms);
    }
  }
  for (const auto& [owner, paths] : tree_->ephemerals()) {
    if (tree_->sessions().count(owner) == 0) dead.push_back(owner);
  }
  for (const int64_t id : dead) {
    log_info(kLog, "Ending session 0x{:x}, left behind by a program that is gone", id);
    end_session(id);
  }
  arm_expiry();
  arm_sweep();
}

void ServerCore::end_session(int64_t session_id) {
  const std::vector<Id> nobody;
  const Caller caller{0, session_id, &nobody, &authenticator_.acl_rules(), true, false, false};
  const int64_t zxid = ++last_zxid_, time_ms = loop_.wall_ms();
  jute::TxnBody txn;
  WritePreparer(*tree_, caller, zxid, time_ms).close_session(&txn);
  static_cast<void>(commit(session_id, 0, jute::kCloseSession, std::move(txn), zxid, time_ms));
  sessions_.remove(session_id);
  const auto attached = session_connections_.find(session_id);
  if (attached == session_connections_.end()) return;
  ServerConnection* connection = connections_.at(attached->second);
  session_connections_.erase(attached);
  connection->closing_session_ = true;
  // Silent for that long, and with unread answers: it would keep them for ever.
  if (!connection->in_process_ && connection->unread_bytes() > 0)
    return connection->drop_deaf("its session is over and it does not read");
  auto& output = connection->in_process_ ? early_output_ : output_;
  output.push_back(Output{last_zxid_, connection->id_, {}, false, true, 0});
  if (connection->in_process_) release_at_end_of_turn();
}

void ServerCore::expire_sessions() {
  const int64_t now_ms = loop_.monotonic_ms();
  for (const int64_t id : sessions_.expired(now_ms)) {
    const auto attached = session_connections_.find(id);
    if (attached != session_connections_.end() && connections_.at(attached->second)->in_process_) {
      sessions_.touch(id, now_ms);
      continue;
    }
    log_info(kLog, "Session 0x{:x} of {} expired", static_cast<uint64_t>(id),
             attached == session_connections_.end() ? "a client that is gone"
                                                    : connections_.at(attached->second)->peer_);
    ++counters_.sessions_expired;
    end_session(id);
  }
  arm_expiry();
}

void ServerCore::arm_expiry() {
  const auto next_ms = sessions_.next_expiry_ms();
  if (!next_ms || !serving()) {
    expiry_timer_->stop();
  } else if (!expiry_timer_->active() || *next_ms < armed_for_ms_) {
    expiry_timer_->start(std::max<int64_t>(0, *next_ms - loop_.monotonic_ms()));
    armed_for_ms_ = *next_ms;
  }
}

void ServerCore::arm_sweep() {
  if (tree_->containers().empty() && tree_->ttls().empty()) return;
  if (serving() && !sweep_timer_->active()) sweep_timer_->start(config_.container_check_ms);
}

std::vector<std::string> ServerCore::sweep_candidates() const {
  const int64_t now_ms = loop_.wall_ms();
  std::vector<std::string> found;
  for (const auto& path : tree_->containers()) {
    const Node* node = tree_->find(path);
    if (node == nullptr || !node->children.empty()) continue;
    // One that never had a child may still be waiting for its first.
    const int64_t unused_ms = config_.container_unused_ms;
    const bool forgotten = unused_ms != 0 && now_ms - node->stat.mtime > unused_ms;
    if (node->stat.cversion > 0 || forgotten) found.push_back(path);
  }
  for (const auto& path : tree_->ttls()) {
    const Node* node = tree_->find(path);
    if (node == nullptr || !node->children.empty()) continue;
    const int64_t ttl_ms = ttl_of_owner(node->stat.ephemeral_owner);
    if (ttl_ms != 0 && now_ms - node->stat.mtime > ttl_ms) found.push_back(path);
  }
  return found;
}

void ServerCore::sweep() {
  std::vector<std::string> candidates = sweep_candidates();
  const int64_t most =
      std::max<int64_t>(1, config_.containers_per_minute * config_.container_check_ms / 60'000);
  if (candidates.size() > static_cast<size_t>(most)) candidates.resize(static_cast<size_t>(most));
  const std::vector<Id> nobody;
  const Caller caller{0, 0, &nobody, &authenticator_.acl_rules(), true, false, false};
  for (const auto& path : candidates) {
    const int64_t zxid = ++last_zxid_, time_ms = loop_.wall_ms();
    jute::TxnBody txn;
    OTTLA_CHECK(WritePreparer(*tree_, caller, zxid, time_ms).remove_container(path, &txn) == ZkError::kOk);
    static_cast<void>(commit(0, 0, jute::kDeleteContainer, std::move(txn), zxid, time_ms));
  }
  arm_sweep();
}

void ServerCore::watch_silence(uint64_t connection_number) {
  if (config_.sessionless_timeout_ms <= 0) return;
  silent_.push_back({connection_number, loop_.monotonic_ms() + config_.sessionless_timeout_ms});
  if (!silence_timer_->active()) silence_timer_->start(config_.sessionless_timeout_ms);
}

void ServerCore::close_silent() {
  const int64_t now_ms = loop_.monotonic_ms();
  while (!silent_.empty() && silent_.front().deadline_ms <= now_ms) {
    const auto entry = connections_.find(silent_.front().connection);
    silent_.pop_front();
    if (entry == connections_.end() || entry->second->state_ != ServerConnection::State::kNew) continue;
    log_info(kLog, "Closing the connection from {}: it asked for no session in {} ms", entry->second->peer_,
             config_.sessionless_timeout_ms);
    ++counters_.sessionless_expired;
    entry->second->close();
  }
  if (!silent_.empty()) silence_timer_->start(std::max<int64_t>(1, silent_.front().deadline_ms - now_ms));
}

}  // namespace ottla::coordination
