// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli), as record batches v2 and producer snapshots carry it. Any thread.
#pragma once

#include <cstdint>

#include "protocol/wire/reader.h"

namespace ottla {

// Of `bytes`; "123456789" gives 0xE3069283. With `previous`, of the bytes of that checksum followed by
// `bytes`.
uint32_t crc32c(Bytes bytes, uint32_t previous = 0);

}  // namespace ottla
