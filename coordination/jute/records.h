// SPDX-License-Identifier: Apache-2.0
// The records of ZooKeeper's client protocol (zookeeper.jute, module org.apache.zookeeper.proto), which are
// generated from records.json beside this, and what they are made of. Jute has no field tags and no versions:
// big-endian integers, int32-length strings, buffers and vectors, fields one after the other.
//
// decode() reads from a sticky Reader: check reader.ok() once at the end. A path or name that is null fails
// the reader, as does a count that the bytes left cannot hold.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "coordination/generated/jute_records.h"
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
void write_buffer(Writer& writer, const std::string& data);
std::vector<std::string> read_strings(Reader& reader);  // null is empty
void write_strings(Writer& writer, const std::vector<std::string>& strings);
// A null vector or scheme makes the list empty: no server takes such an ACL. A null id is empty (kazoo's
// "auth").
AclList read_acl(Reader& reader);
void write_acl(Writer& writer, const AclList& acl);
Stat read_stat(Reader& reader);
void write_stat(Writer& writer, const Stat& stat);

inline constexpr size_t kMultiHeaderSize = 9;

}  // namespace ottla::coordination::jute
