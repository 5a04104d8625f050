// SPDX-License-Identifier: Apache-2.0
#include "coordination/jute/txn.h"

#include "protocol/base/status.h"

namespace ottla::coordination::jute {
namespace {

void encode_create(Writer& writer, int32_t type, const CreateTxn& txn) {
  writer.jute_string(txn.path);
  write_buffer(writer, txn.data);
  write_acl(writer, txn.acl);
  if (type == kCreate || type == kCreate2) writer.boolean(txn.ephemeral);
  writer.int32(txn.parent_cversion);
  if (type == kCreateTtl) writer.int64(txn.ttl);
}

CreateTxn decode_create(Reader& reader, int32_t type) {
  CreateTxn txn;
  txn.path = read_string(reader);
  txn.data = read_buffer(reader);
  txn.acl = read_acl(reader);
  if (type == kCreate || type == kCreate2) {
    txn.ephemeral = reader.boolean();
    // CreateTxnV0 ends here.
    if (type == kCreate && reader.ok() && reader.remaining() == 0) return txn;
  }
  txn.parent_cversion = reader.int32();
  if (type == kCreateTtl) txn.ttl = reader.int64();
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
  if (reader.remaining() == 0) return {};
  return CloseSessionTxn{read_strings(reader)};
}

SetDataTxn decode_set_data(Reader& reader) {
  SetDataTxn txn;
  txn.path = read_string(reader);
  txn.data = read_buffer(reader);
  txn.version = reader.int32();
  return txn;
}

SetAclTxn decode_set_acl(Reader& reader) {
  SetAclTxn txn;
  txn.path = read_string(reader);
  txn.acl = read_acl(reader);
  txn.version = reader.int32();
  return txn;
}

CheckTxn decode_check(Reader& reader) {
  CheckTxn txn;
  txn.path = read_string(reader);
  txn.version = reader.int32();
  return txn;
}

}  // namespace

void encode_body(Writer& writer, int32_t type, const TxnBody& body) {
  switch (type) {
    case kCreate:
    case kCreate2:
    case kCreateContainer:
    case kCreateTtl:
      encode_create(writer, type, std::get<CreateTxn>(body));
      return;
    case kDelete:
    case kDeleteContainer:
      writer.jute_string(std::get<DeleteTxn>(body).path);
      return;
    case kSetData:
    case kReconfig: {
      const auto& txn = std::get<SetDataTxn>(body);
      writer.jute_string(txn.path);
      write_buffer(writer, txn.data);
      writer.int32(txn.version);
      return;
    }
    case kCheck:
      writer.jute_string(std::get<CheckTxn>(body).path);
      writer.int32(std::get<CheckTxn>(body).version);
      return;
    case kSetAcl: {
      const auto& txn = std::get<SetAclTxn>(body);
      writer.jute_string(txn.path);
      write_acl(writer, txn.acl);
      writer.int32(txn.version);
      return;
    }
    case kCreateSession:
      writer.int32(std::get<CreateSessionTxn>(body).timeout_ms);
      return;
    case kCloseSession:
      write_strings(writer, std::get<CloseSessionTxn>(body).paths);
      return;
    case kError:
      writer.int32(std::get<ErrorTxn>(body).error);
      return;
    case kMulti:
      encode_multi(writer, std::get<MultiTxn>(body));
      return;
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
      return DeleteTxn{read_string(reader)};
    case kSetData:
    case kReconfig:
      return decode_set_data(reader);
    case kCheck:
      return decode_check(reader);
    case kSetAcl:
      return decode_set_acl(reader);
    case kCreateSession:
      return CreateSessionTxn{reader.int32()};
    case kCloseSession:
      return decode_close_session(reader);
    case kError:
      return ErrorTxn{reader.int32()};
    case kMulti:
      return decode_multi(reader);
  }
  reader.fail("transaction of an unknown type");
  return std::monostate{};
}

void encode_txn(Writer& writer, const Txn& txn) {
  writer.int64(txn.header.client_id);
  writer.int32(txn.header.cxid);
  writer.int64(txn.header.zxid);
  writer.int64(txn.header.time_ms);
  writer.int32(txn.header.type);
  encode_body(writer, txn.header.type, txn.body);
}

Txn decode_txn(Reader& reader) {
  Txn txn;
  txn.header.client_id = reader.int64();
  txn.header.cxid = reader.int32();
  txn.header.zxid = reader.int64();
  txn.header.time_ms = reader.int64();
  txn.header.type = reader.int32();
  if (reader.ok()) txn.body = decode_body(reader, txn.header.type);
  return txn;
}

FileHeader FileHeader::decode(Reader& reader) {
  FileHeader header;
  header.magic = reader.int32();
  header.version = reader.int32();
  header.dbid = reader.int64();
  return header;
}

void FileHeader::encode(Writer& writer) const {
  writer.int32(magic);
  writer.int32(version);
  writer.int64(dbid);
}

}  // namespace ottla::coordination::jute
