// SPDX-License-Identifier: Apache-2.0
// How the C client is driven: zookeeper_interest() says which descriptor to watch, for what and how long;
// zookeeper_process() does the work when that happens. What it calls back is put in a queue and handed on
// when it has returned, so that callbacks may call anything, and a handle may be closed.
#include "coordination/zookeeper_client.h"

#include <zookeeper/zookeeper.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include "coordination/chroot.h"
#include "protocol/base/log.h"

namespace ottla::coordination {
namespace {

constexpr const char* kLog = "coordination.client";

// "2026-01-02 03:04:05,678:1234:ZOO_WARN@function@123: text"
void write_log_line(const char* message) {
  const std::string_view line(message);
  const LogLevel level =
      line.find("ZOO_ERROR") != std::string_view::npos ? LogLevel::kWarn : LogLevel::kDebug;
  const size_t text = line.find(": ", line.find("ZOO_"));
  if (log_enabled(level))
    write_log(level, kLog, text == std::string_view::npos ? line : line.substr(text + 2));
}

Stat to_stat(const ::Stat* stat) {
  if (stat == nullptr) return {};
  return Stat{stat->czxid,      stat->mzxid,       stat->ctime,    stat->mtime,
              stat->version,    stat->cversion,    stat->aversion, stat->ephemeralOwner,
              stat->dataLength, stat->numChildren, stat->pzxid};
}

ZkError to_error(int rc) {
  // The C client's own: the handle is closed, expired or not connected.
  if (rc == ZINVALIDSTATE) return ZkError::kSessionExpired;
  return static_cast<ZkError>(rc);
}

// An ACL list as the C client takes it, pointing into `list`.
class AclVector {
 public:
  explicit AclVector(const AclList& list) : entries_(list.size()) {
    for (size_t i = 0; i < list.size(); ++i) {
      entries_[i].perms = list[i].permissions;
      entries_[i].id.scheme = const_cast<char*>(list[i].scheme.c_str());
      entries_[i].id.id = const_cast<char*>(list[i].id.c_str());
    }
    vector_.count = static_cast<int32_t>(entries_.size());
    vector_.data = entries_.data();
  }
  AclVector(const AclVector&) = delete;
  ACL_vector* get() { return &vector_; }

 private:
  std::vector<::ACL> entries_;
  ACL_vector vector_;
};

struct DataArgument {
  explicit DataArgument(const std::optional<std::string>& data)
      : bytes(data ? data->data() : nullptr), length(data ? static_cast<int>(data->size()) : -1) {}
  const char* bytes;
  int length;
};

class ZooKeeperClient final : public Client {
 public:
  ZooKeeperClient(EventLoop& loop, ConnectString connect, int32_t session_timeout_ms, std::string digest)
      : loop_(loop),
        hosts_(connect.host_list()),
        known_as_(connect.known_as.empty() ? hosts_ + connect.chroot : connect.known_as),
        chroot_(connect.chroot),
        session_timeout_ms_(session_timeout_ms),
        digest_(std::move(digest)),
        timer_(loop.make_timer([this] { process(0); })) {}
  ~ZooKeeperClient() override;

  void set_watch_handler(WatchHandler handler) override { watch_handler_ = std::move(handler); }
  void set_session_handler(SessionHandler handler) override { session_handler_ = std::move(handler); }
  Status start() override;
  void close(std::function<void()> done) override;
  bool connected() const override { return connected_; }
  int64_t session_id() const override { return handle_ == nullptr ? 0 : zoo_client_id(handle_)->client_id; }
  int32_t session_timeout_ms() const override {
    return handle_ == nullptr ? session_timeout_ms_ : zoo_recv_timeout(handle_);
  }
  std::string describe() const override { return known_as_; }

