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

void write_buffer(Writer& writer, const std::string& data) { writer.bytes(to_bytes(data)); }

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

}  // namespace ottla::coordination::jute
