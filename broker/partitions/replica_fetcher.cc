// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/replica_fetcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/base/log.h"
#include "protocol/generated/list_offsets_request.h"
#include "protocol/generated/list_offsets_response.h"

namespace ottla {
namespace {

using protocol::ApiKey;
using protocol::FetchRequest;
using protocol::FetchResponse;
using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;

constexpr const char* kComponent = "broker.partitions";
constexpr int16_t kFetchVersion = 12;
constexpr int16_t kListOffsetsVersion = 5;
constexpr int64_t kLatestTimestamp = -1;
constexpr int64_t kEarliestTimestamp = -2;

// What the leader says of one partition; nothing where it answers something else.
std::optional<ListOffsetsResponse::ListOffsetsPartitionResponse> only_offset(Reader& body) {
  ListOffsetsResponse response;
  response.decode(body, kListOffsetsVersion);
  if (!body.ok() || response.topics.size() != 1 || response.topics[0].partitions.size() != 1)
    return std::nullopt;
  const auto& answer = response.topics[0].partitions[0];
  if (answer.error_code != 0 || answer.offset < 0) return std::nullopt;
  return answer;
}

}  // namespace

ReplicaFetcher::ReplicaFetcher(const ReplicaSettings& settings, EventLoop& loop, PartitionManager& partitions,
                               Peers& peers, int32_t leader, Endpoint endpoint)
    : settings_(settings),
      loop_(loop),
      partitions_(partitions),
      peers_(peers),
      leader_(leader),
      endpoint_(std::move(endpoint)),
      timer_(loop.make_timer([this] { fetch(); })) {}

ReplicaFetcher::~ReplicaFetcher() = default;

void ReplicaFetcher::add(const std::string& topic, int32_t index) {
  fetched_[{topic, index}] = Fetched();
  if (!under_way_) schedule(0);
}

void ReplicaFetcher::remove(const std::string& topic, int32_t index) { fetched_.erase({topic, index}); }

void ReplicaFetcher::schedule(int64_t delay_ms) { timer_->start(delay_ms); }

Partition* ReplicaFetcher::followed(const Name& name) {
  Partition* partition = partitions_.find(name.first, name.second);
  return partition != nullptr && partition->leader() == leader_ ? partition : nullptr;
}

bool ReplicaFetcher::add_to(FetchRequest& request, const Name& name, Fetched& fetched, int64_t now_ms) {
  fetched.asked_offset = -1;
  Partition* partition = followed(name);
  if (partition == nullptr || partition->log().offline() || now_ms < fetched.not_before_ms) return false;
  const storage::Log& log = partition->log();
  // To be asked for it is to be counted as there.
  if (log.config().durable && log.flushed_offset() < log.log_end_offset()) return false;
  if (request.topics.empty() || request.topics.back().topic != name.first)
    request.topics.emplace_back().topic = name.first;
  auto& asked = request.topics.back().partitions.emplace_back();
  asked.partition = name.second;
  asked.current_leader_epoch = partition->leader_epoch();
  asked.fetch_offset = log.log_end_offset();
  asked.last_fetched_epoch = log.latest_epoch().value_or(-1);
  asked.log_start_offset = log.log_start_offset();
  asked.partition_max_bytes = settings_.fetch_max_bytes;
  fetched.asked_offset = asked.fetch_offset;
  fetched.asked_epoch = asked.current_leader_epoch;
  return true;
}

void ReplicaFetcher::fetch() {
  if (under_way_ || fetched_.empty()) return;
  request_ = FetchRequest();
  request_.replica_id = settings_.broker_id;
  request_.max_wait_ms = settings_.fetch_wait_max_ms;
  request_.min_bytes = settings_.fetch_min_bytes;
  request_.max_bytes = settings_.response_max_bytes;
  const int64_t now_ms = loop_.monotonic_ms();
  bool any = false;
  bool all = true;
  for (auto& [name, fetched] : fetched_) {
    const bool added = add_to(request_, name, fetched, now_ms);
    any = any || added;
    all = all && added;
  }
  // Others may be ready before a leader that has nothing new would answer.
  if (!all) request_.max_wait_ms = std::min(request_.max_wait_ms, settings_.backoff_ms / 10 + 1);
  if (!any) return schedule(settings_.backoff_ms / 10 + 1);
  if (!peer_) {
    peer_ =
        peers_.connect(endpoint_, settings_.socket_timeout_ms, [this](const Status& why) { on_broken(why); });
  }
  under_way_ = true;
  peer_->send(
      ApiKey::kFetch, kFetchVersion, [this](Writer& out) { request_.encode(out, kFetchVersion); },
      [this](Reader& body) { on_answer(body); });
}

void ReplicaFetcher::on_broken(const Status& why) {
  if (!std::exchange(complained_, true)) {
    log_warn(kComponent, "cannot fetch from broker {} at {}:{}: {}; trying again", leader_, endpoint_.host,
             endpoint_.port, why.message());
  }
  peer_.reset();
  under_way_ = false;
  schedule(settings_.backoff_ms);
}

void ReplicaFetcher::on_answer(Reader& body) {
  under_way_ = false;
  FetchResponse response;
  response.decode(body, kFetchVersion);
  if (!body.ok() || response.error_code != 0) {
    log_warn(kComponent, "broker {} answers a Fetch with {}", leader_,
             body.ok() ? error_name(static_cast<ErrorCode>(response.error_code)) : body.error());
    return schedule(settings_.backoff_ms);
  }
  if (std::exchange(complained_, false)) log_info(kComponent, "fetching from broker {} again", leader_);
  // What is done next may end this object's partitions, not this object.
  schedule(0);
  for (const auto& topic : response.responses) {
    for (const Answer& answer : topic.partitions) {
      const Name name(topic.topic, answer.partition_index);
      const auto found = fetched_.find(name);
      Partition* partition = followed(name);
      if (found == fetched_.end() || partition == nullptr) continue;
      const Fetched& asked = found->second;
      // Told otherwise meanwhile.
      if (asked.asked_offset != partition->log().log_end_offset() ||
          asked.asked_epoch != partition->leader_epoch())
        continue;
      const int64_t wait_ms = take(name, *partition, answer);
      if (wait_ms > 0) found->second.not_before_ms = loop_.monotonic_ms() + wait_ms;
    }
  }
}

int64_t ReplicaFetcher::take(const Name& name, Partition& partition, const Answer& answer) {
  storage::Log& log = partition.log();
  const auto error = static_cast<ErrorCode>(answer.error_code);
  Status status;
  if (error == ErrorCode::OFFSET_OUT_OF_RANGE) {
    find_place(name);
    return settings_.backoff_ms;
  }
  if (error != ErrorCode::NONE) {
    status = {error, "the leader refuses"};
  } else if (answer.diverging_epoch.epoch >= 0) {
    status = cut_to_common(log, answer);
  } else {
    status = append(partition, answer);
  }
  if (status.ok()) return 0;
  // The controller's word on a new leader is on its way.
  const bool expected = error == ErrorCode::NOT_LEADER_OR_FOLLOWER ||
                        error == ErrorCode::FENCED_LEADER_EPOCH || error == ErrorCode::UNKNOWN_LEADER_EPOCH ||
                        error == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
  if (!expected)
    log_warn(kComponent, "{}: fetching from broker {}: {} ({})", log.name(), leader_,
             error_name(status.code()), status.message());
  return settings_.backoff_ms;
}

Status ReplicaFetcher::append(Partition& partition, const Answer& answer) {
  storage::Log& log = partition.log();
  if (!answer.records.bytes.empty()) {
    const Status appended = log.append_as_follower(answer.records.bytes, loop_.wall_ms());
    if (!appended.ok()) return appended;
  }
  log.advance_high_watermark(answer.high_watermark);
  if (answer.log_start_offset > log.log_start_offset() && answer.log_start_offset <= log.high_watermark()) {
    const Status raised = log.delete_records(answer.log_start_offset);
    if (!raised.ok()) return raised;
  }
  partition.notify_waiters();
  return {};
}

// (kafka AbstractFetcherThread.getOffsetTruncationState) Both logs have the epoch: they agree up to where the
// shorter one ends it. Ours has only an older one: up to where that ends.
Status ReplicaFetcher::cut_to_common(storage::Log& log, const Answer& answer) {
  const auto& theirs = answer.diverging_epoch;
  const auto ours = log.end_of_epoch(theirs.epoch);
  int64_t end = theirs.end_offset;
  if (ours.end_offset >= 0)
    end = ours.epoch == theirs.epoch ? std::min(theirs.end_offset, ours.end_offset) : ours.end_offset;
  end = std::min(end, log.log_end_offset());
  log_info(kComponent, "{}: cutting from {} to {}: broker {}'s log parts from ours in epoch {}", log.name(),
           log.log_end_offset(), end, leader_, theirs.epoch);
  if (end < log.high_watermark()) {
    log_warn(kComponent, "{}: cutting below the high watermark {}: what was committed is not on broker {}",
             log.name(), log.high_watermark(), leader_);
  }
  return log.truncate_to(end);
}

void ReplicaFetcher::find_place(const Name& name) {
  list_offset(name, kLatestTimestamp, [this, name](Reader& body) {
    const auto answer = only_offset(body);
    Partition* partition = followed(name);
    if (!answer || partition == nullptr) return;
    storage::Log& log = partition->log();
    if (answer->offset >= log.log_end_offset()) {
      list_offset(name, kEarliestTimestamp, [this, name](Reader& start) { on_leader_start(name, start); });
      return;
    }
    log_warn(kComponent, "{}: cutting from {} to {}, where the log of its leader, broker {}, ends",
             log.name(), log.log_end_offset(), answer->offset, leader_);
    static_cast<void>(log.truncate_to(answer->offset));
    fetched_[name].not_before_ms = 0;
  });
}

void ReplicaFetcher::on_leader_start(const Name& name, Reader& body) {
  const auto answer = only_offset(body);
  Partition* partition = followed(name);
  if (!answer || partition == nullptr) return;
  storage::Log& log = partition->log();
  fetched_[name].not_before_ms = 0;
  if (answer->offset <= log.log_end_offset()) return;
  log_info(kComponent, "{}: starting over at {}, where the log of its leader, broker {}, begins", log.name(),
           answer->offset, leader_);
  static_cast<void>(log.truncate_fully_and_start_at(answer->offset));
}

void ReplicaFetcher::list_offset(const Name& name, int64_t timestamp, std::function<void(Reader&)> answered) {
  const Partition* partition = followed(name);
  if (peer_ == nullptr || partition == nullptr) return;
  ListOffsetsRequest request;
  request.replica_id = settings_.broker_id;
  auto& topic = request.topics.emplace_back();
  topic.name = name.first;
  auto& asked = topic.partitions.emplace_back();
  asked.partition_index = name.second;
  asked.current_leader_epoch = partition->leader_epoch();
  asked.timestamp = timestamp;
  peer_->send(
      ApiKey::kListOffsets, kListOffsetsVersion,
      [&request](Writer& out) { request.encode(out, kListOffsetsVersion); }, std::move(answered));
}

}  // namespace ottla
