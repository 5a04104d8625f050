// SPDX-License-Identifier: Apache-2.0
// Whether this broker may still say that it leads (row B10). Where coordination is another process, a loop
// that stood still for most of the session timeout (a hanging disk, SIGSTOP) can have lost the session, and
// with it its partitions, without having heard of it. From then on nothing that was appended is acknowledged,
// and nothing more appended, NOT_LEADER_OR_FOLLOWER, until ZooKeeper has answered within a session that owns
// this broker's registration.
//
// Threads: the loop's.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>

#include "broker/program/loop_watch.h"
#include "coordination/client.h"
#include "protocol/base/event_loop.h"
#include "protocol/base/task.h"

namespace ottla {

class LeadershipFence {
 public:
  // `paused_ms`: for how long the loop has been at this turn. `joined`: whether what leads here was taken up
  // within the present session.
  LeadershipFence(EventLoop& loop, coordination::Client& client, std::string registration,
                  std::function<int64_t()> paused_ms, std::function<bool()> joined);

  // To be asked before an append, and again when it is to be acknowledged.
  bool may_lead();
  // The loop went on after a pause.
  void on_pause(int64_t paused_ms);

 private:
  // A ping may have been a third of the timeout ago when the pause began. What is shorter than two beats says
  // nothing.
  bool too_long(int64_t paused_ms) const {
    return paused_ms >= std::max(client_.session_timeout_ms() * int64_t{2} / 3, 2 * LoopWatch::kBeatMs);
  }
  void doubt(int64_t paused_ms);
  Task<void> ask();

  coordination::Client& client_;
  const std::string registration_;
  std::function<int64_t()> paused_ms_;
  std::function<bool()> joined_;
  std::unique_ptr<Timer> timer_;  // until ZooKeeper is asked (again)
  bool doubted_ = false;
};

}  // namespace ottla
