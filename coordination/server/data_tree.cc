// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/data_tree.h"

#include <algorithm>
#include <utility>

#include "coordination/server/path.h"
#include "protocol/base/status.h"

namespace ottla::coordination {

using jute::TxnHeader;

namespace {

int64_t bytes_of(const std::optional<std::string>& data) {
  return data ? static_cast<int64_t>(data->size()) : 0;
}

int64_t size_of(const std::string& path, const std::optional<std::string>& data) {
  return static_cast<int64_t>(path.size()) + bytes_of(data);
}

// Versions count as Java's int does.
int32_t wrapping(int64_t value) { return static_cast<int32_t>(static_cast<uint32_t>(value)); }

}  // namespace

int64_t AclCache::intern(const AclList& acl) {
  auto [entry, added] = numbers_.try_emplace(acl, last_number_ + 1);
  if (added) lists_[++last_number_] = acl;
  ++uses_[entry->second];
  return entry->second;
}

void AclCache::add_use(int64_t number) {
  if (lists_.count(number) > 0) ++uses_[number];
}

void AclCache::drop_use(int64_t number) {
  const auto list = lists_.find(number);
  if (list == lists_.end() || --uses_[number] > 0) return;
  uses_.erase(number);
  numbers_.erase(list->second);
  lists_.erase(list);
}

const AclList& AclCache::get(int64_t number) const {
  static const AclList kOpenAcl = open_acl();
  const auto list = lists_.find(number);
  return list == lists_.end() ? kOpenAcl : list->second;
}

void AclCache::restore(int64_t number, AclList acl) {
  last_number_ = std::max(last_number_, number);
  numbers_[acl] = number;
  lists_[number] = std::move(acl);
  uses_[number] = 0;
}

void AclCache::purge_unused() {
  for (auto use = uses_.begin(); use != uses_.end();) {
    if (use->second > 0) {
      ++use;
      continue;
    }
    const auto list = lists_.find(use->first);
    if (list != lists_.end()) {
      numbers_.erase(list->second);
      lists_.erase(list);
    }
    use = uses_.erase(use);
  }
}

DataTree::DataTree(ExtendedTypes types) : types_(types) {
  const std::string empty;
  for (const char* path : {"", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) {
    const auto made = nodes_.emplace(path, Node{empty, AclCache::kOpen, {}, {}}).first;
    if (!made->first.empty()) find_mutable(parent_path(made->first))->children.insert(made->first);
  }
  Node& config = nodes_.find("/zookeeper/config")->second;
  config.acl = acls_.intern({Acl{perms::kRead, "world", "anyone"}});
  config.stat.aversion = -1;
  data_size_ = 1;  // the root's alias "/"
  for (const auto& [path, node] : nodes_) data_size_ += size_of(path, node.data);
}

const Node* DataTree::find(std::string_view path) const {
  const auto entry = nodes_.find(path == "/" ? std::string_view() : path);
  return entry == nodes_.end() ? nullptr : &entry->second;
}

Node* DataTree::find_mutable(std::string_view path) { return const_cast<Node*>(find(path)); }

Stat DataTree::stat(const Node& node) const {
  const auto children = static_cast<int32_t>(node.children.size());
  Stat stat;
  stat.czxid = node.stat.czxid;
  stat.mzxid = node.stat.mzxid;
  stat.ctime = node.stat.ctime;
  stat.mtime = node.stat.mtime;
  stat.version = node.stat.version;
  stat.cversion = wrapping(int64_t{node.stat.cversion} * 2 - children);
  stat.aversion = node.stat.aversion;
  // Clients see sessions alone (DataNode.getClientEphemeralOwner).
  const bool owned = owner_kind(node.stat.ephemeral_owner, types_) == OwnerKind::kSession;
  stat.ephemeral_owner = owned ? node.stat.ephemeral_owner : 0;
  stat.data_length = node.data ? static_cast<int32_t>(node.data->size()) : 0;
  stat.num_children = children;
  stat.pzxid = node.stat.pzxid;
  return stat;
}

bool DataTree::is_special_path(std::string_view path) {
  return path == "/" || path == "/zookeeper" || path == "/zookeeper/quota" || path == "/zookeeper/config";
}

size_t DataTree::descendant_count(const std::string& path) const {
  // As ZooKeeper counts, whose tree has the root twice: asked for "/" it leaves both out, for "" one of them.
  if (path == "/") return nodes_.size() - 1;
  if (path.empty()) return nodes_.size();
  const std::string prefix = path + "/";
  return static_cast<size_t>(std::count_if(nodes_.begin(), nodes_.end(), [&](const auto& entry) {
    return entry.first.compare(0, prefix.size(), prefix) == 0;
  }));
}

TxnResult DataTree::apply(const jute::Txn& txn) {
  TxnResult result;
  result.type = txn.header.type;
  if (txn.header.type == jute::kMulti) {
    apply_multi(txn, result);
  } else {
    apply_body(txn.header, txn.body, result);
  }
  set_last_zxid(txn.header.zxid);
  return result;
}

void DataTree::apply_body(const TxnHeader& header, const jute::TxnBody& body, TxnResult& result) {
  if (const auto* create = std::get_if<jute::CreateTxn>(&body)) {
    result.error = apply_create(header, *create, result);
  } else if (const auto* remove = std::get_if<jute::DeleteTxn>(&body)) {
    result.path = remove->path;
    result.error = apply_delete(remove->path, header.zxid);
  } else if (const auto* set_data = std::get_if<jute::SetDataTxn>(&body)) {
    result.error = apply_set_data(header, *set_data, result);
  } else if (const auto* set_acl = std::get_if<jute::SetAclTxn>(&body)) {
    result.error = apply_set_acl(*set_acl, result);
  } else if (const auto* check = std::get_if<jute::CheckTxn>(&body)) {
    result.path = check->path;
  } else if (const auto* session = std::get_if<jute::CreateSessionTxn>(&body)) {
    sessions_[header.client_id] = session->timeout_ms;
  } else if (const auto* close = std::get_if<jute::CloseSessionTxn>(&body)) {
    apply_close_session(header, *close);
  } else if (const auto* error = std::get_if<jute::ErrorTxn>(&body)) {
    result.error = static_cast<ZkError>(error->error);
  }
}

// A multi with a failed step changes nothing: steps before the failed one answer kOk, those after it
// kRuntimeInconsistency (written by prepare_multi), all as errors.
void DataTree::apply_multi(const jute::Txn& txn, TxnResult& result) {
  const auto& parts = std::get<jute::MultiTxn>(txn.body).parts;
  const bool failed =
      std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.type == jute::kError; });
  for (const auto& part : parts) {
    TxnResult step;
    step.type = part.type;
    if (failed) {
      step.type = jute::kError;
      if (const auto* error = std::get_if<jute::ErrorTxn>(&part.body))
        step.error = static_cast<ZkError>(error->error);
    } else {
      TxnHeader header = txn.header;
      header.type = part.type;
      apply_body(header, part.body, step);
    }
    if (result.error == ZkError::kOk) result.error = step.error;
    result.parts.push_back(std::move(step));
  }
}

