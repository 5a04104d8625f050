// SPDX-License-Identifier: Apache-2.0
// The records of ZooKeeper's client protocol (zookeeper.jute, module org.apache.zookeeper.proto). Jute has no
// field tags and no versions: big-endian integers, int32-length strings, buffers and vectors, fields one
// after the other.
//
// decode() reads from a sticky Reader: check reader.ok() once at the end. A path or name that is null fails
// the reader, as does a count that the bytes left cannot hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordination/types.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla::coordination::jute {

// org.apache.zookeeper.ZooDefs.OpCode.
enum OpCode : int32_t {
  kNotification = 0,
  kCreate = 1,
  kDelete = 2,
  kExists = 3,
  kGetData = 4,
  kSetData = 5,
  kGetAcl = 6,
  kSetAcl = 7,
  kGetChildren = 8,
  kSync = 9,
  kPing = 11,
  kGetChildren2 = 12,
  kCheck = 13,
  kMulti = 14,
  kCreate2 = 15,
  kReconfig = 16,
  kCheckWatches = 17,
  kRemoveWatches = 18,
  kCreateContainer = 19,
  kDeleteContainer = 20,
  kCreateTtl = 21,
  kMultiRead = 22,
  kAuth = 100,
  kSetWatches = 101,
  kSasl = 102,
  kGetEphemerals = 103,
  kGetAllChildrenNumber = 104,
  kSetWatches2 = 105,
  kAddWatch = 106,
  kWhoAmI = 107,
  kCreateSession = -10,
  kCloseSession = -11,
  kError = -1,
};

// xids that are not a client's own counting.
inline constexpr int32_t kNotificationXid = -1, kPingXid = -2, kAuthXid = -4, kSetWatchesXid = -8;
// KeeperState.SyncConnected, the state in every watch event of a server.
inline constexpr int32_t kSyncConnected = 3;

std::string read_string(Reader& reader);  // null fails
std::optional<std::string> read_buffer(Reader& reader);
void write_buffer(Writer& writer, const std::optional<std::string>& data);
std::vector<std::string> read_strings(Reader& reader);  // null is empty
void write_strings(Writer& writer, const std::vector<std::string>& strings);
// A null vector or scheme makes the list empty: no server takes such an ACL. A null id is empty (kazoo's
// "auth").
AclList read_acl(Reader& reader);
void write_acl(Writer& writer, const AclList& acl);
Stat read_stat(Reader& reader);
void write_stat(Writer& writer, const Stat& stat);

struct ConnectRequest {
  int32_t protocol_version = 0;
  int64_t last_zxid_seen = 0;
  int32_t timeout_ms = 0;
  int64_t session_id = 0;
  std::string password;
  // Absent from clients before 3.4.
  std::optional<bool> read_only = false;

  static ConnectRequest decode(Reader& reader);
  void encode(Writer& writer) const;
};

struct ConnectResponse {
  int32_t protocol_version = 0;
  int32_t timeout_ms = 0;
  int64_t session_id = 0;  // 0: the session is expired
  std::string password;
  std::optional<bool> read_only = false;

  static ConnectResponse decode(Reader& reader);
  void encode(Writer& writer) const;
};

struct RequestHeader {
  int32_t xid = 0;
  int32_t type = 0;
  static RequestHeader decode(Reader& reader);
  void encode(Writer& writer) const;
};

struct ReplyHeader {
  int32_t xid = 0;
  int64_t zxid = 0;
  int32_t error = 0;
  static ReplyHeader decode(Reader& reader);
  void encode(Writer& writer) const;
};

// In front of each part of a multi, and of its reply.
struct MultiHeader {
  int32_t type = 0;
  bool done = false;
  int32_t error = 0;
  static MultiHeader decode(Reader& reader);
  void encode(Writer& writer) const;
};
inline constexpr size_t kMultiHeaderSize = 9;

// create, create2, createContainer; createTTL has one field more.
struct CreateRequest {
  std::string path;
  std::optional<std::string> data;
  AclList acl;
  int32_t flags = 0;
  int64_t ttl = -1;
  static CreateRequest decode(Reader& reader, bool with_ttl = false);
  void encode(Writer& writer, bool with_ttl = false) const;
};

// delete, check; addWatch (mode), checkWatches and removeWatches (type) have the same shape.
struct PathVersionRequest {
  std::string path;
  int32_t version = -1;
  static PathVersionRequest decode(Reader& reader);
  void encode(Writer& writer) const;
};

// exists, getData, getChildren, getChildren2.
struct PathWatchRequest {
  std::string path;
  bool watch = false;
  static PathWatchRequest decode(Reader& reader);
  void encode(Writer& writer) const;
};

struct SetDataRequest {
  std::string path;
  std::optional<std::string> data;
  int32_t version = -1;
  static SetDataRequest decode(Reader& reader);
  void encode(Writer& writer) const;
};

struct SetAclRequest {
  std::string path;
  AclList acl;
  int32_t version = -1;
  static SetAclRequest decode(Reader& reader);
  void encode(Writer& writer) const;
};

struct AuthPacket {
  int32_t type = 0;
  std::string scheme;
  std::string auth;
  static AuthPacket decode(Reader& reader);
  void encode(Writer& writer) const;
};

// setWatches, and setWatches2 with the two persistent kinds.
struct SetWatchesRequest {
  int64_t relative_zxid = 0;
  std::vector<std::string> data;
  std::vector<std::string> exist;
  std::vector<std::string> child;
  std::vector<std::string> persistent;
  std::vector<std::string> persistent_recursive;
  static SetWatchesRequest decode(Reader& reader, bool with_persistent);
  void encode(Writer& writer, bool with_persistent) const;
};

struct WatcherEvent {
  int32_t type = 0;
  int32_t state = kSyncConnected;
  std::string path;
  static WatcherEvent decode(Reader& reader);
  void encode(Writer& writer) const;
};

}  // namespace ottla::coordination::jute
