// SPDX-License-Identifier: Apache-2.0
// The tree as bytes, in the layout of ZooKeeper's snapshots (SerializeUtils.serializeSnapshot,
// DataTree.serialize):
//   sessions: int count, then {long id, int time-out ms}
//   ACLs:     int count, then {long number, vector<ACL>}
//   nodes:    {ustring path, buffer data, long acl number, StatPersisted}, parents first, the root as "";
//   then the ustring "/"
#include "coordination/server/data_tree.h"
#include "coordination/server/path.h"

namespace ottla::coordination {
namespace {

void encode_node(Writer& writer, const std::string& path, const Node& node) {
  writer.jute_string(path);
  jute::write_buffer(writer, node.data);
  writer.int64(node.acl);
  writer.int64(node.stat.czxid);
  writer.int64(node.stat.mzxid);
  writer.int64(node.stat.ctime);
  writer.int64(node.stat.mtime);
  writer.int32(node.stat.version);
  writer.int32(node.stat.cversion);
  writer.int32(node.stat.aversion);
  writer.int64(node.stat.ephemeral_owner);
  writer.int64(node.stat.pzxid);
}

Node decode_node(Reader& reader) {
  Node node;
  node.data = jute::read_buffer(reader);
  node.acl = reader.int64();
  node.stat.czxid = reader.int64();
  node.stat.mzxid = reader.int64();
  node.stat.ctime = reader.int64();
  node.stat.mtime = reader.int64();
  node.stat.version = reader.int32();
  node.stat.cversion = reader.int32();
  node.stat.aversion = reader.int32();
  node.stat.ephemeral_owner = reader.int64();
  node.stat.pzxid = reader.int64();
  return node;
}

}  // namespace

void DataTree::encode(Writer& writer) const {
  writer.int32(static_cast<int32_t>(sessions_.size()));
  for (const auto& [id, timeout_ms] : sessions_) {
    writer.int64(id);
    writer.int32(timeout_ms);
  }
  writer.int32(static_cast<int32_t>(acls_.lists().size()));
  for (const auto& [number, list] : acls_.lists()) {
    writer.int64(number);
    jute::write_acl(writer, list);
  }
  // A stack of its own: a path may have hundreds of thousands of levels.
  std::vector<std::string> left{""};
  while (!left.empty()) {
    const std::string path = std::move(left.back());
    left.pop_back();
    const Node& node = nodes_.find(path)->second;
    encode_node(writer, path, node);
    node.children.for_each([&](const std::string& child) { left.push_back(child); });
  }
  writer.jute_string("/");
}

bool DataTree::decode(Reader& reader) {
  nodes_.clear();
  acls_ = AclCache();
  data_size_ = 1;  // the root's alias "/"
  const int32_t sessions = reader.array_length(12);
  for (int32_t i = 0; i < sessions && reader.ok(); ++i) {
    const int64_t id = reader.int64();
    sessions_[id] = reader.int32();
  }
  const int32_t lists = reader.array_length(12);
  for (int32_t i = 0; i < lists && reader.ok(); ++i) {
    const int64_t number = reader.int64();
    acls_.restore(number, jute::read_acl(reader));
  }
  if (!reader.ok() || !decode_nodes(reader)) return false;
  acls_.purge_unused();
  load_quotas();
  return reader.ok() && nodes_.count("") > 0;
}

bool DataTree::decode_nodes(Reader& reader) {
  while (true) {
    std::string path = jute::read_string(reader);
    if (!reader.ok()) return false;
    if (path == "/") return true;
    Node node = decode_node(reader);
    if (!reader.ok()) return false;
    acls_.add_use(node.acl);
    Node* parent = path.starts_with('/') ? find_mutable(parent_path(path)) : nullptr;
    if (!path.empty() && parent == nullptr) return false;
    track_owner(path, node.stat.ephemeral_owner);
    data_size_ += static_cast<int64_t>(path.size() + (node.data ? node.data->size() : 0));
    const auto entry = nodes_.insert_or_assign(std::move(path), std::move(node)).first;
    if (parent != nullptr) parent->children.insert(entry->first);
  }
}

}  // namespace ottla::coordination