ZkError DataTree::apply_create(const TxnHeader& header, const jute::CreateTxn& txn, TxnResult& result) {
  result.path = txn.path;
  if (txn.path.find('/') == std::string::npos) return ZkError::kBadArguments;
  const std::string parent_name(parent_path(txn.path));
  Node* parent = find_mutable(parent_name);
  if (parent == nullptr) return ZkError::kNoNode;
  const bool exists = find(txn.path) != nullptr;
  const int32_t cversion =
      txn.parent_cversion == -1 ? wrapping(int64_t{parent->stat.cversion} + 1) : txn.parent_cversion;
  // A snapshot taken by ZooKeeper while it served may be ahead of the log that is replayed onto it.
  if (cversion > parent->stat.cversion) {
    parent->stat.cversion = cversion;
    parent->stat.pzxid = header.zxid;
  }
  if (exists) {
    const auto entry = nodes_.find(txn.path);
    // Its parent may be one that was deleted and made again since the node of this name was.
    parent->children.insert(entry->first);
    acls_.drop_use(std::exchange(entry->second.acl, acls_.intern(txn.acl)));
    return ZkError::kNodeExists;
  }
  Node node;
  node.data = txn.data;
  node.acl = acls_.intern(txn.acl);
  node.stat.czxid = node.stat.mzxid = node.stat.pzxid = header.zxid;
  node.stat.ctime = node.stat.mtime = header.time_ms;
  if (header.type == jute::kCreateContainer) {
    node.stat.ephemeral_owner = kContainerOwner;
  } else if (header.type == jute::kCreateTtl) {
    node.stat.ephemeral_owner = owner_of_ttl(txn.ttl);
  } else if (txn.ephemeral) {
    node.stat.ephemeral_owner = header.client_id;
  }
  track_owner(txn.path, node.stat.ephemeral_owner);
  const AclList parent_acl = acl(*parent);
  result.stat = stat(node);
  parent->children.insert(nodes_.emplace(txn.path, std::move(node)).first->first);
  data_size_ += size_of(txn.path, txn.data);
  if (parent_name.starts_with(kQuotaRoot)) note_quota_node(parent_name, node_name(txn.path));
  charge_quota(txn.path, bytes_of(txn.data), 1);
  count_write(txn.path, bytes_of(txn.data));
  fire(data_watches_, txn.path, EventType::kNodeCreated, txn.acl, nullptr, nullptr);
  fire(child_watches_, parent_name.empty() ? "/" : parent_name, EventType::kNodeChildrenChanged, parent_acl,
       nullptr, nullptr);
  return ZkError::kOk;
}