  void create(std::string path, std::optional<std::string> data, AclList acl, CreateMode mode,
              Done<CreateReply> done) override;
  void remove(std::string path, int32_t version, Done<VoidReply> done) override;
  void exists(std::string path, bool watch, Done<StatReply> done) override;
  void get_data(std::string path, bool watch, Done<DataReply> done) override;
  void set_data(std::string path, std::optional<std::string> data, int32_t version,
                Done<StatReply> done) override;
  void get_children(std::string path, bool watch, Done<ChildrenReply> done) override;
  void get_acl(std::string path, Done<AclReply> done) override;
  void set_acl(std::string path, AclList acl, int32_t acl_version, Done<StatReply> done) override;
  void sync(std::string path, Done<VoidReply> done) override;
  void multi(std::vector<Op> ops, Done<MultiReply> done) override;
  void when_durable(std::function<void()> done) override { loop_.defer(std::move(done)); }
  void add_auth(std::string scheme, std::string credentials, Done<VoidReply> done) override;
  void make_chroot(Done<VoidReply> done) override;

 private:
  // `path` as the server knows it.
  void create_at(const std::string& path, std::optional<std::string> data, AclList acl, CreateMode mode,
                 Done<CreateReply> done);

  // What a C callback gets as its `data`, and frees.
  template <typename Reply>
  struct Call {
    ZooKeeperClient* client;
    Done<Reply> done;
  };
  struct MultiCall;

  static void on_event(zhandle_t* handle, int type, int state, const char* path, void* context);
  static void on_create(int rc, const char* path, const ::Stat* stat, const void* data);
  static void on_void(int rc, const void* data);
  static void on_void_as_stat(int rc, const void* data);
  static void on_sync(int rc, const char* path, const void* data);
  static void on_stat(int rc, const ::Stat* stat, const void* data);
  static void on_data(int rc, const char* value, int length, const ::Stat* stat, const void* data);
  static void on_children(int rc, const String_vector* names, const ::Stat* stat, const void* data);
  static void on_acl(int rc, ACL_vector* acl, ::Stat* stat, const void* data);
  static void on_multi(int rc, const void* data);

  // Takes the call from its C callback and queues its answer.
  template <typename Reply>
  static void answer(const void* data, Reply reply);
  // Begins a call: `send` gives it to the C client; where that refuses, the answer is its error.
  template <typename Reply, typename Send>
  void begin(Done<Reply> done, Send send);

  void process(int events);
  void watch_again();
  void watch_at_end_of_turn();
  void drop_handle();
  void hand_on();
  void on_session_state(int state);

