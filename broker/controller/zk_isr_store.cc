// SPDX-License-Identifier: Apache-2.0
#include "broker/controller/zk_isr_store.h"

#include "protocol/base/log.h"

namespace ottla {

using coordination::DataReply;
using coordination::StatReply;
using coordination::ZkError;

namespace {

constexpr const char* kComponent = "broker.controller";
// A start or a failure changes many partitions: they are announced together.
constexpr int64_t kAnnounceAfterMs = 50;
constexpr int64_t kRetryAfterMs = 500;

bool session_is_gone(ZkError error) {
  return error == ZkError::kConnectionLoss || error == ZkError::kSessionExpired ||
         error == ZkError::kOperationTimeout;
}

}  // namespace

ZkIsrStore::ZkIsrStore(EventLoop& loop, coordination::Client& client)
    : loop_(loop), client_(client), announce_timer_(loop.make_timer([this] { announce_all(); })) {}

void ZkIsrStore::stop() {
  alive_.reset();
  announce_timer_->stop();
}

void ZkIsrStore::write(const PartitionChange& change, Done done) {
  start_detached(run(change, std::move(done)));
}

Task<void> ZkIsrStore::run(PartitionChange change, Done done) {
  const std::weak_ptr<bool> alive = alive_;
  const PartitionState& state = change.state;
  const std::string path = znodes::partition_state_path(change.topic, change.index);
  znodes::PartitionStateNode node;
  node.controller_epoch = state.controller_epoch;
  node.leader = state.leader;
  node.leader_epoch = state.leader_epoch;
  node.isr = state.isr;
  while (true) {
    const StatReply written =
        co_await client_.async_set_data(path, znodes::encode_partition_state(node), state.zk_version);
    if (alive.expired()) co_return;
    if (written.ok()) {
      announce(change);
      Result result;
      result.still_leader = true;
      result.isr = state.isr;
      result.zk_version = written.stat.version;
      co_return done(result);
    }
    if (!session_is_gone(written.error) && co_await find_out(change, done)) co_return;
    if (alive.expired()) co_return;
    const auto timer = std::make_shared<std::unique_ptr<Timer>>();
    co_await Callback<bool>([this, timer](auto woken) {
      *timer = loop_.make_timer([woken] { woken(true); });
      (*timer)->start(kRetryAfterMs);
    });
    if (alive.expired()) co_return;
  }
}

Task<bool> ZkIsrStore::find_out(const PartitionChange& change, Done done) {
  const std::weak_ptr<bool> alive = alive_;
  const DataReply found =
      co_await client_.async_get_data(znodes::partition_state_path(change.topic, change.index));
  if (alive.expired()) co_return true;
  if (session_is_gone(found.error)) co_return false;
  Result result;
  const auto there = found.ok() ? znodes::decode_partition_state(found.data)
                                : ::ottla::Result<znodes::PartitionStateNode>(
                                      Status(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "gone"));
  if (there.ok() && there->leader == change.state.leader &&
      there->leader_epoch == change.state.leader_epoch) {
    result.still_leader = true;
    result.isr = there->isr;
    result.zk_version = found.stat.version;
    // It may have been this very change, whose answer was lost.
    announce(change);
  }
  done(result);
  co_return true;
}

void ZkIsrStore::announce(const PartitionChange& change) {
  to_announce_.emplace(change.topic, change.index);
  if (!announce_timer_->active()) announce_timer_->start(kAnnounceAfterMs);
}

void ZkIsrStore::announce_all() {
  const std::vector<znodes::TopicPartition> partitions(to_announce_.begin(), to_announce_.end());
  to_announce_.clear();
  client_.create(std::string(znodes::kIsrChanges) + "/isr_change_", znodes::encode_isr_change(partitions),
                 coordination::default_acl(), coordination::CreateMode::kPersistentSequential,
                 [this, partitions, alive = std::weak_ptr(alive_)](const coordination::CreateReply& reply) {
                   if (reply.ok() || alive.expired()) return;
                   log_warn(kComponent, "cannot announce changed in-sync replicas: {}; trying again",
                            coordination::error_text(reply.error));
                   to_announce_.insert(partitions.begin(), partitions.end());
                   announce_timer_->start(kRetryAfterMs);
                 });
}

}  // namespace ottla
