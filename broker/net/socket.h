// SPDX-License-Identifier: Apache-2.0
// One TCP connection: reads into a buffer that all sockets of a loop share, collects output over a turn and
// writes it once at the turn's end, file slices with sendfile.
//
// With a TLS session, what is read is decrypted and what is written encrypted on the way; the handshake is
// part of that, and output waits for its end. File slices then go through memory.
//
// Threads: a socket belongs to one loop for life. Its loop's thread alone reads, sends, and closes the
// descriptor, without the turn (uv_loop.h); its handler is called in turns of that loop. In anybody's turn
// its output may be written to, it may be closed, paused and resumed; the loop is woken to do it. So a socket
// has two Writers: one is collected into, in turns, while the loop sends the other.
//
// A Socket is owned by a shared_ptr; the FlushList holds one more while something is to be done. After
// close() the handler hears only on_closed, at once on the loop's own thread, else soon.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/net/uv_loop.h"
#include "protocol/base/event_loop.h"
#include "protocol/tls/tls.h"
#include "protocol/wire/writer.h"

namespace ottla::net {

class Socket;

// What one loop's sockets share: the read buffer, and the sockets for which something is to be done.
class FlushList : public TurnIo {
 public:
  // Of a loop that has no other threads, as tests own it: output is written when what else was deferred is
  // done.
  explicit FlushList(EventLoop& loop) : loop_(loop) {}
  explicit FlushList(UvLoop& loop);
  ~FlushList() override;
  FlushList(const FlushList&) = delete;
  EventLoop& loop() { return loop_; }
  bool on_own_thread() const { return !shares_turns_ || uv_loop_->on_own_thread(); }
  // Whether other threads may have the turn while this loop reads and sends. Without them it does either as
  // it comes, within its turn.
  bool shares_turns() const { return shares_turns_; }
  // The loop shares its turns since this was made. REQUIRES: it does not run yet.
  void share_turns();

  // `socket` has output, or was paused, resumed or closed on another thread.
  void add(std::shared_ptr<Socket> socket);

 private:
  friend class Socket;

  // What was read from a socket in receive().
  struct Received {
    std::shared_ptr<Socket> socket;
    std::span<uint8_t> bytes;  // none: the end, or an error
  };

  // Read at once by one socket, and what must be left for another one to be read beside it.
  static constexpr size_t kReadBytes = 128 * 1024;
  static constexpr size_t kLeastReadBytes = 16 * 1024;
  static constexpr size_t kSharedReadBytes = 4 * kReadBytes;

  std::unique_ptr<FdWatch> watch(int fd, std::function<void(bool, bool)> callback);
  bool receive() override;
  void hand_on() override;
  void collect() override;
  bool transmit() override;
  std::span<uint8_t> read_buffer();
  std::span<uint8_t> decrypt_buffer();

  EventLoop& loop_;
  UvLoop* uv_loop_ = nullptr;
  bool shares_turns_ = false;
  // Not set to zero: what nobody has read into yet takes no memory.
  std::unique_ptr<uint8_t[]> read_buffer_;
  std::unique_ptr<uint8_t[]> decrypt_buffer_;  // from the first TLS session on

  // The loop's thread alone.
  std::vector<std::shared_ptr<Socket>> readable_;
  std::vector<Received> received_;
  std::vector<std::shared_ptr<Socket>> sending_;
  std::vector<std::shared_ptr<Socket>> sent_;  // of which the turn has to hear
  std::vector<std::shared_ptr<Socket>> collecting_;

  // Whoever has the turn.
  std::vector<std::shared_ptr<Socket>> waiting_;
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
  // Whether on_drained() would do anything. Asked on the loop's thread, without the turn.
  virtual bool waits_for_drained() const { return true; }
};

class Socket : public std::enable_shared_from_this<Socket> {
 public:
  // Takes ownership of the connected, non-blocking descriptor.
  Socket(FlushList& flush_list, int fd, std::string peer_address, int peer_port);
  // Before start(). `optional`: the peer's first byte decides whether it speaks TLS.
  void secure(std::unique_ptr<tls::Session> session, bool optional = false);
  ~Socket();
  Socket(const Socket&) = delete;

  // Begins reading, on the loop's thread. `handler` must outlive the socket or its on_closed.
  void start(SocketHandler& handler);
  // Where a peer's frame is under way, the handler can have further bytes read right behind what it has; an
  // empty span (the default) means the shared buffer.
  void set_read_target(std::function<std::span<uint8_t>()> target) { read_target_ = std::move(target); }

