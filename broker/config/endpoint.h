// SPDX-License-Identifier: Apache-2.0
// NAME://host:port, as listeners and advertised.listeners hold it (Kafka's EndPoint and
// CoreUtils.listenerListToEndPoints).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"

namespace ottla::config {

enum class SecurityProtocol : int8_t { kPlaintext = 0, kSsl = 1, kSaslPlaintext = 2, kSaslSsl = 3 };

std::string_view security_protocol_name(SecurityProtocol protocol);

struct Endpoint {
  std::string listener;  // upper case
  // Empty: every address (listeners), or the machine's own name (advertised). IPv6 without brackets.
  std::string host;
  // 0: a free port.
  int32_t port = 0;
  SecurityProtocol protocol = SecurityProtocol::kPlaintext;

  bool operator==(const Endpoint&) const = default;
};

// By listener name in upper case.
using ProtocolMap = std::map<std::string, SecurityProtocol>;

// "NAME:PROTOCOL,..."; INVALID_CONFIG with the reason.
Result<ProtocolMap> parse_protocol_map(std::string_view text);

// Listeners must differ in name, and in port where `distinct_ports` (0 aside). INVALID_CONFIG with the
// reason.
Result<std::vector<Endpoint>> parse_endpoints(std::string_view text, const ProtocolMap& protocols,
                                              bool distinct_ports);

// "PLAINTEXT://[::1]:9092".
std::string format_endpoint(const Endpoint& endpoint);

}  // namespace ottla::config
