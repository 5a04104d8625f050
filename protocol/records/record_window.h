// SPDX-License-Identifier: Apache-2.0
// The bytes of a batch's records, front to back: the whole where they are not compressed, else a window over
// what the decompressor gives, no longer than the longest record that was asked for. So a batch that
// decompresses to gigabytes costs time, but no memory.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/records/compression.h"
#include "protocol/wire/reader.h"

namespace ottla::records {

class RecordWindow {
 public:
  struct Limits {
    // Of one peek; beyond it MESSAGE_TOO_LARGE.
    size_t at_once;
    // Of all that the decompressor gives; beyond it MESSAGE_TOO_LARGE.
    size_t in_all;
  };

  // `bytes` must stay alive while the window is used.
  void open(Bytes bytes);
  void open(Compression codec, Bytes bytes, Lz4Header lz4_header, Limits limits);

  // The next `count` bytes, fewer where the data ends or failed (status()). Valid until the next peek.
  Bytes peek(size_t count) {
    if (ahead_.size() < count && stream_ != nullptr) fill(count);
    return ahead_.first(std::min(count, ahead_.size()));
  }
  // REQUIRES: peek gave as many.
  void consume(size_t count) { ahead_ = ahead_.subspan(count); }
  // Passes over `count` bytes, whatever their number; false where there are fewer.
  bool skip(size_t count);
  bool at_end() { return peek(1).empty(); }
  const Status& status() const { return status_; }

 private:
  void fill(size_t count);
  bool read_more(size_t& have, size_t target);

  Bytes ahead_;
  std::unique_ptr<Decompressor> stream_;  // null where all is there
  Limits limits_{};
  size_t total_ = 0;
  std::vector<uint8_t> buffer_;
  Status status_;
};

}  // namespace ottla::records
