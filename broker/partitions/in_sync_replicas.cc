// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/in_sync_replicas.h"

#include <algorithm>
#include <utility>

#include "broker/metadata/partition_state.h"

namespace ottla {

InSyncReplicas::InSyncReplicas(int32_t self, const std::vector<int32_t>& replicas, std::vector<int32_t> isr,
                               int64_t epoch_start, int64_t max_lag_ms, int64_t now_ms)
    : self_(self), isr_(std::move(isr)), epoch_start_(epoch_start), max_lag_ms_(max_lag_ms) {
  for (const int32_t replica : replicas) {
    if (replica == self_) continue;
    Follower& follower = followers_[replica];
    // Members get the time of a lag to show themselves; others have to catch up first.
    if (contains(isr_, replica)) {
      follower.caught_up_ms = follower.fetched_ms = now_ms;
    } else {
      follower.caught_up_ms = INT64_MIN / 2;
    }
  }
}

bool InSyncReplicas::is_member(int32_t replica) const {
  return contains(isr_, replica) || (pending_ && contains(*pending_, replica));
}

bool InSyncReplicas::on_fetch(int32_t replica, int64_t offset, int64_t leader_end, int64_t now_ms) {
  const auto found = followers_.find(replica);
  if (found == followers_.end()) return false;
  Follower& follower = found->second;
  if (offset >= leader_end) {
    follower.caught_up_ms = now_ms;
  } else if (follower.end >= 0 && offset >= follower.leader_end_then) {
    follower.caught_up_ms = std::max(follower.caught_up_ms, follower.fetched_ms);
  }
  follower.end = offset;
  follower.fetched_ms = now_ms;
  follower.leader_end_then = leader_end;
  return true;
}

int64_t InSyncReplicas::watermark(int64_t leader_end, int64_t now_ms) const {
  int64_t least = leader_end;
  for (const auto& [id, follower] : followers_) {
    const bool close = follower.end >= 0 && now_ms - follower.caught_up_ms <= max_lag_ms_;
    if (is_member(id) || close) least = std::min(least, follower.end);
  }
  return least;
}

std::optional<std::vector<int32_t>> InSyncReplicas::grown(int32_t replica, int64_t high_watermark) const {
  const auto found = followers_.find(replica);
  if (changing() || found == followers_.end() || contains(isr_, replica)) return std::nullopt;
  if (found->second.end < high_watermark || found->second.end < epoch_start_) return std::nullopt;
  std::vector<int32_t> wanted = isr_;
  wanted.push_back(replica);
  return wanted;
}

std::optional<std::vector<int32_t>> InSyncReplicas::shrunk(int64_t leader_end, int64_t now_ms) const {
  if (changing()) return std::nullopt;
  std::vector<int32_t> wanted = isr_;
  std::erase_if(wanted, [&](int32_t id) {
    const auto found = followers_.find(id);
    return found != followers_.end() && found->second.end != leader_end &&
           now_ms - found->second.caught_up_ms > max_lag_ms_;
  });
  if (wanted.size() == isr_.size()) return std::nullopt;
  return wanted;
}

void InSyncReplicas::end_change(std::vector<int32_t> isr) {
  isr_ = std::move(isr);
  pending_.reset();
}

}  // namespace ottla
