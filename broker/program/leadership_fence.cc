// SPDX-License-Identifier: Apache-2.0
#include "broker/program/leadership_fence.h"

#include "protocol/base/log.h"

namespace ottla {
namespace {

constexpr const char* kComponent = "broker";
constexpr int64_t kAskAgainMs = 100;

}  // namespace

LeadershipFence::LeadershipFence(EventLoop& loop, coordination::Client& client, std::string registration,
                                 std::function<int64_t()> paused_ms, std::function<bool()> joined)
    : client_(client),
      registration_(std::move(registration)),
      paused_ms_(std::move(paused_ms)),
      joined_(std::move(joined)),
      timer_(loop.make_timer([this] { start_detached(ask()); })) {}

bool LeadershipFence::may_lead() {
  if (!doubted_) on_pause(paused_ms_());
  return !doubted_;
}

void LeadershipFence::on_pause(int64_t paused_ms) {
  if (!doubted_ && too_long(paused_ms)) doubt(paused_ms);
}

void LeadershipFence::doubt(int64_t paused_ms) {
  log_warn(kComponent,
           "stood still for {} ms: the ZooKeeper session (timeout {} ms) may be over, and others may lead. "
           "Nothing is acknowledged until ZooKeeper has answered",
           paused_ms, client_.session_timeout_ms());
  doubted_ = true;
  timer_->start(0);
}

Task<void> LeadershipFence::ask() {
  const auto synced = co_await client_.async_sync(registration_);
  const auto owned = co_await client_.async_exists(registration_);
  if (synced.ok() && owned.ok() && joined_() && owned.stat.ephemeral_owner == client_.session_id()) {
    log_info(kComponent, "the session is ours: serving producers again");
    doubted_ = false;
    co_return;
  }
  timer_->start(kAskAgainMs);
}

}  // namespace ottla
