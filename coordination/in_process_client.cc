// SPDX-License-Identifier: Apache-2.0
#include "coordination/in_process_client.h"

#include <deque>
#include <utility>

#include "coordination/chroot.h"
#include "coordination/jute/records.h"
#include "coordination/server/connection.h"
#include "coordination/server/server.h"

namespace ottla::coordination {
namespace {

// Speaks the wire protocol to a ServerConnection of its own. Requests gather in `out_` and go over at the end
// of the turn.
class InProcessClient final : public Client, private ConnectionSink {
 public:
  InProcessClient(EventLoop& loop, Server& server, std::string chroot, int32_t session_timeout_ms)
      : loop_(loop), server_(server), chroot_(std::move(chroot)), session_timeout_ms_(session_timeout_ms) {}
  ~InProcessClient() override { *alive_ = false; }

  void set_watch_handler(WatchHandler handler) override { watch_handler_ = std::move(handler); }
  void set_session_handler(SessionHandler handler) override { session_handler_ = std::move(handler); }
  Status start() override;
  void close(std::function<void()> done) override;
  bool connected() const override { return state_ == State::kConnected; }
  int64_t session_id() const override { return session_id_; }
  int32_t session_timeout_ms() const override { return session_timeout_ms_; }
  std::string describe() const override { return "in-process" + chroot_.prefix(); }

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
  void when_durable(std::function<void()> done) override { server_.when_durable(std::move(done)); }
  void add_auth(std::string scheme, std::string credentials, Done<VoidReply> done) override;
  void make_chroot(Done<VoidReply> done) override;

 private:
  // `path` as the server knows it.
  void create_at(std::string path, std::optional<std::string> data, AclList acl, CreateMode mode,
                 Done<CreateReply> done);
  enum class State { kIdle, kConnecting, kConnected, kLost };
  // Called with the reply's body, empty where `error` is not kOk.
  using Answer = std::function<void(ZkError error, Reader& body)>;

  // ConnectionSink
  void send(Bytes bytes) override;
  void close() override;

  void request(int32_t type, const std::function<void(Writer&)>& encode, Answer answer);
  void request_with_xid(int32_t xid, int32_t type, const std::function<void(Writer&)>& encode, Answer answer);
  void flush_at_end_of_turn();
  void on_connected(Reader& reader);
  void fail_outstanding(ZkError error);
  void encode_op(Writer& writer, const Op& op) const;
  MultiReply decode_multi(Reader& reader) const;
  template <typename Reply>
  static ZkError checked(ZkError error, const Reader& body, Reply& reply);

  EventLoop& loop_;
  Server& server_;
  const Chroot chroot_;
  int32_t session_timeout_ms_;
  int64_t session_id_ = 0;
  State state_ = State::kIdle;
  int32_t last_xid_ = 0;
  Writer out_;
  bool flush_scheduled_ = false;
  std::deque<Answer> outstanding_;
  std::function<void()> closed_;
  WatchHandler watch_handler_;
  SessionHandler session_handler_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  // Last: its destructor may look at none of the above.
  std::unique_ptr<ServerConnection> connection_;
};

Status InProcessClient::start() {
  if (state_ == State::kConnecting || state_ == State::kConnected) return {};
  state_ = State::kConnecting;
  connection_ = server_.accept_in_process(*this);
  // In front of the requests that were made before.
  Writer requests = std::exchange(out_, Writer());
  jute::ConnectRequest hello;
  hello.timeout_ms = session_timeout_ms_;
  hello.password = std::string(16, '\0');
  const size_t mark = out_.begin_frame();
  hello.encode(out_);
  out_.end_frame(mark);
  out_.raw(requests.buffer());
  flush_at_end_of_turn();
  return {};
}

void InProcessClient::flush_at_end_of_turn() {
  if (flush_scheduled_) return;
  flush_scheduled_ = true;
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    flush_scheduled_ = false;
    if (state_ == State::kLost) {
      out_.clear();
      fail_outstanding(ZkError::kConnectionLoss);
    } else if (connection_ != nullptr) {
      // Replies may come inside the call, and their callbacks may make further requests.
      const Writer batch = std::exchange(out_, Writer());
      connection_->on_bytes(batch.buffer());
    }
  });
}

