// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/compression.h"

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <climits>
#include <string>

#include "protocol/records/codec_frames.h"
#include "protocol/records/record_batch.h"

namespace ottla::records {

namespace {

Status failed(const char* codec, const char* reason) {
  return {ErrorCode::UNKNOWN_SERVER_ERROR, std::string(codec) + " cannot compress: " + reason};
}

Status compress_gzip(Bytes in, std::vector<uint8_t>& out, CompressionLevel level) {
  z_stream stream{};
  if (deflateInit2(&stream, level.value_or(Z_DEFAULT_COMPRESSION), Z_DEFLATED, kGzipWindow, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return failed("gzip", "no memory");
  }
  const size_t start = out.size();
  out.resize(start + deflateBound(&stream, in.size()));
  stream.next_in = const_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = out.data() + start;
  stream.avail_out = static_cast<uInt>(out.size() - start);
  const int result = deflate(&stream, Z_FINISH);
  out.resize(start + stream.total_out);
  deflateEnd(&stream);
  return result == Z_STREAM_END ? Status() : failed("gzip", "deflate");
}

Status compress_snappy(Bytes in, std::vector<uint8_t>& out) {
  out.insert(out.end(), kXerialHeader.begin(), kXerialHeader.end());
  while (!in.empty()) {
    const Bytes block = in.first(std::min(in.size(), kXerialBlockSize));
    in = in.subspan(block.size());
    append_xerial_block(block, out);
  }
  return {};
}

Status compress_lz4(Bytes in, std::vector<uint8_t>& out, Lz4Header header, CompressionLevel level) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo = lz4_frame_info();
  preferences.compressionLevel = liblz4_level(level);
  const size_t start = out.size();
  out.resize(start + LZ4F_compressFrameBound(in.size(), &preferences));
  const size_t size =
      LZ4F_compressFrame(out.data() + start, out.size() - start, in.data(), in.size(), &preferences);
  if (LZ4F_isError(size) != 0) return failed("lz4", LZ4F_getErrorName(size));
  out.resize(start + size);
  if (header == Lz4Header::kMagic0) set_magic0_checksum(std::span(out).subspan(start));
  return {};
}

Status compress_zstd(Bytes in, std::vector<uint8_t>& out, CompressionLevel level) {
  thread_local const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                                ZSTD_freeCCtx);
  if (!context) return failed("zstd", "no memory");
  const size_t start = out.size();
  out.resize(start + ZSTD_compressBound(in.size()));
  const size_t size = ZSTD_compressCCtx(context.get(), out.data() + start, out.size() - start, in.data(),
                                        in.size(), level.value_or(kZstdLevel));
  if (ZSTD_isError(size) != 0) return failed("zstd", ZSTD_getErrorName(size));
  out.resize(start + size);
  return {};
}

}  // namespace

std::string_view compression_name(Compression codec) {
  switch (codec) {
    case Compression::kNone:
      return "none";
    case Compression::kGzip:
      return "gzip";
    case Compression::kSnappy:
      return "snappy";
    case Compression::kLz4:
      return "lz4";
    case Compression::kZstd:
      return "zstd";
  }
  return "unknown";
}

std::optional<Compression> parse_compression(std::string_view name) {
  if (name == "uncompressed") return Compression::kNone;
  for (const Compression codec : {Compression::kNone, Compression::kGzip, Compression::kSnappy,
                                  Compression::kLz4, Compression::kZstd}) {
    if (compression_name(codec) == name) return codec;
  }
  return std::nullopt;
}

std::optional<Compression> compression_of_attributes(int16_t attributes) {
  const int16_t id = attributes & kCompressionMask;
  if (id > static_cast<int16_t>(Compression::kZstd)) return std::nullopt;
  return static_cast<Compression>(id);
}

Status compress(Compression codec, Bytes in, std::vector<uint8_t>& out, Lz4Header lz4_header,
                CompressionLevel level) {
  if (in.size() > INT_MAX) return failed("any codec", "more than 2 GiB");
  switch (codec) {
    case Compression::kNone:
      out.insert(out.end(), in.begin(), in.end());
      return {};
    case Compression::kGzip:
      return compress_gzip(in, out, level);
    case Compression::kSnappy:
      return compress_snappy(in, out);
    case Compression::kLz4:
      return compress_lz4(in, out, lz4_header, level);
    case Compression::kZstd:
      return compress_zstd(in, out, level);
  }
  return failed("unknown codec", "no such id");
}

Status decompress(Compression codec, Bytes in, size_t limit, std::vector<uint8_t>& out,
                  Lz4Header lz4_header) {
  out.clear();
  const auto stream = open_decompressor(codec, in, lz4_header);
  size_t size = 0;
  while (true) {
    // Grows with what is really there; one byte more than the limit tells a bomb from what fits exactly.
    out.resize(std::min(limit + 1, std::max<size_t>(size * 2, std::max<size_t>(in.size() * 2, 1024))));
    const auto count = stream->read(std::span(out).subspan(size));
    if (!count.ok()) return count.status();
    size += *count;
    if (size > limit) {
      out.clear();
      return {ErrorCode::MESSAGE_TOO_LARGE,
              "compressed records of more than " + std::to_string(limit) + " bytes"};
    }
    if (size < out.size()) break;
  }
  out.resize(size);
  return {};
}

}  // namespace ottla::records
