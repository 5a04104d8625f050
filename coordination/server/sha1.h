// SPDX-License-Identifier: Apache-2.0
// SHA-1 (FIPS 180-4), which ZooKeeper's digest scheme is defined by. Not for anything new. libmd does the
// work.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace ottla::coordination {

std::array<uint8_t, 20> sha1(std::string_view text);

}  // namespace ottla::coordination
