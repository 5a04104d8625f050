// SPDX-License-Identifier: Apache-2.0
#include "broker/partitions/fetch_session.h"

#include "protocol/base/status.h"

namespace ottla {
namespace {

constexpr int32_t kInitialEpoch = 0;
constexpr int32_t kFinalEpoch = -1;
constexpr int32_t kNoSession = 0;

void take_parameters(const FetchTarget& target, FetchSession::Entry& entry) {
  entry.fetch_offset = target.fetch_offset;
  entry.max_bytes = target.max_bytes;
  entry.current_leader_epoch = target.current_leader_epoch;
  entry.last_fetched_epoch = target.last_fetched_epoch;
}

// Whether the client has to hear of the partition; remembers what it is told.
bool changed(FetchSession::Entry& entry, const FetchOutcome& outcome) {
  bool send = outcome.has_records || outcome.diverging || outcome.failed;
  if (entry.high_watermark != outcome.high_watermark) send = true;
  if (entry.log_start_offset != outcome.log_start_offset) send = true;
  entry.high_watermark = outcome.failed ? -1 : outcome.high_watermark;
  entry.log_start_offset = outcome.log_start_offset;
  return send;
}

}  // namespace

size_t FetchSession::KeyHash::operator()(const Key& key) const {
  const size_t topic =
      key.topic.empty() ? UuidHash()(key.topic_id) : std::hash<std::string_view>()(key.topic);
  return topic * 31 + static_cast<size_t>(key.partition);
}

FetchSession::Key FetchSession::key_of(std::string_view topic, const Uuid& topic_id,
                                       int32_t partition) const {
  return by_id ? Key{{}, topic_id, partition} : Key{topic, {}, partition};
}

FetchSession::Entry& FetchSession::find_or_add(std::string_view topic, const Uuid& topic_id,
                                               int32_t partition) {
  const auto found = by_key.find(key_of(topic, topic_id, partition));
  if (found != by_key.end()) return *found->second;
  Entry& entry = entries.emplace_back();
  entry.topic = topic;
  entry.topic_id = topic_id;
  entry.partition = partition;
  by_key.emplace(key_of(entry.topic, topic_id, partition), std::prev(entries.end()));
  return entry;
}

void FetchSession::forget(std::string_view topic, const Uuid& topic_id, int32_t partition) {
  const auto found = by_key.find(key_of(topic, topic_id, partition));
  if (found == by_key.end()) return;
  const EntryRef entry = found->second;
  by_key.erase(found);
  entries.erase(entry);
}

int32_t FetchSessionCache::next_epoch(int32_t epoch) {
  if (epoch < 0) return kFinalEpoch;
  return epoch == INT32_MAX ? 1 : epoch + 1;
}

FetchContext FetchSessionCache::begin(const FetchSessionRequest& request, std::vector<FetchTarget>& targets,
                                      std::span<const ForgottenPartition> forgotten, const NameOf& name_of,
                                      int64_t now_ms) {
  FetchContext context;
  context.request_ = request;
  if (request.session_epoch != kInitialEpoch && request.session_epoch != kFinalEpoch) {
    return begin_incremental(std::move(context), targets, forgotten, name_of, now_ms);
  }
  if (request.session_id != kNoSession) remove(request.session_id);
  context.kind_ =
      request.session_epoch == kInitialEpoch ? FetchContext::Kind::kFull : FetchContext::Kind::kSessionless;
  return context;
}

FetchContext FetchSessionCache::begin_incremental(FetchContext context, std::vector<FetchTarget>& targets,
                                                  std::span<const ForgottenPartition> forgotten,
                                                  const NameOf& name_of, int64_t now_ms) {
  const auto found = sessions_.find(context.request_.session_id);
  if (found == sessions_.end()) {
    context.error_ = ErrorCode::FETCH_SESSION_ID_NOT_FOUND;
    return context;
  }
  const SessionPtr session = found->second;
  if (session->epoch != context.request_.session_epoch) {
    context.error_ = ErrorCode::INVALID_FETCH_SESSION_EPOCH;
    return context;
  }
  if (session->by_id != context.request_.by_id) {
    context.error_ = ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR;
    return context;
  }
  for (const FetchTarget& target : targets) {
    take_parameters(target, session->find_or_add(target.topic, target.topic_id, target.partition));
  }
  for (const ForgottenPartition& gone : forgotten) session->forget(gone.topic, gone.topic_id, gone.partition);
  if (partitions_ - session->counted_size + session->entries.size() > kMostPartitions) {
    remove(session->id);
    context.error_ = ErrorCode::FETCH_SESSION_ID_NOT_FOUND;
    return context;
  }
  // Also where nothing is left: a request that still waits must not touch what was forgotten.
  session->epoch = next_epoch(session->epoch);
  if (session->entries.empty()) {
    remove(session->id);
    return context;
  }
  touch(session, now_ms);
  targets.clear();
  for (auto entry = session->entries.begin(); entry != session->entries.end(); ++entry) {
    if (session->by_id && entry->topic.empty()) entry->topic = name_of(entry->topic_id);
    targets.push_back({entry->topic, entry->topic_id, entry->partition, entry->fetch_offset, entry->max_bytes,
                       entry->current_leader_epoch, entry->last_fetched_epoch, entry});
  }
  context.kind_ = FetchContext::Kind::kIncremental;
  context.session_ = session;
  return context;
}

FetchSessionCache::Finished FetchSessionCache::finish(const FetchContext& context,
                                                      std::span<const FetchTarget> targets,
                                                      std::span<FetchOutcome> outcomes, int64_t now_ms) {
  OTTLA_CHECK(context.error_ == ErrorCode::NONE && targets.size() == outcomes.size());
  switch (context.kind_) {
    case FetchContext::Kind::kSessionless:
      return {};
    case FetchContext::Kind::kFull:
      return {ErrorCode::NONE, create(context, targets, outcomes, now_ms)};
    case FetchContext::Kind::kIncremental:
      break;
  }
  FetchSession& session = *context.session_;
  if (session.epoch != next_epoch(context.request_.session_epoch)) {
    for (FetchOutcome& outcome : outcomes) outcome.included = false;
    return {ErrorCode::INVALID_FETCH_SESSION_EPOCH, session.id};
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    const FetchSession::EntryRef entry = targets[i].entry;
    outcomes[i].included = changed(*entry, outcomes[i]);
    if (outcomes[i].has_records) session.entries.splice(session.entries.end(), session.entries, entry);
  }
  return {ErrorCode::NONE, session.id};
}

int32_t FetchSessionCache::create(const FetchContext& context, std::span<const FetchTarget> targets,
                                  std::span<const FetchOutcome> outcomes, int64_t now_ms) {
  if (partitions_ + targets.size() > kMostPartitions) return kNoSession;
  const Worth newcomer{context.request_.from_follower, targets.size(), 0};
  if (sessions_.size() >= slots_ && !make_room(newcomer, now_ms)) return kNoSession;
  const auto session = std::make_shared<FetchSession>();
  session->privileged = context.request_.from_follower;
  session->by_id = context.request_.by_id;
  session->created_ms = session->last_used_ms = now_ms;
  do {
    session->id = static_cast<int32_t>(random_() >> 1);
  } while (session->id == kNoSession || sessions_.contains(session->id));
  for (size_t i = 0; i < targets.size(); ++i) {
    FetchSession::Entry& entry =
        session->find_or_add(targets[i].topic, targets[i].topic_id, targets[i].partition);
    take_parameters(targets[i], entry);
    entry.high_watermark = outcomes[i].high_watermark;
    entry.log_start_offset = outcomes[i].log_start_offset;
  }
  sessions_.emplace(session->id, session);
  touch(session, now_ms);
  return session->id;
}

// A newcomer takes the place of a session that was not used for long; or else of the least worthy of those
// that are old enough (a follower's: of any client's), if that is worth less than itself.
bool FetchSessionCache::make_room(const Worth& newcomer, int64_t now_ms) {
  if (by_last_use_.empty()) return false;
  const auto [last_used_ms, oldest] = *by_last_use_.begin();
  if (now_ms - last_used_ms > kEvictionMs) {
    remove(oldest);
    return true;
  }
  const std::set<Worth>& evictable = newcomer.privileged ? evictable_by_privileged_ : evictable_by_all_;
  if (evictable.empty() || newcomer < *evictable.begin()) return false;
  remove(evictable.begin()->id);
  return true;
}

void FetchSessionCache::touch(const SessionPtr& session, int64_t now_ms) {
  leave_orders(*session);
  session->last_used_ms = now_ms;
  session->counted_size = session->entries.size();
  partitions_ += session->counted_size;
  by_last_use_.emplace(now_ms, session->id);
  const bool old = now_ms - session->created_ms > kEvictionMs;
  if (!session->privileged || old) evictable_by_privileged_.insert(worth_of(*session));
  if (old) evictable_by_all_.insert(worth_of(*session));
}

void FetchSessionCache::leave_orders(const FetchSession& session) {
  by_last_use_.erase({session.last_used_ms, session.id});
  evictable_by_privileged_.erase(worth_of(session));
  evictable_by_all_.erase(worth_of(session));
  partitions_ -= session.counted_size;
}

void FetchSessionCache::remove(int32_t session_id) {
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end()) return;
  leave_orders(*found->second);
  sessions_.erase(found);
}

}  // namespace ottla
