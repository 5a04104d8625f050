// SPDX-License-Identifier: Apache-2.0
#include "broker/program/coordination_service.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <set>

namespace ottla {
namespace {

std::string numeric(const sockaddr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address->sa_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(address)->sin_addr, text.data(), text.size());
  } else if (address->sa_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, text.data(), text.size());
  }
  return text.data();
}

std::set<std::string> own_addresses() {
  std::set<std::string> own;
  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) != 0) return own;
  for (const ifaddrs* one = interfaces; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr != nullptr) own.insert(numeric(one->ifa_addr));
  }
  freeifaddrs(interfaces);
  return own;
}

std::string own_host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

Result<std::unique_ptr<CoordinationService>> CoordinationService::open(net::FlushList& flush_list,
                                                                       storage::FileSystem& files,
                                                                       coordination::ServerConfig config) {
  std::unique_ptr<CoordinationService> service(new CoordinationService);
  service->host_ = config.client_port_address;
  std::unique_ptr<net::Listener> listener;
  if (config.client_port >= 0) {
    auto opened = net::Listener::open(flush_list, config.client_port_address, config.client_port);
    if (!opened.ok()) {
      std::string hint = opened.status().message();
      if (opened.status().error_number() == EADDRINUSE) {
        hint += ". Another program has port " + std::to_string(config.client_port) +
                ": stop it, or choose another clientPort (and zookeeper.connect with it)";
      }
      return Status(ErrorCode::INVALID_CONFIG, "coordination: " + hint);
    }
    listener = std::move(*opened);
  }
  auto server = coordination::Server::open(flush_list.loop(), files, std::move(config));
  if (!server.ok()) return server.status();
  service->server_ = std::move(*server);
  if (listener) {
    service->port_ =
        std::make_unique<net::CoordinationPort>(flush_list, *service->server_, std::move(listener));
  }
  return service;
}

std::string CoordinationService::address() const {
  if (!port_) return "";
  return (host_.empty() ? "127.0.0.1" : host_) + ":" + std::to_string(port_->port());
}

void CoordinationService::stop(std::function<void()> done) {
  port_.reset();
  server_->shutdown(std::move(done));
}

bool names_this_machine(const std::string& host) {
  if (host == "localhost" || host.starts_with("127.") || host == "::1" || host == own_host_name())
    return true;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
  const std::set<std::string> own = own_addresses();
  bool here = false;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next)
    here = here || own.contains(numeric(one->ai_addr));
  freeaddrinfo(found);
  return here;
}

std::string machine_name() {
  const std::string name = own_host_name();
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (name.empty() || getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return "localhost";
  std::string canonical = found->ai_canonname != nullptr ? found->ai_canonname : name;
  freeaddrinfo(found);
  return canonical;
}

}  // namespace ottla
