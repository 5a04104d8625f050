// SPDX-License-Identifier: Apache-2.0
// The file that java.security.auth.login.config names, as far as DIGEST-MD5 needs it
// (javax.security.auth.login.Configuration):
//
//   Server {
//     org.apache.zookeeper.server.auth.DigestLoginModule required
//     user_kafka="secret";
//   };
//   Client {
//     org.apache.zookeeper.server.auth.DigestLoginModule required
//     username="kafka" password="secret";
//   };
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/status.h"

namespace ottla::coordination::sasl {

struct LoginModule {
  std::string name;  // the class
  std::string flag;  // "required", ...
  std::map<std::string, std::string> options;
};
// Sections by name.
using LoginConfig = std::map<std::string, std::vector<LoginModule>>;

// INVALID_CONFIG with "<file>:<line>: what was expected".
Result<LoginConfig> parse_login_config(std::string_view text, const std::string& file);

// The users of a server's section, by name; INVALID_CONFIG where the section is missing, or is for Kerberos.
Result<std::map<std::string, std::string>> users_of(const LoginConfig& config, const std::string& section,
                                                    const std::string& file);

struct Login {
  std::string user, password;
};
// The user of a client's section.
Result<Login> login_of(const LoginConfig& config, const std::string& section, const std::string& file);

}  // namespace ottla::coordination::sasl