void InProcessClient::close(std::function<void()> done) {
  closed_ = std::move(done);
  if (state_ == State::kConnecting || state_ == State::kConnected) {
    request(
        jute::kCloseSession, [](Writer&) {}, [](ZkError, Reader&) {});
    return;
  }
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    fail_outstanding(ZkError::kClosing);
    const auto closed = std::exchange(closed_, nullptr);
    if (closed) closed();
  });
}

void InProcessClient::request(int32_t type, const std::function<void(Writer&)>& encode, Answer answer) {
  request_with_xid(++last_xid_, type, encode, std::move(answer));
}

void InProcessClient::request_with_xid(int32_t xid, int32_t type, const std::function<void(Writer&)>& encode,
                                       Answer answer) {
  outstanding_.push_back(std::move(answer));
  const size_t mark = out_.begin_frame();
  jute::RequestHeader{xid, type}.encode(out_);
  encode(out_);
  out_.end_frame(mark);
  flush_at_end_of_turn();
}

// One whole frame: the server sends nothing else.
void InProcessClient::send(Bytes bytes) {
  Reader reader(bytes);
  reader.skip(4);
  if (state_ == State::kConnecting) {
    on_connected(reader);
    return;
  }
  const auto header = jute::ReplyHeader::decode(reader);
  if (header.xid == jute::kNotificationXid) {
    const auto event = jute::WatcherEvent::decode(reader);
    if (watch_handler_ && closed_ == nullptr) {
      watch_handler_(WatchEvent{static_cast<EventType>(event.type), chroot_.from_server(event.path)});
    }
    return;
  }
  OTTLA_CHECK(!outstanding_.empty());
  const Answer answer = std::move(outstanding_.front());
  outstanding_.pop_front();
  answer(static_cast<ZkError>(header.error), reader);
}

void InProcessClient::on_connected(Reader& reader) {
  const auto response = jute::ConnectResponse::decode(reader);
  OTTLA_CHECK(reader.ok() && response.session_id != 0);
  session_id_ = response.session_id;
  session_timeout_ms_ = response.timeout_ms;
  state_ = State::kConnected;
  if (session_handler_ && closed_ == nullptr) session_handler_(SessionEvent::kConnected);
}

// From the server: our session's end, or its own.
void InProcessClient::close() {
  state_ = State::kLost;
  loop_.defer([this, alive = alive_] {
    if (!*alive) return;
    connection_.reset();
    session_id_ = 0;
    const auto closed = std::exchange(closed_, nullptr);
    fail_outstanding(closed ? ZkError::kClosing : ZkError::kConnectionLoss);
    if (closed) {
      closed();
    } else if (session_handler_) {
      session_handler_(SessionEvent::kDisconnected);
    }
  });
}

void InProcessClient::fail_outstanding(ZkError error) {
  for (std::deque<Answer> answers = std::exchange(outstanding_, {}); !answers.empty(); answers.pop_front()) {
    Reader nothing{Bytes()};
    answers.front()(error, nothing);
  }
}

// A reply that cannot be read is a bug of ours, both ends being in this program; told as an error all the
// same.
template <typename Reply>
ZkError InProcessClient::checked(ZkError error, const Reader& body, Reply& reply) {
  reply.error = error == ZkError::kOk && !body.ok() ? ZkError::kMarshallingError : error;
  return reply.error;
}

void InProcessClient::create(std::string path, std::optional<std::string> data, AclList acl, CreateMode mode,
                             Done<CreateReply> done) {
  create_at(chroot_.to_server(path), std::move(data), acl_for(path, std::move(acl)), mode, std::move(done));
}

void InProcessClient::make_chroot(Done<VoidReply> done) {
  create_path(
      chroot_.prefix(),
      [this](std::string path, Done<CreateReply> made) {
        AclList acl = acl_for(path, default_acl());
        create_at(std::move(path), std::nullopt, std::move(acl), CreateMode::kPersistent, std::move(made));
      },
      done);
}

