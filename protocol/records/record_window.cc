// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/record_window.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace ottla::records {

namespace {

constexpr size_t kStep = 64 * 1024;
// A longer buffer is not kept for the next batch.
constexpr size_t kKeptBuffer = 1 << 20;

}  // namespace

void RecordWindow::open(Bytes bytes) {
  ahead_ = bytes;
  stream_.reset();
  status_ = {};
}

void RecordWindow::open(Compression codec, Bytes bytes, Lz4Header lz4_header, Limits limits) {
  if (buffer_.size() > kKeptBuffer) std::vector<uint8_t>().swap(buffer_);
  ahead_ = {};
  // The last one first: decompressors leave their contexts to each other.
  stream_.reset();
  stream_ = open_decompressor(codec, bytes, lz4_header);
  limits_ = limits;
  total_ = 0;
  status_ = {};
}

bool RecordWindow::skip(size_t count) {
  while (count > 0) {
    const size_t step = std::min(count, std::max<size_t>(ahead_.size(), 1));
    if (peek(step).size() < step) return false;
    consume(step);
    count -= step;
  }
  return true;
}

// One piece behind the `have` bytes at the buffer's front, up to `target` bytes; whether more may follow.
bool RecordWindow::read_more(size_t& have, size_t target) {
  if (buffer_.size() < target) buffer_.resize(target);
  const auto count = stream_->read(std::span(buffer_).subspan(have, target - have));
  if (!count.ok()) {
    status_ = count.status();
    return false;
  }
  have += *count;
  total_ += *count;
  if (total_ > limits_.in_all) {
    status_ = {ErrorCode::MESSAGE_TOO_LARGE,
               "compressed records of more than " + std::to_string(limits_.in_all) + " bytes"};
    return false;
  }
  return have == target;
}

void RecordWindow::fill(size_t count) {
  if (!status_.ok()) return;
  if (count > limits_.at_once) {
    status_ = {ErrorCode::MESSAGE_TOO_LARGE,
               "a compressed record of more than " + std::to_string(limits_.at_once) + " bytes"};
  } else {
    size_t have = ahead_.size();
    if (have > 0) std::memmove(buffer_.data(), ahead_.data(), have);
    bool more = true;
    // The buffer grows with what is really there, not with what a length claims.
    while (more && have < count) more = read_more(have, std::max(kStep, std::min(count, have * 2)));
    ahead_ = Bytes(buffer_).first(have);
    if (!more) stream_.reset();
  }
  if (!status_.ok()) {
    stream_.reset();
    ahead_ = {};
  }
}

}  // namespace ottla::records
