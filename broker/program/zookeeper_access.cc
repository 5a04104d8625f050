// SPDX-License-Identifier: Apache-2.0
#include "broker/program/zookeeper_access.h"

#include "broker/controller/znodes.h"
#include "coordination/sasl/jaas.h"
#include "coordination/zookeeper_client.h"
#include "protocol/base/log.h"

namespace ottla {
namespace {

constexpr const char* kComponent = "ottla";
constexpr const char* kLoginSection = "Client";

// "user:password"; empty where no file is named, or nothing in it is for ZooKeeper.
Result<std::string> digest_of(const std::string& path, storage::FileSystem& files) {
  if (path.empty()) return std::string();
  const auto text = files.read_text(path);
  if (!text.ok()) return text.status();
  const auto parsed = coordination::sasl::parse_login_config(*text, path);
  if (!parsed.ok()) return parsed.status();
  if (!parsed->contains(kLoginSection)) return std::string();
  const auto login = coordination::sasl::login_of(*parsed, kLoginSection, path);
  if (!login.ok()) return login.status();
  log_info(kComponent, "ZooKeeper knows this broker as {} by the scheme digest, not sasl", login->user);
  return login->user + ":" + login->password;
}

Result<std::unique_ptr<net::TlsTunnel>> open_tunnel(const tls::Settings& settings, net::FlushList& flush_list,
                                                    coordination::ConnectString& connect) {
  auto context = tls::Context::for_client(settings);
  if (!context.ok()) return Status(context.status().code(), "zookeeper.ssl: " + context.status().message());
  std::vector<net::TlsTunnel::Server> servers;
  for (const auto& [host, port] : connect.hosts) servers.push_back({host, port});
  auto tunnel = net::TlsTunnel::open(flush_list, std::move(*context), std::move(servers));
  if (!tunnel.ok()) return tunnel.status();
  connect.known_as = connect.host_list() + connect.chroot;
  connect.hosts.clear();
  for (const int port : (*tunnel)->ports()) connect.hosts.push_back({"127.0.0.1", port});
  return tunnel;
}

}  // namespace

std::string login_config_path(std::string_view kafka_opts) {
  constexpr std::string_view kOption = "-Djava.security.auth.login.config=";
  const size_t at = kafka_opts.find(kOption);
  if (at == std::string_view::npos) return "";
  const std::string_view value = kafka_opts.substr(at + kOption.size());
  return std::string(value.substr(0, value.find(' ')));
}

Result<ZooKeeperAccess> open_zookeeper_access(const config::BrokerConfig& config, const char* kafka_opts,
                                              net::FlushList& flush_list, storage::FileSystem& files) {
  auto connect = coordination::ConnectString::parse(config.zookeeper_connect);
  if (!connect.ok())
    return Status(connect.status().code(), "zookeeper.connect: " + connect.status().message());
  auto digest = digest_of(login_config_path(kafka_opts == nullptr ? "" : kafka_opts), files);
  if (!digest.ok()) return digest.status();
  const bool has_certificate = config.zookeeper_tls && !config.zookeeper_tls->key_store.path.empty();
  if (config.zookeeper_set_acl && digest->empty() && !has_certificate) {
    return Status(
        ErrorCode::INVALID_CONFIG,
        "zookeeper.set.acl=true, but ZooKeeper would not know whose the znodes are: set "
        "zookeeper.ssl.client.enable and zookeeper.ssl.keystore.location, or let KAFKA_OPTS name a JAAS file "
        "with a section Client (-Djava.security.auth.login.config=FILE)");
  }
  ZooKeeperAccess access;
  if (config.zookeeper_tls) {
    auto tunnel = open_tunnel(*config.zookeeper_tls, flush_list, *connect);
    if (!tunnel.ok()) return tunnel.status();
    access.tunnel = std::move(*tunnel);
  }
  access.client = coordination::make_zookeeper_client(
      flush_list.loop(), std::move(*connect), config.zookeeper_session_timeout_ms, std::move(*digest));
  if (config.zookeeper_set_acl) access.client->set_default_acl(znodes::secure_acl);
  return access;
}

}  // namespace ottla
