// SPDX-License-Identifier: Apache-2.0
// One TCP connection: reads into a buffer that all sockets of a loop share, collects output over a turn and
// writes it once at the turn's end, file slices with sendfile.
//
// With a TLS session, what is read is decrypted and what is written encrypted on the way; the handshake is
// part of that, and output waits for its end. File slices then go through memory.
//
// Threads: the loop's. A Socket is owned by a shared_ptr; the FlushList holds one more while output waits for
// the end of the turn. After close() the handler is not called again.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/event_loop.h"
#include "protocol/tls/tls.h"
#include "protocol/wire/writer.h"

namespace ottla::net {

class Socket;

// What one loop's sockets share: the read buffer, and the sockets that have output to write when the turn
// ends.
class FlushList {
 public:
  explicit FlushList(EventLoop& loop) : loop_(loop) {}
  EventLoop& loop() { return loop_; }
  void add(std::shared_ptr<Socket> socket);
  std::span<uint8_t> read_buffer() { return {read_buffer_.get(), kReadBufferBytes}; }

  static constexpr size_t kReadBufferBytes = 128 * 1024;

 private:
  void flush();

  EventLoop& loop_;
  // Not set to zero: what nobody has read into yet takes no memory.
  std::unique_ptr<uint8_t[]> read_buffer_ = std::make_unique_for_overwrite<uint8_t[]>(kReadBufferBytes);
  std::vector<std::shared_ptr<Socket>> waiting_;
  std::vector<std::shared_ptr<Socket>> flushing_;
  bool others_had_their_turn_ = false;
};

class SocketHandler {
 public:
  virtual ~SocketHandler() = default;
  // `bytes` may be written to (records are patched in place) and is valid only during the call.
  virtual void on_bytes(std::span<uint8_t> bytes) = 0;
  // With TLS, once, before the first on_bytes: the handshake is done. `peer_name` is tls::Session's.
  virtual void on_secured(const std::string& peer_name) { static_cast<void>(peer_name); }
  // The peer closed, the connection broke, or close() was called. Called once; the last call.
  virtual void on_closed() = 0;
  // All output has reached the kernel.
  virtual void on_drained() {}
};

class Socket : public std::enable_shared_from_this<Socket> {
 public:
  // Takes ownership of the connected, non-blocking descriptor.
  Socket(FlushList& flush_list, int fd, std::string peer_address, int peer_port);
  // Before start(). `optional`: the peer's first byte decides whether it speaks TLS.
  void secure(std::unique_ptr<tls::Session> session, bool optional = false);
  ~Socket();
  Socket(const Socket&) = delete;

  // Begins reading. `handler` must outlive the socket or its on_closed.
  void start(SocketHandler& handler);
  // Where a peer's frame is under way, the handler can have further bytes read right behind what it has; an
  // empty span (the default) means the shared buffer.
  void set_read_target(std::function<std::span<uint8_t>()> target) { read_target_ = std::move(target); }

  // Output collected until the end of the turn. Call mark_dirty() after writing to it.
  Writer& output() { return output_; }
  void mark_dirty();
  // Bytes handed to this socket that the kernel has not taken yet, file slices not counted.
  size_t pending_bytes() const {
    return output_.buffer().size() - sent_ + encrypted_.size() - encrypted_sent_;
  }
  size_t output_capacity() const { return output_.capacity(); }
  bool drained() const { return output_.total_size() == 0; }

  // Stops and resumes reading: backpressure.
  void pause_reading();
  void resume_reading();
  // Closes now; output not yet written is lost.
  void close();
  // Writes what is collected, then closes.
  void close_after_flush();
  bool closed() const { return fd_ < 0; }
  // Why the TLS handshake failed; ok where nothing did.
  const Status& security_problem() const { return security_problem_; }

  // The peer's address without its port ("127.0.0.1", "::1").
  const std::string& peer_address() const { return peer_address_; }
  int peer_port() const { return peer_port_; }
  int64_t last_active_ms() const { return last_active_ms_; }

 private:
  friend class FlushList;

  void on_ready(bool readable, bool writable);
  void read_some();
  void flush();
  // Writes as much as the kernel takes; false when the connection broke.
  bool write_some();
  bool write_buffer(size_t end, bool more, bool& blocked);
  bool write_slice(const FileSlice& slice, size_t& bytes_left, bool& blocked);
  bool copy_slice(const FileSlice& slice, bool& blocked);
  void finish_output();
  void discard_sent();
  // socket_tls.cc
  void take_encrypted(std::span<uint8_t> bytes);
  void hand_on_decrypted();
  bool write_encrypted();
  bool encrypt_some();
  bool encrypt_slice(const FileSlice& slice);
  void update_interest();

  FlushList& flush_list_;
  int fd_;
  std::string peer_address_;
  int peer_port_;
  SocketHandler* handler_ = nullptr;
  std::function<std::span<uint8_t>()> read_target_;
  std::unique_ptr<FdWatch> watch_;
  std::unique_ptr<tls::Session> tls_;
  bool tls_optional_ = false;
  bool secured_ = false;          // on_secured() was called
  bool decrypted_waits_ = false;  // reading was paused with something decrypted left
  bool said_goodbye_ = false;
  Status security_problem_;
  std::vector<uint8_t> encrypted_;  // to be written, from encrypted_sent_ on
  size_t encrypted_sent_ = 0;
  Writer output_;
  size_t sent_ = 0;          // bytes of output_'s buffer that are written
  size_t splices_sent_ = 0;  // splices that are written whole
  uint32_t slice_sent_ = 0;  // bytes of the splice under way
  int64_t last_active_ms_;
  bool dirty_ = false;
  bool blocked_ = false;
  bool reading_ = false;
  bool close_when_flushed_ = false;
};

}  // namespace ottla::net
