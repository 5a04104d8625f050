// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "coordination/server/operations.h"
#include "coordination/server/path.h"

namespace ottla::coordination {
namespace {

bool is_ephemeral(CreateMode mode) {
  return mode == CreateMode::kEphemeral || mode == CreateMode::kEphemeralSequential;
}

bool is_sequential(CreateMode mode) {
  return mode == CreateMode::kPersistentSequential || mode == CreateMode::kEphemeralSequential ||
         mode == CreateMode::kPersistentSequentialWithTtl;
}

bool has_ttl(CreateMode mode) {
  return mode == CreateMode::kPersistentWithTtl || mode == CreateMode::kPersistentSequentialWithTtl;
}

bool no_parent(const std::string& path) {
  return path.find('/') == std::string::npos || path.find('\0') != std::string::npos;
}

bool version_differs(int32_t have, int32_t expected) { return expected != -1 && expected != have; }

}  // namespace

WritePreparer::Pending* WritePreparer::find(const std::string& path) {
  const std::string key = path == "/" ? "" : path;
  auto [entry, added] = pending_.try_emplace(key);
  if (added) {
    if (const Node* node = tree_.find(key)) {
      entry->second =
          Pending{true, node->stat, static_cast<int64_t>(node->children.size()), AclList(tree_.acl(*node))};
    }
  }
  return entry->second.exists ? &entry->second : nullptr;
}

bool WritePreparer::allowed(const AclList& acl, int32_t permission) const {
  return caller_.skip_acl || acl_allows(acl, permission, *caller_.identities);
}

ZkError WritePreparer::create(int32_t type, const jute::CreateRequest& request, jute::TxnBody* body) {
  if (request.flags < 0 || request.flags > static_cast<int32_t>(CreateMode::kPersistentSequentialWithTtl)) {
    return ZkError::kBadArguments;
  }
  const auto mode = static_cast<CreateMode>(request.flags);
  // Time-to-live nodes need zookeeper.extendedTypesEnabled, which is off by default and has no key here.
  if (has_ttl(mode)) return ZkError::kUnimplemented;
  if (type == jute::kCreateTtl || no_parent(request.path)) return ZkError::kBadArguments;
  const std::string parent_name(parent_path(request.path));
  AclList acl;
  if (!fix_up_acl(request.acl, *caller_.identities, &acl)) return ZkError::kInvalidAcl;
  Pending* parent = find(parent_name);
  if (parent == nullptr) return ZkError::kNoNode;
  if (!allowed(parent->acl, perms::kCreate)) return ZkError::kNoAuth;
  std::string path = request.path;
  if (is_sequential(mode)) path += fmt::format("{:010d}", parent->stat.cversion);
  if (path_problem(path) != nullptr) return ZkError::kBadArguments;
  if (find(path) != nullptr) return ZkError::kNodeExists;
  const int64_t parent_owner = parent->stat.ephemeral_owner;
  if (parent_owner != 0 && parent_owner != DataTree::kContainerOwner)
    return ZkError::kNoChildrenForEphemerals;

  parent->stat.cversion += 1;
  parent->stat.pzxid = zxid_;
  parent->child_count += 1;
  Pending& node = pending_[path];
  node = Pending{true, {}, 0, acl};
  node.stat.czxid = node.stat.mzxid = node.stat.pzxid = zxid_;
  node.stat.ctime = node.stat.mtime = time_ms_;
  if (type == jute::kCreateContainer) {
    node.stat.ephemeral_owner = DataTree::kContainerOwner;
  } else if (is_ephemeral(mode)) {
    node.stat.ephemeral_owner = caller_.session_id;
  }
  *body = jute::CreateTxn{std::move(path),    request.data,          std::move(acl),
                          is_ephemeral(mode), parent->stat.cversion, -1};
  return ZkError::kOk;
}

ZkError WritePreparer::remove(const jute::PathVersionRequest& request, jute::TxnBody* body) {
  if (no_parent(request.path) || DataTree::is_special_path(request.path)) return ZkError::kBadArguments;
  Pending* parent = find(std::string(parent_path(request.path)));
  if (parent == nullptr) return ZkError::kNoNode;
  if (!allowed(parent->acl, perms::kDelete)) return ZkError::kNoAuth;
  Pending* node = find(request.path);
  if (node == nullptr) return ZkError::kNoNode;
  if (version_differs(node->stat.version, request.version)) return ZkError::kBadVersion;
  if (node->child_count > 0) return ZkError::kNotEmpty;
  parent->child_count -= 1;
  parent->stat.pzxid = zxid_;
  node->exists = false;
  *body = jute::DeleteTxn{request.path};
  return ZkError::kOk;
}

ZkError WritePreparer::remove_container(const std::string& path, jute::TxnBody* body) {
  Pending* node = find(path);
  if (node == nullptr) return ZkError::kNoNode;
  if (node->child_count > 0) return ZkError::kNotEmpty;
  if (node->stat.ephemeral_owner != DataTree::kContainerOwner) return ZkError::kBadVersion;
  node->exists = false;
  *body = jute::DeleteTxn{path};
  return ZkError::kOk;
}

ZkError WritePreparer::set_data(const jute::SetDataRequest& request, jute::TxnBody* body) {
  if (path_problem(request.path) != nullptr) return ZkError::kBadArguments;
  Pending* node = find(request.path);
  if (node == nullptr) return ZkError::kNoNode;
  if (!allowed(node->acl, perms::kWrite)) return ZkError::kNoAuth;
  if (version_differs(node->stat.version, request.version)) return ZkError::kBadVersion;
  node->stat.version += 1;
  node->stat.mtime = time_ms_;
  node->stat.mzxid = zxid_;
  *body = jute::SetDataTxn{request.path, request.data, node->stat.version};
  return ZkError::kOk;
}

ZkError WritePreparer::set_acl(const jute::SetAclRequest& request, jute::TxnBody* body) {
  if (path_problem(request.path) != nullptr) return ZkError::kBadArguments;
  AclList acl;
  if (!fix_up_acl(request.acl, *caller_.identities, &acl)) return ZkError::kInvalidAcl;
  Pending* node = find(request.path);
  if (node == nullptr) return ZkError::kNoNode;
  if (!allowed(node->acl, perms::kAdmin)) return ZkError::kNoAuth;
  if (version_differs(node->stat.aversion, request.version)) return ZkError::kBadVersion;
  node->stat.aversion += 1;
  node->acl = acl;
  *body = jute::SetAclTxn{request.path, std::move(acl), node->stat.aversion};
  return ZkError::kOk;
}

ZkError WritePreparer::check(const jute::PathVersionRequest& request, jute::TxnBody* body) {
  if (path_problem(request.path) != nullptr) return ZkError::kBadArguments;
  Pending* node = find(request.path);
  if (node == nullptr) return ZkError::kNoNode;
  if (!allowed(node->acl, perms::kRead)) return ZkError::kNoAuth;
  if (version_differs(node->stat.version, request.version)) return ZkError::kBadVersion;
  *body = jute::CheckTxn{request.path, node->stat.version + 1};
  return ZkError::kOk;
}

ZkError WritePreparer::prepare_part(int32_t type, Reader& reader, jute::TxnBody* body) {
  switch (type) {
    case jute::kCreate:
    case jute::kCreate2:
    case jute::kCreateContainer:
    case jute::kCreateTtl: {
      const auto request = jute::CreateRequest::decode(reader, type == jute::kCreateTtl);
      return reader.ok() ? create(type, request, body) : ZkError::kMarshallingError;
    }
    case jute::kDelete: {
      const auto request = jute::PathVersionRequest::decode(reader);
      return reader.ok() ? remove(request, body) : ZkError::kMarshallingError;
    }
    case jute::kSetData: {
      const auto request = jute::SetDataRequest::decode(reader);
      return reader.ok() ? set_data(request, body) : ZkError::kMarshallingError;
    }
    case jute::kCheck: {
      const auto request = jute::PathVersionRequest::decode(reader);
      return reader.ok() ? check(request, body) : ZkError::kMarshallingError;
    }
  }
  reader.fail("operation that a multi cannot hold");
  return ZkError::kMarshallingError;
}

// The whole request is read, also behind a refused part: bytes that are no multi at all are a marshalling
// error, whatever their first parts say.
ZkError WritePreparer::multi(Reader& reader, jute::TxnBody* body) {
  jute::MultiTxn txn;
  bool refused = false;
  while (true) {
    const auto header = jute::MultiHeader::decode(reader);
    if (!reader.ok()) return ZkError::kMarshallingError;
    if (header.done) break;
    jute::SubTxn part;
    part.type = header.type;
    ZkError error = prepare_part(header.type, reader, &part.body);
    if (!reader.ok()) return ZkError::kMarshallingError;
    if (refused) error = ZkError::kRuntimeInconsistency;
    if (error != ZkError::kOk) {
      refused = true;
      part.type = jute::kError;
      part.body = jute::ErrorTxn{static_cast<int32_t>(error)};
    }
    txn.parts.push_back(std::move(part));
  }
  *body = std::move(txn);
  return ZkError::kOk;
}

void WritePreparer::close_session(jute::TxnBody* body) const {
  jute::CloseSessionTxn txn;
  const auto owned = tree_.ephemerals().find(caller_.session_id);
  if (owned != tree_.ephemerals().end()) txn.paths.assign(owned->second.begin(), owned->second.end());
  *body = std::move(txn);
}

}  // namespace ottla::coordination
