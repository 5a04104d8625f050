// SPDX-License-Identifier: Apache-2.0
// Compression piece by piece.
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <string>

#include "protocol/records/codec_frames.h"
#include "protocol/records/compression.h"

namespace ottla::records {

namespace {

constexpr size_t kStep = 64 * 1024;

Status failed(const char* codec, const char* reason) {
  return {ErrorCode::UNKNOWN_SERVER_ERROR, std::string(codec) + " cannot compress: " + reason};
}

class PlainCompressor : public Compressor {
 public:
  explicit PlainCompressor(std::vector<uint8_t>& out) : out_(out) {}
  Status write(Bytes bytes) override {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Status finish() override { return {}; }

 private:
  std::vector<uint8_t>& out_;
};

class GzipCompressor : public Compressor {
 public:
  GzipCompressor(std::vector<uint8_t>& out, CompressionLevel level) : out_(out) {
    ready_ = deflateInit2(&stream_, level.value_or(Z_DEFAULT_COMPRESSION), Z_DEFLATED, kGzipWindow, 8,
                          Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipCompressor() override {
    if (ready_) deflateEnd(&stream_);
  }
  GzipCompressor(const GzipCompressor&) = delete;
  GzipCompressor& operator=(const GzipCompressor&) = delete;

  Status write(Bytes bytes) override {
    stream_.next_in = const_cast<Bytef*>(bytes.data());
    stream_.avail_in = static_cast<uInt>(bytes.size());
    return run(Z_NO_FLUSH);
  }
  Status finish() override { return run(Z_FINISH); }

 private:
  Status run(int flush) {
    if (!ready_) return failed("gzip", "no memory");
    int result = Z_OK;
    do {
      const size_t start = out_.size();
      out_.resize(start + kStep);
      stream_.next_out = out_.data() + start;
      stream_.avail_out = static_cast<uInt>(kStep);
      result = deflate(&stream_, flush);
      out_.resize(start + kStep - stream_.avail_out);
      if (result == Z_STREAM_ERROR) return failed("gzip", "deflate");
    } while (stream_.avail_out == 0 || (flush == Z_FINISH && result != Z_STREAM_END));
    return {};
  }

  std::vector<uint8_t>& out_;
  z_stream stream_{};
  bool ready_ = false;
};

class SnappyCompressor : public Compressor {
 public:
  explicit SnappyCompressor(std::vector<uint8_t>& out) : out_(out) {
    out_.insert(out_.end(), kXerialHeader.begin(), kXerialHeader.end());
    block_.reserve(kXerialBlockSize);
  }
  Status write(Bytes bytes) override {
    while (!bytes.empty()) {
      const size_t count = std::min(bytes.size(), kXerialBlockSize - block_.size());
      block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(count));
      bytes = bytes.subspan(count);
      if (block_.size() == kXerialBlockSize) flush();
    }
    return {};
  }
  Status finish() override {
    if (!block_.empty()) flush();
    return {};
  }

 private:
  void flush() {
    append_xerial_block(block_, out_);
    block_.clear();
  }

  std::vector<uint8_t>& out_;
  std::vector<uint8_t> block_;
};

class Lz4Compressor : public Compressor {
 public:
  Lz4Compressor(std::vector<uint8_t>& out, Lz4Header header, CompressionLevel level) : out_(out) {
    LZ4F_cctx* created = nullptr;
    if (LZ4F_isError(LZ4F_createCompressionContext(&created, LZ4F_VERSION)) != 0) return;
    context_.reset(created);
    preferences_.frameInfo = lz4_frame_info();
    preferences_.compressionLevel = liblz4_level(level);
    const size_t start = out_.size();
    out_.resize(start + LZ4F_HEADER_SIZE_MAX);
    take(start, LZ4F_compressBegin(created, out_.data() + start, LZ4F_HEADER_SIZE_MAX, &preferences_));
    if (header == Lz4Header::kMagic0 && error_ == nullptr)
      set_magic0_checksum(std::span(out_).subspan(start));
  }
  Status write(Bytes bytes) override {
    if (!context_) return failed("lz4", "no memory");
    while (!bytes.empty() && error_ == nullptr) {
      const Bytes piece = bytes.first(std::min(bytes.size(), kStep));
      bytes = bytes.subspan(piece.size());
      const size_t start = grow(piece.size());
      take(start, LZ4F_compressUpdate(context_.get(), out_.data() + start, out_.size() - start, piece.data(),
                                      piece.size(), nullptr));
    }
    return status();
  }
  Status finish() override {
    if (!context_) return failed("lz4", "no memory");
    const size_t start = grow(0);
    take(start, LZ4F_compressEnd(context_.get(), out_.data() + start, out_.size() - start, nullptr));
    return status();
  }

 private:
  struct Free {
    void operator()(LZ4F_cctx* context) const { LZ4F_freeCompressionContext(context); }
  };
  size_t grow(size_t input) {
    const size_t start = out_.size();
    out_.resize(start + LZ4F_compressBound(input, &preferences_));
    return start;
  }
  void take(size_t start, size_t result) {
    const bool bad = LZ4F_isError(result) != 0;
    if (bad) error_ = LZ4F_getErrorName(result);
    out_.resize(bad ? start : start + result);
  }
  Status status() const { return error_ == nullptr ? Status() : failed("lz4", error_); }

  std::vector<uint8_t>& out_;
  LZ4F_preferences_t preferences_{};
  std::unique_ptr<LZ4F_cctx, Free> context_;
  const char* error_ = nullptr;
};

class ZstdCompressor : public Compressor {
 public:
  ZstdCompressor(std::vector<uint8_t>& out, CompressionLevel level) : out_(out), context_(ZSTD_createCCtx()) {
    if (context_) ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level.value_or(kZstdLevel));
  }
  Status write(Bytes bytes) override { return run(bytes, ZSTD_e_continue); }
  Status finish() override { return run({}, ZSTD_e_end); }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  Status run(Bytes bytes, ZSTD_EndDirective directive) {
    if (!context_) return failed("zstd", "no memory");
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    size_t left = 0;
    do {
      const size_t start = out_.size();
      out_.resize(start + kStep);
      ZSTD_outBuffer output{out_.data() + start, kStep, 0};
      left = ZSTD_compressStream2(context_.get(), &output, &input, directive);
      out_.resize(start + output.pos);
      if (ZSTD_isError(left) != 0) return failed("zstd", ZSTD_getErrorName(left));
    } while (directive == ZSTD_e_end ? left != 0 : input.pos < input.size);
    return {};
  }

  std::vector<uint8_t>& out_;
  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

}  // namespace

std::unique_ptr<Compressor> open_compressor(Compression codec, std::vector<uint8_t>& out,
                                            Lz4Header lz4_header, CompressionLevel level) {
  switch (codec) {
    case Compression::kNone:
      return std::make_unique<PlainCompressor>(out);
    case Compression::kGzip:
      return std::make_unique<GzipCompressor>(out, level);
    case Compression::kSnappy:
      return std::make_unique<SnappyCompressor>(out);
    case Compression::kLz4:
      return std::make_unique<Lz4Compressor>(out, lz4_header, level);
    case Compression::kZstd:
      return std::make_unique<ZstdCompressor>(out, level);
  }
  OTTLA_CHECK(false);
}

}  // namespace ottla::records
