// SPDX-License-Identifier: Apache-2.0
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "protocol/base/status.h"
#include "protocol/records/codec_frames.h"
#include "protocol/records/compression.h"

namespace ottla::records {

namespace {

Status unreadable(const char* codec, const char* reason) {
  return {ErrorCode::UNKNOWN_SERVER_ERROR, std::string(codec) + " cannot decompress: " + reason};
}

class PlainStream : public Decompressor {
 public:
  explicit PlainStream(Bytes in) : in_(in) {}
  Result<size_t> read(std::span<uint8_t> out) override {
    const size_t count = std::min(out.size(), in_.size());
    std::copy_n(in_.begin(), count, out.begin());
    in_ = in_.subspan(count);
    return count;
  }

 private:
  Bytes in_;
};

class GzipStream : public Decompressor {
 public:
  explicit GzipStream(Bytes in) : in_(in) {
    stream_.next_in = const_cast<Bytef*>(in_.data());
    stream_.avail_in = static_cast<uInt>(in_.size());
    ready_ = inflateInit2(&stream_, kGzipWindow) == Z_OK;
  }
  ~GzipStream() override {
    if (ready_) inflateEnd(&stream_);
  }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  Result<size_t> read(std::span<uint8_t> out) override {
    if (!ready_) return unreadable("gzip", "no memory");
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    while (stream_.avail_out > 0 && !done_) {
      const int result = inflate(&stream_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        // Members may follow each other (RFC 1952); anything else after one is not looked at, as in Java.
        done_ = stream_.avail_in < 2 || stream_.next_in[0] != 0x1f || stream_.next_in[1] != 0x8b ||
                inflateReset(&stream_) != Z_OK;
      } else if (result != Z_OK) {
        return unreadable("gzip", stream_.msg != nullptr ? stream_.msg : "data ends too early");
      }
    }
    return out.size() - stream_.avail_out;
  }

 private:
  Bytes in_;
  z_stream stream_{};
  bool ready_ = false;
  bool done_ = false;
};

class SnappyStream : public Decompressor {
 public:
  explicit SnappyStream(Bytes in) : in_(in) {
    framed_ = in_.size() >= kXerialHeader.size() && starts_with_magic();
  }

  Result<size_t> read(std::span<uint8_t> out) override {
    size_t written = 0;
    while (written < out.size()) {
      if (next_ == block_.size()) {
        if (in_.empty()) break;
        const Status status = next_block();
        if (!status.ok()) return status;
      }
      const size_t count = std::min(out.size() - written, block_.size() - next_);
      std::copy_n(block_.begin() + static_cast<ptrdiff_t>(next_), count,
                  out.begin() + static_cast<ptrdiff_t>(written));
      next_ += count;
      written += count;
    }
    return written;
  }

 private:
  bool starts_with_magic() const {
    return std::memcmp(in_.data(), kXerialHeader.data(), kXerialMagicSize) == 0;
  }

  Status next_block() {
    if (!framed_) {
      const Bytes all = in_;
      in_ = {};
      return uncompress(all);
    }
    // Streams may follow each other, each with its header.
    while (in_.size() >= kXerialHeader.size() && starts_with_magic()) in_ = in_.subspan(kXerialHeader.size());
    next_ = 0;
    block_.clear();
    if (in_.empty()) return {};
    Reader reader(in_);
    const int32_t length = reader.int32();
    const Bytes block = length < 0 ? Bytes{} : reader.raw(static_cast<size_t>(length));
    if (!reader.ok() || length < 0) return unreadable("snappy", "block length");
    in_ = in_.subspan(reader.position());
    return uncompress(block);
  }

  Status uncompress(Bytes block) {
    const char* data = reinterpret_cast<const char*>(block.data());
    size_t size = 0;
    next_ = 0;
    // The format grows data 22 times at most, so a longer claim is a lie and not worth the memory.
    if (!snappy::GetUncompressedLength(data, block.size(), &size) || size > block.size() * 32 + 64) {
      return unreadable("snappy", "uncompressed length");
    }
    block_.resize(size);
    if (!snappy::RawUncompress(data, block.size(), reinterpret_cast<char*>(block_.data()))) {
      return unreadable("snappy", "corrupt block");
    }
    return {};
  }

  Bytes in_;
  bool framed_ = false;
  std::vector<uint8_t> block_;
  size_t next_ = 0;
};

// Contexts cost more to make than a batch costs to read, so each thread keeps one of each kind that is not in
// use.
template <typename Context, typename Free>
class ContextCache {
 public:
  using Owned = std::unique_ptr<Context, Free>;
  static Owned take() { return std::move(slot()); }
  static void give_back(Owned context) { slot() = std::move(context); }

