// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/load/wires.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "tests/bench/load/clocks.h"
#include "tests/bench/load/fail.h"

namespace ottla::load {
namespace {

constexpr size_t kPrefixBytes = 4;
constexpr size_t kMostPieces = 256;
constexpr size_t kForgetSent = 1024;

size_t frame_bytes(const uint8_t* prefix) {
  uint32_t length = 0;
  std::memcpy(&length, prefix, sizeof(length));
  return kPrefixBytes + ntohl(length);
}

}  // namespace

Address parse_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) fail("not HOST:PORT: " + text);
  return {text.substr(0, colon), static_cast<uint16_t>(std::stoi(text.substr(colon + 1)))};
}

int connect_to(const Address& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(address.port);
  inet_pton(AF_INET, address.host.c_str(), &peer.sin_addr);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

Wire::~Wire() { ::close(fd_); }

void Wire::send(std::span<const uint8_t> frame) {
  unsent_.push_back(frame);
  if (dirty_) return;
  dirty_ = true;
  wires_.dirty_.push_back(this);
}

void Wire::flush() {
  dirty_ = false;
  while (!blocked_ && first_unsent_ < unsent_.size()) {
    std::array<iovec, kMostPieces> pieces;
    size_t count = 0;
    for (size_t i = first_unsent_; i < unsent_.size() && count < kMostPieces; ++i) {
      pieces[count++] = {const_cast<uint8_t*>(unsent_[i].data()), unsent_[i].size()};
    }
    const ssize_t sent = ::writev(fd_, pieces.data(), static_cast<int>(count));
    if (sent < 0 && errno != EAGAIN) fail_errno("write to the broker");
    if (sent < 0) block(true);
    for (auto left = static_cast<size_t>(std::max<ssize_t>(sent, 0)); left > 0;) {
      auto& piece = unsent_[first_unsent_];
      const size_t step = std::min(left, piece.size());
      piece = piece.subspan(step);
      left -= step;
      if (piece.empty()) ++first_unsent_;
    }
  }
  if (first_unsent_ == unsent_.size() || first_unsent_ > kForgetSent) {
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<ptrdiff_t>(first_unsent_));
    first_unsent_ = 0;
  }
}

void Wire::block(bool blocked) {
  blocked_ = blocked;
  epoll_event event{};
  event.events = EPOLLIN | (blocked ? EPOLLOUT : 0U);
  event.data.ptr = this;
  ::epoll_ctl(wires_.epoll_, EPOLL_CTL_MOD, fd_, &event);
}

void Wire::read_some() {
  const std::span<uint8_t> target = partial_.empty() ? std::span<uint8_t>(wires_.buffer_)
                                                     : std::span<uint8_t>(partial_).subspan(partial_size_);
  const ssize_t count = ::read(fd_, target.data(), target.size());
  if (count == 0) fail("the broker closed a connection");
  if (count < 0 && errno == EAGAIN) return;
  if (count < 0) fail_errno("read from the broker");
  take(target.first(static_cast<size_t>(count)));
}

void Wire::take(std::span<uint8_t> bytes) {
  std::vector<uint8_t> whole;
  if (!partial_.empty()) {
    partial_size_ += bytes.size();
    const size_t wanted = partial_size_ < kPrefixBytes ? kPrefixBytes : frame_bytes(partial_.data());
    if (partial_size_ < wanted) {
      partial_.resize(wanted);
      return;
    }
    whole.swap(partial_);
    bytes = std::span(whole).first(partial_size_);
  }
  const std::span<uint8_t> rest = cut_frames(bytes);
  partial_size_ = rest.size();
  if (rest.empty()) return;
  partial_.resize(rest.size() < kPrefixBytes ? kPrefixBytes : frame_bytes(rest.data()));
  std::memcpy(partial_.data(), rest.data(), rest.size());
}

std::span<uint8_t> Wire::cut_frames(std::span<uint8_t> bytes) {
  while (bytes.size() >= kPrefixBytes && bytes.size() >= frame_bytes(bytes.data())) {
    const size_t size = frame_bytes(bytes.data());
    on_frame_(bytes.subspan(kPrefixBytes, size - kPrefixBytes));
    bytes = bytes.subspan(size);
  }
  return bytes;
}

Wires::Wires() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), buffer_(kBufferBytes) {
  // The kernel may otherwise wake us 50 us late, and that would count as the broker's.
  ::prctl(PR_SET_TIMERSLACK, 1);
}

Wires::~Wires() { ::close(epoll_); }

Wire& Wires::connect(const Address& address, Wire::OnFrame on_frame) {
  const int fd = connect_to(address);
  if (fd < 0) fail_errno("connect to " + address.host + ":" + std::to_string(address.port));
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  wires_.push_back(std::make_unique<Wire>(*this, fd, std::move(on_frame)));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = wires_.back().get();
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  return *wires_.back();
}

void Wires::run(const std::function<int64_t()>& on_turn, const std::function<bool()>& done) {
  std::array<epoll_event, 256> events;
  std::vector<Wire*> flushing;
  std::vector<Wire*> more;
  while (!done()) {
    const int64_t next = on_turn();
    flushing.swap(dirty_);
    for (Wire* wire : flushing) wire->flush();
    flushing.clear();
    timespec wait{};
    if (next >= 0) {
      const int64_t left = std::max<int64_t>(0, next - now_ns());
      wait = {left / 1'000'000'000, left % 1'000'000'000};
    }
    const int count = ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()),
                                     next >= 0 ? &wait : nullptr, nullptr);
    for (int i = 0; i < count; ++i) {
      auto* wire = static_cast<Wire*>(events[static_cast<size_t>(i)].data.ptr);
      if ((events[static_cast<size_t>(i)].events & EPOLLOUT) != 0 && wire->blocked_) {
        wire->block(false);
        wire->flush();
      }
      if ((events[static_cast<size_t>(i)].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) wire->read_some();
    }
  }
}

}  // namespace ottla::load
