// SPDX-License-Identifier: Apache-2.0
#include "protocol/records/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <climits>

namespace ottla {

uint32_t crc32c(Bytes bytes, uint32_t previous) {
  // ISA-L takes lengths as int and leaves the inversions before and after to its caller.
  uint32_t state = ~previous;
  while (!bytes.empty()) {
    const size_t count = std::min<size_t>(bytes.size(), INT_MAX);
    state = crc32_iscsi(const_cast<unsigned char*>(bytes.data()), static_cast<int>(count), state);
    bytes = bytes.subspan(count);
  }
  return ~state;
}

}  // namespace ottla
