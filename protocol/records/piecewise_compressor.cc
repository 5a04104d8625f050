// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/piecewise_compressor.h"

namespace ottla::records {

namespace {

constexpr size_t kAtOnce = 1 << 20;

}  // namespace

void PiecewiseCompressor::begin(Compression codec, std::vector<uint8_t>& out, Lz4Header lz4_header,
                                CompressionLevel level) {
  codec_ = codec;
  lz4_header_ = lz4_header;
  level_ = level;
  out_ = &out;
  out_start_ = out.size();
  if (pending_.capacity() > 2 * kAtOnce) pending_ = Writer();
  pending_.clear();
  flushed_ = 0;
  stream_.reset();
}

size_t PiecewiseCompressor::produced() const {
  const size_t plain = codec_ == Compression::kNone ? pending_.buffer().size() : 0;
  return out_->size() - out_start_ + plain;
}

Status PiecewiseCompressor::flush_if_large() {
  if (pending_.buffer().size() < kAtOnce) return {};
  if (!stream_) stream_ = open_compressor(codec_, *out_, lz4_header_, level_);
  flushed_ += pending_.buffer().size();
  const Status status = stream_->write(pending_.buffer());
  pending_.clear();
  return status;
}

Status PiecewiseCompressor::finish() {
  if (!stream_) return compress(codec_, pending_.buffer(), *out_, lz4_header_, level_);
  Status status = stream_->write(pending_.buffer());
  if (status.ok()) status = stream_->finish();
  stream_.reset();
  return status;
}

}  // namespace ottla::records
