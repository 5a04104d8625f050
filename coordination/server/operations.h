// SPDX-License-Identifier: Apache-2.0
// What each request does. One table, {opcode, name, how}: dispatch, the multi's parts and the four-letter
// words' names read it.
//
// A write is prepared (PrepRequestProcessor): checked against the tree as it stands and turned into a
// transaction, which the server logs and applies; its reply is made of what applying gave. A write that is
// refused is logged too, as an error transaction with a zxid of its own, as ZooKeeper does. A read
// (FinalRequestProcessor) is answered from the tree.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "coordination/jute/records.h"
#include "coordination/jute/txn.h"
#include "coordination/server/acl.h"
#include "coordination/server/data_tree.h"
#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla::coordination {

// Who asks, and what of the settings matters to the answer. Everything referred to outlives the request.
struct Caller {
  WatchManager::Watcher watcher = 0;
  int64_t session_id = 0;
  const std::vector<Id>* identities = nullptr;
  const AclRules* acl_rules = nullptr;
  bool skip_acl = false;
  bool enforce_quota = false;
  bool reconfig_enabled = false;
};

// Prepares one write, or the parts of one multi, each seeing what those before it would change.
class WritePreparer {
 public:
  WritePreparer(const DataTree& tree, const Caller& caller, int64_t zxid, int64_t time_ms)
      : tree_(tree), caller_(caller), zxid_(zxid), time_ms_(time_ms) {}

  ZkError create(int32_t type, const jute::CreateRequest& request, jute::TxnBody* body);
  ZkError remove(const jute::PathVersionRequest& request, jute::TxnBody* body);
  ZkError remove_container(const std::string& path, jute::TxnBody* body);
  ZkError set_data(const jute::SetDataRequest& request, jute::TxnBody* body);
  ZkError set_acl(const jute::SetAclRequest& request, jute::TxnBody* body);
  ZkError check(const jute::PathVersionRequest& request, jute::TxnBody* body);
  // Always a multi transaction; its parts are errors where one of them was refused.
  ZkError multi(Reader& reader, jute::TxnBody* body);
  void close_session(jute::TxnBody* body) const;
  // Refused in either case, as a standalone server does.
  ZkError reconfig() const;
  // What a soft quota that was passed makes worth a line in the log; empty otherwise.
  const std::string& quota_warning() const { return quota_warning_; }
  // The path that was refused because of a hard limit; empty where none was.
  const std::string& quota_refusal() const { return quota_refusal_; }

 private:
  // A node as it would be after the parts prepared so far.
  struct Pending {
    bool exists = false;
    StoredStat stat;
    int64_t child_count = 0;
    int64_t data_bytes = 0;
    AclList acl;
  };

  // Null where there is no such node.
  Pending* find(const std::string& path);
  bool allowed(const AclList& acl, int32_t permission) const;
  // kQuotaExceeded where a hard limit above `path` does not let it grow so.
  ZkError check_quota(const std::string& path, int64_t more_bytes, int64_t more_nodes);
  // `type` becomes what the multi answers and logs.
  ZkError prepare_part(int32_t* type, Reader& reader, jute::TxnBody* body);
  ZkError prepare_create_part(int32_t* type, Reader& reader, jute::TxnBody* body);

  const DataTree& tree_;
  const Caller& caller_;
  const int64_t zxid_;
  const int64_t time_ms_;
  std::map<std::string, Pending> pending_;
  std::string quota_warning_;
  std::string quota_refusal_;
};

struct ReadContext {
  DataTree& tree;
  const Caller& caller;
  // Sends an event to the caller, ahead of the reply (setWatches on what changed meanwhile).
  std::function<void(const WatchEvent&)> notify;
  bool in_multi = false;  // the parts of a multiRead leave no watches, whatever they ask
};

struct Operation {
  int32_t type;
  const char* name;   // as ZooKeeper's logs and metrics call it
  const char* brief;  // four letters, "lop" of the cons command
  // Exactly one of the two. kMarshallingError where the request's bytes are not what they should be.
  ZkError (*prepare)(WritePreparer& preparer, int32_t type, Reader& request, jute::TxnBody* body);
  ZkError (*read)(ReadContext& context, Reader& request, Writer& reply);
  // The reply's body of a write that was applied; null: none.
  void (*respond)(const TxnResult& result, Writer& reply);
};

// Null: not an operation that a client may ask for.
const Operation* find_operation(int32_t type);

}  // namespace ottla::coordination
