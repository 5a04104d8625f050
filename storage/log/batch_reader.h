// SPDX-License-Identifier: Apache-2.0
// Reads the whole batches of a segment one after the other, in large pieces, and checks each one's CRC.
//
// Threads: one at a time; the file may grow or lose its name meanwhile.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/wire/reader.h"
#include "storage/io/file_system.h"
#include "storage/log/batch_scan.h"

namespace ottla::storage {

class BatchReader {
 public:
  struct Batch {
    BatchHeader header;
    Bytes bytes;  // valid until the next call
  };

  // `piece_bytes`: what is read at once, unless a batch is larger.
  explicit BatchReader(size_t piece_bytes) : piece_bytes_(piece_bytes) {}

  // Goes on with the bytes [position, end) of `file`.
  void open(std::shared_ptr<File> file, uint64_t position, uint64_t end);
  bool at_end() const { return position_ == end_; }
  // The next batch. CORRUPT_MESSAGE where none begins, it is cut short, or its CRC is wrong. REQUIRES: not
  // at_end().
  Result<Batch> next();

 private:
  Result<Bytes> bytes_at(uint64_t position, size_t count);
  Status corrupt(const char* what) const;

  size_t piece_bytes_;
  std::shared_ptr<File> file_;
  uint64_t position_ = 0;
  uint64_t end_ = 0;
  std::vector<uint8_t> piece_;
  uint64_t piece_begin_ = 0;
};

// Of a whole batch of any format.
bool checksum_is_good(const BatchHeader& header, Bytes batch);

}  // namespace ottla::storage