  // Output collected until the end of the turn. Call mark_dirty() after writing to it.
  Writer& output() { return writers_[collecting_]; }
  bool has_output() const { return writers_[collecting_].total_size() != 0; }
  // The loop writes the output at the end of this turn, or of one that it has soon; also without any, the
  // handler hears that it is drained.
  void mark_dirty();
  // Bytes handed to this socket that the kernel has not taken yet, file slices not counted.
  size_t pending_bytes() const {
    return writers_[collecting_].buffer().size() + unsent_.load(std::memory_order_relaxed);
  }
  // Of both Writers. REQUIRES: the loop's thread.
  size_t output_capacity() const { return writers_[0].capacity() + writers_[1].capacity(); }
  bool on_own_thread() const { return flush_list_.on_own_thread(); }

  // Stops and resumes reading: backpressure.
  void pause_reading();
  void resume_reading();
  // Closes now; output not yet written is lost. The handler hears on_closed at once on the loop's own thread,
  // else in what is posted there now.
  void close();
  // Writes what is collected, then closes.
  void close_after_flush();
  bool closed() const { return closed_; }
  // Why the TLS handshake failed; ok where nothing did.
  const Status& security_problem() const { return security_problem_; }

  // The peer's address without its port ("127.0.0.1", "::1").
  const std::string& peer_address() const { return peer_address_; }
  int peer_port() const { return peer_port_; }
  int64_t last_active_ms() const { return last_active_ms_; }

 private:
  friend class FlushList;

  // The loop's thread, without the turn.
  void on_ready(bool readable, bool writable);
  // Into `room`, or where the handler wants it.
  FlushList::Received receive(std::span<uint8_t> room);
  // Writes as much as the kernel takes. True where finish_sending() is to be called.
  bool send_some();
  // False when the connection broke.
  bool write_some(bool& blocked);
  bool write_buffer(size_t end, bool more, bool& blocked);
  bool write_slice(const FileSlice& slice, size_t& bytes_left, bool& blocked);
  bool copy_slice(const FileSlice& slice, bool& blocked);
  void clear_outgoing();

  // The loop's thread, in its turn.
  void begin_reading();
  void hand_on(const FlushList::Received& received);
  // Does what was asked for since the last time. True where send_some() is to be called.
  bool attend();
  void finish_sending();
  void on_sent();
  void finish_close();
  void update_reading();
  void update_interest();
  // socket_tls.cc; in the turn, since the session is asked and written to there.
  void take_encrypted(std::span<uint8_t> bytes);
  void hand_on_decrypted();
  void send_encrypted();
  bool write_encrypted();
  bool encrypt_some();
  bool encrypt_slice(const FileSlice& slice);

  // The Writer that is sent; the loop's thread.
  Writer& outgoing() { return writers_[1 - collecting_]; }
  void count_unsent(size_t more = 0) {
    unsent_.store(outgoing().buffer().size() - outgoing_sent_ + more, std::memory_order_relaxed);
  }

  FlushList& flush_list_;
  const std::string peer_address_;
  const int peer_port_;

  // The loop's thread alone.
  int fd_;
  std::unique_ptr<FdWatch> watch_;
  size_t outgoing_sent_ = 0;  // bytes of outgoing()'s buffer that are written
  size_t splices_sent_ = 0;   // splices that are written whole
  uint32_t slice_sent_ = 0;   // bytes of the splice under way
  bool read_queued_ = false;  // in FlushList::readable_ or received_
  bool broken_ = false;
  bool found_blocked_ = false;    // by send_some()
  bool ends_when_sent_ = false;   // close_when_flushed_, as the turn had it that collected
  bool secured_ = false;          // on_secured() was called
  bool decrypted_waits_ = false;  // reading was paused with something decrypted left
  bool said_goodbye_ = false;
  std::vector<uint8_t> encrypted_;  // to be written, from encrypted_sent_ on
  size_t encrypted_sent_ = 0;

  // Changed by the loop's thread in its turn: it may look at any time, others in theirs.
  std::array<Writer, 2> writers_;
  uint8_t collecting_ = 0;  // which of them
  bool blocked_ = false;
  SocketHandler* handler_ = nullptr;
  std::function<std::span<uint8_t>()> read_target_;
  std::unique_ptr<tls::Session> tls_;
  bool tls_optional_ = false;
  Status security_problem_;
  std::atomic<size_t> unsent_ = 0;

  // Whoever has the turn.
  int64_t last_active_ms_;
  bool dirty_ = false;
  bool reading_ = false;
  bool closed_ = false;
  bool close_when_flushed_ = false;
};

}  // namespace ottla::net
