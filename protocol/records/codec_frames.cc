// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/codec_frames.h"

#include <snappy.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace ottla::records {

namespace {

constexpr uint32_t kPrime1 = 2654435761U;
constexpr uint32_t kPrime2 = 2246822519U;
constexpr uint32_t kPrime3 = 3266489917U;
constexpr uint32_t kPrime4 = 668265263U;
constexpr uint32_t kPrime5 = 374761393U;

uint32_t little_endian(const uint8_t* bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

// xxHash32 with seed 0 (its specification, for any length).
uint32_t xxhash32(Bytes bytes) {
  const size_t length = bytes.size();
  uint32_t hash = kPrime5;
  if (length >= 16) {
    std::array<uint32_t, 4> lanes = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
    for (; bytes.size() >= 16; bytes = bytes.subspan(16)) {
      for (size_t i = 0; i < 4; ++i) {
        lanes[i] = std::rotl(lanes[i] + little_endian(bytes.data() + 4 * i) * kPrime2, 13) * kPrime1;
      }
    }
    hash =
        std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) + std::rotl(lanes[3], 18);
  }
  hash += static_cast<uint32_t>(length);
  for (; bytes.size() >= 4; bytes = bytes.subspan(4)) {
    hash = std::rotl(hash + little_endian(bytes.data()) * kPrime3, 17) * kPrime4;
  }
  for (const uint8_t byte : bytes) hash = std::rotl(hash + byte * kPrime5, 11) * kPrime1;
  hash = (hash ^ (hash >> 15)) * kPrime2;
  hash = (hash ^ (hash >> 13)) * kPrime3;
  return hash ^ (hash >> 16);
}

}  // namespace

size_t lz4_header_size(Bytes frame) {
  if (frame.size() <= kLz4MagicSize + 2) return 0;
  const uint8_t flags = frame[kLz4MagicSize];
  const size_t size = kLz4MagicSize + 2 + ((flags & 0x08) != 0 ? 8 : 0) + ((flags & 0x01) != 0 ? 4 : 0);
  return frame.size() > size ? size : 0;
}

uint8_t lz4_header_checksum(Bytes header, bool with_magic) {
  return static_cast<uint8_t>(xxhash32(with_magic ? header : header.subspan(kLz4MagicSize)) >> 8);
}

void set_magic0_checksum(std::span<uint8_t> frame) {
  const size_t size = lz4_header_size(frame);
  if (size != 0) frame[size] = lz4_header_checksum(frame.first(size), true);
}

LZ4F_frameInfo_t lz4_frame_info() {
  LZ4F_frameInfo_t info{};
  info.blockSizeID = LZ4F_max64KB;
  info.blockMode = LZ4F_blockIndependent;
  return info;
}

int liblz4_level(CompressionLevel level) {
  if (!level || *level == kLz4FastLevel) return 0;
  constexpr int kFirstThorough = 3;
  return std::clamp(*level, kFirstThorough, LZ4F_compressionLevel_max());
}

void append_xerial_block(Bytes block, std::vector<uint8_t>& out) {
  const size_t start = out.size();
  out.resize(start + sizeof(uint32_t) + snappy::MaxCompressedLength(block.size()));
  size_t size = 0;
  snappy::RawCompress(reinterpret_cast<const char*>(block.data()), block.size(),
                      reinterpret_cast<char*>(out.data() + start + sizeof(uint32_t)), &size);
  for (size_t i = 0; i < sizeof(uint32_t); ++i) out[start + i] = static_cast<uint8_t>(size >> (24 - 8 * i));
  out.resize(start + sizeof(uint32_t) + size);
}

}  // namespace ottla::records
