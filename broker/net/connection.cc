// SPDX-License-Identifier: Apache-2.0
#include "broker/net/connection.h"

#include <cstring>

#include "protocol/base/log.h"
#include "protocol/base/status.h"

namespace ottla::net {
namespace {

constexpr size_t kPrefixBytes = 4;
constexpr size_t kFirstPartialBytes = 4096;
constexpr size_t kAnsweredSlotsKept = 256;

uint32_t big_endian_32(const uint8_t* bytes) {
  return (uint32_t{bytes[0]} << 24) | (uint32_t{bytes[1]} << 16) | (uint32_t{bytes[2]} << 8) |
         uint32_t{bytes[3]};
}

void append_writer(Writer& out, const Writer& in) {
  const Bytes bytes = in.buffer();
  size_t done = 0;
  for (const Writer::Splice& splice : in.splices()) {
    out.raw(bytes.subspan(done, splice.position - done));
    out.splice(splice.slice);
    done = splice.position;
  }
  out.raw(bytes.subspan(done));
}

}  // namespace

Connection::Connection(std::shared_ptr<Socket> socket, uint64_t id, size_t max_frame_bytes, RequestSink& sink)
    : socket_(std::move(socket)), id_(id), max_frame_bytes_(max_frame_bytes), sink_(sink) {
  socket_->set_read_target([this] { return read_target(); });
}

std::span<uint8_t> Connection::read_target() {
  if (partial_.data == nullptr) return {};
  return {partial_.data.get() + partial_.received, partial_.capacity - partial_.received};
}

void Connection::on_bytes(std::span<uint8_t> bytes) {
  const std::shared_ptr<Connection> self = shared_from_this();
  if (partial_.data != nullptr) {
    on_partial_bytes(bytes.size());
  } else {
    consume(bytes);
  }
}

void Connection::on_closed() {
  const std::shared_ptr<Connection> self = shared_from_this();
  partial_ = Partial();
  sink_.on_connection_closed(self);
}

void Connection::consume(std::span<uint8_t> bytes) {
  while (!closed() && !bytes.empty()) {
    if (overloaded()) {
      backlog_.assign(bytes.begin(), bytes.end());
      paused_ = true;
      socket_->pause_reading();
      return;
    }
    size_t size = kPrefixBytes;
    if (bytes.size() >= kPrefixBytes) {
      size = frame_size(bytes.data());
      if (size == 0) return;
    }
    if (bytes.size() < size || bytes.size() < kPrefixBytes) {
      keep_partial(bytes);
      return;
    }
    dispatch(bytes.subspan(kPrefixBytes, size - kPrefixBytes));
    bytes = bytes.subspan(size);
  }
}

void Connection::keep_partial(std::span<const uint8_t> bytes) {
  partial_ = Partial();
  partial_.frame_bytes = bytes.size() >= kPrefixBytes ? frame_size(bytes.data()) : kPrefixBytes;
  partial_.received = bytes.size();
  if (!grow_partial()) return;
  std::memcpy(partial_.data.get(), bytes.data(), bytes.size());
}

// Makes room for as much again as has arrived, never beyond the frame.
bool Connection::grow_partial() {
  const size_t wanted = std::min(partial_.frame_bytes, std::max(kFirstPartialBytes, partial_.received * 2));
  auto* grown = static_cast<uint8_t*>(std::realloc(partial_.data.get(), wanted));
  if (grown == nullptr) {
    log_error("broker.net", "no memory for {} bytes of a request from {}: closing the connection", wanted,
              peer_address());
    close();
    return false;
  }
  static_cast<void>(partial_.data.release());
  partial_.data.reset(grown);
  partial_.capacity = wanted;
  return true;
}

void Connection::on_partial_bytes(size_t count) {
  partial_.received += count;
  if (partial_.received < partial_.capacity) return;
  if (partial_.received == kPrefixBytes) {
    partial_.frame_bytes = frame_size(partial_.data.get());
    if (partial_.frame_bytes == 0) return;
  }
  if (partial_.received < partial_.frame_bytes) {
    grow_partial();
    return;
  }
  const Partial whole = std::exchange(partial_, Partial());
  dispatch(std::span(whole.data.get(), whole.frame_bytes).subspan(kPrefixBytes));
}

size_t Connection::frame_size(const uint8_t* prefix) {
  const auto length = static_cast<int32_t>(big_endian_32(prefix));
  if (length >= 0 && static_cast<size_t>(length) <= max_frame_bytes_)
    return kPrefixBytes + static_cast<size_t>(length);
  log_warn("broker.net",
           "closing the connection from {}: invalid receive (size = {}, limit {}); is a TLS or HTTP client "
           "using this port?",
           peer_address(), length, max_frame_bytes_);
  close();
  return 0;
}

void Connection::dispatch(std::span<uint8_t> frame) {
  if (first_open_ == slots_.size()) {
    slot_base_ += slots_.size();
    slots_.clear();
    first_open_ = 0;
  }
  slots_.emplace_back();
  sink_.on_request(shared_from_this(), slot_base_ + slots_.size() - 1, frame);
}

Writer& Connection::begin_response(uint64_t slot) {
  if (slot == slot_base_ + first_open_) return socket_->output();
  Slot& waiting = slot_at(slot);
  OTTLA_CHECK(!waiting.finished);
  waiting.early = std::make_unique<Writer>();
  return *waiting.early;
}

void Connection::finish_response(uint64_t slot) {
  Slot& done = slot_at(slot);
  done.finished = true;
  if (done.early) early_bytes_ += done.early->capacity();
  if (slot == slot_base_ + first_open_) drain_finished();
}

void Connection::skip_response(uint64_t slot) { finish_response(slot); }

void Connection::drain_finished() {
  while (first_open_ < slots_.size() && slots_[first_open_].finished) {
    if (const auto early = std::exchange(slots_[first_open_].early, nullptr)) {
      append_writer(socket_->output(), *early);
      early_bytes_ -= early->capacity();
    }
    ++first_open_;
  }
  // A client that always has a request open never lets the list run empty.
  if (first_open_ >= kAnsweredSlotsKept) {
    slots_.erase(slots_.begin(), slots_.begin() + static_cast<ptrdiff_t>(first_open_));
    slot_base_ += std::exchange(first_open_, 0);
  }
  if (socket_->has_output()) socket_->mark_dirty();
  if (socket_->on_own_thread()) {
    resume_if_possible();
  } else {
    // Reading goes on there when it is told that all is sent.
    socket_->mark_dirty();
  }
}

bool Connection::overloaded() const {
  return slots_.size() - first_open_ >= kMaxOpenRequests ||
         socket_->pending_bytes() + early_bytes_ >= kMaxUnsentBytes;
}

void Connection::resume_if_possible() {
  if (!paused_ || closed() || overloaded()) return;
  paused_ = false;
  socket_->resume_reading();
  std::vector<uint8_t> bytes = std::exchange(backlog_, {});
  consume(bytes);
}

}  // namespace ottla::net
