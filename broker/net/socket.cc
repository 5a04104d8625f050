// SPDX-License-Identifier: Apache-2.0
#include "broker/net/socket.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace ottla::net {
namespace {

// A buffer that one large response made big is given back when it is empty, so that idle connections stay
// small.
constexpr size_t kKeptOutputCapacity = 16 * 1024;
// Of files, by one socket in one turn: two MiB would hold up all others for milliseconds.
constexpr size_t kFileBytesPerTurn = 512 * 1024;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

FlushList::FlushList(UvLoop& loop) : loop_(loop), uv_loop_(&loop) {
  loop.set_io(this);
  if (loop.shares_turns()) share_turns();
}

void FlushList::share_turns() {
  shares_turns_ = true;
  read_buffer_.reset();
}

FlushList::~FlushList() {
  if (uv_loop_ != nullptr) uv_loop_->set_io(nullptr);
}

void FlushList::add(std::shared_ptr<Socket> socket) {
  const bool first = waiting_.empty();
  waiting_.push_back(std::move(socket));
  if (!first) return;
  if (uv_loop_ == nullptr) {
    loop_.defer([this] {
      for (collect(); transmit(); collect()) hand_on();
    });
  } else if (!uv_loop_->on_own_thread()) {
    uv_loop_->wake();
  }
}

std::unique_ptr<FdWatch> FlushList::watch(int fd, std::function<void(bool, bool)> callback) {
  return uv_loop_ != nullptr ? uv_loop_->watch_beside_turns(fd, std::move(callback))
                             : loop_.watch_fd(fd, std::move(callback));
}

std::span<uint8_t> FlushList::read_buffer() {
  const size_t bytes = shares_turns_ ? kSharedReadBytes : kReadBytes;
  if (read_buffer_ == nullptr) read_buffer_ = std::make_unique_for_overwrite<uint8_t[]>(bytes);
  return {read_buffer_.get(), bytes};
}

std::span<uint8_t> FlushList::decrypt_buffer() {
  if (decrypt_buffer_ == nullptr) decrypt_buffer_ = std::make_unique_for_overwrite<uint8_t[]>(kReadBytes);
  return {decrypt_buffer_.get(), kReadBytes};
}

bool FlushList::receive() {
  if (readable_.empty()) return !sent_.empty();
  std::span<uint8_t> room = read_buffer();
  size_t done = 0;
  for (; done < readable_.size() && room.size() >= kLeastReadBytes; ++done) {
    Received received = readable_[done]->receive(room.first(std::min(room.size(), kReadBytes)));
    if (received.bytes.data() == room.data()) room = room.subspan(received.bytes.size());
    if (received.socket != nullptr) received_.push_back(std::move(received));
  }
  readable_.erase(readable_.begin(), readable_.begin() + static_cast<ptrdiff_t>(done));
  return !readable_.empty() || !received_.empty() || !sent_.empty();
}

void FlushList::hand_on() {
  for (const auto& socket : sent_) socket->finish_sending();
  sent_.clear();
  for (const Received& received : received_) received.socket->hand_on(received);
  received_.clear();
  for (const auto& socket : readable_) {
    const Received received = socket->receive(read_buffer().first(kReadBytes));
    if (received.socket != nullptr) socket->hand_on(received);
  }
  readable_.clear();
}

void FlushList::collect() {
  while (!waiting_.empty()) {
    collecting_.swap(waiting_);
    for (auto& socket : collecting_) {
      if (!socket->attend()) continue;
      if (shares_turns_) {
        sending_.push_back(std::move(socket));
      } else if (socket->send_some()) {
        sent_.push_back(std::move(socket));
      }
    }
    collecting_.clear();
  }
}

bool FlushList::transmit() {
  if (sending_.empty()) return !sent_.empty();
  for (auto& socket : sending_) {
    if (socket->send_some()) sent_.push_back(std::move(socket));
  }
  sending_.clear();
  return !sent_.empty();
}

Socket::Socket(FlushList& flush_list, int fd, std::string peer_address, int peer_port)
    : flush_list_(flush_list),
      peer_address_(std::move(peer_address)),
      peer_port_(peer_port),
      fd_(fd),
      last_active_ms_(flush_list.loop().monotonic_ms()) {}

Socket::~Socket() {
  watch_.reset();
  if (fd_ >= 0) ::close(fd_);
}

void Socket::start(SocketHandler& handler) {
  handler_ = &handler;
  if (on_own_thread()) return begin_reading();
  flush_list_.loop().post([self = shared_from_this()] { self->begin_reading(); });
}

void Socket::begin_reading() {
  if (closed_) return;
  watch_ = flush_list_.watch(fd_, [this](bool readable, bool writable) { on_ready(readable, writable); });
  resume_reading();
}

void Socket::mark_dirty() {
  if (dirty_ || closed_) return;
  dirty_ = true;
  flush_list_.add(shared_from_this());
}

void Socket::pause_reading() {
  reading_ = false;
  update_reading();
}

void Socket::resume_reading() {
  reading_ = true;
  update_reading();
}

void Socket::update_reading() {
  if (!on_own_thread()) return mark_dirty();
  update_interest();
  if (!reading_ || !decrypted_waits_) return;
  // The kernel tells nothing of what has been read and decrypted already.
  decrypted_waits_ = false;
  flush_list_.loop().post([self = shared_from_this()] {
    if (!self->closed() && self->reading_) self->hand_on_decrypted();
  });
}

void Socket::close() {
  if (closed_) return;
  closed_ = true;
  if (on_own_thread()) return finish_close();
  // The loop may be reading or sending just now.
  flush_list_.loop().post([self = shared_from_this()] { self->finish_close(); });
}

void Socket::finish_close() {
  if (fd_ < 0) return;
  const std::shared_ptr<Socket> self = shared_from_this();
  watch_.reset();
  ::close(std::exchange(fd_, -1));
  if (handler_ != nullptr) std::exchange(handler_, nullptr)->on_closed();
}

void Socket::close_after_flush() {
  if (closed()) return;
  close_when_flushed_ = true;
  pause_reading();
  mark_dirty();
}

void Socket::on_ready(bool readable, bool writable) {
  if (writable && blocked_)
    (tls_ != nullptr ? flush_list_.sent_ : flush_list_.sending_).push_back(shared_from_this());
  if (!readable || read_queued_) return;
  if (!flush_list_.shares_turns()) {
    const FlushList::Received received = receive(flush_list_.read_buffer());
    if (received.socket != nullptr) hand_on(received);
    return;
  }
  read_queued_ = true;
  flush_list_.readable_.push_back(shared_from_this());
}

// Without a socket where nothing was there.
FlushList::Received Socket::receive(std::span<uint8_t> room) {
  read_queued_ = false;
  if (fd_ < 0) return {};
  std::span<uint8_t> target;
  if (read_target_ && tls_ == nullptr) target = read_target_();
  if (target.empty()) target = room;
  const ssize_t count = ::recv(fd_, target.data(), target.size(), 0);
  if (count < 0 && (would_block(errno) || errno == EINTR)) return {};
  return {shared_from_this(), target.first(static_cast<size_t>(std::max<ssize_t>(count, 0)))};
}

void Socket::hand_on(const FlushList::Received& received) {
  if (closed_) return;
  if (received.bytes.empty()) return close();
  last_active_ms_ = flush_list_.loop().monotonic_ms();
  if (tls_ != nullptr) return take_encrypted(received.bytes);
  handler_->on_bytes(received.bytes);
}

bool Socket::attend() {
  dirty_ = false;
  if (closed_) {
    finish_close();
    return false;
  }
  if (flush_list_.shares_turns()) update_reading();
  if (blocked_) return false;
  if (tls_ != nullptr) {
    send_encrypted();
    return false;
  }
  collecting_ ^= 1;
  count_unsent();
  last_active_ms_ = flush_list_.loop().monotonic_ms();
  ends_when_sent_ = close_when_flushed_;
  return true;
}

bool Socket::send_some() {
  if (fd_ < 0) return false;
  found_blocked_ = false;
  broken_ = !write_some(found_blocked_);
  if (broken_ || found_blocked_) {
    count_unsent();
    return broken_ || !blocked_;
  }
  clear_outgoing();
  return blocked_ || ends_when_sent_ || (handler_ != nullptr && handler_->waits_for_drained());
}

void Socket::finish_sending() {
  if (closed_) return;
  if (tls_ != nullptr) {
    blocked_ = false;
    return send_encrypted();
  }
  if (broken_) return close();
  blocked_ = found_blocked_;
  update_interest();
  if (blocked_) return;
  if (has_output()) return mark_dirty();
  on_sent();
}

void Socket::on_sent() {
  if (close_when_flushed_) {
    // Half-close first: bytes the peer sent that nobody read would turn a close into a reset, and the answer
    // be lost.
    ::shutdown(fd_, SHUT_WR);
    return close();
  }
  if (handler_ != nullptr) handler_->on_drained();
}

bool Socket::write_some(bool& blocked) {
  const Writer& output = outgoing();
  size_t file_bytes_left = kFileBytesPerTurn;
  while (!blocked) {
    const auto& splices = output.splices();
    const bool has_splice = splices_sent_ < splices.size();
    const size_t end = has_splice ? splices[splices_sent_].position : output.buffer().size();
    if (outgoing_sent_ < end) {
      if (!write_buffer(end, has_splice, blocked)) return false;
    } else if (has_splice) {
      if (!write_slice(splices[splices_sent_].slice, file_bytes_left, blocked)) return false;
    } else {
      break;
    }
  }
  return true;
}

bool Socket::write_buffer(size_t end, bool more, bool& blocked) {
  const Bytes rest = outgoing().buffer().first(end).subspan(outgoing_sent_);
  const ssize_t count =
      ::send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
  if (count >= 0) {
    outgoing_sent_ += static_cast<size_t>(count);
    return true;
  }
  if (errno == EINTR) return true;
  blocked = would_block(errno);
  return blocked;
}

bool Socket::write_slice(const FileSlice& slice, size_t& bytes_left, bool& blocked) {
  if (slice_sent_ == slice.length) {
    slice_sent_ = 0;
    ++splices_sent_;
    return true;
  }
  if (slice.file->descriptor() < 0) return copy_slice(slice, blocked);
  // It goes on when the loop finds the socket writable, in the next turn.
  if (bytes_left == 0) return blocked = true;
  off_t position = static_cast<off_t>(slice.position + slice_sent_);
  const ssize_t count = ::sendfile(fd_, slice.file->descriptor(), &position,
                                   std::min<size_t>(slice.length - slice_sent_, bytes_left));
  if (count > 0) {
    slice_sent_ += static_cast<uint32_t>(count);
    bytes_left -= static_cast<size_t>(count);
    return true;
  }
  if (count < 0 && errno == EINTR) return true;
  // 0: the file is shorter than promised; the frame can not be completed, so the connection has to go.
  blocked = count < 0 && would_block(errno);
  return blocked;
}

bool Socket::copy_slice(const FileSlice& slice, bool& blocked) {
  std::array<uint8_t, 16 * 1024> chunk;
  const size_t want = std::min<size_t>(chunk.size(), slice.length - slice_sent_);
  const ssize_t got = slice.file->read_at(std::span(chunk).first(want), slice.position + slice_sent_);
  if (got <= 0) return false;
  const ssize_t count = ::send(fd_, chunk.data(), static_cast<size_t>(got), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count >= 0) {
    slice_sent_ += static_cast<uint32_t>(count);
    return true;
  }
  if (errno == EINTR) return true;
  blocked = would_block(errno);
  return blocked;
}

void Socket::clear_outgoing() {
  if (outgoing().buffer().size() > kKeptOutputCapacity) {
    outgoing() = Writer();
  } else {
    outgoing().clear();
  }
  outgoing_sent_ = 0;
  splices_sent_ = 0;
  unsent_.store(0, std::memory_order_relaxed);
  // Where nobody else can be writing, one of the two need never have memory.
  if (!flush_list_.shares_turns() && !has_output()) collecting_ ^= 1;
}

void Socket::update_interest() {
  if (watch_ != nullptr) watch_->update(reading_, blocked_);
}

}  // namespace ottla::net