 private:
  static Owned& slot() {
    thread_local Owned slot;
    return slot;
  }
};

struct FreeLz4 {
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};
using Lz4Cache = ContextCache<LZ4F_dctx, FreeLz4>;

class Lz4Stream : public Decompressor {
 public:
  Lz4Stream(Bytes in, Lz4Header header) : in_(in), context_(Lz4Cache::take()) {
    if (!context_) {
      LZ4F_dctx* created = nullptr;
      if (LZ4F_isError(LZ4F_createDecompressionContext(&created, LZ4F_VERSION)) == 0) context_.reset(created);
    } else {
      LZ4F_resetDecompressionContext(context_.get());
    }
    const size_t size = lz4_header_size(in_);
    if (header == Lz4Header::kMagic0 && size != 0) {
      std::copy_n(in_.begin(), size, header_.begin());
      header_[size] = lz4_header_checksum(in_.first(size), false);
      pending_header_ = Bytes(header_).first(size + 1);
      in_ = in_.subspan(size + 1);
    }
  }
  // Resetting a context does not make it forget the content size of a frame that did not end, and the next
  // frame would be held to it: only after a whole frame is it used again.
  ~Lz4Stream() override {
    if (done_) Lz4Cache::give_back(std::move(context_));
  }
  Lz4Stream(const Lz4Stream&) = delete;
  Lz4Stream& operator=(const Lz4Stream&) = delete;

  Result<size_t> read(std::span<uint8_t> out) override {
    if (!context_) return unreadable("lz4", "no memory");
    size_t written = 0;
    while (written < out.size() && !done_) {
      Bytes& source = pending_header_.empty() ? in_ : pending_header_;
      size_t produced = out.size() - written;
      size_t consumed = source.size();
      const size_t hint =
          LZ4F_decompress(context_.get(), out.data() + written, &produced, source.data(), &consumed, nullptr);
      if (LZ4F_isError(hint) != 0) return unreadable("lz4", LZ4F_getErrorName(hint));
      source = source.subspan(consumed);
      written += produced;
      done_ = hint == 0;
      if (produced == 0 && consumed == 0 && !done_) return unreadable("lz4", "data ends too early");
    }
    return written;
  }

 private:
  Bytes in_;
  Lz4Cache::Owned context_;
  std::array<uint8_t, kLz4LongestHeader> header_{};
  Bytes pending_header_;
  bool done_ = false;
};

struct FreeZstd {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using ZstdCache = ContextCache<ZSTD_DCtx, FreeZstd>;
// A frame may ask for a window of 128 MiB; a context that had to serve one is not kept.
constexpr size_t kKeptZstdContext = 16 << 20;

class ZstdStream : public Decompressor {
 public:
  explicit ZstdStream(Bytes in) : input_{in.data(), in.size(), 0}, context_(ZstdCache::take()) {
    if (!context_) context_.reset(ZSTD_createDCtx());
    if (context_) ZSTD_DCtx_reset(context_.get(), ZSTD_reset_session_only);
  }
  ~ZstdStream() override {
    if (context_ && ZSTD_sizeof_DCtx(context_.get()) <= kKeptZstdContext)
      ZstdCache::give_back(std::move(context_));
  }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;

  Result<size_t> read(std::span<uint8_t> out) override {
    if (!context_) return unreadable("zstd", "no memory");
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    while (output.pos < output.size && !(frame_complete_ && input_.pos == input_.size)) {
      const size_t consumed = input_.pos;
      const size_t produced = output.pos;
      const size_t result = ZSTD_decompressStream(context_.get(), &output, &input_);
      if (ZSTD_isError(result) != 0) return unreadable("zstd", ZSTD_getErrorName(result));
      frame_complete_ = result == 0;
      if (!frame_complete_ && input_.pos == consumed && output.pos == produced) {
        return unreadable("zstd", "data ends too early");
      }
    }
    return output.pos;
  }

 private:
  ZSTD_inBuffer input_;
  ZstdCache::Owned context_;
  bool frame_complete_ = false;
};

}  // namespace

std::unique_ptr<Decompressor> open_decompressor(Compression codec, Bytes in, Lz4Header lz4_header) {
  switch (codec) {
    case Compression::kNone:
      return std::make_unique<PlainStream>(in);
    case Compression::kGzip:
      return std::make_unique<GzipStream>(in);
    case Compression::kSnappy:
      return std::make_unique<SnappyStream>(in);
    case Compression::kLz4:
      return std::make_unique<Lz4Stream>(in, lz4_header);
    case Compression::kZstd:
      return std::make_unique<ZstdStream>(in);
  }
  OTTLA_CHECK(false);
}

}  // namespace ottla::records
