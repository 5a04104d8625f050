// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/connection.h"

#include <fmt/format.h>

#include <algorithm>

#include "coordination/jute/records.h"
#include "coordination/server/four_letter_words.h"
#include "coordination/server/server_core.h"
#include "protocol/base/log.h"

namespace ottla::coordination {
namespace {

constexpr const char* kLog = "coordination.server";
// See connection.h.
constexpr size_t kUnreadMax = 1 << 20, kDeafMax = 16 << 20;
// No connect request is longer: 29 bytes and a password of 16.
constexpr int32_t kConnectMax = 4096;
constexpr size_t kTraceMaskBytes = 8;

int32_t frame_length(Bytes bytes) {
  Reader reader(bytes.first(4));
  return reader.int32();
}

}  // namespace

ServerConnection::ServerConnection(ServerCore& core, ConnectionSink& sink, uint64_t id, std::string peer,
                                   bool in_process)
    : core_(&core), sink_(sink), id_(id), peer_(std::move(peer)), in_process_(in_process) {
  // Who connects is known by address from the start, as ("ip", host).
  if (!in_process_) identities_.push_back({"ip", peer_.substr(0, peer_.rfind(':'))});
}

ServerConnection::~ServerConnection() {
  if (core_ != nullptr) core_->detach(*this);
}

void ServerConnection::on_bytes(Bytes bytes) {
  if (state_ == State::kClosed) return;
  core_->counters().bytes_received += static_cast<int64_t>(bytes.size());
  take_frames(bytes);
  core_->release_output();
  // What was held back until the answers to what came before it had gone.
  while (held_back_ && may_take_more()) {
    take_frames({});
    core_->release_output();
  }
  pause_if_busy();
}

void ServerConnection::on_secured(const std::string& subject) {
  if (state_ == State::kClosed) return;
  secure_ = true;
  if (!subject.empty()) core_->take_certificate(*this, subject);
}

void ServerConnection::take_frames(Bytes bytes) {
  // Moved out: a frame is looked at where it lies.
  std::vector<uint8_t> joined = std::move(partial_);
  partial_.clear();
  if (!joined.empty()) joined.insert(joined.end(), bytes.begin(), bytes.end());
  Bytes rest = joined.empty() ? bytes : Bytes(joined);
  while (may_take_more() && take_frame(rest)) {
  }
  if (state_ == State::kClosed) return;
  held_back_ = !rest.empty() && !may_take_more();
  if (joined.empty()) {
    partial_.assign(rest.begin(), rest.end());
  } else {
    joined.erase(joined.begin(), joined.end() - static_cast<std::ptrdiff_t>(rest.size()));
    partial_ = std::move(joined);
  }
}

void ServerConnection::on_drained() {
  if (core_ == nullptr) return;
  resume_if_calm();
  core_->release_output();
}

bool ServerConnection::take_frame(Bytes& rest) {
  if (state_ == State::kClosed || rest.size() < 4) return false;
  if (state_ == State::kNew) {
    const std::string word(reinterpret_cast<const char*>(rest.data()), 4);
    if (word == "stmk" && rest.size() < 4 + kTraceMaskBytes) return false;
    if (is_four_letter_word(word)) {
      on_four_letter_word(word, rest.subspan(4));
      return false;
    }
  }
  const int32_t length = frame_length(rest);
  const int32_t most = core_->config().max_frame_bytes;
  if (length < 0 || length > most) {
    drop(fmt::format("a frame of {} bytes (jute.maxbuffer is {})", length, most));
    return false;
  }
  if (state_ == State::kNew && length > kConnectMax) {
    drop(fmt::format("a connect request of {} bytes", length));
    return false;
  }
  const size_t whole = 4 + static_cast<size_t>(length);
  if (rest.size() < whole) return false;
  const Bytes frame = rest.subspan(4, static_cast<size_t>(length));
  rest = rest.subspan(whole);
  ++counters_.received;
  ++core_->counters().received;
  on_frame(frame);
  return state_ != State::kClosed;
}

void ServerConnection::on_frame(Bytes frame) {
  if (state_ == State::kNew) {
    on_connect_request(frame);
  } else if (!closing_session_) {
    on_request(frame);
  }
}

void ServerConnection::on_connect_request(Bytes frame) {
  Reader reader(frame);
  const auto request = jute::ConnectRequest::decode(reader);
  if (!reader.ok()) {
    return drop(fmt::format("no connect request but {} bytes of something else", frame.size()));
  }
  old_client_ = !request.read_only.has_value();
  state_ = State::kServing;
  if (!core_->connect(*this, request)) close();
}

void ServerConnection::on_request(Bytes frame) {
  Reader reader(frame);
  const auto header = jute::RequestHeader::decode(reader);
  if (!reader.ok()) {
    return drop("a request without a header");
  }
  if (header.type == jute::kAuth) {
    core_->authenticate(*this, header, reader);
  } else {
    core_->submit(*this, header, reader);
  }
}

void ServerConnection::on_four_letter_word(const std::string& word, Bytes argument) {
  ++counters_.received;
  ++core_->counters().received;
  log_info(kLog, "Processing {} command from {}", word, peer_);
  const std::string answer = answer_four_letter_word(*core_, word, argument);
  sink_.send({reinterpret_cast<const uint8_t*>(answer.data()), answer.size()});
  close();
}

void ServerConnection::deliver(Bytes bytes, bool is_reply) {
  if (is_reply) --outstanding_;
  queued_bytes_ -= bytes.size();
  if (state_ == State::kClosed) return;
  ++counters_.sent;
  ++core_->counters().sent;
  sink_.send(bytes);
  resume_if_calm();
}

void ServerConnection::count_reply(const char* operation, int32_t xid, int64_t zxid, int64_t submitted_ms) {
  const int64_t latency_ms = core_->loop().monotonic_ms() - submitted_ms;
  counters_.last_operation = operation;
  counters_.last_xid = xid;
  counters_.last_zxid = zxid;
  counters_.last_response_ms = core_->loop().wall_ms();
  counters_.last_latency_ms = latency_ms;
  counters_.latency_min_ms =
      counters_.replies == 0 ? latency_ms : std::min(counters_.latency_min_ms, latency_ms);
  counters_.latency_max_ms = std::max(counters_.latency_max_ms, latency_ms);
  counters_.latency_sum_ms += latency_ms;
  ++counters_.replies;
}

bool ServerConnection::may_take_more() const {
  if (state_ == State::kClosed) return false;
  if (in_process_) return true;
  return outstanding_ <= core_->config().outstanding_limit && unread_bytes() <= kUnreadMax;
}

void ServerConnection::pause_if_busy() {
  if (paused_ || state_ == State::kClosed || may_take_more()) return;
  paused_ = true;
  sink_.pause_reading();
}

void ServerConnection::resume_if_calm() {
  if (!paused_ || resuming_ || state_ == State::kClosed) return;
  // Half, so that reading does not stop and start with every reply.
  if (outstanding_ > core_->config().outstanding_limit / 2 || unread_bytes() > kUnreadMax / 2) return;
  paused_ = false;
  resuming_ = true;
  on_bytes({});
  resuming_ = false;
  if (!paused_ && state_ != State::kClosed) sink_.resume_reading();
}

void ServerConnection::drop(const std::string& why) {
  if (state_ == State::kClosed) return;
  log_warn(kLog, "Closing the connection from {}, session 0x{:x}: {}", peer_,
           static_cast<uint64_t>(session_id_), why);
  ++core_->counters().connections_dropped;
  close();
}

void ServerConnection::drop_if_deaf() {
  const size_t unread = unread_bytes();
  if (in_process_ || state_ == State::kClosed || unread <= kDeafMax + largest_reply_) return;
  drop_deaf(fmt::format("it has not read {} bytes of what it was sent", unread));
}

void ServerConnection::drop_deaf(const std::string& why) {
  drop(why);
  sink_.abort();
}

void ServerConnection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  partial_.clear();
  sink_.close();
}

}  // namespace ottla::coordination
