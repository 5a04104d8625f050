// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/produce/delayed_produce.h"

#include <algorithm>
#include <optional>

#include "broker/apis/services.h"

namespace ottla::produce {
namespace {

bool has_to_wait(const storage::AppendInfo& info) {
  return info.error == ErrorCode::NONE && (info.flush_offset >= 0 || info.commit_offset >= 0);
}

// NONE where it may be answered, or what to answer; nothing while it has to wait.
std::optional<ErrorCode> outcome_of(const Partition& partition, const storage::AppendInfo& info) {
  const storage::Log& log = partition.log();
  if (log.offline()) return ErrorCode::KAFKA_STORAGE_ERROR;
  if (!partition.is_leader()) return ErrorCode::NOT_LEADER_OR_FOLLOWER;
  if (log.flushed_offset() < info.flush_offset || log.high_watermark() < info.commit_offset)
    return std::nullopt;
  if (info.commit_offset >= 0 && !partition.has_enough_in_sync())
    return ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
  return ErrorCode::NONE;
}

void fail(storage::AppendInfo& info, ErrorCode error) {
  info.error = error;
  info.first_offset = -1;
}

}  // namespace

bool DelayedProduce::is_needed(Services& services, const Outcome& outcome) {
  for (const TopicOutcome& topic : outcome.topics) {
    for (const PartitionOutcome& one : topic.partitions) {
      if (!has_to_wait(one.info)) continue;
      const Partition* partition = services.partitions.find(topic.resolved_name, one.index);
      if (partition != nullptr && outcome_of(*partition, one.info) != ErrorCode::NONE) return true;
    }
  }
  return false;
}

void DelayedProduce::start(Request& request, Outcome outcome, int32_t timeout_ms) {
  Services& services = request.services;
  const auto produce = std::make_shared<DelayedProduce>(request, std::move(outcome));
  services.partitions.keep(produce);
  produce->watch();
  produce->timer_->start(std::max(timeout_ms, 0));
}

DelayedProduce::DelayedProduce(Request& request, Outcome outcome)
    : services_(request.services),
      responder_(std::move(request.responder)),
      listener_(request.listener),
      outcome_(std::move(outcome)) {
  size_t bytes = 0;
  for (const TopicOutcome& topic : outcome_.topics) bytes += topic.name.size() + topic.resolved_name.size();
  names_.reserve(bytes);
  for (TopicOutcome& topic : outcome_.topics) {
    for (std::string_view* name : {&topic.name, &topic.resolved_name}) {
      const size_t begin = names_.size();
      names_ += *name;
      *name = std::string_view(names_).substr(begin);
    }
  }
  timer_ = services_.loop.make_timer([this] {
    give_up_waiting(ErrorCode::REQUEST_TIMED_OUT);
    finish();
  });
}

DelayedProduce::~DelayedProduce() {
  for (Partition* partition : watched_) partition->remove_waiter(*this);
}

void DelayedProduce::watch() {
  for (TopicOutcome& topic : outcome_.topics) {
    for (PartitionOutcome& one : topic.partitions) {
      if (!has_to_wait(one.info)) continue;
      Partition* partition = services_.partitions.find(topic.resolved_name, one.index);
      // Appended to in this turn.
      OTTLA_CHECK(partition != nullptr);
      const auto outcome = outcome_of(*partition, one.info);
      if (outcome == ErrorCode::NONE) continue;
      partition->add_waiter(*this);
      watched_.push_back(partition);
      waiting_.push_back({partition, &one.info});
      // It has failed already, and may never change again.
      if (outcome) on_partition_changed();
    }
  }
}

void DelayedProduce::on_partition_changed() {
  if (scheduled_) return;
  scheduled_ = true;
  services_.loop.defer([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->look_again();
  });
}

void DelayedProduce::on_partition_gone(Partition& partition) {
  std::erase(watched_, &partition);
  std::erase_if(waiting_, [&](const Waiting& one) {
    if (one.partition != &partition) return false;
    fail(*one.info, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    return true;
  });
  on_partition_changed();
}

void DelayedProduce::look_again() {
  scheduled_ = false;
  if (responder_.gone()) return leave();
  std::erase_if(waiting_, [&](const Waiting& one) {
    const auto outcome = outcome_of(*one.partition, *one.info);
    if (!outcome) return false;
    if (*outcome != ErrorCode::NONE) fail(*one.info, *outcome);
    return true;
  });
  if (waiting_.empty()) finish();
}

void DelayedProduce::give_up_waiting(ErrorCode error) {
  for (const Waiting& one : waiting_) fail(*one.info, error);
}

// The answer is the last thing: sending may let the connection's next request in.
void DelayedProduce::finish() {
  const auto self = shared_from_this();
  leave();
  protocol::ProduceResponse response;
  answer(services_, responder_, listener_, outcome_, response);
}

// May destroy this object.
void DelayedProduce::leave() {
  for (Partition* partition : watched_) partition->remove_waiter(*this);
  watched_.clear();
  timer_->stop();
  services_.partitions.release(*this);
}

}  // namespace ottla::produce