ZkError DataTree::apply_delete(const std::string& path, int64_t zxid) {
  if (path.find('/') == std::string::npos) return ZkError::kBadArguments;
  const std::string parent_name(parent_path(path));
  Node* parent = find_mutable(parent_name);
  if (parent == nullptr) return ZkError::kNoNode;
  parent->children.erase(path);
  parent->stat.pzxid = std::max(parent->stat.pzxid, zxid);
  const auto entry = nodes_.find(path);
  if (entry == nodes_.end()) return ZkError::kNoNode;
  const AclList node_acl = acl(entry->second), parent_acl = acl(*parent);
  acls_.drop_use(entry->second.acl);
  untrack_owner(path, entry->second.stat.ephemeral_owner);
  data_size_ -= size_of(path, entry->second.data);
  const int64_t bytes = bytes_of(entry->second.data);
  nodes_.erase(entry);
  if (parent_name.starts_with(kQuotaRoot) && node_name(path) == kQuotaLimits)
    quotas_.remove(parent_name.substr(kQuotaRoot.size()));
  charge_quota(path, -bytes, -1);
  count_write(path, 0);
  std::set<WatchManager::Watcher> told;
  fire(data_watches_, path, EventType::kNodeDeleted, node_acl, nullptr, &told);
  fire(child_watches_, path, EventType::kNodeDeleted, node_acl, &told, nullptr);
  fire(child_watches_, parent_name.empty() ? "/" : parent_name, EventType::kNodeChildrenChanged, parent_acl,
       nullptr, nullptr);
  return ZkError::kOk;
}

ZkError DataTree::apply_set_data(const TxnHeader& header, const jute::SetDataTxn& txn, TxnResult& result) {
  result.path = txn.path;
  Node* node = find_mutable(txn.path);
  if (node == nullptr) return ZkError::kNoNode;
  const int64_t more = bytes_of(txn.data) - bytes_of(node->data);
  node->data = txn.data;
  data_size_ += more;
  node->stat.mtime = header.time_ms;
  node->stat.mzxid = header.zxid;
  node->stat.version = txn.version;
  result.stat = stat(*node);
  charge_quota(txn.path, more, 0);
  count_write(txn.path, bytes_of(txn.data));
  fire(data_watches_, txn.path, EventType::kNodeDataChanged, AclList(acl(*node)), nullptr, nullptr);
  return ZkError::kOk;
}

ZkError DataTree::apply_set_acl(const jute::SetAclTxn& txn, TxnResult& result) {
  result.path = txn.path;
  Node* node = find_mutable(txn.path);
  if (node == nullptr) return ZkError::kNoNode;
  acls_.drop_use(std::exchange(node->acl, acls_.intern(txn.acl)));
  node->stat.aversion = txn.version;
  result.stat = stat(*node);
  return ZkError::kOk;
}

void DataTree::apply_close_session(const TxnHeader& header, const jute::CloseSessionTxn& txn) {
  sessions_.erase(header.client_id);
  // Deleting what is already gone is no error: the log may repeat what the snapshot holds.
  for (const auto& path : txn.paths) static_cast<void>(apply_delete(path, header.zxid));
  const auto owned = ephemerals_.find(header.client_id);
  if (owned == ephemerals_.end()) return;
  const std::set<std::string> left = owned->second;
  for (const auto& path : left) static_cast<void>(apply_delete(path, header.zxid));
  ephemerals_.erase(header.client_id);
}

