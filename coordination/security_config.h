// SPDX-License-Identifier: Apache-2.0
// The part of zookeeper.properties that says who may come and what they prove themselves with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"
#include "protocol/tls/tls.h"

namespace ottla::storage {
class FileSystem;
}

namespace ottla::coordination {

struct SecurityConfig {
  // authProvider.*: what may stand in an ACL beside world, auth, ip and digest.
  bool sasl_provider = false;
  bool x509_provider = false;  // also with secureClientPort

  // SASL DIGEST-MD5: users stand in this file's section, each as user_<name>="<password>".
  std::string login_config;              // java.security.auth.login.config; empty: no SASL
  std::string login_section = "Server";  // sasl.serverconfig
  std::string sasl_super_password;       // SASLAuthenticationProvider.superPassword, of the user "super"
  std::vector<std::string> super_users;  // superUser and superUser.<anything>
  std::string let_any_sasl_user_do;      // letAnySaslUserDoX: an id that means everyone who has logged in
  bool allow_sasl_failed_clients = false;
  bool remove_host = false;   // kerberos.removeHostFromPrincipal
  bool remove_realm = false;  // kerberos.removeRealmFromPrincipal

  // One of these schemes is demanded before anything else is answered.
  bool enforce_schemes = false;
  std::vector<std::string> enforced_schemes;
  bool session_requires_sasl = false;  // the same, for sasl alone

  // TLS.
  int secure_port = -1;             // secureClientPort; negative: none
  std::string secure_port_address;  // empty: all
  bool port_unification = false;    // TLS on clientPort too, by a connection's first byte
  tls::Settings tls;
  // Files with the password on their first line, in place of the one in `tls`.
  std::string key_store_password_path, trust_store_password_path;
  std::string x509_super_user;  // X509AuthenticationProvider.superUser

  bool wants_tls() const { return secure_port >= 0 || port_unification; }
};

// `key` without "zookeeper.".
enum class SecurityKey { kUnknown, kTaken, kNoSuchProvider };
// Families of keys: authProvider.<n>, superUser.<n>.
SecurityKey take_security_key(std::string_view key, const std::string& value, SecurityConfig* config);

// What fits not together; the sentence names the keys.
Status check_security(const SecurityConfig& config);

// The settings with what the password files hold.
Result<tls::Settings> tls_settings(const SecurityConfig& config, storage::FileSystem& files);

}  // namespace ottla::coordination
