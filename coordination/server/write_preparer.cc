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

int64_t bytes_of(const std::optional<std::string>& data) {
  return data ? static_cast<int64_t>(data->size()) : 0;
}

// Versions wrap around as Java's int does.
int32_t next_version(int32_t version) { return static_cast<int32_t>(static_cast<uint32_t>(version) + 1); }

bool version_differs(int32_t have, int32_t expected) { return expected != -1 && expected != have; }

}  // namespace

WritePreparer::Pending* WritePreparer::find(const std::string& path) {
  const std::string key = path == "/" ? "" : path;
  auto [entry, added] = pending_.try_emplace(key);
  if (added) {
    if (const Node* node = tree_.find(key)) {
      entry->second = Pending{true, node->stat, static_cast<int64_t>(node->children.size()),
                              bytes_of(node->data), AclList(tree_.acl(*node))};
    }
  }
  return entry->second.exists ? &entry->second : nullptr;
}

bool WritePreparer::allowed(const AclList& acl, int32_t permission) const {
  return caller_.skip_acl || acl_allows(acl, permission, *caller_.identities, *caller_.acl_rules);
}

ZkError WritePreparer::create(int32_t type, const jute::CreateRequest& request, jute::TxnBody* body) {
  if (request.flags < 0 || request.flags > static_cast<int32_t>(CreateMode::kPersistentSequentialWithTtl)) {
    return ZkError::kBadArguments;
  }
  const auto mode = static_cast<CreateMode>(request.flags);
  // Off unless zookeeper.extendedTypesEnabled is on.
  if (has_ttl(mode) && !tree_.types().enabled) return ZkError::kUnimplemented;
  if (has_ttl(mode) != (type == jute::kCreateTtl)) return ZkError::kBadArguments;
  if (has_ttl(mode) && (request.ttl <= 0 || request.ttl > kTtlMaxMs)) return ZkError::kBadArguments;
  if (no_parent(request.path)) return ZkError::kBadArguments;
  const std::string parent_name(parent_path(request.path));
  AclList acl;
  if (!fix_up_acl(request.acl, *caller_.identities, &acl, *caller_.acl_rules)) return ZkError::kInvalidAcl;
  Pending* parent = find(parent_name);
  if (parent == nullptr) return ZkError::kNoNode;
  if (!allowed(parent->acl, perms::kCreate)) return ZkError::kNoAuth;
  std::string path = request.path;
  if (is_sequential(mode)) path += fmt::format("{:010d}", parent->stat.cversion);
  if (path_problem(path) != nullptr) return ZkError::kBadArguments;
  if (find(path) != nullptr) return ZkError::kNodeExists;
  if (owner_kind(parent->stat.ephemeral_owner, tree_.types()) == OwnerKind::kSession)
    return ZkError::kNoChildrenForEphemerals;
  const ZkError quota = check_quota(path, bytes_of(request.data), 1);
  if (quota != ZkError::kOk) return quota;

  parent->stat.cversion = next_version(parent->stat.cversion);
  parent->stat.pzxid = zxid_;
  parent->child_count += 1;
  Pending& node = pending_[path];
  node = Pending{true, {}, 0, bytes_of(request.data), acl};
  node.stat.czxid = node.stat.mzxid = node.stat.pzxid = zxid_;
  node.stat.ctime = node.stat.mtime = time_ms_;
  if (type == jute::kCreateContainer) {
    node.stat.ephemeral_owner = kContainerOwner;
  } else if (type == jute::kCreateTtl) {
    node.stat.ephemeral_owner = owner_of_ttl(request.ttl);
  } else if (is_ephemeral(mode)) {
    node.stat.ephemeral_owner = caller_.session_id;
  }
  *body = jute::CreateTxn{std::move(path),    request.data,          std::move(acl),
                          is_ephemeral(mode), parent->stat.cversion, request.ttl};
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
  const OwnerKind kind = owner_kind(node->stat.ephemeral_owner, tree_.types());
  if (kind != OwnerKind::kContainer && kind != OwnerKind::kTtl) return ZkError::kBadVersion;
  node->exists = false;
  *body = jute::DeleteTxn{path};
  return ZkError::kOk;
}

ZkError WritePreparer::set_data(const jute::SetDataRequest& request, jute::TxnBody* body) {
  if (path_problem(request.path) != nullptr) return ZkError::kBadArguments;
  Pending* node = find(request.path);
  if (node == nullptr) return ZkError::kNoNode;
  if (!allowed(node->acl, perms::kWrite)) return ZkError::kNoAuth;
  const ZkError quota = check_quota(request.path, bytes_of(request.data) - node->data_bytes, 0);
  if (quota != ZkError::kOk) return quota;
  if (version_differs(node->stat.version, request.version)) return ZkError::kBadVersion;
  node->stat.version = next_version(node->stat.version);
  node->data_bytes = bytes_of(request.data);
  node->stat.mtime = time_ms_;
  node->stat.mzxid = zxid_;
  *body = jute::SetDataTxn{request.path, request.data, node->stat.version};
  return ZkError::kOk;
}

