// SPDX-License-Identifier: Apache-2.0
// When the next group commit begins. While one is under way, those who were answered by the one before it
// come again: begun at once, commits take turns with one half of the sessions each, twice as many as needed.
// So where a commit ends with others waiting, the next one waits until as many are there as both together,
// but not for long, and not where that was in vain of late. With few sessions it is the disk that one waits
// for, and nothing is held. (ZooKeeper's SyncRequestProcessor gathers in a like way, while its queue has
// more.)
#pragma once

#include <algorithm>
#include <cstdint>

namespace ottla::coordination {

class CommitPace {
 public:
  static constexpr int64_t kLongestMs = 1;
  static constexpr int64_t kFewTxns = 16;
  static constexpr int64_t kMostPassed = 64;

  // A commit of `txns` ended; `waiting` more are there. True: the next one is to wait until enough(), or
  // until given_up() is called, kLongestMs later.
  bool hold(int64_t txns, int64_t waiting) {
    wanted_ = 0;
    if (waiting == 0 || txns + waiting < kFewTxns) return false;
    if (to_pass_ > 0) {
      --to_pass_;
      return false;
    }
    wanted_ = txns + waiting;
    return true;
  }
  bool enough(int64_t waiting) {
    if (waiting < wanted_) return false;
    if (wanted_ > 0) in_vain_ = 0;
    wanted_ = 0;
    return true;
  }
  // They did not come: the next commits begin at once, more of them each time.
  void given_up() {
    if (wanted_ == 0) return;
    wanted_ = 0;
    in_vain_ = std::min(std::max<int64_t>(in_vain_ * 2, 1), kMostPassed);
    to_pass_ = in_vain_;
  }

 private:
  int64_t wanted_ = 0;   // 0: nothing is held
  int64_t in_vain_ = 0;  // how many to pass over after the last time
  int64_t to_pass_ = 0;
};

}  // namespace ottla::coordination
