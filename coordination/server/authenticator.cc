// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/authenticator.h"

#include <algorithm>

#include "coordination/files.h"
#include "coordination/sasl/jaas.h"

namespace ottla::coordination {
namespace {

void add(Id identity, std::vector<Id>* identities) {
  if (std::find(identities->begin(), identities->end(), identity) == identities->end())
    identities->push_back(std::move(identity));
}

AclRules rules_of(const ServerConfig& config) {
  AclRules rules;
  rules.digest = config.digest_enabled;
  rules.sasl = config.security.sasl_provider;
  rules.x509 = config.security.x509_provider || config.security.wants_tls();
  rules.any_sasl_user = config.security.let_any_sasl_user_do;
  rules.x509_super_user = config.security.x509_super_user;
  return rules;
}

}  // namespace

Authenticator::Authenticator(const ServerConfig& config,
                             std::optional<std::map<std::string, std::string>> users)
    : config_(config.security),
      super_digest_(config.super_digest),
      acl_rules_(rules_of(config)),
      users_(std::move(users)) {
  if (config_.session_requires_sasl) {
    demanded_ = {"sasl"};
  } else if (config_.enforce_schemes) {
    demanded_ = config_.enforced_schemes;
  }
}

Result<Authenticator> Authenticator::make(const ServerConfig& config, storage::FileSystem& files) {
  const std::string& path = config.security.login_config;
  if (path.empty()) return Authenticator(config, std::nullopt);
  const auto bytes = read_file(files, path);
  if (!bytes.ok()) return bytes.status();
  const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  const auto parsed = sasl::parse_login_config(text, path);
  if (!parsed.ok()) return parsed.status();
  // A file for the broker's client alone has no such section, and that is no mistake.
  if (!parsed->contains(config.security.login_section)) return Authenticator(config, std::nullopt);
  auto users = sasl::users_of(*parsed, config.security.login_section, path);
  if (!users.ok()) return users.status();
  return Authenticator(config, std::move(*users));
}

bool Authenticator::check(const std::string& scheme, const std::string& credentials, const std::string& host,
                          std::vector<Id>* identities) const {
  if (scheme == "digest" && acl_rules_.digest) {
    const std::string digest = make_digest(credentials);
    if (!super_digest_.empty() && digest == super_digest_) add({"super", ""}, identities);
    add({"digest", digest}, identities);
    return true;
  }
  if (scheme == "ip") {
    add({"ip", host}, identities);
    return true;
  }
  return false;
}

void Authenticator::take_certificate(const std::string& subject, std::vector<Id>* identities) const {
  if (!config_.x509_super_user.empty() && subject == config_.x509_super_user)
    add({"super", subject}, identities);
  add({"x509", subject}, identities);
}

std::unique_ptr<sasl::DigestServer> Authenticator::begin_sasl() const {
  if (!users_) return nullptr;
  const auto password_of = [this](const std::string& user) -> std::optional<std::string> {
    const auto entry = users_->find(user);
    // Java's way: the super user must stand among the users, and then has this password.
    if (entry != users_->end() && user == "super" && !config_.sasl_super_password.empty())
      return config_.sasl_super_password;
    return entry == users_->end() ? std::nullopt : std::optional(entry->second);
  };
  return std::make_unique<sasl::DigestServer>(password_of, sasl::random_nonce());
}

// "name/host@realm" without what the settings take away (KerberosName).
std::string Authenticator::sasl_id(const std::string& user) const {
  const size_t at = user.find('@');
  std::string id = user.substr(0, at);
  if (const size_t slash = id.find('/'); slash != std::string::npos && config_.remove_host) id.resize(slash);
  if (at != std::string::npos && !config_.remove_realm) id += user.substr(at);
  return id;
}

void Authenticator::take_sasl_user(const std::string& user, std::vector<Id>* identities) const {
  const std::string id = sasl_id(user);
  add({"sasl", id}, identities);
  const auto& supers = config_.super_users;
  if (std::find(supers.begin(), supers.end(), id) != supers.end()) add({"super", ""}, identities);
}

bool Authenticator::requires_sasl() const {
  return std::find(demanded_.begin(), demanded_.end(), "sasl") != demanded_.end();
}

bool Authenticator::lets_in(const std::vector<Id>& identities) const {
  return demanded_.empty() || std::any_of(identities.begin(), identities.end(), [this](const Id& identity) {
           return std::find(demanded_.begin(), demanded_.end(), identity.scheme) != demanded_.end();
         });
}

}  // namespace ottla::coordination
