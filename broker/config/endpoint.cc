// SPDX-License-Identifier: Apache-2.0
#include "broker/config/endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "broker/config/value.h"

namespace ottla::config {

namespace {

constexpr std::pair<std::string_view, SecurityProtocol> kProtocols[] = {
    {"PLAINTEXT", SecurityProtocol::kPlaintext},
    {"SSL", SecurityProtocol::kSsl},
    {"SASL_PLAINTEXT", SecurityProtocol::kSaslPlaintext},
    {"SASL_SSL", SecurityProtocol::kSaslSsl},
};

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  return out;
}

bool is_host_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("-%._:").find(c) != std::string_view::npos;
}

Status invalid(std::string message) { return {ErrorCode::INVALID_CONFIG, std::move(message)}; }

Result<Endpoint> parse_endpoint(std::string_view text, const ProtocolMap& protocols) {
  const size_t scheme = text.find("://");
  const size_t colon = text.rfind(':');
  if (scheme == std::string_view::npos || colon < scheme + 3) {
    return invalid(
        fmt::format("Unable to parse {} to a broker endpoint: expected NAME://host:port, such as "
                    "PLAINTEXT://127.0.0.1:9092",
                    text));
  }
  Endpoint endpoint;
  endpoint.listener = upper(trimmed(text.substr(0, scheme)));
  std::string_view host = text.substr(scheme + 3, colon - scheme - 3);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!std::ranges::all_of(host, is_host_character)) {
    return invalid(fmt::format("Unable to parse {} to a broker endpoint: {} is not a host name or an address",
                               text, host));
  }
  endpoint.host = host;
  const std::optional<int64_t> port = parse_whole(text.substr(colon + 1), 0, 65535);
  if (!port) {
    return invalid(fmt::format(
        "Unable to parse {} to a broker endpoint: the port must be a number from 0 to 65535, not {}", text,
        text.substr(colon + 1)));
  }
  endpoint.port = static_cast<int32_t>(*port);
  const auto protocol = protocols.find(endpoint.listener);
  if (protocol == protocols.end()) {
    return invalid(
        fmt::format("No security protocol defined for listener {}; name it in listener.security.protocol.map",
                    endpoint.listener));
  }
  endpoint.protocol = protocol->second;
  return endpoint;
}

}  // namespace

std::string_view security_protocol_name(SecurityProtocol protocol) {
  return kProtocols[static_cast<size_t>(protocol)].first;
}

Result<ProtocolMap> parse_protocol_map(std::string_view text) {
  ProtocolMap map;
  for (const std::string& pair : split_list(text)) {
    const size_t colon = pair.rfind(':');
    if (colon == std::string::npos) return invalid(fmt::format("{} is not a NAME:PROTOCOL pair", pair));
    const std::string name = upper(trimmed(std::string_view(pair).substr(0, colon)));
    const std::string protocol = upper(trimmed(std::string_view(pair).substr(colon + 1)));
    const auto found =
        std::ranges::find(kProtocols, protocol, &std::pair<std::string_view, SecurityProtocol>::first);
    if (found == std::end(kProtocols)) {
      return invalid(fmt::format(
          "Invalid security protocol {} for listener {}: expected PLAINTEXT, SSL, SASL_PLAINTEXT or "
          "SASL_SSL",
          protocol, name));
    }
    map[name] = found->second;
  }
  return map;
}

Result<std::vector<Endpoint>> parse_endpoints(std::string_view text, const ProtocolMap& protocols,
                                              bool distinct_ports) {
  std::vector<Endpoint> endpoints;
  std::set<std::string> names;
  std::set<int32_t> ports;
  for (const std::string& part : split_list(text)) {
    if (part.empty()) continue;
    Result<Endpoint> endpoint = parse_endpoint(part, protocols);
    if (!endpoint.ok()) return endpoint.status();
    if (!names.insert(endpoint->listener).second) {
      return invalid(fmt::format("Each listener must have a different name, listeners: {}", text));
    }
    if (distinct_ports && endpoint->port != 0 && !ports.insert(endpoint->port).second) {
      return invalid(fmt::format("Each listener must have a different port, listeners: {}", text));
    }
    endpoints.push_back(std::move(endpoint).value());
  }
  return endpoints;
}

std::string format_endpoint(const Endpoint& endpoint) {
  const bool brackets = endpoint.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", endpoint.listener, brackets ? "[" : "", endpoint.host,
                     brackets ? "]" : "", endpoint.port);
}

}  // namespace ottla::config
