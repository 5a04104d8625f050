// SPDX-License-Identifier: Apache-2.0
#include "coordination/jute/txn.h"

#include "protocol/base/status.h"

namespace ottla::coordination::jute {
namespace {

// The shapes of CreateTxn (records.json).
int create_shape(int32_t type) { return type == kCreateTtl ? 3 : type == kCreateContainer ? 2 : 1; }

CreateTxn decode_create(Reader& reader, int32_t type) {
  if (type != kCreate) return CreateTxn::decode(reader, create_shape(type));
  CreateTxn txn = CreateTxn::decode(reader, 0);
  // Logs of ZooKeeper 3.3 end here.
  if (reader.ok() && reader.remaining() > 0) txn.parent_cversion = reader.int32();
  return txn;
}

void encode_multi(Writer& writer, const MultiTxn& txn) {
  writer.array_length(static_cast<int32_t>(txn.parts.size()));
  for (const auto& part : txn.parts) {
    writer.int32(part.type);
    Writer body;
    encode_body(body, part.type, part.body);
    writer.bytes(body.buffer());
  }
}

MultiTxn decode_multi(Reader& reader) {
  MultiTxn txn;
  const int32_t count = reader.array_length(8);
  for (int32_t i = 0; i < count && reader.ok(); ++i) {
    SubTxn part;
    part.type = reader.int32();
    Reader body(reader.bytes());
    if (part.type == kMulti) body.fail("multi inside a multi");
    if (body.ok()) part.body = decode_body(body, part.type);
    if (!body.ok()) reader.fail(body.error());
    txn.parts.push_back(std::move(part));
  }
  return txn;
}

CloseSessionTxn decode_close_session(Reader& reader) {
  // 3.5 writes no body.
  return reader.remaining() == 0 ? CloseSessionTxn{} : CloseSessionTxn::decode(reader);
}

}  // namespace

void encode_body(Writer& writer, int32_t type, const TxnBody& body) {
  switch (type) {
    case kCreate:
    case kCreate2:
    case kCreateContainer:
    case kCreateTtl:
      return std::get<CreateTxn>(body).encode(writer, create_shape(type));
    case kDelete:
    case kDeleteContainer:
      return std::get<DeleteTxn>(body).encode(writer);
    case kSetData:
    case kReconfig:
      return std::get<SetDataTxn>(body).encode(writer);
    case kCheck:
      return std::get<CheckTxn>(body).encode(writer);
    case kSetAcl:
      return std::get<SetAclTxn>(body).encode(writer);
    case kCreateSession:
      return std::get<CreateSessionTxn>(body).encode(writer);
    case kCloseSession:
      return std::get<CloseSessionTxn>(body).encode(writer);
    case kError:
      return std::get<ErrorTxn>(body).encode(writer);
    case kMulti:
      return encode_multi(writer, std::get<MultiTxn>(body));
  }
  OTTLA_CHECK(false);
}

TxnBody decode_body(Reader& reader, int32_t type) {
  switch (type) {
    case kCreate:
    case kCreate2:
    case kCreateContainer:
    case kCreateTtl:
      return decode_create(reader, type);
    case kDelete:
    case kDeleteContainer:
      return DeleteTxn::decode(reader);
    case kSetData:
    case kReconfig:
      return SetDataTxn::decode(reader);
    case kCheck:
      return CheckTxn::decode(reader);
    case kSetAcl:
      return SetAclTxn::decode(reader);
    case kCreateSession:
      return CreateSessionTxn::decode(reader);
    case kCloseSession:
      return decode_close_session(reader);
    case kError:
      return ErrorTxn::decode(reader);
    case kMulti:
      return decode_multi(reader);
  }
  reader.fail("transaction of an unknown type");
  return std::monostate{};
}

void encode_txn(Writer& writer, const Txn& txn) {
  txn.header.encode(writer);
  encode_body(writer, txn.header.type, txn.body);
}

Txn decode_txn(Reader& reader) {
  Txn txn;
  txn.header = TxnHeader::decode(reader);
  if (reader.ok()) txn.body = decode_body(reader, txn.header.type);
  return txn;
}

}  // namespace ottla::coordination::jute
