// SPDX-License-Identifier: Apache-2.0
#include "coordination/jute/records.h"

namespace ottla::coordination::jute {
namespace {

std::string to_string(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

Bytes to_bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::string read_string(Reader& reader) {
  const auto text = reader.jute_string();
  if (!text) {
    reader.fail("null string");
    return {};
  }
  return std::string(*text);
}

std::optional<std::string> read_buffer(Reader& reader) {
  const auto bytes = reader.nullable_bytes();
  if (!bytes) return std::nullopt;
  return to_string(*bytes);
}

void write_buffer(Writer& writer, const std::optional<std::string>& data) {
  if (data) {
    writer.bytes(to_bytes(*data));
  } else {
    writer.nullable_bytes(std::nullopt);
  }
}

std::vector<std::string> read_strings(Reader& reader) {
  std::vector<std::string> strings;
  const int32_t count = reader.array_length(4);
  for (int32_t i = 0; i < count && reader.ok(); ++i) strings.push_back(read_string(reader));
  return strings;
}

void write_strings(Writer& writer, const std::vector<std::string>& strings) {
  writer.array_length(static_cast<int32_t>(strings.size()));
  for (const auto& text : strings) writer.jute_string(text);
}

AclList read_acl(Reader& reader) {
  AclList list;
  bool valid = true;
  const int32_t count = reader.array_length(12);
  for (int32_t i = 0; i < count && reader.ok(); ++i) {
    const int32_t permissions = reader.int32();
    const auto scheme = reader.jute_string();
    const auto id = reader.jute_string();
    valid = valid && scheme;
    if (valid) list.push_back(Acl{permissions, std::string(*scheme), std::string(id.value_or(""))});
  }
  return valid ? list : AclList{};
}

void write_acl(Writer& writer, const AclList& acl) {
  writer.array_length(static_cast<int32_t>(acl.size()));
  for (const auto& entry : acl) {
    writer.int32(entry.permissions);
    writer.jute_string(entry.scheme);
    writer.jute_string(entry.id);
  }
}

Stat read_stat(Reader& reader) {
  Stat stat;
  stat.czxid = reader.int64();
  stat.mzxid = reader.int64();
  stat.ctime = reader.int64();
  stat.mtime = reader.int64();
  stat.version = reader.int32();
  stat.cversion = reader.int32();
  stat.aversion = reader.int32();
  stat.ephemeral_owner = reader.int64();
  stat.data_length = reader.int32();
  stat.num_children = reader.int32();
  stat.pzxid = reader.int64();
  return stat;
}

void write_stat(Writer& writer, const Stat& stat) {
  writer.int64(stat.czxid);
  writer.int64(stat.mzxid);
  writer.int64(stat.ctime);
  writer.int64(stat.mtime);
  writer.int32(stat.version);
  writer.int32(stat.cversion);
  writer.int32(stat.aversion);
  writer.int64(stat.ephemeral_owner);
  writer.int32(stat.data_length);
  writer.int32(stat.num_children);
  writer.int64(stat.pzxid);
}

ConnectRequest ConnectRequest::decode(Reader& reader) {
  ConnectRequest request;
  request.protocol_version = reader.int32();
  request.last_zxid_seen = reader.int64();
  request.timeout_ms = reader.int32();
  request.session_id = reader.int64();
  request.password = read_buffer(reader).value_or("");
  request.read_only.reset();
  if (reader.ok() && reader.remaining() > 0) request.read_only = reader.boolean();
  return request;
}

void ConnectRequest::encode(Writer& writer) const {
  writer.int32(protocol_version);
  writer.int64(last_zxid_seen);
  writer.int32(timeout_ms);
  writer.int64(session_id);
  writer.bytes(to_bytes(password));
  if (read_only) writer.boolean(*read_only);
}

ConnectResponse ConnectResponse::decode(Reader& reader) {
  ConnectResponse response;
  response.protocol_version = reader.int32();
  response.timeout_ms = reader.int32();
  response.session_id = reader.int64();
  response.password = read_buffer(reader).value_or("");
  response.read_only.reset();
  if (reader.ok() && reader.remaining() > 0) response.read_only = reader.boolean();
  return response;
}

void ConnectResponse::encode(Writer& writer) const {
  writer.int32(protocol_version);
  writer.int32(timeout_ms);
  writer.int64(session_id);
  writer.bytes(to_bytes(password));
  if (read_only) writer.boolean(*read_only);
}

RequestHeader RequestHeader::decode(Reader& reader) {
  RequestHeader header;
  header.xid = reader.int32();
  header.type = reader.int32();
  return header;
}

void RequestHeader::encode(Writer& writer) const {
  writer.int32(xid);
  writer.int32(type);
}

ReplyHeader ReplyHeader::decode(Reader& reader) {
  ReplyHeader header;
  header.xid = reader.int32();
  header.zxid = reader.int64();
  header.error = reader.int32();
  return header;
}

void ReplyHeader::encode(Writer& writer) const {
  writer.int32(xid);
  writer.int64(zxid);
  writer.int32(error);
}

MultiHeader MultiHeader::decode(Reader& reader) {
  MultiHeader header;
  header.type = reader.int32();
  header.done = reader.boolean();
  header.error = reader.int32();
  return header;
}

void MultiHeader::encode(Writer& writer) const {
  writer.int32(type);
  writer.boolean(done);
  writer.int32(error);
}

CreateRequest CreateRequest::decode(Reader& reader, bool with_ttl) {
  CreateRequest request;
  request.path = read_string(reader);
  request.data = read_buffer(reader);
  request.acl = read_acl(reader);
  request.flags = reader.int32();
  if (with_ttl) request.ttl = reader.int64();
  return request;
}

void CreateRequest::encode(Writer& writer, bool with_ttl) const {
  writer.jute_string(path);
  write_buffer(writer, data);
  write_acl(writer, acl);
  writer.int32(flags);
  if (with_ttl) writer.int64(ttl);
}

PathVersionRequest PathVersionRequest::decode(Reader& reader) {
  PathVersionRequest request;
  request.path = read_string(reader);
  request.version = reader.int32();
  return request;
}

void PathVersionRequest::encode(Writer& writer) const {
  writer.jute_string(path);
  writer.int32(version);
}

PathWatchRequest PathWatchRequest::decode(Reader& reader) {
  PathWatchRequest request;
  request.path = read_string(reader);
  request.watch = reader.boolean();
  return request;
}

void PathWatchRequest::encode(Writer& writer) const {
  writer.jute_string(path);
  writer.boolean(watch);
}

SetDataRequest SetDataRequest::decode(Reader& reader) {
  SetDataRequest request;
  request.path = read_string(reader);
  request.data = read_buffer(reader);
  request.version = reader.int32();
  return request;
}

void SetDataRequest::encode(Writer& writer) const {
  writer.jute_string(path);
  write_buffer(writer, data);
  writer.int32(version);
}

SetAclRequest SetAclRequest::decode(Reader& reader) {
  SetAclRequest request;
  request.path = read_string(reader);
  request.acl = read_acl(reader);
  request.version = reader.int32();
  return request;
}

void SetAclRequest::encode(Writer& writer) const {
  writer.jute_string(path);
  write_acl(writer, acl);
  writer.int32(version);
}

AuthPacket AuthPacket::decode(Reader& reader) {
  AuthPacket packet;
  packet.type = reader.int32();
  packet.scheme = read_string(reader);
  packet.auth = read_buffer(reader).value_or("");
  return packet;
}

void AuthPacket::encode(Writer& writer) const {
  writer.int32(type);
  writer.jute_string(scheme);
  writer.bytes(to_bytes(auth));
}

SetWatchesRequest SetWatchesRequest::decode(Reader& reader, bool with_persistent) {
  SetWatchesRequest request;
  request.relative_zxid = reader.int64();
  request.data = read_strings(reader);
  request.exist = read_strings(reader);
  request.child = read_strings(reader);
  if (with_persistent) {
    request.persistent = read_strings(reader);
    request.persistent_recursive = read_strings(reader);
  }
  return request;
}

void SetWatchesRequest::encode(Writer& writer, bool with_persistent) const {
  writer.int64(relative_zxid);
  write_strings(writer, data);
  write_strings(writer, exist);
  write_strings(writer, child);
  if (with_persistent) {
    write_strings(writer, persistent);
    write_strings(writer, persistent_recursive);
  }
}

WatcherEvent WatcherEvent::decode(Reader& reader) {
  WatcherEvent event;
  event.type = reader.int32();
  event.state = reader.int32();
  event.path = read_string(reader);
  return event;
}

void WatcherEvent::encode(Writer& writer) const {
  writer.int32(type);
  writer.int32(state);
  writer.jute_string(path);
}

}  // namespace ottla::coordination::jute
