// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/session_tracker.h"

namespace ottla::coordination {
namespace {

// java.util.Random(id ^ 0xB3415C00).nextBytes(16): a 48-bit linear congruential generator, four bytes of each
// number.
constexpr uint64_t kMultiplier = 0x5deece66d, kMask48 = (uint64_t{1} << 48) - 1, kPasswordSalt = 0xb3415c00;

int64_t first_id(uint8_t number, int64_t wall_ms) {
  return static_cast<int64_t>(static_cast<uint64_t>(number) << 56 |
                              (static_cast<uint64_t>(wall_ms) << 24) >> 8);
}

}  // namespace

std::string session_password(int64_t session_id) {
  uint64_t seed = ((static_cast<uint64_t>(session_id) ^ kPasswordSalt) ^ kMultiplier) & kMask48;
  std::string password;
  for (int word = 0; word < 4; ++word) {
    seed = (seed * kMultiplier + 0xb) & kMask48;
    const auto bits = static_cast<uint32_t>(seed >> 16);
    for (int shift = 0; shift < 32; shift += 8) password += static_cast<char>(bits >> shift);
  }
  return password;
}

SessionTracker::SessionTracker(int64_t tick_ms, int64_t wall_ms)
    : tick_ms_(tick_ms),
      next_id_(first_id(kServerNumber, wall_ms)),
      next_in_process_id_(first_id(kInProcessNumber, wall_ms)) {}

int64_t SessionTracker::new_id(bool in_process) {
  int64_t& next = in_process ? next_in_process_id_ : next_id_;
  while (contains(next)) ++next;
  return next++;
}

void SessionTracker::track(int64_t id, int32_t timeout_ms, int64_t now_ms) {
  remove(id);
  const int64_t expiry_ms = ((now_ms + timeout_ms) / tick_ms_ + 1) * tick_ms_;
  sessions_[id] = {timeout_ms, expiry_ms};
  by_expiry_[expiry_ms].insert(id);
}

bool SessionTracker::touch(int64_t id, int64_t now_ms) {
  const auto session = sessions_.find(id);
  if (session == sessions_.end()) return false;
  const int64_t expiry_ms = ((now_ms + session->second.timeout_ms) / tick_ms_ + 1) * tick_ms_;
  if (expiry_ms != session->second.expiry_ms) track(id, session->second.timeout_ms, now_ms);
  return true;
}

void SessionTracker::remove(int64_t id) {
  const auto session = sessions_.find(id);
  if (session == sessions_.end()) return;
  const auto bucket = by_expiry_.find(session->second.expiry_ms);
  bucket->second.erase(id);
  if (bucket->second.empty()) by_expiry_.erase(bucket);
  sessions_.erase(session);
}

std::vector<int64_t> SessionTracker::expired(int64_t now_ms) const {
  std::vector<int64_t> ids;
  for (auto bucket = by_expiry_.begin(); bucket != by_expiry_.end() && bucket->first <= now_ms; ++bucket) {
    ids.insert(ids.end(), bucket->second.begin(), bucket->second.end());
  }
  return ids;
}

std::optional<int64_t> SessionTracker::next_expiry_ms() const {
  if (by_expiry_.empty()) return std::nullopt;
  return by_expiry_.begin()->first;
}

}  // namespace ottla::coordination
