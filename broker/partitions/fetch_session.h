// SPDX-License-Identifier: Apache-2.0
// Incremental fetch sessions (KIP-227): a client names its partitions once, later requests carry changes, and
// answers leave out what did not change (kafka.server.FetchSession: FetchManager, FetchSessionCacheShard,
// CachedPartition).
//
//   begin()   what the request's session id and epoch mean, and which partitions are to be read
//   finish()  what of the outcome goes on the wire; a full request gets its session here, where the cache has
//   room
// Time may pass between the two: a request that waits has its context with it.
//
// A session whose partitions have records moves them behind the others, so that the next answer begins with
// those that had none. Sessions from version 13 on go by topic id, older ones by name; the two do not mix.
//
// Threads: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/base/error_code.h"
#include "protocol/base/uuid.h"

namespace ottla {

class FetchSession {
 public:
  struct Entry {
    std::string topic;  // empty while no topic has the id
    Uuid topic_id;      // zero where the session goes by names
    int32_t partition = 0;
    int64_t fetch_offset = 0;
    int32_t max_bytes = 0;
    int32_t current_leader_epoch = -1;
    int32_t last_fetched_epoch = -1;
    // As last sent; -1 after an error, so that what follows it is sent.
    int64_t high_watermark = -1;
    int64_t log_start_offset = -1;
  };
  using EntryRef = std::list<Entry>::iterator;

 private:
  friend class FetchSessionCache;
  struct Key {
    std::string_view topic;
    Uuid topic_id;
    int32_t partition;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };

  Key key_of(std::string_view topic, const Uuid& id, int32_t partition) const;
  Entry& find_or_add(std::string_view topic, const Uuid& id, int32_t partition);
  void forget(std::string_view topic, const Uuid& id, int32_t partition);

  int32_t id = 0;
  bool privileged = false;  // of a follower
  bool by_id = false;
  int32_t epoch = 1;
  int64_t created_ms = 0;
  int64_t last_used_ms = 0;
  size_t counted_size = 0;  // the size under which the session stands in the eviction orders
  std::list<Entry> entries;
  std::unordered_map<Key, EntryRef, KeyHash> by_key;
};

// What a Fetch asks of one partition.
struct FetchTarget {
  std::string_view topic;  // empty: no topic has the id
  Uuid topic_id;           // zero where the request goes by names
  int32_t partition = 0;
  int64_t fetch_offset = 0;
  int32_t max_bytes = 0;
  int32_t current_leader_epoch = -1;
  int32_t last_fetched_epoch = -1;
  // Where it comes from a session; valid as long as finish() finds the session's epoch unchanged.
  FetchSession::EntryRef entry = {};
};

struct ForgottenPartition {
  std::string_view topic;
  Uuid topic_id;
  int32_t partition = 0;
};

// What reading a target came to, as far as sessions care.
struct FetchOutcome {
  int64_t high_watermark = -1;
  int64_t log_start_offset = -1;
  bool has_records = false;
  bool failed = false;
  bool diverging = false;
  // Set by finish(): whether the answer carries this partition.
  bool included = true;
};

struct FetchSessionRequest {
  int32_t session_id = 0;
  int32_t session_epoch = -1;
  bool by_id = false;
  bool from_follower = false;
};

class FetchContext {
 public:
  // FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH or FETCH_SESSION_TOPIC_ID_ERROR: the whole
  // answer.
  ErrorCode error() const { return error_; }

 private:
  friend class FetchSessionCache;
  enum class Kind { kSessionless, kFull, kIncremental };

  Kind kind_ = Kind::kSessionless;
  ErrorCode error_ = ErrorCode::NONE;
  FetchSessionRequest request_;
  std::shared_ptr<FetchSession> session_;  // of an incremental request
};

class FetchSessionCache {
 public:
  // A session may be evicted for a new one after so long without use, or so long after it was made.
  static constexpr int64_t kEvictionMs = 120'000;
  // Of all sessions together, some 160 bytes each: a session that does not fit is not made, one that grows
  // too large ends (FETCH_SESSION_ID_NOT_FOUND), and its client goes on without one. Kafka bounds only slots.
  static constexpr size_t kMostPartitions = 400'000;
  using NameOf = std::function<std::string_view(const Uuid&)>;

  // `slots`: max.incremental.fetch.session.cache.slots. `seed`: for session ids.
  explicit FetchSessionCache(int32_t slots, uint32_t seed = std::random_device{}())
      : slots_(slots > 0 ? static_cast<size_t>(slots) : 0), random_(seed) {}

  // `targets` are those of the request. After the call they are those to be read: for an incremental request
  // all of the session, with views into it, valid until the next call of begin(). `name_of` gives the name
  // for a topic id, empty where there is none.
  FetchContext begin(const FetchSessionRequest& request, std::vector<FetchTarget>& targets,
                     std::span<const ForgottenPartition> forgotten, const NameOf& name_of, int64_t now_ms);

  struct Finished {
    ErrorCode error =
        ErrorCode::NONE;     // INVALID_FETCH_SESSION_EPOCH where another request used the session meanwhile
    int32_t session_id = 0;  // 0: the client has none
  };
  // REQUIRES: context.error() is NONE; `outcomes` are those of `targets`, in order.
  Finished finish(const FetchContext& context, std::span<const FetchTarget> targets,
                  std::span<FetchOutcome> outcomes, int64_t now_ms);

  size_t size() const { return sessions_.size(); }
  size_t partitions() const { return partitions_; }

  // 0 begins a session, -1 is outside of any; counts up, and from 2^31-1 to 1.
  static int32_t next_epoch(int32_t epoch);

 private:
  using SessionPtr = std::shared_ptr<FetchSession>;
  // Privileged sessions are worth more than others, large ones more than small.
  struct Worth {
    bool privileged;
    size_t size;
    int32_t id;
    auto operator<=>(const Worth&) const = default;
  };
  static Worth worth_of(const FetchSession& session) {
    return {session.privileged, session.counted_size, session.id};
  }

  FetchContext begin_incremental(FetchContext context, std::vector<FetchTarget>& targets,
                                 std::span<const ForgottenPartition> forgotten, const NameOf& name_of,
                                 int64_t now_ms);
  int32_t create(const FetchContext& context, std::span<const FetchTarget> targets,
                 std::span<const FetchOutcome> outcomes, int64_t now_ms);
  bool make_room(const Worth& newcomer, int64_t now_ms);
  void touch(const SessionPtr& session, int64_t now_ms);
  void remove(int32_t session_id);
  void leave_orders(const FetchSession& session);

  size_t slots_;
  std::mt19937 random_;
  size_t partitions_ = 0;
  std::unordered_map<int32_t, SessionPtr> sessions_;
  std::set<std::pair<int64_t, int32_t>> by_last_use_;
  std::set<Worth> evictable_by_all_;
  std::set<Worth> evictable_by_privileged_;
};

}  // namespace ottla
