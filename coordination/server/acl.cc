// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/acl.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>

#include "coordination/server/sha1.h"

namespace ottla::coordination {
namespace {

std::string base64(const std::array<uint8_t, 20>& bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < have ? bytes[i + k] : 0);
    for (size_t k = 0; k < 4; ++k) text += k <= have ? kAlphabet[group >> (18 - 6 * k) & 0x3f] : '=';
  }
  return text;
}

std::optional<int> parse_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint32_t> parse_ipv4(std::string_view text) {
  uint32_t address = 0;
  for (int part = 0; part < 4; ++part) {
    const size_t end = part < 3 ? text.find('.') : text.size();
    if (end == std::string_view::npos) return std::nullopt;
    const auto value = parse_number(text.substr(0, end));
    if (!value || *value < 0 || *value > 255) return std::nullopt;
    address = address << 8 | static_cast<uint32_t>(*value);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return address;
}

struct Network {
  uint32_t address;
  uint32_t mask;
};

// "10.0.0.0/8" or "10.1.2.3"; ZooKeeper knows IPv4 only here.
std::optional<Network> parse_network(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = parse_ipv4(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Network{*address, 0xffffffff};
  const auto bits = parse_number(text.substr(slash + 1));
  if (!bits || *bits < 0 || *bits > 32) return std::nullopt;
  const uint32_t mask = *bits == 0 ? 0 : 0xffffffff << (32 - *bits);
  return Network{*address & mask, mask};
}

// "user:digest", with something on both sides as Java's split() demands of the second.
bool is_digest_id(std::string_view id) {
  const size_t colon = id.find(':');
  return colon != std::string_view::npos && colon + 1 < id.size() &&
         id.find(':', colon + 1) == std::string_view::npos;
}

// As KerberosName takes it: a name, or name[/host]@realm.
bool is_sasl_id(std::string_view id) {
  const size_t at = id.find('@');
  return at == std::string_view::npos ||
         (id.find('@', at + 1) == std::string_view::npos && id.find('/', at) == std::string_view::npos &&
          std::count(id.begin(), id.end(), '/') <= 1);
}

bool is_attribute_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  static const std::set<std::string> kNames = {"CN",         "C",
                                               "L",          "S",
                                               "ST",         "O",
                                               "OU",         "T",
                                               "IP",         "STREET",
                                               "DC",         "DNQ",
                                               "SURNAME",    "GIVENNAME",
                                               "INITIALS",   "GENERATION",
                                               "EMAIL",      "EMAILADDRESS",
                                               "UID",        "SERIALNUMBER",
                                               "DNQUALIFIER"};
  const bool is_number = !name.empty() && name.find_first_not_of("0123456789.") == std::string::npos;
  return is_number || kNames.contains(name);
}

// Whether X500Principal takes it: name=value,name=value+name=value, with what is quoted or escaped left
// alone.
bool is_subject(std::string_view id) {
  bool quoted = false;
  std::string name;
  bool in_value = false;
  for (size_t i = 0; i < id.size(); ++i) {
    const char one = id[i];
    if (in_value && one == '\\') {
      ++i;
    } else if (in_value && one == '"') {
      quoted = !quoted;
    } else if (in_value && !quoted && (one == ',' || one == '+' || one == ';')) {
      in_value = false;
      name.clear();
    } else if (!in_value && one == '=') {
      if (!is_attribute_name(name)) return false;
      in_value = true;
    } else if (!in_value && one != ' ') {
      name += one;
    }
  }
  return id.empty() || (in_value && !quoted);
}

bool matches(const Acl& entry, const Id& identity, const AclRules& rules) {
  if (entry.scheme != identity.scheme) return false;
  if (entry.scheme == "digest") return rules.digest && entry.id == identity.id;
  if (entry.scheme == "sasl") {
    return rules.sasl && (entry.id == identity.id || identity.id == "super" ||
                          (!rules.any_sasl_user.empty() && entry.id == rules.any_sasl_user));
  }
  if (entry.scheme == "x509") {
    return rules.x509 && (entry.id == identity.id ||
                          (!rules.x509_super_user.empty() && identity.id == rules.x509_super_user));
  }
  if (entry.scheme != "ip") return false;
  const auto network = parse_network(entry.id);
  const auto address = parse_ipv4(identity.id);
  return network && address && (*address & network->mask) == network->address;
}

// Of whom "auth" stands for: an address proves nobody's identity (IPAuthenticationProvider.isAuthenticated).
bool proves_identity(const std::string& scheme, const AclRules& rules) {
  return (scheme == "digest" && rules.digest) || (scheme == "sasl" && rules.sasl) ||
         (scheme == "x509" && rules.x509);
}

bool is_valid(const Acl& entry, const AclRules& rules) {
  if (entry.scheme == "ip") return parse_network(entry.id).has_value();
  if (!proves_identity(entry.scheme, rules)) return false;
  if (entry.scheme == "digest") return is_digest_id(entry.id);
  return entry.scheme == "sasl" ? is_sasl_id(entry.id) : is_subject(entry.id);
}

bool is_world(const Acl& entry) { return entry.scheme == "world" && entry.id == "anyone"; }

}  // namespace

std::string make_digest(std::string_view user_and_password) {
  return std::string(user_and_password.substr(0, user_and_password.find(':'))) + ":" +
         base64(sha1(user_and_password));
}

bool acl_allows(const AclList& acl, int32_t permissions, const std::vector<Id>& identities,
                const AclRules& rules) {
  if (acl.empty()) return true;
  for (const Id& identity : identities) {
    if (identity.scheme == "super") return true;
  }
  return std::any_of(acl.begin(), acl.end(), [&](const Acl& entry) {
    if ((entry.permissions & permissions) == 0) return false;
    if (is_world(entry)) return true;
    return std::any_of(identities.begin(), identities.end(),
                       [&](const Id& id) { return matches(entry, id, rules); });
  });
}

bool fix_up_acl(const AclList& acl, const std::vector<Id>& identities, AclList* fixed,
                const AclRules& rules) {
  fixed->clear();
  const auto add = [&](Acl entry) {
    if (std::find(fixed->begin(), fixed->end(), entry) == fixed->end()) fixed->push_back(std::move(entry));
  };
  for (const Acl& entry : acl) {
    if (is_world(entry)) {
      add(entry);
    } else if (entry.scheme == "auth") {
      bool authenticated = false;
      for (const Id& identity : identities) {
        if (!proves_identity(identity.scheme, rules)) continue;
        authenticated = true;
        add(Acl{entry.permissions, identity.scheme, identity.id});
      }
      if (!authenticated) return false;
    } else if (is_valid(entry, rules)) {
      add(entry);
    } else {
      return false;
    }
  }
  return !fixed->empty();
}

}  // namespace ottla::coordination
