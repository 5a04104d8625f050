// SPDX-License-Identifier: Apache-2.0
// One codec (OTTLA_CODEC): any bytes are decompressed, and compressed and back.
#include <algorithm>
#include <array>

#include "protocol/records/compression.h"

namespace ottla::records {
namespace {

constexpr size_t kLimit = size_t{4} << 20;

void take(Bytes bytes) {
  static const Compression codec = *parse_compression(OTTLA_CODEC);
  for (const Lz4Header header : {Lz4Header::kStandard, Lz4Header::kMagic0}) {
    const auto reader = open_decompressor(codec, bytes, header);
    std::array<uint8_t, 4096> window;
    for (size_t total = 0; total < kLimit;) {
      const auto got = reader->read(window);
      if (!got.ok()) break;
      total += *got;
      if (*got < window.size()) break;
    }
    if (codec != Compression::kLz4) break;
  }
  static std::vector<uint8_t> packed;
  static std::vector<uint8_t> back;
  packed.clear();
  OTTLA_CHECK(compress(codec, bytes, packed).ok());
  OTTLA_CHECK(decompress(codec, packed, kLimit, back).ok());
  OTTLA_CHECK(std::ranges::equal(bytes, back));
}

}  // namespace
}  // namespace ottla::records

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ottla::records::take({data, size});
  return 0;
}
