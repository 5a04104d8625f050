// SPDX-License-Identifier: Apache-2.0
// One connection that carries Kafka's framing: a four-byte length, then a request or response.
//
// All complete frames of a read are handed on in order. Each takes a slot; responses may be completed in any
// order, now or later, and leave in the order of their requests (unlike Kafka, which does not read the next
// request before it answered the one before). When more than kMaxOpenRequests wait for an answer, or the peer
// does not read what it asked for, reading stops until it does.
//
// Memory: a frame is buffered as its bytes arrive, so a length that promises more than it sends costs
// nothing.
//
// Threads: requests are read on the thread of the socket's loop alone, which therefore looks at partial_ and
// paused_ at any time; responses are written in anybody's turn (socket.h).
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "broker/net/socket.h"

namespace ottla::net {

class Connection;

class RequestSink {
 public:
  virtual ~RequestSink() = default;
  // One request, without its length prefix; valid and writable during the call. The sink answers `slot`
  // exactly once with finish_response or skip_response, now or later, or closes the connection.
  virtual void on_request(const std::shared_ptr<Connection>& connection, uint64_t slot,
                          std::span<uint8_t> frame) = 0;
  virtual void on_connection_closed(const std::shared_ptr<Connection>& connection) = 0;
};

class Connection : public SocketHandler, public std::enable_shared_from_this<Connection> {
 public:
  static constexpr size_t kMaxOpenRequests = 1000;
  static constexpr size_t kMaxUnsentBytes = 4 * 1024 * 1024;

  // `id` names the connection in logs and waiters, unique while the program runs. `max_frame_bytes` is
  // socket.request.max.bytes: a longer or negative length closes the connection before anything is allocated.
  Connection(std::shared_ptr<Socket> socket, uint64_t id, size_t max_frame_bytes, RequestSink& sink);
  void start() { socket_->start(*this); }

  uint64_t id() const { return id_; }
  const std::string& peer_address() const { return socket_->peer_address(); }
  int64_t last_active_ms() const { return socket_->last_active_ms(); }
  // Bytes of memory that wait to be sent, and room for more.
  size_t output_capacity() const { return socket_->output_capacity(); }
  bool closed() const { return socket_->closed(); }
  // Whether requests wait for an answer; such a connection is not idle.
  bool has_open_requests() const { return first_open_ < slots_.size(); }
  void close() { socket_->close(); }
  void close_after_flush() { socket_->close_after_flush(); }

  // The Writer for the response of `slot`: write one whole frame, then call finish_response, with nothing
  // between.
  Writer& begin_response(uint64_t slot);
  void finish_response(uint64_t slot);
  // `slot` gets no response (Produce with acks=0).
  void skip_response(uint64_t slot);

  // The client's software, from ApiVersions v3+; empty before.
  std::string client_software_name;
  std::string client_software_version;

 private:
  struct Slot {
    bool finished = false;
    std::unique_ptr<Writer> early;  // a response that waits for those before it
  };
  // A frame that has not arrived whole: a malloc'ed block that grows with what came.
  struct Partial {
    std::unique_ptr<uint8_t, decltype(&std::free)> data{nullptr, &std::free};
    size_t received = 0;
    size_t capacity = 0;
    size_t frame_bytes = 0;  // with its length prefix; 4 until the prefix is known
  };

  void on_bytes(std::span<uint8_t> bytes) override;
  void on_closed() override;
  void on_drained() override { resume_if_possible(); }
  bool waits_for_drained() const override { return paused_; }

  std::span<uint8_t> read_target();
  void consume(std::span<uint8_t> bytes);
  void keep_partial(std::span<const uint8_t> bytes);
  bool grow_partial();
  void on_partial_bytes(size_t count);
  // The whole size of the frame that starts with these four bytes, 0 (and the connection closed) where it is
  // not acceptable.
  size_t frame_size(const uint8_t* prefix);
  void dispatch(std::span<uint8_t> frame);
  Slot& slot_at(uint64_t slot) { return slots_[slot - slot_base_]; }
  void drain_finished();
  bool overloaded() const;
  void resume_if_possible();

  std::shared_ptr<Socket> socket_;
  uint64_t id_;
  size_t max_frame_bytes_;
  RequestSink& sink_;
  Partial partial_;
  std::vector<uint8_t> backlog_;  // read but not yet handled, while paused
  std::vector<Slot> slots_;       // from the oldest unanswered request on, at first_open_
  size_t first_open_ = 0;
  uint64_t slot_base_ = 0;  // the number of slots_[0]
  size_t early_bytes_ = 0;  // of the responses in slots_ that wait
  bool paused_ = false;
};

}  // namespace ottla::net
