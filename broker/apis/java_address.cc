// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/java_address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

namespace ottla {

std::string java_address(const std::string& address) {
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1) return "/" + address;
  const uint8_t* bytes = v6.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&v6))
    return fmt::format("/{}.{}.{}.{}", bytes[12], bytes[13], bytes[14], bytes[15]);
  std::string text;
  for (size_t i = 0; i < 16; i += 2) {
    text += fmt::format("{}{:x}", i == 0 ? '/' : ':', bytes[i] << 8 | bytes[i + 1]);
  }
  return text;
}

}  // namespace ottla
