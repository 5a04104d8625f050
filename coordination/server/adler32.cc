// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/adler32.h"

#include <algorithm>

namespace ottla::coordination {

uint32_t adler32(Bytes bytes) {
  constexpr uint32_t kModulus = 65521;
  // So many bytes can be added before the sums must be reduced to stay in 32 bits.
  constexpr size_t kRun = 5552;
  uint32_t a = 1, b = 0;
  while (!bytes.empty()) {
    const Bytes run = bytes.first(std::min(kRun, bytes.size()));
    for (const uint8_t byte : run) {
      a += byte;
      b += a;
    }
    a %= kModulus;
    b %= kModulus;
    bytes = bytes.subspan(run.size());
  }
  return b << 16 | a;
}

}  // namespace ottla::coordination
