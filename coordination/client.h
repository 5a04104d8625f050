// SPDX-License-Identifier: Apache-2.0
// The broker's side of coordination: one session with a ZooKeeper, whoever serves it. Two bodies:
// InProcessClient (in_process_client.h, a server in this program) and ZooKeeperClient (zookeeper_client.h,
// Apache's C client to an ensemble).
//
// Threads: everything, callbacks included, on the loop's thread.
//
// Calls answer through a callback that is called exactly once, in the order the calls were made, never from
// inside the call itself. Where the session is lost or closed first, it is called with kConnectionLoss,
// kSessionExpired or kClosing. kConnectionLoss says nothing about whether a write happened: callers that
// retry a write look first. Callbacks may make further calls, and may destroy nothing but themselves (destroy
// the client from a later turn).
//
// Watches are one-shot, as in ZooKeeper: a call with watch=true arms one event for that path (data and
// existence, or children), delivered to the one watch handler, before the answer to any later read could show
// the change. A watch that exists() leaves on a missing node fires when it is created. Watches survive a
// reconnect of the same session and are gone after kExpired.
//
// Paths are absolute within the chroot; the chroot is added to what is sent and cut from what comes back.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordination/types.h"
#include "protocol/base/status.h"
#include "protocol/base/task.h"

namespace ottla::coordination {

enum class SessionEvent {
  // The session serves: after start(), and again after kDisconnected when the same session was taken up
  // again.
  kConnected,
  // The connection is gone, the session may live on; calls made now wait for the reconnect (or fail with
  // kConnectionLoss).
  kDisconnected,
  // The session is over, its ephemerals are or will be gone. start() opens a new one.
  kExpired,
  // The server refused the credentials (or the session password).
  kAuthFailed,
};

struct VoidReply {
  ZkError error = ZkError::kOk;
  bool ok() const { return error == ZkError::kOk; }
};
struct CreateReply : VoidReply {
  std::string path;  // with the sequence number, if any
  Stat stat;
};
struct StatReply : VoidReply {
  Stat stat;
};
struct DataReply : VoidReply {
  std::string data;  // empty where the node has none
  bool data_is_null = false;
  Stat stat;
};
struct ChildrenReply : VoidReply {
  std::vector<std::string> children;  // names, not paths; in no order
  Stat stat;
};
struct AclReply : VoidReply {
  AclList acl;
  Stat stat;
};

// One step of a multi. Make one with the functions below.
struct Op {
  enum class Type { kCreate, kDelete, kSetData, kCheck };
  Type type = Type::kCheck;
  std::string path;
  std::optional<std::string> data;
  AclList acl;
  CreateMode mode = CreateMode::kPersistent;
  int32_t version = -1;

  static Op create(std::string path, std::optional<std::string> data, AclList acl = default_acl(),
                   CreateMode mode = CreateMode::kPersistent);
  static Op remove(std::string path, int32_t version = -1);
  static Op set_data(std::string path, std::optional<std::string> data, int32_t version = -1);
  // Fails the multi with kBadVersion (kNoNode) unless `path` has that data version.
  static Op check(std::string path, int32_t version);
};

struct OpResult : VoidReply {
  std::string path;  // of a create
  Stat stat;         // of a set_data
};

// All steps took effect, or none did. `error` is the first failing step's error; steps before it say kOk and
// those after it kRuntimeInconsistency, as ZooKeeper answers. `results` is empty where the multi as a whole
// failed (kConnectionLoss ...).
struct MultiReply : VoidReply {
  std::vector<OpResult> results;
};

class Client {
 public:
  template <typename Reply>
  using Done = std::function<void(Reply)>;
  using WatchHandler = std::function<void(const WatchEvent&)>;
  using SessionHandler = std::function<void(SessionEvent)>;

  virtual ~Client() = default;

  // One handler each; set before start(). Events of a session come in the order of the server's changes.
  virtual void set_watch_handler(WatchHandler handler) = 0;
  virtual void set_session_handler(SessionHandler handler) = 0;

  // Begins to open a session; kConnected follows, however long it takes (the caller owns the deadline). Calls
  // may be made at once: they wait for the session. After kExpired, opens a new one. An error: the address
  // cannot be used at all.
  virtual Status start() = 0;
  // Ends the session at the server (its ephemerals go), answers what is outstanding with kClosing, then calls
  // `done`. No event and no other callback comes after that. Closing a session that is not connected just
  // drops it.
  virtual void close(std::function<void()> done) = 0;

