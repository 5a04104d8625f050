// SPDX-License-Identifier: Apache-2.0
// Who may do what (ZooKeeperServer.checkACL, PrepRequestProcessor.fixupACL, DigestAuthenticationProvider,
// IPAuthenticationProvider, SASLAuthenticationProvider, X509AuthenticationProvider). Schemes: world, auth,
// digest, ip, sasl, x509, super.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "coordination/types.h"

namespace ottla::coordination {

// An identity of a connection: ("ip", "127.0.0.1"), ("digest", "user:base64"), ("sasl", "user"), ("x509",
// "CN=a,O=b"), ("super", "").
struct Id {
  std::string scheme;
  std::string id;
  bool operator==(const Id&) const = default;
};

// The schemes that a server knows beside world and ip, and what it is told about them.
struct AclRules {
  bool digest = true;
  bool sasl = false;
  bool x509 = false;
  std::string any_sasl_user;    // this id in an ACL lets everyone who has logged in; empty: none does
  std::string x509_super_user;  // this subject is let everywhere a certificate is asked for; empty: nobody is
};

// "user:" + base64(SHA-1("user:password")).
std::string make_digest(std::string_view user_and_password);

// Whether one of `identities` has one of the rights in `permissions` on a node with `acl`. An empty list lets
// everyone.
bool acl_allows(const AclList& acl, int32_t permissions, const std::vector<Id>& identities,
                const AclRules& rules = {});

// `acl` as a node stores it: duplicates dropped, "auth" replaced by the caller's identities. False:
// kInvalidAcl.
bool fix_up_acl(const AclList& acl, const std::vector<Id>& identities, AclList* fixed,
                const AclRules& rules = {});

}  // namespace ottla::coordination
