// SPDX-License-Identifier: Apache-2.0
// The checksum of ZooKeeper's logs and snapshots (RFC 1950).
#pragma once

#include <cstdint>

#include "protocol/wire/reader.h"

namespace ottla::coordination {

uint32_t adler32(Bytes bytes);

}  // namespace ottla::coordination