  EventLoop& loop_;
  const std::string hosts_;
  const std::string known_as_;
  const Chroot chroot_;
  const int32_t session_timeout_ms_;
  const std::string digest_;
  zhandle_t* handle_ = nullptr;
  bool connected_ = false;
  bool expired_ = false;
  bool watch_scheduled_ = false;
  bool handing_on_ = false;
  std::unique_ptr<FdWatch> watch_;
  int watched_fd_ = -1;
  std::unique_ptr<Timer> timer_;
  std::deque<std::function<void()>> events_;
  WatchHandler watch_handler_;
  SessionHandler session_handler_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

ZooKeeperClient::~ZooKeeperClient() {
  *alive_ = false;
  drop_handle();
}

Status ZooKeeperClient::start() {
  if (handle_ != nullptr && !expired_) return {};
  drop_handle();
  expired_ = false;
  zoo_set_debug_level(log_enabled(LogLevel::kDebug) ? ZOO_LOG_LEVEL_DEBUG : ZOO_LOG_LEVEL_ERROR);
  handle_ = zookeeper_init2(hosts_.c_str(), on_event, session_timeout_ms_, nullptr, this,
                            ZOO_NO_LOG_CLIENTENV, write_log_line);
  if (handle_ == nullptr) return Status::from_errno(errno, "cannot use the ZooKeeper address " + hosts_);
  // The C client repeats it on each connection. Where a server does not take it, kAuthFailed tells.
  if (!digest_.empty()) {
    zoo_add_auth(handle_, "digest", digest_.data(), static_cast<int>(digest_.size()), nullptr, nullptr);
  }
  watch_at_end_of_turn();
  return {};
}

void ZooKeeperClient::close(std::function<void()> done) {
  watch_handler_ = nullptr;
  session_handler_ = nullptr;
  // Tells the server, and queues kClosing for what is outstanding.
  drop_handle();
  events_.push_back(std::move(done));
  loop_.defer([this, alive = alive_] {
    if (*alive) hand_on();
  });
}

void ZooKeeperClient::drop_handle() {
  watch_.reset();
  watched_fd_ = -1;
  timer_->stop();
  connected_ = false;
  if (handle_ != nullptr) zookeeper_close(std::exchange(handle_, nullptr));
}

void ZooKeeperClient::watch_at_end_of_turn() {
  if (watch_scheduled_) return;
  watch_scheduled_ = true;
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    watch_scheduled_ = false;
    watch_again();
    hand_on();
  });
}

// Asks the C client what to wait for. It may close its socket and open another of the same number in here, so
// a call that tells of trouble ends the watch of the old one first.
void ZooKeeperClient::watch_again() {
  if (handle_ == nullptr || expired_) return;
  int fd = -1, interest = 0;
  timeval wait{};
  if (!connected_) {
    watch_.reset();
    watched_fd_ = -1;
  }
  const int rc = zookeeper_interest(handle_, &fd, &interest, &wait);
  int64_t wait_ms = wait.tv_sec * 1000 + wait.tv_usec / 1000;
  if (rc != ZOK || fd < 0) {
    watch_.reset();
    watched_fd_ = -1;
    // Nobody answers: not at once again.
    if (rc != ZOK) wait_ms = std::min<int64_t>(std::max<int64_t>(wait_ms, 10), 200);
  } else {
    if (watch_ == nullptr || fd != watched_fd_) {
      watch_.reset();
      watch_ = loop_.watch_fd(fd, [this](bool readable, bool writable) {
        process((readable ? ZOOKEEPER_READ : 0) | (writable ? ZOOKEEPER_WRITE : 0));
      });
      watched_fd_ = fd;
    }
    watch_->update((interest & ZOOKEEPER_READ) != 0, (interest & ZOOKEEPER_WRITE) != 0);
  }
  timer_->start(std::max<int64_t>(wait_ms, 1));
}

void ZooKeeperClient::process(int events) {
  if (handle_ == nullptr || expired_) return;
  const int rc = zookeeper_process(handle_, events);
  if (rc != ZOK && rc != ZNOTHING) {
    watch_.reset();
    watched_fd_ = -1;
  }
  // With the old state's watch gone before the new state's descriptor is asked for, and before callbacks add
  // requests.
  watch_at_end_of_turn();
  hand_on();
}

void ZooKeeperClient::hand_on() {
  // A callback may destroy this object's owner's plans, but not this object; it may make calls that queue
  // more.
  if (handing_on_) return;
  handing_on_ = true;
  const auto alive = alive_;
  while (!events_.empty()) {
    const auto event = std::move(events_.front());
    events_.pop_front();
    event();
    if (!*alive) return;
  }
  handing_on_ = false;
}

void ZooKeeperClient::on_event(zhandle_t*, int type, int state, const char* path, void* context) {
  auto* self = static_cast<ZooKeeperClient*>(context);
  if (type == ZOO_SESSION_EVENT) {
    self->on_session_state(state);
    return;
  }
  WatchEvent event;
  event.path = self->chroot_.from_server(path);
  if (type == ZOO_CREATED_EVENT) event.type = EventType::kNodeCreated;
  if (type == ZOO_DELETED_EVENT) event.type = EventType::kNodeDeleted;
  if (type == ZOO_CHANGED_EVENT) event.type = EventType::kNodeDataChanged;
  if (type == ZOO_CHILD_EVENT) event.type = EventType::kNodeChildrenChanged;
  if (event.type == EventType::kNone) return;
  self->events_.push_back([self, event = std::move(event)] {
    if (self->watch_handler_) self->watch_handler_(event);
  });
}

void ZooKeeperClient::on_session_state(int state) {
  const auto tell = [this](SessionEvent event) {
    events_.push_back([this, event] {
      if (session_handler_) session_handler_(event);
    });
  };
  const bool was_connected = std::exchange(connected_, state == ZOO_CONNECTED_STATE);
  if (state == ZOO_CONNECTED_STATE) {
    tell(SessionEvent::kConnected);
  } else if (state == ZOO_EXPIRED_SESSION_STATE) {
    expired_ = true;
    timer_->stop();
    tell(SessionEvent::kExpired);
  } else if (state == ZOO_AUTH_FAILED_STATE) {
    tell(SessionEvent::kAuthFailed);
  } else if (was_connected) {
    tell(SessionEvent::kDisconnected);
  }
}

template <typename Reply>
void ZooKeeperClient::answer(const void* data, Reply reply) {
  std::unique_ptr<Call<Reply>> call(static_cast<Call<Reply>*>(const_cast<void*>(data)));
  call->client->events_.push_back([done = std::move(call->done), reply = std::move(reply)] { done(reply); });
}

template <typename Reply, typename Send>
void ZooKeeperClient::begin(Done<Reply> done, Send send) {
  auto* call = new Call<Reply>{this, std::move(done)};
  const int rc = handle_ == nullptr || expired_ ? static_cast<int>(ZINVALIDSTATE) : send(call);
  if (rc != ZOK) {
    Reply reply;
    reply.error = handle_ == nullptr ? ZkError::kConnectionLoss : to_error(rc);
    answer(call, std::move(reply));
  }
  // Also so that the request is written: the C client sends only what it is told the socket takes.
  watch_at_end_of_turn();
}

void ZooKeeperClient::on_create(int rc, const char* path, const ::Stat* stat, const void* data) {
  CreateReply reply;
  reply.error = to_error(rc);
  if (rc == ZOK) {
    reply.path = static_cast<const Call<CreateReply>*>(data)->client->chroot_.from_server(path);
    reply.stat = to_stat(stat);
  }
  answer(data, std::move(reply));
}

void ZooKeeperClient::on_void(int rc, const void* data) { answer(data, VoidReply{to_error(rc)}); }

void ZooKeeperClient::on_void_as_stat(int rc, const void* data) {
  StatReply reply;
  reply.error = to_error(rc);
  answer(data, std::move(reply));
}

void ZooKeeperClient::on_sync(int rc, const char*, const void* data) {
  answer(data, VoidReply{to_error(rc)});
}

void ZooKeeperClient::on_stat(int rc, const ::Stat* stat, const void* data) {
  StatReply reply;
  reply.error = to_error(rc);
  if (rc == ZOK) reply.stat = to_stat(stat);
  answer(data, std::move(reply));
}

void ZooKeeperClient::on_data(int rc, const char* value, int length, const ::Stat* stat, const void* data) {
  DataReply reply;
  reply.error = to_error(rc);
  if (rc == ZOK) {
    reply.data_is_null = length < 0 || value == nullptr;
    if (!reply.data_is_null) reply.data.assign(value, static_cast<size_t>(length));
    reply.stat = to_stat(stat);
  }
  answer(data, std::move(reply));
}

void ZooKeeperClient::on_children(int rc, const String_vector* names, const ::Stat* stat, const void* data) {
  ChildrenReply reply;
  reply.error = to_error(rc);
  if (rc == ZOK) {
    reply.children.assign(names->data, names->data + names->count);
    reply.stat = to_stat(stat);
  }
  answer(data, std::move(reply));
}

void ZooKeeperClient::on_acl(int rc, ACL_vector* acl, ::Stat* stat, const void* data) {
  AclReply reply;
  reply.error = to_error(rc);
  if (rc == ZOK) {
    for (int32_t i = 0; i < acl->count; ++i) {
      reply.acl.push_back(Acl{acl->data[i].perms, acl->data[i].id.scheme, acl->data[i].id.id});
    }
    reply.stat = to_stat(stat);
  }
  answer(data, std::move(reply));
}

void ZooKeeperClient::create(std::string path, std::optional<std::string> data, AclList acl, CreateMode mode,
                             Done<CreateReply> done) {
  create_at(chroot_.to_server(path), std::move(data), acl_for(path, std::move(acl)), mode, std::move(done));
}

void ZooKeeperClient::make_chroot(Done<VoidReply> done) {
  create_path(
      chroot_.prefix(),
      [this](std::string path, Done<CreateReply> made) {
        create_at(path, std::nullopt, acl_for(path, default_acl()), CreateMode::kPersistent, std::move(made));
      },
      done);
}

void ZooKeeperClient::create_at(const std::string& path, std::optional<std::string> data, AclList acl,
                                CreateMode mode, Done<CreateReply> done) {
  begin<CreateReply>(std::move(done), [&](void* call) {
    const DataArgument value(data);
    AclVector list(acl);
    return zoo_acreate2(handle_, path.c_str(), value.bytes, value.length, list.get(), static_cast<int>(mode),
                        on_create, call);
  });
}

void ZooKeeperClient::remove(std::string path, int32_t version, Done<VoidReply> done) {
  begin<VoidReply>(std::move(done), [&](void* call) {
    return zoo_adelete(handle_, chroot_.to_server(path).c_str(), version, on_void, call);
  });
}

void ZooKeeperClient::exists(std::string path, bool watch, Done<StatReply> done) {
  begin<StatReply>(std::move(done), [&](void* call) {
    return zoo_aexists(handle_, chroot_.to_server(path).c_str(), watch ? 1 : 0, on_stat, call);
  });
}

void ZooKeeperClient::get_data(std::string path, bool watch, Done<DataReply> done) {
  begin<DataReply>(std::move(done), [&](void* call) {
    return zoo_aget(handle_, chroot_.to_server(path).c_str(), watch ? 1 : 0, on_data, call);
  });
}

void ZooKeeperClient::set_data(std::string path, std::optional<std::string> data, int32_t version,
                               Done<StatReply> done) {
  begin<StatReply>(std::move(done), [&](void* call) {
    const DataArgument value(data);
    return zoo_aset(handle_, chroot_.to_server(path).c_str(), value.bytes, value.length, version, on_stat,
                    call);
  });
}

void ZooKeeperClient::get_children(std::string path, bool watch, Done<ChildrenReply> done) {
  begin<ChildrenReply>(std::move(done), [&](void* call) {
    return zoo_aget_children2(handle_, chroot_.to_server(path).c_str(), watch ? 1 : 0, on_children, call);
  });
}

void ZooKeeperClient::get_acl(std::string path, Done<AclReply> done) {
  begin<AclReply>(std::move(done), [&](void* call) {
    return zoo_aget_acl(handle_, chroot_.to_server(path).c_str(), on_acl, call);
  });
}

void ZooKeeperClient::set_acl(std::string path, AclList acl, int32_t acl_version, Done<StatReply> done) {
  begin<StatReply>(std::move(done), [&](void* call) {
    AclVector list(acl);
    return zoo_aset_acl(handle_, chroot_.to_server(path).c_str(), acl_version, list.get(), on_void_as_stat,
                        call);
  });
}

void ZooKeeperClient::sync(std::string path, Done<VoidReply> done) {
  begin<VoidReply>(std::move(done), [&](void* call) {
    return zoo_async(handle_, chroot_.to_server(path).c_str(), on_sync, call);
  });
}

void ZooKeeperClient::add_auth(std::string scheme, std::string credentials, Done<VoidReply> done) {
  begin<VoidReply>(std::move(done), [&](void* call) {
    return zoo_add_auth(handle_, scheme.c_str(), credentials.data(), static_cast<int>(credentials.size()),
                        on_void, call);
  });
}

// Everything the C client writes into until the answer.
struct ZooKeeperClient::MultiCall : Call<MultiReply> {
  explicit MultiCall(Call<MultiReply> call, std::vector<Op> steps)
      : Call<MultiReply>(std::move(call)),
        ops(std::move(steps)),
        results(ops.size()),
        stats(ops.size()),
        paths(ops.size()) {}

