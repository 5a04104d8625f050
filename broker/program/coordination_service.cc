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

#include "protocol/base/log.h"

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

// `key`: what to change where another program has the port.
Result<std::unique_ptr<net::Listener>> open_listener(net::FlushList& flush_list, const std::string& host,
                                                     int port, const std::string& key) {
  auto opened = net::Listener::open(flush_list, host, port);
  if (opened.ok()) return opened;
  std::string hint = opened.status().message();
  if (opened.status().error_number() == EADDRINUSE)
    hint += ". Another program has port " + std::to_string(port) + ": stop it, or choose another " + key;
  return Status(ErrorCode::INVALID_CONFIG, "coordination: " + hint);
}

// Null where none is asked for.
Result<std::shared_ptr<const tls::Context>> open_tls(const coordination::SecurityConfig& security,
                                                     storage::FileSystem& files) {
  if (!security.wants_tls()) return std::shared_ptr<const tls::Context>();
  const auto settings = coordination::tls_settings(security, files);
  if (!settings.ok()) return settings.status();
  return tls::Context::for_server(*settings);
}

}  // namespace

Result<std::unique_ptr<CoordinationService>> CoordinationService::open(net::FlushList& flush_list,
                                                                       storage::FileSystem& files,
                                                                       coordination::ServerConfig config) {
  std::unique_ptr<CoordinationService> service(new CoordinationService);
  service->host_ = config.client_port_address;
  std::unique_ptr<net::Listener> listener;
  if (config.client_port >= 0) {
    auto opened = open_listener(flush_list, config.client_port_address, config.client_port,
                                "clientPort (and zookeeper.connect with it)");
    if (!opened.ok()) return opened.status();
    listener = std::move(*opened);
  }
  std::unique_ptr<net::Listener> secure;
  const coordination::SecurityConfig security = config.security;
  if (security.secure_port >= 0) {
    auto opened =
        open_listener(flush_list, security.secure_port_address, security.secure_port, "secureClientPort");
    if (!opened.ok()) return opened.status();
    secure = std::move(*opened);
  }
  auto tls_context = open_tls(security, files);
  if (!tls_context.ok()) return tls_context.status();
  std::unique_ptr<net::Listener> admin, metrics;
  if (config.admin_enabled) {
    auto opened = open_listener(flush_list, config.admin_address, config.admin_port, "admin.serverPort");
    if (!opened.ok()) return opened.status();
    admin = std::move(*opened);
  }
  if (config.prometheus) {
    auto opened =
        open_listener(flush_list, config.metrics_address, config.metrics_port, "metricsProvider.httpPort");
    if (!opened.ok()) return opened.status();
    metrics = std::move(*opened);
  }
  auto server = coordination::Server::open(flush_list.loop(), files, std::move(config));
  if (!server.ok()) return server.status();
  service->server_ = std::move(*server);
  if (listener) {
    net::PortSecurity unified;
    if (security.port_unification) unified = {*tls_context, true};
    service->port_ = std::make_unique<net::CoordinationPort>(flush_list, *service->server_,
                                                             std::move(listener), std::move(unified));
  }
  if (secure) {
    log_info("coordination", "TLS is spoken on port {}", secure->port());
    service->secure_port_ = std::make_unique<net::CoordinationPort>(
        flush_list, *service->server_, std::move(secure), net::PortSecurity{*tls_context, false});
  }
  coordination::Server& serving = *service->server_;
  if (admin) {
    log_info("coordination", "The admin server answers on port {}{}", admin->port(),
             serving.config().admin_url);
    service->admin_ = std::make_unique<net::HttpPort>(
        flush_list, std::move(admin),
        [&serving](std::string_view target) { return serving.answer_admin(target); });
  }
  if (metrics) {
    log_info("coordination", "Metrics for Prometheus on port {}/metrics", metrics->port());
    service->metrics_ = std::make_unique<net::HttpPort>(
        flush_list, std::move(metrics),
        [&serving](std::string_view target) { return serving.answer_metrics(target); });
  }
  return service;
}

std::string CoordinationService::address() const {
  if (!port_) return "";
  return (host_.empty() ? "127.0.0.1" : host_) + ":" + std::to_string(port_->port());
}

void CoordinationService::stop(std::function<void()> done) {
  port_.reset();
  secure_port_.reset();
  admin_.reset();
  metrics_.reset();
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
