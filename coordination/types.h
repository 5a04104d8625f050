// SPDX-License-Identifier: Apache-2.0
// The words that both sides of coordination share: ZooKeeper's error codes, stat structure, ACLs, node kinds
// and events (org.apache.zookeeper.KeeperException.Code, data.Stat, ZooDefs, Watcher.Event). Values are
// ZooKeeper's own numbers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ottla::coordination {

enum class ZkError : int32_t {
  kOk = 0,
  kSystemError = -1,
  kRuntimeInconsistency = -2,
  kDataInconsistency = -3,
  kConnectionLoss = -4,
  kMarshallingError = -5,
  kUnimplemented = -6,
  kOperationTimeout = -7,
  kBadArguments = -8,
  kUnknownSession = -12,
  kNewConfigNoQuorum = -13,
  kReconfigInProgress = -14,
  kApiError = -100,
  kNoNode = -101,
  kNoAuth = -102,
  kBadVersion = -103,
  kNoChildrenForEphemerals = -108,
  kNodeExists = -110,
  kNotEmpty = -111,
  kSessionExpired = -112,
  kInvalidCallback = -113,
  kInvalidAcl = -114,
  kAuthFailed = -115,
  kClosing = -116,
  kNothing = -117,
  kSessionMoved = -118,
  kNotReadOnly = -119,
  kEphemeralOnLocalSession = -120,
  kNoWatcher = -121,
  kReconfigDisabled = -123,
  kRequestTimeout = -122,
  kSessionClosedRequireSaslAuth = -124,
  kQuotaExceeded = -125,
  kThrottledOp = -127,
};

// "NoNode", "BadVersion", ...; "Error -9999" for a number that is not in the table.
std::string error_text(ZkError error);

// What ZooKeeper keeps about a node, as clients see it. Times are milliseconds since the epoch.
struct Stat {
  int64_t czxid = 0;
  int64_t mzxid = 0;
  int64_t ctime = 0;
  int64_t mtime = 0;
  int32_t version = 0;
  int32_t cversion = 0;
  int32_t aversion = 0;
  int64_t ephemeral_owner = 0;
  int32_t data_length = 0;
  int32_t num_children = 0;
  int64_t pzxid = 0;

  bool operator==(const Stat&) const = default;
};

namespace perms {
inline constexpr int32_t kRead = 1, kWrite = 2, kCreate = 4, kDelete = 8, kAdmin = 16, kAll = 31;
}

struct Acl {
  int32_t permissions = perms::kAll;
  std::string scheme = "world";
  std::string id = "anyone";

  bool operator==(const Acl&) const = default;
  auto operator<=>(const Acl&) const = default;
};
using AclList = std::vector<Acl>;
// world:anyone cdrwa, what Kafka uses unless zookeeper.set.acl is on.
inline AclList open_acl() { return {Acl{}}; }
// Stands for what the client's set_default_acl() says; no node has such a list.
inline AclList default_acl() { return {Acl{0, "", ""}}; }

// The numbers of the wire (org.apache.zookeeper.CreateMode).
enum class CreateMode : int32_t {
  kPersistent = 0,
  kEphemeral = 1,
  kPersistentSequential = 2,
  kEphemeralSequential = 3,
  kContainer = 4,
  kPersistentWithTtl = 5,
  kPersistentSequentialWithTtl = 6,
};

enum class EventType : int32_t {
  kNone = -1,
  kNodeCreated = 1,
  kNodeDeleted = 2,
  kNodeDataChanged = 3,
  kNodeChildrenChanged = 4,
  kDataWatchRemoved = 5,
  kChildWatchRemoved = 6,
  kPersistentWatchRemoved = 7,
};

struct WatchEvent {
  EventType type = EventType::kNone;
  std::string path;

  bool operator==(const WatchEvent&) const = default;
};

}  // namespace ottla::coordination
