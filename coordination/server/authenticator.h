// SPDX-License-Identifier: Apache-2.0
// Who somebody is: the auth packet (digest, ip), SASL and certificates (ZooKeeperServer.processPacket and
// processSasl, SaslServerCallbackHandler, AuthenticationHelper, X509AuthenticationProvider). What an identity
// may do is acl.h.
//
// Threads: the loop's.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordination/config.h"
#include "coordination/sasl/digest_md5.h"
#include "coordination/server/acl.h"
#include "storage/io/file_system.h"

namespace ottla::coordination {

class Authenticator {
 public:
  // Reads the file with the users where the config names one; its errors name the file and the line.
  static Result<Authenticator> make(const ServerConfig& config, storage::FileSystem& files);

  const AclRules& acl_rules() const { return acl_rules_; }

  // An auth packet of a client at `host`. False: refused, nothing is added.
  bool check(const std::string& scheme, const std::string& credentials, const std::string& host,
             std::vector<Id>* identities) const;
  // The identity that a client's certificate proves.
  void take_certificate(const std::string& subject, std::vector<Id>* identities) const;

  // Null where the server has no users.
  std::unique_ptr<sasl::DigestServer> begin_sasl() const;
  // Of a user who has proved to be it.
  void take_sasl_user(const std::string& user, std::vector<Id>* identities) const;
  // Whether a client whose SASL went wrong may stay, as nobody.
  bool keeps_sasl_failed() const { return config_.allow_sasl_failed_clients && !requires_sasl(); }
  bool requires_sasl() const;

  // Whether somebody with `identities` is answered at all.
  bool lets_in(const std::vector<Id>& identities) const;

 private:
  Authenticator(const ServerConfig& config, std::optional<std::map<std::string, std::string>> users);
  std::string sasl_id(const std::string& user) const;

  SecurityConfig config_;
  std::string super_digest_;
  AclRules acl_rules_;
  std::vector<std::string> demanded_;  // schemes, one of which everyone needs
  std::optional<std::map<std::string, std::string>> users_;
};

}  // namespace ottla::coordination