ZkError WritePreparer::set_acl(const jute::SetAclRequest& request, jute::TxnBody* body) {
  if (path_problem(request.path) != nullptr) return ZkError::kBadArguments;
  AclList acl;
  if (!fix_up_acl(request.acl, *caller_.identities, &acl, *caller_.acl_rules)) return ZkError::kInvalidAcl;
  Pending* node = find(request.path);
  if (node == nullptr) return ZkError::kNoNode;
  if (!allowed(node->acl, perms::kAdmin)) return ZkError::kNoAuth;
  if (version_differs(node->stat.aversion, request.version)) return ZkError::kBadVersion;
  node->stat.aversion = next_version(node->stat.aversion);
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
  *body = jute::CheckTxn{request.path, next_version(node->stat.version)};
  return ZkError::kOk;
}

// As ZooKeeperServer.checkQuota: against the accounts of what is applied, not of the multi's earlier parts.
ZkError WritePreparer::check_quota(const std::string& path, int64_t more_bytes, int64_t more_nodes) {
  if (!caller_.enforce_quota) return ZkError::kOk;
  const auto limited = tree_.quotas().above(path);
  if (!limited) return ZkError::kOk;
  const auto text_of = [&](std::string_view which) {
    const Node* node = tree_.find(quota_node(*limited, which));
    return node == nullptr ? std::nullopt : QuotaText::parse(node->data.value_or(""));
  };
  const auto limits = text_of(kQuotaLimits), account = text_of(kQuotaStats);
  if (!limits || !account) return ZkError::kOk;
  const auto judge = [&](const char* what, const char* hard_key, int64_t more) {
    const int64_t hard = limits->get(hard_key), soft = limits->get(what);
    const int64_t limit = hard > -1 ? hard : soft, now = account->get(what) + more;
    if (more == 0 || limit < 0 || now <= limit) return ZkError::kOk;
    quota_warning_ = fmt::format("Quota exceeded: {} [current {}={}, {} limit={}]", *limited, what, now,
                                 hard > -1 ? "hard" : "soft", limit);
    if (hard < 0) return ZkError::kOk;
    quota_refusal_ = path;
    return ZkError::kQuotaExceeded;
  };
  const ZkError nodes = judge("count", "countHardLimit", more_nodes);
  return nodes != ZkError::kOk ? nodes : judge("bytes", "byteHardLimit", more_bytes);
}

// In a multi the flags alone say what is made, and a plain create is answered without a stat whatever it was
// asked as (Op.Create).
ZkError WritePreparer::prepare_create_part(int32_t* type, Reader& reader, jute::TxnBody* body) {
  const bool with_ttl = *type == jute::kCreateTtl;
  const auto request = jute::CreateRequest::decode(reader, with_ttl);
  if (!reader.ok()) return ZkError::kMarshallingError;
  const auto mode = static_cast<CreateMode>(request.flags);
  // A time to live without its length: ZooKeeper fails on it, and with it the whole multi, when it comes to
  // it.
  if (has_ttl(mode) && !with_ttl) return ZkError::kMarshallingError;
  *type = has_ttl(mode)                    ? jute::kCreateTtl
          : mode == CreateMode::kContainer ? jute::kCreateContainer
                                           : jute::kCreate;
  return create(*type, request, body);
}

ZkError WritePreparer::prepare_part(int32_t* type, Reader& reader, jute::TxnBody* body) {
  switch (*type) {
    case jute::kCreate:
    case jute::kCreate2:
    case jute::kCreateContainer:
    case jute::kCreateTtl:
      return prepare_create_part(type, reader, body);
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
    ZkError error = prepare_part(&part.type, reader, &part.body);
    if (!reader.ok()) return ZkError::kMarshallingError;
    if (!refused && error == ZkError::kMarshallingError) return error;
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

ZkError WritePreparer::reconfig() const {
  return caller_.reconfig_enabled ? ZkError::kUnimplemented : ZkError::kReconfigDisabled;
}

void WritePreparer::close_session(jute::TxnBody* body) const {
  jute::CloseSessionTxn txn;
  const auto owned = tree_.ephemerals().find(caller_.session_id);
  if (owned != tree_.ephemerals().end()) txn.paths.assign(owned->second.begin(), owned->second.end());
  *body = std::move(txn);
}

}  // namespace ottla::coordination
