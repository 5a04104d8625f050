// SPDX-License-Identifier: Apache-2.0
// Compresses records as they are written: all at once where they are few, which is fastest, and piece by
// piece where they are many, so that what is not yet compressed never takes more than about a megabyte.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/records/compression.h"
#include "protocol/wire/writer.h"

namespace ottla::records {

// Keeps its buffers from one use to the next. One thread at a time.
class PiecewiseCompressor {
 public:
  // Drops what was there. The output is appended to `out`, which must stay alive until finish().
  void begin(Compression codec, std::vector<uint8_t>& out, Lz4Header lz4_header = Lz4Header::kStandard,
             CompressionLevel level = std::nullopt);
  // Where records are written to.
  Writer& pending() { return pending_; }
  // To be called between records.
  Status flush_if_large();
  // All that is left, and the codec's end.
  Status finish();
  // Bytes written so far, before compression.
  size_t written() const { return flushed_ + pending_.buffer().size(); }
  // Bytes that are certain to be in the output; REQUIRES: between begin() and finish().
  size_t produced() const;

 private:
  Compression codec_ = Compression::kNone;
  Lz4Header lz4_header_ = Lz4Header::kStandard;
  CompressionLevel level_;
  std::vector<uint8_t>* out_ = nullptr;
  size_t out_start_ = 0;
  Writer pending_;
  size_t flushed_ = 0;
  std::unique_ptr<Compressor> stream_;
};

}  // namespace ottla::records
