// SPDX-License-Identifier: Apache-2.0
// A peer's address as Java's InetAddress.toString prints it: what group members are listed with.
#pragma once

#include <string>

namespace ottla {

// "127.0.0.1" -> "/127.0.0.1", "::1" -> "/0:0:0:0:0:0:0:1", an IPv4-mapped one as the IPv4 address. Anything
// else is kept.
std::string java_address(const std::string& address);

}  // namespace ottla
