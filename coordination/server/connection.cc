// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/connection.h"

#include <algorithm>

#include "coordination/jute/records.h"
#include "coordination/server/four_letter_words.h"
#include "coordination/server/server_core.h"
#include "protocol/base/log.h"

namespace ottla::coordination {
namespace {

constexpr const char* kLog = "coordination.server";

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
  if (partial_.empty()) {
    while (take_frame(bytes)) {
    }
    if (state_ != State::kClosed) partial_.assign(bytes.begin(), bytes.end());
  } else {
    // Moved out: a frame is looked at where it lies.
    std::vector<uint8_t> joined = std::move(partial_);
    partial_.clear();
    joined.insert(joined.end(), bytes.begin(), bytes.end());
    Bytes rest(joined);
    while (take_frame(rest)) {
    }
    if (state_ != State::kClosed) {
      joined.erase(joined.begin(), joined.end() - static_cast<std::ptrdiff_t>(rest.size()));
      partial_ = std::move(joined);
    }
  }
  core_->release_output();
  pause_if_busy();
}

bool ServerConnection::take_frame(Bytes& rest) {
  if (state_ == State::kClosed || rest.size() < 4) return false;
  if (state_ == State::kNew) {
    const std::string word(reinterpret_cast<const char*>(rest.data()), 4);
    if (is_four_letter_word(word)) {
      on_four_letter_word(word);
      return false;
    }
  }
  const int32_t length = frame_length(rest);
  if (length < 0 || length > core_->config().max_frame_bytes) {
    log_warn(kLog, "Closing the connection from {}: a frame of {} bytes (jute.maxbuffer is {})", peer_,
             length, core_->config().max_frame_bytes);
    close();
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
    log_warn(kLog, "Closing the connection from {}: no connect request but {} bytes of something else", peer_,
             frame.size());
    close();
    return;
  }
  old_client_ = !request.read_only.has_value();
  state_ = State::kServing;
  if (!core_->connect(*this, request)) close();
}

void ServerConnection::on_request(Bytes frame) {
  Reader reader(frame);
  const auto header = jute::RequestHeader::decode(reader);
  if (!reader.ok()) {
    log_warn(kLog, "Closing the connection from {}: a request without a header", peer_);
    close();
    return;
  }
  if (header.type == jute::kAuth) {
    core_->authenticate(*this, header, reader);
  } else {
    core_->submit(*this, header, reader);
  }
}

void ServerConnection::on_four_letter_word(const std::string& word) {
  ++counters_.received;
  ++core_->counters().received;
  const std::string answer = answer_four_letter_word(*core_, word);
  sink_.send({reinterpret_cast<const uint8_t*>(answer.data()), answer.size()});
  close();
}

void ServerConnection::deliver(Bytes bytes, bool is_reply) {
  if (is_reply) --outstanding_;
  if (state_ == State::kClosed) return;
  ++counters_.sent;
  ++core_->counters().sent;
  sink_.send(bytes);
  // Half, so that reading does not stop and start with every reply.
  if (paused_ && outstanding_ <= core_->config().outstanding_limit / 2) {
    paused_ = false;
    sink_.resume_reading();
  }
}

void ServerConnection::pause_if_busy() {
  if (paused_ || state_ == State::kClosed || outstanding_ <= core_->config().outstanding_limit) return;
  paused_ = true;
  sink_.pause_reading();
}

void ServerConnection::close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  partial_.clear();
  sink_.close();
}

}  // namespace ottla::coordination
