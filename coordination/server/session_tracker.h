// SPDX-License-Identifier: Apache-2.0
// The living sessions and when each of them dies unless it is heard of (SessionTrackerImpl, ExpiryQueue):
// time is cut in ticks, a session expires with its tick.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ottla::coordination {

// The password of a session, made of its id as ZooKeeper makes it (java.util.Random), so that it survives a
// restart and a change between ZooKeeper and this server without being stored.
std::string session_password(int64_t session_id);

class SessionTracker {
 public:
  // The first byte of ids: ZooKeeper's standalone server is number 1; sessions of clients in this program are
  // told apart.
  static constexpr uint8_t kServerNumber = 0x01, kInProcessNumber = 0x7f;

  SessionTracker(int64_t tick_ms, int64_t wall_ms);

  int64_t new_id(bool in_process);
  static bool is_in_process(int64_t id) { return static_cast<uint64_t>(id) >> 56 == kInProcessNumber; }

  // Begins or prolongs.
  void track(int64_t id, int32_t timeout_ms, int64_t now_ms);
  // Prolongs by the session's own time-out; false where there is no such session.
  bool touch(int64_t id, int64_t now_ms);
  void remove(int64_t id);
  bool contains(int64_t id) const { return sessions_.count(id) > 0; }
  size_t size() const { return sessions_.size(); }

  // Those whose tick is over; they stay until removed or prolonged.
  std::vector<int64_t> expired(int64_t now_ms) const;
  // When the next tick with sessions in it ends; nullopt without sessions.
  std::optional<int64_t> next_expiry_ms() const;
  // By tick, for the dump command.
  const std::map<int64_t, std::set<int64_t>>& by_expiry() const { return by_expiry_; }

 private:
  struct Session {
    int32_t timeout_ms;
    int64_t expiry_ms;
  };
  const int64_t tick_ms_;
  int64_t next_id_;
  int64_t next_in_process_id_;
  std::map<int64_t, Session> sessions_;
  std::map<int64_t, std::set<int64_t>> by_expiry_;
};

}  // namespace ottla::coordination