  virtual bool connected() const = 0;
  // 0 before the first kConnected.
  virtual int64_t session_id() const = 0;
  // As the server granted it.
  virtual int32_t session_timeout_ms() const = 0;
  // For messages: "127.0.0.1:2181/chroot", "in-process".
  virtual std::string describe() const = 0;

  // What nodes get that are created with default_acl(), by their path (without chroot). Open unless set.
  void set_default_acl(std::function<AclList(std::string_view path)> acl) { default_acl_ = std::move(acl); }

  virtual void create(std::string path, std::optional<std::string> data, AclList acl, CreateMode mode,
                      Done<CreateReply> done) = 0;
  // `version` -1 matches any.
  virtual void remove(std::string path, int32_t version, Done<VoidReply> done) = 0;
  virtual void exists(std::string path, bool watch, Done<StatReply> done) = 0;
  virtual void get_data(std::string path, bool watch, Done<DataReply> done) = 0;
  virtual void set_data(std::string path, std::optional<std::string> data, int32_t version,
                        Done<StatReply> done) = 0;
  virtual void get_children(std::string path, bool watch, Done<ChildrenReply> done) = 0;
  virtual void get_acl(std::string path, Done<AclReply> done) = 0;
  virtual void set_acl(std::string path, AclList acl, int32_t acl_version, Done<StatReply> done) = 0;
  virtual void sync(std::string path, Done<VoidReply> done) = 0;
  // Calls `done` in a later turn, when a power cut can take back nothing that was answered or told until now.
  // An ensemble syncs before it answers; the server in this program answers us first, because a kill takes
  // both of us and the page cache stays. Never called where the log fails: the program ends then.
  virtual void when_durable(std::function<void()> done) = 0;
  virtual void multi(std::vector<Op> ops, Done<MultiReply> done) = 0;
  // Creates the chroot and its parents where they miss, as Kafka does at its start. May answer at once.
  virtual void make_chroot(Done<VoidReply> done) = 0;
  // Adds an identity to the session ("digest", "user:password"). Kept over reconnects.
  virtual void add_auth(std::string scheme, std::string credentials, Done<VoidReply> done) = 0;

  // The same, to be awaited: `DataReply reply = co_await client.async_get_data("/controller");`
  Callback<CreateReply> async_create(std::string path, std::optional<std::string> data,
                                     CreateMode mode = CreateMode::kPersistent, AclList acl = default_acl());
  Callback<VoidReply> async_remove(std::string path, int32_t version = -1);
  Callback<StatReply> async_exists(std::string path, bool watch = false);
  Callback<DataReply> async_get_data(std::string path, bool watch = false);
  Callback<StatReply> async_set_data(std::string path, std::optional<std::string> data, int32_t version = -1);
  Callback<ChildrenReply> async_get_children(std::string path, bool watch = false);
  Callback<AclReply> async_get_acl(std::string path);
  Callback<StatReply> async_set_acl(std::string path, AclList acl, int32_t acl_version = -1);
  Callback<VoidReply> async_sync(std::string path);
  Callback<MultiReply> async_multi(std::vector<Op> ops);
  Callback<VoidReply> async_durable();
  Callback<VoidReply> async_make_chroot();
  Callback<VoidReply> async_close();

 protected:
  AclList acl_for(std::string_view path, AclList given) const {
    if (given != default_acl()) return given;
    return default_acl_ ? default_acl_(path) : open_acl();
  }

 private:
  std::function<AclList(std::string_view path)> default_acl_;
};

// What `zookeeper.connect` holds: "host1:2181,host2:2181/chroot".
struct ConnectString {
  struct Host {
    std::string host;  // an IPv6 address without its brackets
    int port = 2181;
  };
  std::vector<Host> hosts;
  std::string chroot;  // "" or "/a/b", valid as a path
  // What errors call it, where the hosts lead elsewhere (a tunnel); empty: by its hosts.
  std::string known_as;

  // INVALID_CONFIG with what is wrong.
  static Result<ConnectString> parse(const std::string& text);
  // "host1:2181,host2:2181", without the chroot.
  std::string host_list() const;
};

// Creates `path` and its parents where they miss, with `create`. "" is done at once.
using CreateNode = std::function<void(std::string path, Client::Done<CreateReply> done)>;
void create_path(const std::string& path, const CreateNode& create, const Client::Done<VoidReply>& done);

}  // namespace ottla::coordination