  std::vector<Op> ops;
  std::vector<zoo_op_result_t> results;
  std::vector<::Stat> stats;
  std::vector<std::string> paths;  // as created; room for a sequence number
};

void ZooKeeperClient::on_multi(int rc, const void* data) {
  std::unique_ptr<MultiCall> call(static_cast<MultiCall*>(const_cast<void*>(data)));
  MultiReply reply;
  reply.error = to_error(rc);
  // Where the request as a whole failed, no step has a result.
  const bool answered = rc == ZOK || (rc <= ZAPIERROR && rc != ZCLOSING && rc != ZSESSIONEXPIRED);
  for (size_t i = 0; answered && i < call->ops.size(); ++i) {
    OpResult result;
    result.error = to_error(call->results[i].err);
    if (result.ok() && call->ops[i].type == Op::Type::kCreate) {
      result.path = call->client->chroot_.from_server(call->paths[i].c_str());
    }
    if (result.ok() && rc == ZOK && call->ops[i].type == Op::Type::kSetData)
      result.stat = to_stat(&call->stats[i]);
    reply.results.push_back(std::move(result));
  }
  call->client->events_.push_back([done = std::move(call->done), reply = std::move(reply)] { done(reply); });
}

void ZooKeeperClient::multi(std::vector<Op> ops, Done<MultiReply> done) {
  auto* call = new MultiCall(Call<MultiReply>{this, std::move(done)}, std::move(ops));
  const size_t count = call->ops.size();
  std::vector<zoo_op_t> steps(count);
  std::vector<std::string> paths(count);
  std::deque<AclVector> acls;
  for (size_t i = 0; i < count; ++i) {
    const Op& op = call->ops[i];
    const DataArgument value(op.data);
    paths[i] = chroot_.to_server(op.path);
    if (op.type == Op::Type::kCreate) {
      call->paths[i].assign(paths[i].size() + 16, '\0');
      call->ops[i].acl = acl_for(op.path, op.acl);
      acls.emplace_back(op.acl);
      zoo_create_op_init(&steps[i], paths[i].c_str(), value.bytes, value.length, acls.back().get(),
                         static_cast<int>(op.mode), call->paths[i].data(),
                         static_cast<int>(call->paths[i].size()));
    } else if (op.type == Op::Type::kDelete) {
      zoo_delete_op_init(&steps[i], paths[i].c_str(), op.version);
    } else if (op.type == Op::Type::kSetData) {
      zoo_set_op_init(&steps[i], paths[i].c_str(), value.bytes, value.length, op.version, &call->stats[i]);
    } else {
      zoo_check_op_init(&steps[i], paths[i].c_str(), op.version);
    }
  }
  const int rc = handle_ == nullptr || expired_ ? static_cast<int>(ZINVALIDSTATE)
                                                : zoo_amulti(handle_, static_cast<int>(count), steps.data(),
                                                             call->results.data(), on_multi, call);
  if (rc != ZOK) {
    MultiReply reply;
    reply.error = handle_ == nullptr ? ZkError::kConnectionLoss : to_error(rc);
    events_.push_back([done = std::move(call->done), reply] { done(reply); });
    delete call;
  }
  watch_at_end_of_turn();
}

}  // namespace

std::unique_ptr<Client> make_zookeeper_client(EventLoop& loop, ConnectString connect,
                                              int32_t session_timeout_ms, std::string digest) {
  return std::make_unique<ZooKeeperClient>(loop, std::move(connect), session_timeout_ms, std::move(digest));
}

}  // namespace ottla::coordination
