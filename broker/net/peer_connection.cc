// SPDX-License-Identifier: Apache-2.0
#include "broker/net/peer_connection.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "broker/net/resolver.h"

namespace ottla::net {
namespace {

constexpr size_t kPrefixBytes = 4;
// More than any response that we ask for may take.
constexpr uint32_t kMaxFrameBytes = 256 * 1024 * 1024;

class Link : public SocketHandler, public std::enable_shared_from_this<Link> {
 public:
  Link(FlushList& flush_list, Endpoint endpoint, std::string client_id, int64_t timeout_ms,
       Peers::Broken broken)
      : flush_list_(flush_list),
        endpoint_(std::move(endpoint)),
        client_id_(std::move(client_id)),
        timeout_ms_(timeout_ms),
        broken_(std::move(broken)) {}

  void open() {
    timer_ = flush_list_.loop().make_timer([this] {
      fail({ErrorCode::REQUEST_TIMED_OUT, fmt::format("no answer within {} ms", timeout_ms_)});
    });
    timer_->start(timeout_ms_);
    auto resolved = std::make_shared<Resolved>();
    flush_list_.loop().run_in_background(
        [resolved, endpoint = endpoint_] { *resolved = resolve(endpoint.host, endpoint.port); },
        [weak = weak_from_this(), resolved] {
          if (const auto self = weak.lock()) self->connect(*resolved);
        });
  }

  void send(protocol::ApiKey key, int16_t version, const std::function<void(Writer&)>& encode,
            Peer::Answered answered) {
    if (broken_ == nullptr) return;
    Writer& out = socket_ ? socket_->output() : early_;
    const size_t frame = out.begin_frame();
    out.int16(static_cast<int16_t>(key));
    out.int16(version);
    out.int32(next_id_);
    out.nullable_string(client_id_);
    if (protocol::request_header_version(key, version) >= 2) out.unsigned_varint(0);
    encode(out);
    out.end_frame(frame);
    const bool tagged = protocol::response_header_version(key, version) >= 1;
    if (waiting_.empty()) timer_->start(timeout_ms_);
    waiting_.push_back({next_id_++, tagged, std::move(answered)});
    if (socket_) socket_->mark_dirty();
  }

  // The owner has gone.
  void abandon() {
    abandoned_ = true;
    broken_ = nullptr;
    waiting_.clear();
    timer_.reset();
    if (socket_ == nullptr) return;
    socket_->close();
    // On another loop's thread the socket has its handler a little longer.
    if (!socket_->on_own_thread()) flush_list_.loop().post([self = shared_from_this()] {});
    socket_ = nullptr;
  }

 private:
  struct Waiting {
    int32_t id;
    bool tagged;
    Peer::Answered answered;
  };

  void connect(const Resolved& resolved) {
    if (broken_ == nullptr) return;
    if (resolved.addresses.empty()) return fail({ErrorCode::NETWORK_EXCEPTION, resolved.problem});
    const int fd = begin_connect(resolved.addresses.front());
    if (fd < 0) return fail(Status::from_errno(errno, "connect"));
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    socket_ = std::make_shared<Socket>(flush_list_, fd, endpoint_.host, endpoint_.port);
    socket_->start(*this);
    socket_->output().raw(early_.buffer());
    early_.clear();
    socket_->mark_dirty();
  }

  void on_bytes(std::span<uint8_t> bytes) override {
    const auto self = shared_from_this();
    while (!bytes.empty() && broken_ != nullptr) {
      const size_t wanted = buffer_.size() < kPrefixBytes ? kPrefixBytes : kPrefixBytes + frame_bytes();
      const size_t taken = std::min(wanted - buffer_.size(), bytes.size());
      buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(taken));
      bytes = bytes.subspan(taken);
      if (buffer_.size() < kPrefixBytes) return;
      if (frame_bytes() > kMaxFrameBytes)
        return fail({ErrorCode::CORRUPT_MESSAGE, "the peer does not speak Kafka's protocol"});
      if (buffer_.size() == kPrefixBytes) buffer_.reserve(kPrefixBytes + frame_bytes());
      if (buffer_.size() == kPrefixBytes + frame_bytes()) on_frame();
    }
  }

  uint32_t frame_bytes() const { return Reader(Bytes(buffer_).first(kPrefixBytes)).uint32(); }

  void on_frame() {
    const std::vector<uint8_t> frame = std::exchange(buffer_, {});
    Reader reader(Bytes(frame).subspan(kPrefixBytes));
    const int32_t id = reader.int32();
    if (waiting_.empty() || waiting_.front().id != id || !reader.ok())
      return fail({ErrorCode::CORRUPT_MESSAGE, "an answer that belongs to no request"});
    const Waiting waiting = std::move(waiting_.front());
    waiting_.pop_front();
    if (waiting_.empty()) {
      timer_->stop();
    } else {
      timer_->start(timeout_ms_);
    }
    if (waiting.tagged) {
      for (uint32_t left = reader.unsigned_varint(); left > 0 && reader.ok(); --left) {
        reader.unsigned_varint();
        reader.skip(reader.unsigned_varint());
      }
    }
    waiting.answered(reader);
  }

  void on_closed() override { fail({ErrorCode::NETWORK_EXCEPTION, "the connection ended"}); }

  void fail(const Status& why) {
    const auto broken = std::exchange(broken_, nullptr);
    if (broken == nullptr) return;
    waiting_.clear();
    if (timer_) timer_->stop();
    // In a later turn: whoever fails this may be inside a call of the owner.
    flush_list_.loop().post([self = shared_from_this(), broken, why] {
      if (const auto socket = std::exchange(self->socket_, nullptr)) socket->close();
      if (!self->abandoned_) broken(why);
    });
  }

  FlushList& flush_list_;
  Endpoint endpoint_;
  std::string client_id_;
  int64_t timeout_ms_;
  Peers::Broken broken_;  // null: broken or abandoned
  bool abandoned_ = false;
  std::shared_ptr<Socket> socket_;
  std::unique_ptr<Timer> timer_;
  Writer early_;  // what is sent before there is a socket
  std::vector<uint8_t> buffer_;
  std::deque<Waiting> waiting_;
  int32_t next_id_ = 1;
};

class PeerOfLink : public Peer {
 public:
  explicit PeerOfLink(std::shared_ptr<Link> link) : link_(std::move(link)) {}
  ~PeerOfLink() override { link_->abandon(); }
  void send(protocol::ApiKey key, int16_t version, const std::function<void(Writer&)>& encode,
            Answered answered) override {
    link_->send(key, version, encode, std::move(answered));
  }

 private:
  std::shared_ptr<Link> link_;
};

}  // namespace

std::unique_ptr<Peer> PeerConnections::connect(const Endpoint& endpoint, int64_t timeout_ms, Broken broken) {
  const auto link = std::make_shared<Link>(flush_list_, endpoint, client_id_, timeout_ms, std::move(broken));
  link->open();
  return std::make_unique<PeerOfLink>(link);
}

}  // namespace ottla::net
