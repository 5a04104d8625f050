// SPDX-License-Identifier: Apache-2.0
// The server's side of one client connection, as a state machine without a socket: bytes in, bytes out
// (org.apache.zookeeper.server.NIOServerCnxn and the connection half of ZooKeeperServer).
//
// How a network layer uses it, all on the loop's thread:
//
//   struct Adapter : coordination::ConnectionSink { its socket;
//   std::unique_ptr<coordination::ServerConnection> connection; }; adapter.connection =
//   server.accept(adapter, "127.0.0.1:54321"); on readable:   adapter.connection->on_bytes(span)      any cut
//   of the stream; frames are assembled inside on send():     append to the socket's output buffer (the span
//   is valid during the call only); one write per turn on close():    send what is buffered, then close the
//   socket; never destroy the connection inside the call, do it in a
//                  later turn. on_bytes() after it ignores what comes.
//   on pause_reading() / resume_reading(): stop and start reading the socket; bytes already read may still be
//   given. socket closed by the peer, or broken: destroy the ServerConnection. The session lives on until its
//   time-out.
//
//   all that send() was given has left, or a good part of it: connection->on_drained()
//
// send() may come at any time (another session's write fires a watch). A peer that does not read what it is
// sent is answered no more requests from a MiB on (its bytes stay here, reading pauses), and closed when
// watch events make that 16 MiB. A connection over maxClientCnxns gets close() in a later turn. The
// sink must outlive the connection; a connection that outlives its Server ignores what comes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "coordination/sasl/digest_md5.h"
#include "coordination/server/acl.h"
#include "coordination/types.h"
#include "protocol/wire/reader.h"

namespace ottla::coordination {

class Server;
class ServerCore;

class ConnectionSink {
 public:
  virtual ~ConnectionSink() = default;
  virtual void send(Bytes bytes) = 0;
  virtual void close() = 0;
  // Closes without waiting for a peer that does not read.
  virtual void abort() { close(); }
  virtual void pause_reading() {}
  virtual void resume_reading() {}
  // Of what send() was given, how much the peer's machine has not taken yet.
  virtual size_t pending_bytes() const { return 0; }
};

class ServerConnection {
 public:
  // What the four-letter words tell about a connection.
  struct Counters {
    int64_t received = 0;
    int64_t sent = 0;
    int64_t established_ms = 0;  // wall
    const char* last_operation = "NA";
    int32_t last_xid = -1;
    int64_t last_zxid = -1;
    int64_t last_response_ms = 0;  // wall
    int64_t last_latency_ms = 0;
    int64_t replies = 0;
    int64_t latency_sum_ms = 0;
    int64_t latency_min_ms = 0;
    int64_t latency_max_ms = 0;
  };

  ~ServerConnection();
  ServerConnection(const ServerConnection&) = delete;

  void on_bytes(Bytes bytes);
  void on_drained();
  // Before the first on_bytes(): the connection is encrypted, and the client has proved to be `subject` by
  // its certificate; empty where it showed none.
  void on_secured(const std::string& subject);

  const std::string& peer() const { return peer_; }
  int64_t session_id() const { return session_id_; }
  int32_t session_timeout_ms() const { return session_timeout_ms_; }
  bool secure() const { return secure_; }
  int outstanding() const { return outstanding_; }
  const Counters& counters() const { return counters_; }

 private:
  friend class Server;
  friend class ServerCore;
  enum class State { kNew, kServing, kClosed };

  ServerConnection(ServerCore& core, ConnectionSink& sink, uint64_t id, std::string peer, bool in_process);

  // All whole frames of what lay here and `bytes`; the rest lies here afterwards.
  void take_frames(Bytes bytes);
  // Takes one frame (or four-letter word) off the front of `rest`; false where its end has not come, or never
  // will.
  bool take_frame(Bytes& rest);
  void on_frame(Bytes frame);
  void on_connect_request(Bytes frame);
  void on_request(Bytes frame);
  void on_four_letter_word(const std::string& word, Bytes argument);
  // From the server, in the order of replies.
  void deliver(Bytes bytes, bool is_reply);
  void count_reply(const char* operation, int32_t xid, int64_t zxid, int64_t submitted_ms);
  void close();
  // With a line in the log.
  void drop(const std::string& why);
  // And without waiting for it to read.
  void drop_deaf(const std::string& why);
  void drop_if_deaf();
  // Neither too many requests unanswered nor too much that the peer has not read.
  bool may_take_more() const;
  size_t unread_bytes() const { return queued_bytes_ + sink_.pending_bytes(); }
  void pause_if_busy();
  void resume_if_calm();

  ServerCore* core_;  // null when the server is gone
  ConnectionSink& sink_;
  const uint64_t id_;
  const std::string peer_;
  const bool in_process_;
  State state_ = State::kNew;
  bool old_client_ = false;  // a 3.3 client: no readOnly byte in its connect request, none in the answer
  bool paused_ = false;
  bool closing_session_ = false;  // closeSession was asked for: later requests are not looked at
  int64_t session_id_ = 0;
  int32_t session_timeout_ms_ = 0;
  int outstanding_ = 0;
  size_t queued_bytes_ = 0;  // made, not given to the sink yet
  size_t largest_reply_ = 0;
  bool resuming_ = false;
  bool held_back_ = false;  // partial_ may hold whole frames that are not taken because of what waits
  bool secure_ = false;
  std::vector<Id> identities_;
  std::unique_ptr<sasl::DigestServer> sasl_;  // between its first word and its last
  // The beginning of a frame whose end has not come; while paused, also whole ones.
  std::vector<uint8_t> partial_;
  Counters counters_;
};

}  // namespace ottla::coordination