void InProcessClient::create_at(std::string path, std::optional<std::string> data, AclList acl,
                                CreateMode mode, Done<CreateReply> done) {
  const int32_t type = mode == CreateMode::kContainer ? jute::kCreateContainer : jute::kCreate2;
  const jute::CreateRequest body{std::move(path), std::move(data), std::move(acl), static_cast<int32_t>(mode),
                                 -1};
  request(
      type, [&](Writer& writer) { body.encode(writer); },
      [this, done = std::move(done)](ZkError error, Reader& reader) {
        CreateReply reply;
        if (error == ZkError::kOk) {
          reply.path = chroot_.from_server(jute::read_string(reader));
          reply.stat = jute::read_stat(reader);
        }
        checked(error, reader, reply);
        done(std::move(reply));
      });
}

void InProcessClient::remove(std::string path, int32_t version, Done<VoidReply> done) {
  const jute::PathVersionRequest body{chroot_.to_server(path), version};
  request(
      jute::kDelete, [&](Writer& writer) { body.encode(writer); },
      [done = std::move(done)](ZkError error, Reader&) { done(VoidReply{error}); });
}

void InProcessClient::exists(std::string path, bool watch, Done<StatReply> done) {
  const jute::PathWatchRequest body{chroot_.to_server(path), watch};
  request(
      jute::kExists, [&](Writer& writer) { body.encode(writer); },
      [done = std::move(done)](ZkError error, Reader& reader) {
        StatReply reply;
        if (error == ZkError::kOk) reply.stat = jute::read_stat(reader);
        checked(error, reader, reply);
        done(std::move(reply));
      });
}

void InProcessClient::get_data(std::string path, bool watch, Done<DataReply> done) {
  const jute::PathWatchRequest body{chroot_.to_server(path), watch};
  request(
      jute::kGetData, [&](Writer& writer) { body.encode(writer); },
      [done = std::move(done)](ZkError error, Reader& reader) {
        DataReply reply;
        if (error == ZkError::kOk) {
          auto data = jute::read_buffer(reader);
          reply.data_is_null = !data.has_value();
          reply.data = std::move(data).value_or("");
          reply.stat = jute::read_stat(reader);
        }
        checked(error, reader, reply);
        done(std::move(reply));
      });
}

void InProcessClient::set_data(std::string path, std::optional<std::string> data, int32_t version,
                               Done<StatReply> done) {
  const jute::SetDataRequest body{chroot_.to_server(path), std::move(data), version};
  request(
      jute::kSetData, [&](Writer& writer) { body.encode(writer); },
      [done = std::move(done)](ZkError error, Reader& reader) {
        StatReply reply;
        if (error == ZkError::kOk) reply.stat = jute::read_stat(reader);
        checked(error, reader, reply);
        done(std::move(reply));
      });
}

void InProcessClient::get_children(std::string path, bool watch, Done<ChildrenReply> done) {
  const jute::PathWatchRequest body{chroot_.to_server(path), watch};
  request(
      jute::kGetChildren2, [&](Writer& writer) { body.encode(writer); },
      [done = std::move(done)](ZkError error, Reader& reader) {
        ChildrenReply reply;
        if (error == ZkError::kOk) {
          reply.children = jute::read_strings(reader);
          reply.stat = jute::read_stat(reader);
        }
        checked(error, reader, reply);
        done(std::move(reply));
      });
}

void InProcessClient::get_acl(std::string path, Done<AclReply> done) {
  request(
      jute::kGetAcl, [&](Writer& writer) { writer.jute_string(chroot_.to_server(path)); },
      [done = std::move(done)](ZkError error, Reader& reader) {
        AclReply reply;
        if (error == ZkError::kOk) {
          reply.acl = jute::read_acl(reader);
          reply.stat = jute::read_stat(reader);
        }
        checked(error, reader, reply);
        done(std::move(reply));
      });
}

