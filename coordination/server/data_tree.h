// SPDX-License-Identifier: Apache-2.0
// The nodes, their ACLs, the ephemerals of each session and the sessions that the log knows
// (org.apache.zookeeper.server DataTree, DataNode, ReferenceCountedACLCache). apply() is the only mutator:
// serving, and replaying the log after a start, go the same way, so both end in the same tree.
// Quota accounts below /zookeeper/quota are kept here too (quota.h).
//
// Left out on purpose: digests of the tree.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "coordination/jute/txn.h"
#include "coordination/server/children.h"
#include "coordination/server/ephemeral_type.h"
#include "coordination/server/namespaces.h"
#include "coordination/server/quota.h"
#include "coordination/server/summary.h"
#include "coordination/server/watch_manager.h"
#include "coordination/types.h"

namespace ottla::coordination {

// What is stored of a Stat. `cversion` counts creations only; clients see creations and deletions
// (DataTree::stat).
struct StoredStat {
  int64_t czxid = 0;
  int64_t mzxid = 0;
  int64_t ctime = 0;
  int64_t mtime = 0;
  int32_t version = 0;
  int32_t cversion = 0;
  int32_t aversion = 0;
  int64_t ephemeral_owner = 0;
  int64_t pzxid = 0;
};

struct Node {
  std::optional<std::string> data;
  int64_t acl = -1;  // in the AclCache
  StoredStat stat;
  Children children;  // by the keys of DataTree::nodes_
};

// ACLs are few and nodes many: each list is kept once, under a number that snapshots carry.
class AclCache {
 public:
  // world:anyone with all rights, never stored.
  static constexpr int64_t kOpen = -1;

  // Takes one use of the list.
  int64_t intern(const AclList& acl);
  void add_use(int64_t number);
  void drop_use(int64_t number);
  // Open where the number is unknown.
  const AclList& get(int64_t number) const;

  // For snapshots.
  void restore(int64_t number, AclList acl);
  void purge_unused();
  const std::map<int64_t, AclList>& lists() const { return lists_; }

 private:
  std::map<int64_t, AclList> lists_;
  std::map<AclList, int64_t> numbers_;
  std::map<int64_t, int64_t> uses_;
  int64_t last_number_ = 0;
};

struct TxnResult {
  ZkError error = ZkError::kOk;
  int32_t type = 0;
  std::string path;
  Stat stat;
  std::vector<TxnResult> parts;  // of a multi
};

// What is measured here. Bytes are those of path and data; a stat counts as 68 more
// (DataTree.updateReadStat).
struct TreeCounters {
  ByNamespace<SampledSummary> read_bytes, write_bytes;
  // Watchers told of an event, where there were any.
  SampledSummary told_of_creation, told_of_deletion, told_of_change, told_of_children;
};

class DataTree {
 public:
  // `must_read`: the event is only for a watcher who may read a node of this ACL (a watch needs no right to
  // be made, and the node that it waits for may come with any).
  using EventHandler =
      std::function<void(WatchManager::Watcher, const WatchEvent&, const AclList& must_read)>;

  // A fresh tree: /, /zookeeper, /zookeeper/quota, /zookeeper/config.
  explicit DataTree(ExtendedTypes types = {});

  void set_event_handler(EventHandler handler) { event_handler_ = std::move(handler); }

  // "/" and "" are the root. Valid until the next apply().
  const Node* find(std::string_view path) const;
  Stat stat(const Node& node) const;
  const AclList& acl(const Node& node) const { return acls_.get(node.acl); }
  static bool is_special_path(std::string_view path);

  // Takes effect as ZooKeeper applies it, leniently where a snapshot already holds what the log repeats.
  TxnResult apply(const jute::Txn& txn);

  int64_t last_zxid() const { return last_zxid_; }
  // Moves it on; never back.
  void set_last_zxid(int64_t zxid) { last_zxid_ = std::max(last_zxid_, zxid); }
  const std::map<int64_t, int32_t>& sessions() const { return sessions_; }
  const std::map<int64_t, std::set<std::string>>& ephemerals() const { return ephemerals_; }
  const std::set<std::string>& containers() const { return containers_; }
  // Nodes with a time to live.
  const std::set<std::string>& ttls() const { return ttls_; }
  ExtendedTypes types() const { return types_; }
  const QuotaPaths& quotas() const { return quotas_; }

  size_t node_count() const { return nodes_.size(); }
  // Nodes below `path`, at any depth.
  size_t descendant_count(const std::string& path) const;
  // Of all paths and data, in bytes.
  int64_t approximate_data_size() const { return data_size_; }

  WatchManager& data_watches() { return data_watches_; }
  WatchManager& child_watches() { return child_watches_; }
  const WatchManager& data_watches() const { return data_watches_; }
  const WatchManager& child_watches() const { return child_watches_; }

  // Somebody has read that much of the node.
  void count_read(std::string_view path, size_t bytes);
  const TreeCounters& counters() const { return counters_; }

  // For snapshots (snapshot.cc): the tree as FileSnap lays it out, without file header and checksum.
  void encode(Writer& writer) const;
  // False: the bytes are no tree. REQUIRES: called on a fresh tree.
  bool decode(Reader& reader);

 private:
  ZkError apply_create(const jute::TxnHeader& header, const jute::CreateTxn& txn, TxnResult& result);
  ZkError apply_delete(const std::string& path, int64_t zxid);
  ZkError apply_set_data(const jute::TxnHeader& header, const jute::SetDataTxn& txn, TxnResult& result);
  ZkError apply_set_acl(const jute::SetAclTxn& txn, TxnResult& result);
  void apply_close_session(const jute::TxnHeader& header, const jute::CloseSessionTxn& txn);
  void apply_multi(const jute::Txn& txn, TxnResult& result);
  void apply_body(const jute::TxnHeader& header, const jute::TxnBody& body, TxnResult& result);
  void track_owner(const std::string& path, int64_t owner);
  void untrack_owner(const std::string& path, int64_t owner);
  void fire(WatchManager& watches, const std::string& path, EventType type, const AclList& acl,
            const std::set<WatchManager::Watcher>* except, std::set<WatchManager::Watcher>* told);
  void count_write(std::string_view path, int64_t bytes);
  void count_told(EventType type, size_t watchers);
  Node* find_mutable(std::string_view path);
  // A node under /zookeeper/quota was made.
  void note_quota_node(const std::string& parent, std::string_view name);
  // Sets the account of `path` to what is there.
  void recount_quota(const std::string& path);
  void charge_quota(const std::string& path, int64_t bytes, int64_t nodes);
  void load_quotas();
  bool decode_nodes(Reader& reader);

  struct PathHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, Node, PathHash, std::equal_to<>> nodes_;  // the root is ""
  AclCache acls_;
  std::map<int64_t, int32_t> sessions_;  // id -> time-out in ms
  std::map<int64_t, std::set<std::string>> ephemerals_;
  std::set<std::string> containers_;
  std::set<std::string> ttls_;
  ExtendedTypes types_;
  QuotaPaths quotas_;
  int64_t data_size_ = 0;
  int64_t last_zxid_ = 0;
  WatchManager data_watches_;
  WatchManager child_watches_;
  EventHandler event_handler_;
  TreeCounters counters_;
};

}  // namespace ottla::coordination
