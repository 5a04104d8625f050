// SPDX-License-Identifier: Apache-2.0
// The transactions of ZooKeeper's log (zookeeper.jute, module org.apache.zookeeper.txn;
// server.util.SerializeUtils). One transaction is a TxnHeader and a body whose shape header.type names.
// Written so that 3.5 and 3.8 both read it: closeSession with the list of its paths (3.6+; 3.5 ignores it),
// no digest behind the body (3.6+ accepts none).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coordination/jute/records.h"

namespace ottla::coordination::jute {

struct TxnHeader {
  int64_t client_id = 0;
  int32_t cxid = 0;
  int64_t zxid = 0;
  int64_t time_ms = 0;
  int32_t type = 0;
};

// create, create2, createContainer and createTTL (their bodies differ in the fields they carry).
struct CreateTxn {
  std::string path;
  std::optional<std::string> data;
  AclList acl;
  bool ephemeral = false;
  int32_t parent_cversion = -1;  // -1: one more than what it is (logs of 3.3)
  int64_t ttl = -1;
};
struct DeleteTxn {
  std::string path;
};
struct SetDataTxn {
  std::string path;
  std::optional<std::string> data;
  int32_t version = 0;
};
struct CheckTxn {
  std::string path;
  int32_t version = 0;
};
struct SetAclTxn {
  std::string path;
  AclList acl;
  int32_t version = 0;
};
struct CreateSessionTxn {
  int32_t timeout_ms = 0;
};
struct CloseSessionTxn {
  std::vector<std::string> paths;
};
struct ErrorTxn {
  int32_t error = 0;
};
struct SubTxn;
struct MultiTxn {
  std::vector<SubTxn> parts;
};

using TxnBody = std::variant<std::monostate, CreateTxn, DeleteTxn, SetDataTxn, CheckTxn, SetAclTxn,
                             CreateSessionTxn, CloseSessionTxn, ErrorTxn, MultiTxn>;

struct SubTxn {
  int32_t type = 0;
  TxnBody body;
};

struct Txn {
  TxnHeader header;
  TxnBody body;
};

// REQUIRES: `body` is what `type` says.
void encode_body(Writer& writer, int32_t type, const TxnBody& body);
void encode_txn(Writer& writer, const Txn& txn);
// Fails the reader on an unknown type. What follows the body (digests of later versions) is left unread.
TxnBody decode_body(Reader& reader, int32_t type);
Txn decode_txn(Reader& reader);

// In front of logs ("ZKLG") and snapshots ("ZKSN").
struct FileHeader {
  int32_t magic = 0;
  int32_t version = 2;
  int64_t dbid = 0;
  static FileHeader decode(Reader& reader);
  void encode(Writer& writer) const;
};
inline constexpr int32_t kLogMagic = 0x5a4b4c47, kSnapshotMagic = 0x5a4b534e;
inline constexpr size_t kFileHeaderSize = 16;

}  // namespace ottla::coordination::jute