void InProcessClient::set_acl(std::string path, AclList acl, int32_t acl_version, Done<StatReply> done) {
  const jute::SetAclRequest body{chroot_.to_server(path), std::move(acl), acl_version};
  request(
      jute::kSetAcl, [&](Writer& writer) { body.encode(writer); },
      [done = std::move(done)](ZkError error, Reader& reader) {
        StatReply reply;
        if (error == ZkError::kOk) reply.stat = jute::read_stat(reader);
        checked(error, reader, reply);
        done(std::move(reply));
      });
}

void InProcessClient::sync(std::string path, Done<VoidReply> done) {
  request(
      jute::kSync, [&](Writer& writer) { writer.jute_string(chroot_.to_server(path)); },
      [done = std::move(done)](ZkError error, Reader&) { done(VoidReply{error}); });
}

void InProcessClient::add_auth(std::string scheme, std::string credentials, Done<VoidReply> done) {
  const jute::AuthPacket packet{0, std::move(scheme), std::move(credentials)};
  request_with_xid(
      jute::kAuthXid, jute::kAuth, [&](Writer& writer) { packet.encode(writer); },
      [done = std::move(done)](ZkError error, Reader&) { done(VoidReply{error}); });
}

void InProcessClient::encode_op(Writer& writer, const Op& op) const {
  const std::string path = chroot_.to_server(op.path);
  switch (op.type) {
    case Op::Type::kCreate: {
      const int32_t type = op.mode == CreateMode::kContainer ? jute::kCreateContainer : jute::kCreate;
      jute::MultiHeader{type, false, -1}.encode(writer);
      jute::CreateRequest{path, op.data, op.acl, static_cast<int32_t>(op.mode), -1}.encode(writer);
      return;
    }
    case Op::Type::kDelete:
      jute::MultiHeader{jute::kDelete, false, -1}.encode(writer);
      jute::PathVersionRequest{path, op.version}.encode(writer);
      return;
    case Op::Type::kSetData:
      jute::MultiHeader{jute::kSetData, false, -1}.encode(writer);
      jute::SetDataRequest{path, op.data, op.version}.encode(writer);
      return;
    case Op::Type::kCheck:
      jute::MultiHeader{jute::kCheck, false, -1}.encode(writer);
      jute::PathVersionRequest{path, op.version}.encode(writer);
      return;
  }
}

MultiReply InProcessClient::decode_multi(Reader& reader) const {
  MultiReply reply;
  while (true) {
    const auto header = jute::MultiHeader::decode(reader);
    if (header.done || !reader.ok()) break;
    OpResult result;
    if (header.type == jute::kCreate || header.type == jute::kCreate2) {
      result.path = chroot_.from_server(jute::read_string(reader));
    }
    if (header.type == jute::kCreate2 || header.type == jute::kSetData) result.stat = jute::read_stat(reader);
    if (header.type == jute::kError) result.error = static_cast<ZkError>(reader.int32());
    if (reply.error == ZkError::kOk) reply.error = result.error;
    reply.results.push_back(std::move(result));
  }
  return reply;
}

void InProcessClient::multi(std::vector<Op> ops, Done<MultiReply> done) {
  for (Op& op : ops) {
    if (op.type == Op::Type::kCreate) op.acl = acl_for(op.path, std::move(op.acl));
  }
  request(
      jute::kMulti,
      [&](Writer& writer) {
        for (const Op& op : ops) encode_op(writer, op);
        jute::MultiHeader{-1, true, -1}.encode(writer);
      },
      [this, done = std::move(done)](ZkError error, Reader& reader) {
        MultiReply reply;
        if (error == ZkError::kOk) reply = decode_multi(reader);
        if (error != ZkError::kOk || !reader.ok()) checked(error, reader, reply);
        done(std::move(reply));
      });
}

}  // namespace

std::unique_ptr<Client> make_in_process_client(EventLoop& loop, Server& server, std::string chroot,
                                               int32_t session_timeout_ms) {
  return std::make_unique<InProcessClient>(loop, server, std::move(chroot), session_timeout_ms);
}

}  // namespace ottla::coordination
