// SPDX-License-Identifier: Apache-2.0
// The codecs of record batches (org.apache.kafka.common.record.CompressionType): gzip, snappy (xerial's block
// framing as Java writes it, and raw as some old clients do), lz4 frames, zstd. Any thread; nothing is shared
// but contexts per thread.
//
// Errors: data that cannot be read, and codecs that nobody knows, are UNKNOWN_SERVER_ERROR, as Kafka answers
// them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/wire/reader.h"

namespace ottla::records {

enum class Compression : int8_t { kNone = 0, kGzip = 1, kSnappy = 2, kLz4 = 3, kZstd = 4 };

// The name in compression.type: "none", "gzip", "snappy", "lz4", "zstd".
std::string_view compression_name(Compression codec);
// The inverse ("uncompressed" too); nullopt for anything else, "producer" included.
std::optional<Compression> parse_compression(std::string_view name);
// The codec in the low bits of a batch's attributes; nullopt for an id without a codec.
std::optional<Compression> compression_of_attributes(int16_t attributes);

// How lz4 frames check their header: old messages of magic 0 hash the wrong bytes (KAFKA-3160).
enum class Lz4Header : int8_t { kStandard, kMagic0 };

// How hard a codec tries: compression.<codec>.level (KIP-390). Nothing, and for lz4 Kafka's default 9 too, is
// what producers do by default; snappy has no levels.
using CompressionLevel = std::optional<int32_t>;

// Appends `in`, compressed, to `out`. kNone copies.
Status compress(Compression codec, Bytes in, std::vector<uint8_t>& out,
                Lz4Header lz4_header = Lz4Header::kStandard, CompressionLevel level = std::nullopt);

// Compresses piece by piece.
class Compressor {
 public:
  virtual ~Compressor() = default;
  virtual Status write(Bytes bytes) = 0;
  // To be called once, after which nothing is written.
  virtual Status finish() = 0;
};

// What is written is appended, compressed, to `out`, which must stay alive as long as the result. REQUIRES:
// codec is one of the enumerators.
std::unique_ptr<Compressor> open_compressor(Compression codec, std::vector<uint8_t>& out,
                                            Lz4Header lz4_header = Lz4Header::kStandard,
                                            CompressionLevel level = std::nullopt);

// Decompresses piece by piece, so that data that grows a thousandfold costs time but no memory.
class Decompressor {
 public:
  virtual ~Decompressor() = default;
  // Fills `out` as far as there is data; less than out.size() only at the end.
  virtual Result<size_t> read(std::span<uint8_t> out) = 0;
};

// `in` must stay alive as long as the result. REQUIRES: codec is one of the enumerators.
std::unique_ptr<Decompressor> open_decompressor(Compression codec, Bytes in,
                                                Lz4Header lz4_header = Lz4Header::kStandard);

// Replaces `out` by the decompressed `in`. More than `limit` bytes are refused with MESSAGE_TOO_LARGE, having
// taken no more memory than about twice that.
Status decompress(Compression codec, Bytes in, size_t limit, std::vector<uint8_t>& out,
                  Lz4Header lz4_header = Lz4Header::kStandard);

}  // namespace ottla::records
