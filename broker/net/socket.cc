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
constexpr size_t kSentBytesKept = 256 * 1024;
// Of files, by one socket in one turn: two MiB would hold up all others for milliseconds.
constexpr size_t kFileBytesPerTurn = 512 * 1024;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

void FlushList::add(std::shared_ptr<Socket> socket) {
  if (waiting_.empty()) loop_.defer([this] { flush(); });
  waiting_.push_back(std::move(socket));
}

void FlushList::flush() {
  // Whatever else was deferred this turn (waiters that complete) comes first, so that its output goes into
  // the same write.
  if (!others_had_their_turn_) {
    others_had_their_turn_ = true;
    loop_.defer([this] { flush(); });
    return;
  }
  others_had_their_turn_ = false;
  flushing_.swap(waiting_);
  for (const auto& socket : flushing_) socket->flush();
  flushing_.clear();
}

Socket::Socket(FlushList& flush_list, int fd, std::string peer_address, int peer_port)
    : flush_list_(flush_list),
      fd_(fd),
      peer_address_(std::move(peer_address)),
      peer_port_(peer_port),
      last_active_ms_(flush_list.loop().monotonic_ms()) {}

Socket::~Socket() {
  watch_.reset();
  if (fd_ >= 0) ::close(fd_);
}

void Socket::start(SocketHandler& handler) {
  handler_ = &handler;
  watch_ = flush_list_.loop().watch_fd(
      fd_, [this](bool readable, bool writable) { on_ready(readable, writable); });
  resume_reading();
}

void Socket::mark_dirty() {
  if (dirty_ || closed()) return;
  dirty_ = true;
  flush_list_.add(shared_from_this());
}

void Socket::pause_reading() {
  reading_ = false;
  update_interest();
}

void Socket::resume_reading() {
  reading_ = true;
  update_interest();
  if (!decrypted_waits_) return;
  // The kernel tells nothing of what has been read and decrypted already.
  decrypted_waits_ = false;
  flush_list_.loop().post([self = shared_from_this()] {
    if (!self->closed() && self->reading_) self->hand_on_decrypted();
  });
}

void Socket::close() {
  if (closed()) return;
  const std::shared_ptr<Socket> self = shared_from_this();
  watch_.reset();
  ::close(fd_);
  fd_ = -1;
  if (handler_ != nullptr) std::exchange(handler_, nullptr)->on_closed();
}

void Socket::close_after_flush() {
  if (closed()) return;
  close_when_flushed_ = true;
  pause_reading();
  mark_dirty();
}

void Socket::on_ready(bool readable, bool writable) {
  const std::shared_ptr<Socket> self = shared_from_this();
  if (writable && blocked_) {
    blocked_ = false;
    flush();
  }
  if (readable && reading_ && !closed()) read_some();
}

void Socket::read_some() {
  std::span<uint8_t> target;
  if (read_target_ && tls_ == nullptr) target = read_target_();
  if (target.empty()) target = flush_list_.read_buffer();
  const ssize_t count = ::read(fd_, target.data(), target.size());
  if (count > 0) {
    last_active_ms_ = flush_list_.loop().monotonic_ms();
    if (tls_ != nullptr) return take_encrypted(target.first(static_cast<size_t>(count)));
    handler_->on_bytes(target.first(static_cast<size_t>(count)));
    return;
  }
  if (count < 0 && (would_block(errno) || errno == EINTR)) return;
  close();
}

void Socket::flush() {
  dirty_ = false;
  if (closed() || blocked_) return;
  if (!(tls_ != nullptr ? write_encrypted() : write_some())) {
    close();
    return;
  }
  update_interest();
  // Before the handshake is done, nothing of what is to be sent can be.
  const bool shaking_hands = tls_ != nullptr && !tls_->established() && !close_when_flushed_;
  if (blocked_ || shaking_hands) return discard_sent();
  finish_output();
  if (close_when_flushed_) {
    // Half-close first: bytes the peer sent that nobody read would turn a close into a reset, and the answer
    // be lost.
    ::shutdown(fd_, SHUT_WR);
    close();
    return;
  }
  if (handler_ != nullptr) handler_->on_drained();
}

bool Socket::write_some() {
  bool blocked = false;
  size_t file_bytes_left = kFileBytesPerTurn;
  while (!blocked) {
    const auto& splices = output_.splices();
    const bool has_splice = splices_sent_ < splices.size();
    const size_t end = has_splice ? splices[splices_sent_].position : output_.buffer().size();
    if (sent_ < end) {
      if (!write_buffer(end, has_splice, blocked)) return false;
    } else if (has_splice) {
      if (!write_slice(splices[splices_sent_].slice, file_bytes_left, blocked)) return false;
    } else {
      break;
    }
  }
  blocked_ = blocked;
  last_active_ms_ = flush_list_.loop().monotonic_ms();
  return true;
}

bool Socket::write_buffer(size_t end, bool more, bool& blocked) {
  const Bytes buffer = output_.buffer();
  const ssize_t count =
      ::send(fd_, buffer.data() + sent_, end - sent_, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
  if (count >= 0) {
    sent_ += static_cast<size_t>(count);
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

// A peer that always leaves something unread would otherwise keep all that it ever read in the buffer.
void Socket::discard_sent() {
  if (sent_ <= std::max(kSentBytesKept, pending_bytes())) return;
  output_.discard(sent_, splices_sent_);
  sent_ = 0;
  splices_sent_ = 0;
}

void Socket::finish_output() {
  if (output_.buffer().size() > kKeptOutputCapacity) {
    output_ = Writer();
  } else {
    output_.clear();
  }
  sent_ = 0;
  splices_sent_ = 0;
}

void Socket::update_interest() {
  if (watch_ != nullptr) watch_->update(reading_, blocked_);
}

}  // namespace ottla::net
