// SPDX-License-Identifier: Apache-2.0
// What compress and decompress share about the framing of snappy (xerial's snappy-java) and lz4.
#pragma once

#include <lz4frame.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/records/compression.h"
#include "protocol/wire/reader.h"

namespace ottla::records {

// In front of a stream of xerial blocks: a magic, then version and lowest compatible version, both 1. Each
// block is an int32 length and raw snappy.
constexpr std::array<uint8_t, 16> kXerialHeader = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                                   0,    0,   0,   1,   0,   0,   0,   1};
constexpr size_t kXerialMagicSize = 8;
constexpr size_t kXerialBlockSize = 32 * 1024;

constexpr size_t kLz4MagicSize = 4;
// Magic, FLG, BD, content size and dictionary id where the flags say so, header checksum.
constexpr size_t kLz4LongestHeader = 19;
// How many bytes of header stand before the checksum byte; 0 where `frame` is too short to tell.
size_t lz4_header_size(Bytes frame);
// The checksum byte of a frame header; `header` without the checksum. The standard hashes what follows the
// magic; messages of magic 0 hash the magic too (KAFKA-3160).
uint8_t lz4_header_checksum(Bytes header, bool with_magic);
// Makes the header of `frame`, which starts with one, what messages of magic 0 carry.
void set_magic0_checksum(std::span<uint8_t> frame);
// What frames are written as: all that Kafka's Java reader takes is independent blocks.
LZ4F_frameInfo_t lz4_frame_info();

// Appends one block, compressed, with its length. REQUIRES: at most kXerialBlockSize bytes.
void append_xerial_block(Bytes block, std::vector<uint8_t>& out);

// zlib's window bits for gzip's framing.
constexpr int kGzipWindow = 15 + 16;
constexpr int kZstdLevel = 3;
// Kafka's lz4 is the fast one at its default level, the thorough one at each other (KIP-390).
constexpr int32_t kLz4FastLevel = 9;
// liblz4's level for it: below its thorough levels there is only the fast one.
int liblz4_level(CompressionLevel level);

}  // namespace ottla::records
