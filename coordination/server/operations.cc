// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/operations.h"
#include "coordination/server/path.h"

#include <algorithm>

namespace ottla::coordination {
namespace {

using jute::TxnBody;

// ---- writes: request bytes -> transaction ----

ZkError prepare_create(WritePreparer& preparer, int32_t type, Reader& reader, TxnBody* body) {
  const auto request = jute::CreateRequest::decode(reader, type == jute::kCreateTtl);
  return reader.ok() ? preparer.create(type, request, body) : ZkError::kMarshallingError;
}

ZkError prepare_delete(WritePreparer& preparer, int32_t, Reader& reader, TxnBody* body) {
  const auto request = jute::PathVersionRequest::decode(reader);
  return reader.ok() ? preparer.remove(request, body) : ZkError::kMarshallingError;
}

ZkError prepare_set_data(WritePreparer& preparer, int32_t, Reader& reader, TxnBody* body) {
  const auto request = jute::SetDataRequest::decode(reader);
  return reader.ok() ? preparer.set_data(request, body) : ZkError::kMarshallingError;
}

ZkError prepare_set_acl(WritePreparer& preparer, int32_t, Reader& reader, TxnBody* body) {
  const auto request = jute::SetAclRequest::decode(reader);
  return reader.ok() ? preparer.set_acl(request, body) : ZkError::kMarshallingError;
}

ZkError prepare_check(WritePreparer& preparer, int32_t, Reader& reader, TxnBody* body) {
  const auto request = jute::PathVersionRequest::decode(reader);
  return reader.ok() ? preparer.check(request, body) : ZkError::kMarshallingError;
}

ZkError prepare_multi(WritePreparer& preparer, int32_t, Reader& reader, TxnBody* body) {
  return preparer.multi(reader, body);
}

ZkError prepare_reconfig(WritePreparer& preparer, int32_t, Reader& reader, TxnBody*) {
  for (int i = 0; i < 3; ++i) static_cast<void>(reader.jute_string());
  static_cast<void>(reader.int64());
  return reader.ok() ? preparer.reconfig() : ZkError::kMarshallingError;
}

ZkError prepare_close_session(WritePreparer& preparer, int32_t, Reader&, TxnBody* body) {
  preparer.close_session(body);
  return ZkError::kOk;
}

// ---- writes: what applying gave -> reply ----

void respond_path(const TxnResult& result, Writer& reply) { reply.jute_string(result.path); }

void respond_path_and_stat(const TxnResult& result, Writer& reply) {
  reply.jute_string(result.path);
  jute::write_stat(reply, result.stat);
}

void respond_stat(const TxnResult& result, Writer& reply) { jute::write_stat(reply, result.stat); }

void respond_part(const TxnResult& part, Writer& reply) {
  const bool with_stat = part.type == jute::kCreateTtl || part.type == jute::kCreateContainer;
  const int32_t type = with_stat ? static_cast<int32_t>(jute::kCreate2) : part.type;
  const int32_t error = type == jute::kError ? static_cast<int32_t>(part.error) : 0;
  jute::MultiHeader{type, false, error}.encode(reply);
  if (type == jute::kCreate) respond_path(part, reply);
  if (type == jute::kCreate2) respond_path_and_stat(part, reply);
  if (type == jute::kSetData) respond_stat(part, reply);
  if (type == jute::kError) reply.int32(error);
}

void respond_multi(const TxnResult& result, Writer& reply) {
  for (const auto& part : result.parts) respond_part(part, reply);
  jute::MultiHeader{-1, true, -1}.encode(reply);
}

// ---- reads ----

bool may(const ReadContext& context, const Node& node, int32_t permission) {
  return context.caller.skip_acl || acl_allows(context.tree.acl(node), permission, *context.caller.identities,
                                               *context.caller.acl_rules);
}

// The node if it is there and may be read.
ZkError find_readable(const ReadContext& context, const std::string& path, int32_t permission,
                      const Node** node) {
  *node = context.tree.find(path);
  if (*node == nullptr) return ZkError::kNoNode;
  return may(context, **node, permission) ? ZkError::kOk : ZkError::kNoAuth;
}

ZkError read_exists(ReadContext& context, Reader& reader, Writer& reply) {
  const auto request = jute::PathWatchRequest::decode(reader);
  if (!reader.ok()) return ZkError::kMarshallingError;
  if (request.path.find('\0') != std::string::npos) return ZkError::kBadArguments;
  // No right is needed, as in the ZooKeeper that Kafka 2.8 comes with (3.8.4 and later want READ:
  // ZOOKEEPER-2590).
  if (request.watch) context.tree.data_watches().add(request.path, context.caller.watcher);
  const Node* node = context.tree.find(request.path);
  if (node == nullptr) return ZkError::kNoNode;
  jute::write_stat(reply, context.tree.stat(*node));
  context.tree.count_read(request.path, 0);
  return ZkError::kOk;
}

ZkError read_data(ReadContext& context, Reader& reader, Writer& reply) {
  const auto request = jute::PathWatchRequest::decode(reader);
  if (!reader.ok()) return ZkError::kMarshallingError;
  const Node* node = nullptr;
  const ZkError error = find_readable(context, request.path, perms::kRead, &node);
  if (error != ZkError::kOk) return error;
  if (request.watch && !context.in_multi)
    context.tree.data_watches().add(request.path, context.caller.watcher);
  jute::write_buffer(reply, node->data);
  jute::write_stat(reply, context.tree.stat(*node));
  context.tree.count_read(request.path, node->data ? node->data->size() : 0);
  return ZkError::kOk;
}

// How many bytes of names.
size_t write_children(Writer& reply, const Node& node) {
  size_t bytes = 0;
  reply.array_length(static_cast<int32_t>(node.children.size()));
  node.children.for_each([&](const std::string& path) {
    const auto name = node_name(path);
    bytes += name.size();
    reply.jute_string(name);
  });
  return bytes;
}

ZkError read_children_of(ReadContext& context, Reader& reader, Writer& reply, const Node** node) {
  const auto request = jute::PathWatchRequest::decode(reader);
  if (!reader.ok()) return ZkError::kMarshallingError;
  const ZkError error = find_readable(context, request.path, perms::kRead, node);
  if (error != ZkError::kOk) return error;
  if (request.watch && !context.in_multi)
    context.tree.child_watches().add(request.path, context.caller.watcher);
  context.tree.count_read(request.path, write_children(reply, **node));
  return ZkError::kOk;
}

ZkError read_children(ReadContext& context, Reader& reader, Writer& reply) {
  const Node* node = nullptr;
  return read_children_of(context, reader, reply, &node);
}

ZkError read_children_and_stat(ReadContext& context, Reader& reader, Writer& reply) {
  const Node* node = nullptr;
  const ZkError error = read_children_of(context, reader, reply, &node);
  if (error == ZkError::kOk) jute::write_stat(reply, context.tree.stat(*node));
  return error;
}

ZkError read_descendant_count(ReadContext& context, Reader& reader, Writer& reply) {
  const std::string path = jute::read_string(reader);
  if (!reader.ok()) return ZkError::kMarshallingError;
  const Node* node = nullptr;
  const ZkError error = find_readable(context, path, perms::kRead, &node);
  if (error == ZkError::kOk) reply.int32(static_cast<int32_t>(context.tree.descendant_count(path)));
  return error;
}

ZkError read_acl(ReadContext& context, Reader& reader, Writer& reply) {
  const std::string path = jute::read_string(reader);
  if (!reader.ok()) return ZkError::kMarshallingError;
  const Node* node = nullptr;
  const ZkError error = find_readable(context, path, perms::kRead | perms::kAdmin, &node);
  if (error != ZkError::kOk) return error;
  AclList acl = context.tree.acl(*node);
  // Who may not change the list does not see the hashes in it.
  if (!may(context, *node, perms::kAdmin)) {
    for (Acl& entry : acl) {
      if (entry.scheme == "digest") entry.id = entry.id.substr(0, entry.id.find(':')) + ":x";
    }
  }
  jute::write_acl(reply, acl);
  jute::write_stat(reply, context.tree.stat(*node));
  return ZkError::kOk;
}

ZkError read_sync(ReadContext&, Reader& reader, Writer& reply) {
  const std::string path = jute::read_string(reader);
  if (!reader.ok()) return ZkError::kMarshallingError;
  reply.jute_string(path);
  return ZkError::kOk;
}

ZkError read_ping(ReadContext&, Reader&, Writer&) { return ZkError::kOk; }

ZkError read_ephemerals(ReadContext& context, Reader& reader, Writer& reply) {
  const auto prefix = reader.jute_string();
  if (!reader.ok()) return ZkError::kMarshallingError;
  std::vector<std::string> paths;
  const auto owned = context.tree.ephemerals().find(context.caller.session_id);
  if (owned != context.tree.ephemerals().end()) {
    const std::string wanted(prefix && *prefix != "/" ? *prefix : "");
    std::copy_if(owned->second.begin(), owned->second.end(), std::back_inserter(paths),
                 [&](const std::string& path) { return path.compare(0, wanted.size(), wanted) == 0; });
  }
  jute::write_strings(reply, paths);
  return ZkError::kOk;
}

ZkError read_who_am_i(ReadContext& context, Reader&, Writer& reply) {
  reply.array_length(static_cast<int32_t>(context.caller.identities->size()));
  for (const Id& identity : *context.caller.identities) {
    reply.jute_string(identity.scheme);
    reply.jute_string(identity.scheme == "digest" ? identity.id.substr(0, identity.id.find(':'))
                                                  : identity.id);
  }
  return ZkError::kOk;
}

// What a multiRead may answer at most. ZooKeeper has no bound; a request of 1 MiB could ask for 50 GiB.
constexpr size_t kMultiReadReplyMax = 64 << 20;

ZkError read_multi(ReadContext& context, Reader& reader, Writer& reply) {
  context.in_multi = true;
  while (true) {
    if (reply.buffer().size() > kMultiReadReplyMax) return ZkError::kMarshallingError;
    const auto header = jute::MultiHeader::decode(reader);
    if (!reader.ok()) return ZkError::kMarshallingError;
    if (header.done) break;
    Writer part;
    ZkError error = ZkError::kMarshallingError;
    if (header.type == jute::kGetData) error = read_data(context, reader, part);
    if (header.type == jute::kGetChildren) error = read_children(context, reader, part);
    if (error == ZkError::kMarshallingError) return error;
    if (error == ZkError::kOk) {
      jute::MultiHeader{header.type, false, 0}.encode(reply);
      reply.raw(part.buffer());
    } else {
      jute::MultiHeader{jute::kError, false, static_cast<int32_t>(error)}.encode(reply);
      reply.int32(static_cast<int32_t>(error));
    }
  }
  jute::MultiHeader{-1, true, -1}.encode(reply);
  return ZkError::kOk;
}

// ---- watches ----

void rearm(ReadContext& context, const std::vector<std::string>& paths, WatchMode mode) {
  for (const auto& path : paths) {
    context.tree.data_watches().add(path, context.caller.watcher, mode);
    context.tree.child_watches().add(path, context.caller.watcher, mode);
  }
}

// After a reconnect: what changed since the client last looked is told now, the rest is watched again.
void set_watches(ReadContext& context, const jute::SetWatchesRequest& request) {
  const auto watcher = context.caller.watcher;
  for (const auto& path : request.data) {
    const Node* node = context.tree.find(path);
    if (node == nullptr) {
      context.notify({EventType::kNodeDeleted, path});
    } else if (node->stat.mzxid > request.relative_zxid) {
      context.notify({EventType::kNodeDataChanged, path});
    } else {
      context.tree.data_watches().add(path, watcher);
    }
  }
  for (const auto& path : request.exist) {
    if (context.tree.find(path) != nullptr) {
      context.notify({EventType::kNodeCreated, path});
    } else {
      context.tree.data_watches().add(path, watcher);
    }
  }
  for (const auto& path : request.child) {
    const Node* node = context.tree.find(path);
    if (node == nullptr) {
      context.notify({EventType::kNodeDeleted, path});
    } else if (node->stat.pzxid > request.relative_zxid) {
      context.notify({EventType::kNodeChildrenChanged, path});
    } else {
      context.tree.child_watches().add(path, watcher);
    }
  }
  rearm(context, request.persistent, WatchMode::kPersistent);
  rearm(context, request.persistent_recursive, WatchMode::kPersistentRecursive);
}

ZkError read_set_watches(ReadContext& context, Reader& reader, Writer&) {
  const auto request = jute::SetWatchesRequest::decode(reader, false);
  if (!reader.ok()) return ZkError::kMarshallingError;
  set_watches(context, request);
  return ZkError::kOk;
}

ZkError read_set_watches2(ReadContext& context, Reader& reader, Writer&) {
  const auto request = jute::SetWatchesRequest::decode(reader, true);
  if (!reader.ok()) return ZkError::kMarshallingError;
  set_watches(context, request);
  return ZkError::kOk;
}

ZkError read_add_watch(ReadContext& context, Reader& reader, Writer& reply) {
  const auto request = jute::PathVersionRequest::decode(reader);
  // AddWatchMode: 0 persistent, 1 persistent recursive.
  if (!reader.ok() || request.version < 0 || request.version > 1) return ZkError::kMarshallingError;
  rearm(context, {request.path},
        request.version == 0 ? WatchMode::kPersistent : WatchMode::kPersistentRecursive);
  reply.int32(0);
  return ZkError::kOk;
}

// Watcher.WatcherType: 1 children, 2 data, 3 any.
ZkError read_check_watches(ReadContext& context, Reader& reader, Writer&) {
  const auto request = jute::PathVersionRequest::decode(reader);
  if (!reader.ok() || request.version < 1 || request.version > 3) return ZkError::kMarshallingError;
  const bool child =
      (request.version & 1) && context.tree.child_watches().contains(request.path, context.caller.watcher);
  const bool data =
      (request.version & 2) && context.tree.data_watches().contains(request.path, context.caller.watcher);
  return child || data ? ZkError::kOk : ZkError::kNoWatcher;
}

ZkError read_remove_watches(ReadContext& context, Reader& reader, Writer&) {
  const auto request = jute::PathVersionRequest::decode(reader);
  if (!reader.ok() || request.version < 1 || request.version > 3) return ZkError::kMarshallingError;
  const bool child =
      (request.version & 1) && context.tree.child_watches().remove(request.path, context.caller.watcher);
  const bool data =
      (request.version & 2) && context.tree.data_watches().remove(request.path, context.caller.watcher);
  return child || data ? ZkError::kOk : ZkError::kNoWatcher;
}

constexpr Operation kOperations[] = {
    {jute::kCreate, "create", "CREA", prepare_create, nullptr, respond_path},
    {jute::kDelete, "delete", "DELE", prepare_delete, nullptr, nullptr},
    {jute::kExists, "exists", "EXIS", nullptr, read_exists, nullptr},
    {jute::kGetData, "getData", "GETD", nullptr, read_data, nullptr},
    {jute::kSetData, "setData", "SETD", prepare_set_data, nullptr, respond_stat},
    {jute::kGetAcl, "getACL", "GETA", nullptr, read_acl, nullptr},
    {jute::kSetAcl, "setACL", "SETA", prepare_set_acl, nullptr, respond_stat},
    {jute::kGetChildren, "getChildren", "GETC", nullptr, read_children, nullptr},
    {jute::kSync, "sync", "SYNC", nullptr, read_sync, nullptr},
    {jute::kPing, "ping", "PING", nullptr, read_ping, nullptr},
    {jute::kGetChildren2, "getChildren2", "GETC", nullptr, read_children_and_stat, nullptr},
    {jute::kCheck, "check", "CHEC", prepare_check, nullptr, nullptr},
    {jute::kMulti, "multi", "MULT", prepare_multi, nullptr, respond_multi},
    {jute::kCreate2, "create2", "CREA", prepare_create, nullptr, respond_path_and_stat},
    {jute::kReconfig, "reconfig", "RECO", prepare_reconfig, nullptr, nullptr},
    {jute::kCheckWatches, "checkWatches", "CHKW", nullptr, read_check_watches, nullptr},
    {jute::kRemoveWatches, "removeWatches", "REMW", nullptr, read_remove_watches, nullptr},
    {jute::kCreateContainer, "createContainer", "CREA", prepare_create, nullptr, respond_path_and_stat},
    {jute::kCreateTtl, "createTtl", "CREA", prepare_create, nullptr, respond_path_and_stat},
    {jute::kMultiRead, "multiRead", "MLTR", nullptr, read_multi, nullptr},
    {jute::kSetWatches, "setWatches", "SETW", nullptr, read_set_watches, nullptr},
    {jute::kGetEphemerals, "getEphemerals", "GETE", nullptr, read_ephemerals, nullptr},
    {jute::kGetAllChildrenNumber, "getAllChildrenNumber", "GETACN", nullptr, read_descendant_count, nullptr},
    {jute::kSetWatches2, "setWatches2", "STW2", nullptr, read_set_watches2, nullptr},
    {jute::kAddWatch, "addWatch", "ADDW", nullptr, read_add_watch, nullptr},
    {jute::kWhoAmI, "whoAmI", "HOMI", nullptr, read_who_am_i, nullptr},
    {jute::kCloseSession, "closeSession", "CLOS", prepare_close_session, nullptr, nullptr},
};

}  // namespace

const Operation* find_operation(int32_t type) {
  const auto* entry = std::find_if(std::begin(kOperations), std::end(kOperations),
                                   [&](const auto& row) { return row.type == type; });
  return entry == std::end(kOperations) ? nullptr : entry;
}

}  // namespace ottla::coordination
