// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/adler32.h"

#include <zlib.h>

namespace ottla::coordination {

uint32_t adler32(Bytes bytes) { return static_cast<uint32_t>(::adler32_z(1, bytes.data(), bytes.size())); }

}  // namespace ottla::coordination