void DataTree::track_owner(const std::string& path, int64_t owner) {
  switch (owner_kind(owner, types_)) {
    case OwnerKind::kPlain:
      return;
    case OwnerKind::kSession:
      ephemerals_[owner].insert(path);
      return;
    case OwnerKind::kContainer:
      containers_.insert(path);
      return;
    case OwnerKind::kTtl:
      ttls_.insert(path);
      return;
  }
}

void DataTree::untrack_owner(const std::string& path, int64_t owner) {
  containers_.erase(path);
  ttls_.erase(path);
  const auto owned = ephemerals_.find(owner);
  if (owned == ephemerals_.end()) return;
  owned->second.erase(path);
  if (owned->second.empty()) ephemerals_.erase(owned);
}

void DataTree::note_quota_node(const std::string& parent, std::string_view name) {
  const std::string limited = parent.substr(kQuotaRoot.size());
  if (name == kQuotaLimits) quotas_.add(limited);
  if (name == kQuotaStats) recount_quota(limited);
}

void DataTree::recount_quota(const std::string& path) {
  Node* account = find_mutable(quota_node(path, kQuotaStats));
  if (account == nullptr) return;
  int64_t nodes = 0, bytes = 0;
  std::vector<std::string> left{path};
  while (!left.empty()) {
    const std::string next = std::move(left.back());
    left.pop_back();
    const Node* node = find(next);
    if (node == nullptr) continue;
    ++nodes;
    bytes += bytes_of(node->data);
    node->children.for_each([&](const std::string& child) { left.push_back(child); });
  }
  QuotaText text;
  text.set("count", nodes);
  text.set("bytes", bytes);
  account->data = text.to_string();
}

void DataTree::charge_quota(const std::string& path, int64_t bytes, int64_t nodes) {
  if (quotas_.empty()) return;
  const auto limited = quotas_.above(path);
  if (!limited) return;
  Node* account = find_mutable(quota_node(*limited, kQuotaStats));
  if (account == nullptr) return;
  QuotaText text = QuotaText::parse(account->data.value_or("")).value_or(QuotaText());
  text.set("count", text.get("count") + nodes);
  text.set("bytes", text.get("bytes") + bytes);
  account->data = text.to_string();
}

// What a snapshot tells of quotas may be a moment older than the rest of it, so accounts are made anew.
void DataTree::load_quotas() {
  std::vector<std::string> left{""};
  while (!left.empty()) {
    const std::string limited = std::move(left.back());
    left.pop_back();
    const Node* node = find(std::string(kQuotaRoot) + limited);
    if (node == nullptr) continue;
    bool has_limits = false;
    node->children.for_each([&](const std::string& child) {
      if (node_name(child) == kQuotaLimits) {
        has_limits = true;
      } else {
        left.push_back(child.substr(kQuotaRoot.size()));
      }
    });
    if (!has_limits) continue;
    quotas_.add(limited);
    recount_quota(limited);
  }
}

void DataTree::fire(WatchManager& watches, const std::string& path, EventType type, const AclList& acl,
                    const std::set<WatchManager::Watcher>* except, std::set<WatchManager::Watcher>* told) {
  if (watches.path_count() == 0) return;
  std::set<WatchManager::Watcher> watchers = watches.trigger(path, type);
  if (!watchers.empty()) count_told(type, watchers.size());
  for (const auto watcher : watchers) {
    if (except != nullptr && except->count(watcher) > 0) continue;
    if (event_handler_) event_handler_(watcher, WatchEvent{type, path}, acl);
  }
  if (told != nullptr) *told = std::move(watchers);
}

void DataTree::count_read(std::string_view path, size_t bytes) {
  constexpr size_t kStatBytes = 68;
  if (auto* const read = counters_.read_bytes.of(path))
    read->add(static_cast<int64_t>(path.size() + bytes + kStatBytes));
}

void DataTree::count_write(std::string_view path, int64_t bytes) {
  if (auto* const written = counters_.write_bytes.of(path))
    written->add(static_cast<int64_t>(path.size()) + bytes);
}

void DataTree::count_told(EventType type, size_t watchers) {
  SampledSummary& told = type == EventType::kNodeCreated       ? counters_.told_of_creation
                         : type == EventType::kNodeDeleted     ? counters_.told_of_deletion
                         : type == EventType::kNodeDataChanged ? counters_.told_of_change
                                                               : counters_.told_of_children;
  told.add(static_cast<int64_t>(watchers));
}

}  // namespace ottla::coordination
