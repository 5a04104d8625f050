// SPDX-License-Identifier: Apache-2.0
#include "coordination/security_config.h"

#include <algorithm>

#include "coordination/files.h"

namespace ottla::coordination {
namespace {

constexpr std::string_view kPackage = "org.apache.zookeeper.server.auth.";

bool names(const std::string& value, std::string_view provider) {
  return value.starts_with(kPackage) && std::string_view(value).substr(kPackage.size()) == provider;
}

Result<std::string> first_line(const std::string& path, storage::FileSystem& files) {
  auto bytes = read_file(files, path);
  if (!bytes.ok()) return bytes.status();
  const std::string text(bytes->begin(), bytes->end());
  return text.substr(0, text.find_first_of("\r\n"));
}

}  // namespace

SecurityKey take_security_key(std::string_view key, const std::string& value, SecurityConfig* config) {
  if (key == "superUser" || key.starts_with("superUser.")) {
    config->super_users.push_back(value);
    return SecurityKey::kTaken;
  }
  if (!key.starts_with("authProvider.")) return SecurityKey::kUnknown;
  if (names(value, "SASLAuthenticationProvider")) {
    config->sasl_provider = true;
  } else if (names(value, "X509AuthenticationProvider")) {
    config->x509_provider = true;
  } else if (!names(value, "DigestAuthenticationProvider") && !names(value, "IPAuthenticationProvider")) {
    return SecurityKey::kNoSuchProvider;
  }
  return SecurityKey::kTaken;
}

Status check_security(const SecurityConfig& config) {
  if (config.enforce_schemes && config.enforced_schemes.empty() && !config.session_requires_sasl) {
    return {ErrorCode::INVALID_CONFIG,
            "enforce.auth.enabled is true, but enforce.auth.schemes names none: for example sasl"};
  }
  if (config.wants_tls() && config.tls.key_store.path.empty()) {
    return {
        ErrorCode::INVALID_CONFIG,
        std::string(config.secure_port >= 0 ? "secureClientPort" : "client.portUnification") +
            " is set, but ssl.keyStore.location is not: name the file with the server's key and certificate"};
  }
  if (config.wants_tls() && config.tls.client_auth != tls::ClientAuth::kNone &&
      config.tls.trust_store.path.empty()) {
    return {ErrorCode::INVALID_CONFIG,
            "ssl.trustStore.location is not set: name the file with the certificates that clients are "
            "believed by, "
            "or set ssl.clientAuth=none"};
  }
  return {};
}

Result<tls::Settings> tls_settings(const SecurityConfig& config, storage::FileSystem& files) {
  tls::Settings settings = config.tls;
  for (const auto& [path, store] : {std::pair(&config.key_store_password_path, &settings.key_store),
                                    std::pair(&config.trust_store_password_path, &settings.trust_store)}) {
    if (path->empty()) continue;
    auto password = first_line(*path, files);
    if (!password.ok()) return password.status();
    store->password = std::move(*password);
  }
  return settings;
}

}  // namespace ottla::coordination
