// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/replica_manager.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "protocol/base/log.h"
#include "storage/log/log_manager.h"

namespace ottla {
namespace {

constexpr const char* kComponent = "broker.partitions";

std::string listed(const std::vector<int32_t>& ids) { return fmt::format("[{}]", fmt::join(ids, ",")); }

}  // namespace

ReplicaManager::ReplicaManager(const ReplicaSettings& settings, EventLoop& loop, storage::LogManager& logs,
                               PartitionManager& partitions, Peers& peers, IsrStore& isr_store,
                               ConfigOf config_of, RoleChanged role_changed)
    : settings_(settings),
      loop_(loop),
      logs_(logs),
      partitions_(partitions),
      peers_(peers),
      isr_store_(isr_store),
      config_of_(std::move(config_of)),
      role_changed_(std::move(role_changed)),
      lag_timer_(loop.make_timer([this] { look_for_laggards(); })) {}

ReplicaManager::~ReplicaManager() = default;

void ReplicaManager::set_brokers(std::map<int32_t, Endpoint> brokers) {
  brokers_ = std::move(brokers);
  // A fetcher knows one address.
  std::erase_if(fetchers_, [&](const auto& one) {
    const auto broker = brokers_.find(one.first);
    if (broker == brokers_.end()) return true;
    const Endpoint& now = broker->second;
    return one.second->endpoint().host != now.host || one.second->endpoint().port != now.port;
  });
  partitions_.for_each([&](Partition& partition) {
    const int32_t leader = partition.leader();
    if (leader >= 0 && brokers_.contains(leader) && !fetchers_.contains(leader))
      fetch_from(leader, partition.topic(), partition.index());
  });
}

// Several partitions of one leader may be without their fetcher: the first makes it, and all have to be in
// it.
void ReplicaManager::fetch_from(int32_t leader, const std::string& topic, int32_t index) {
  const auto broker = brokers_.find(leader);
  // The controller tells of brokers before it tells of what they lead; one that is gone comes again.
  if (broker == brokers_.end()) return;
  auto& fetcher = fetchers_[leader];
  if (fetcher == nullptr) {
    fetcher = std::make_unique<ReplicaFetcher>(settings_, loop_, partitions_, peers_, leader, broker->second);
    partitions_.for_each([&](Partition& partition) {
      if (partition.leader() == leader) fetcher->add(partition.topic(), partition.index());
    });
  }
  fetcher->add(topic, index);
}

void ReplicaManager::stop_fetching(const std::string& topic, int32_t index) {
  for (const auto& [leader, fetcher] : fetchers_) fetcher->remove(topic, index);
  drop_idle_fetchers();
}

void ReplicaManager::drop_idle_fetchers() {
  for (auto& [leader, fetcher] : fetchers_) {
    if (!fetcher->empty()) continue;
    // It may be what is calling.
    loop_.post([gone = std::shared_ptr<ReplicaFetcher>(std::move(fetcher))] {});
  }
  std::erase_if(fetchers_, [](const auto& one) { return one.second == nullptr; });
}

ErrorCode ReplicaManager::refuse_lost_log(const PartitionChange& change) {
  const PartitionState& state = change.state;
  if (!contains(state.isr, settings_.broker_id) || state.replicas.size() <= 1 || state.is_new)
    return ErrorCode::NONE;
  if (logs_.find(change.topic, change.index) != nullptr) return ErrorCode::NONE;
  log_error(
      kComponent,
      "{}-{}: this broker is said to be in sync, and its log is not here any more. It follows when others "
      "of its replicas ({}) have taken over; where none of these can, bring the disk back, or set "
      "unclean.leader.election.enable",
      change.topic, change.index, listed(state.replicas));
  return ErrorCode::KAFKA_STORAGE_ERROR;
}

ErrorCode ReplicaManager::apply(const PartitionChange& change) {
  const PartitionState& state = change.state;
  Partition* known = partitions_.find(change.topic, change.index);
  if (known != nullptr && known->leader_epoch() >= state.leader_epoch) {
    return known->leader_epoch() == state.leader_epoch ? ErrorCode::NONE : ErrorCode::STALE_CONTROLLER_EPOCH;
  }
  const bool leads = state.leader == settings_.broker_id;
  if (known == nullptr) {
    const ErrorCode lost = refuse_lost_log(change);
    if (lost != ErrorCode::NONE) return lost;
  }
  const auto opened =
      partitions_.open(change.topic, change.topic_id, change.index, config_of_(change.topic), state.is_new);
  if (!opened.ok()) {
    log_error(kComponent, "{}-{}: {}", change.topic, change.index, opened.status().message());
    return opened.status().code();
  }
  Partition& partition = **opened;
  const bool led = partition.is_leader();
  stop_fetching(change.topic, change.index);
  if (!leads) {
    follow(change, partition);
    if (led) role_changed_(change.topic, change.index, false);
    return ErrorCode::NONE;
  }
  const Status status = partition.lead(settings_.broker_id, state, loop_, settings_.lag_time_max_ms);
  if (!status.ok()) {
    log_error(kComponent, "{}-{} is not led: {}", change.topic, change.index, status.message());
    if (known == nullptr) partitions_.close(change.topic, change.index, false);
    return ErrorCode::KAFKA_STORAGE_ERROR;
  }
  if (state.replicas.size() > 1 && !lag_timer_->active()) lag_timer_->start(settings_.lag_time_max_ms / 2);
  if (!led) role_changed_(change.topic, change.index, true);
  return ErrorCode::NONE;
}

void ReplicaManager::follow(const PartitionChange& change, Partition& partition) {
  partition.follow(change.state);
  storage::Log& log = partition.log();
  // Without epochs there is nothing to compare with the leader: what is not known to be committed goes.
  if (!log.latest_epoch() && log.log_end_offset() > log.high_watermark())
    static_cast<void>(log.truncate_to(log.high_watermark()));
  if (change.state.leader >= 0) fetch_from(change.state.leader, change.topic, change.index);
}

ErrorCode ReplicaManager::stop_replica(const std::string& topic, int32_t index, int32_t leader_epoch,
                                       bool delete_log) {
  const Partition* known = partitions_.find(topic, index);
  if (known != nullptr && leader_epoch >= 0 && leader_epoch < known->leader_epoch())
    return ErrorCode::FENCED_LEADER_EPOCH;
  const bool led = known != nullptr && known->is_leader();
  stop_fetching(topic, index);
  if (led) role_changed_(topic, index, false);
  partitions_.close(topic, index, delete_log);
  return ErrorCode::NONE;
}

void ReplicaManager::delete_topic(const std::string& topic) {
  for (const Partition* partition : partitions_.partitions_of(topic)) {
    for (const auto& [leader, fetcher] : fetchers_) fetcher->remove(topic, partition->index());
    if (partition->is_leader()) role_changed_(topic, partition->index(), false);
  }
  drop_idle_fetchers();
  partitions_.delete_topic(topic);
}

void ReplicaManager::on_follower_fetch(Partition& partition, int32_t replica, int64_t offset) {
  InSyncReplicas* in_sync = partition.in_sync();
  if (in_sync == nullptr) return;
  const storage::Log& log = partition.log();
  // What lies outside the log says nothing about what the follower has.
  if (offset > log.log_end_offset()) return;
  if (!in_sync->on_fetch(replica, offset, log.log_end_offset(), loop_.monotonic_ms())) return;
  partition.on_progress();
  if (auto wanted = in_sync->grown(replica, log.high_watermark())) change_isr(partition, std::move(*wanted));
}

void ReplicaManager::look_for_laggards() {
  bool any = false;
  std::vector<std::pair<Partition*, std::vector<int32_t>>> behind;
  partitions_.for_each([&](Partition& partition) {
    InSyncReplicas* in_sync = partition.in_sync();
    if (in_sync == nullptr) return;
    any = true;
    // The lag of a replica outside the in-sync ones may have been what held the watermark.
    partition.on_progress();
    auto wanted = in_sync->shrunk(partition.log().log_end_offset(), loop_.monotonic_ms());
    if (wanted) behind.emplace_back(&partition, std::move(*wanted));
  });
  for (auto& [partition, wanted] : behind) change_isr(*partition, std::move(wanted));
  if (any) lag_timer_->start(settings_.lag_time_max_ms / 2);
}

void ReplicaManager::change_isr(Partition& partition, std::vector<int32_t> wanted) {
  log_info(kComponent, "{}-{}: in-sync replicas {} -> {}", partition.topic(), partition.index(),
           listed(partition.in_sync()->members()), listed(wanted));
  PartitionChange change{partition.topic(), partition.topic_id(), partition.index(), *partition.state()};
  change.state.isr = wanted;
  partition.in_sync()->begin_change(std::move(wanted));
  isr_store_.write(change, [this, change, alive = std::weak_ptr(alive_)](const IsrStore::Result& result) {
    if (!alive.expired()) on_isr_written(change, result);
  });
}

void ReplicaManager::on_isr_written(const PartitionChange& change, const IsrStore::Result& result) {
  Partition* partition = partitions_.find(change.topic, change.index);
  // Another epoch has its own replicas.
  if (partition == nullptr || partition->in_sync() == nullptr ||
      partition->leader_epoch() != change.state.leader_epoch)
    return;
  if (!result.still_leader) {
    // What is committed stays bound to both, until the controller's word comes.
    log_info(kComponent, "{}-{}: the controller has decided otherwise about the leader", change.topic,
             change.index);
    return;
  }
  partition->state()->isr = result.isr;
  partition->state()->zk_version = result.zk_version;
  partition->in_sync()->end_change(result.isr);
  partition->on_progress();
}

}  // namespace ottla
