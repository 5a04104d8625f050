// SPDX-License-Identifier: Apache-2.0
// The part of a socket that knows about TLS.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "broker/net/socket.h"

namespace ottla::net {
namespace {

// What is encrypted ahead of what the kernel takes.
constexpr size_t kEncryptedAhead = 256 * 1024;
constexpr size_t kSliceChunk = 64 * 1024;

}  // namespace

void Socket::secure(std::unique_ptr<tls::Session> session, bool optional) {
  tls_ = std::move(session);
  tls_optional_ = optional;
  // The client's first words, or nothing.
  if (tls_->has_output()) mark_dirty();
}

void Socket::take_encrypted(std::span<uint8_t> bytes) {
  if (std::exchange(tls_optional_, false) && !tls::looks_like_tls(bytes.front())) {
    tls_.reset();
    handler_->on_bytes(bytes);
    return;
  }
  security_problem_ = tls_->receive(bytes);
  if (tls_->has_output()) mark_dirty();
  if (!security_problem_.ok()) return close_after_flush();
  hand_on_decrypted();
}

void Socket::hand_on_decrypted() {
  const std::shared_ptr<Socket> self = shared_from_this();
  if (tls_->established() && !std::exchange(secured_, true)) {
    // What was to be sent has waited for this.
    mark_dirty();
    handler_->on_secured(tls_->peer_name());
  }
  while (!closed() && reading_) {
    std::span<uint8_t> target;
    if (read_target_) target = read_target_();
    if (target.empty()) target = flush_list_.decrypt_buffer();
    const size_t count = tls_->read(target);
    if (count == 0) {
      if (tls_->finished_by_peer()) close();
      return;
    }
    handler_->on_bytes(target.first(count));
  }
  decrypted_waits_ = true;
}

void Socket::send_encrypted() {
  if (!write_encrypted()) return close();
  count_unsent(encrypted_.size() - encrypted_sent_);
  update_interest();
  // Before the handshake is done, nothing of what is to be sent can be.
  const bool shaking_hands = !tls_->established() && !close_when_flushed_;
  if (blocked_ || shaking_hands) return;
  clear_outgoing();
  on_sent();
}

// False when the connection broke.
bool Socket::write_encrypted() {
  while (true) {
    while (encrypted_sent_ < encrypted_.size()) {
      const ssize_t count = ::send(fd_, encrypted_.data() + encrypted_sent_,
                                   encrypted_.size() - encrypted_sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count >= 0) {
        encrypted_sent_ += static_cast<size_t>(count);
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        blocked_ = true;
        return true;
      } else if (errno != EINTR) {
        return false;
      }
    }
    last_active_ms_ = flush_list_.loop().monotonic_ms();
    encrypted_.clear();
    encrypted_sent_ = 0;
    if (!encrypt_some()) return false;
    if (encrypted_.empty()) break;
  }
  if (encrypted_.capacity() > kEncryptedAhead) encrypted_ = {};
  return true;
}

// Fills encrypted_ with what comes next; with nothing where all is written. False where a file is shorter
// than promised.
bool Socket::encrypt_some() {
  bool all_written = false;
  while (tls_->established() && tls_->output_size() < kEncryptedAhead && !all_written) {
    const auto& splices = outgoing().splices();
    const bool has_splice = splices_sent_ < splices.size();
    const size_t end = has_splice ? splices[splices_sent_].position : outgoing().buffer().size();
    if (outgoing_sent_ < end) {
      const size_t count = std::min(end - outgoing_sent_, kEncryptedAhead);
      tls_->write(outgoing().buffer().subspan(outgoing_sent_, count));
      outgoing_sent_ += count;
    } else if (has_splice) {
      if (!encrypt_slice(splices[splices_sent_].slice)) return false;
    } else if (has_output()) {
      clear_outgoing();
      collecting_ ^= 1;
    } else {
      all_written = true;
    }
  }
  if (all_written && close_when_flushed_ && !std::exchange(said_goodbye_, true)) tls_->finish();
  encrypted_.resize(tls_->output_size());
  encrypted_.resize(tls_->take_output(encrypted_));
  return true;
}

bool Socket::encrypt_slice(const FileSlice& slice) {
  if (slice_sent_ == slice.length) {
    slice_sent_ = 0;
    ++splices_sent_;
    return true;
  }
  std::vector<uint8_t> chunk(std::min<size_t>(kSliceChunk, slice.length - slice_sent_));
  const ssize_t got = slice.file->read_at(chunk, slice.position + slice_sent_);
  if (got <= 0) return false;
  tls_->write(Bytes(chunk).first(static_cast<size_t>(got)));
  slice_sent_ += static_cast<uint32_t>(got);
  return true;
}

}  // namespace ottla::net
