// SPDX-License-Identifier: Apache-2.0
// The transactions of ZooKeeper's log (zookeeper.jute, module org.apache.zookeeper.txn;
// server.util.SerializeUtils). One transaction is a TxnHeader and a body whose shape header.type names; they
// are generated from records.json, all but the multi. Written so that 3.5 and 3.8 both read it: closeSession
// with the list of its paths (3.6+; 3.5 ignores it), no digest behind the body (3.6+ accepts none).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "coordination/jute/records.h"

namespace ottla::coordination::jute {

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

// Of FileHeader.
inline constexpr int32_t kLogMagic = 0x5a4b4c47, kSnapshotMagic = 0x5a4b534e;
inline constexpr size_t kFileHeaderSize = 16;

}  // namespace ottla::coordination::jute
