// SPDX-License-Identifier: Apache-2.0
#include "coordination/server/acl.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

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

bool matches(const Acl& entry, const Id& identity) {
  if (entry.scheme != identity.scheme) return false;
  if (entry.scheme == "digest") return entry.id == identity.id;
  if (entry.scheme != "ip") return false;
  const auto network = parse_network(entry.id);
  const auto address = parse_ipv4(identity.id);
  return network && address && (*address & network->mask) == network->address;
}

bool is_world(const Acl& entry) { return entry.scheme == "world" && entry.id == "anyone"; }

}  // namespace

std::string make_digest(std::string_view user_and_password) {
  return std::string(user_and_password.substr(0, user_and_password.find(':'))) + ":" +
         base64(sha1(user_and_password));
}

bool acl_allows(const AclList& acl, int32_t permissions, const std::vector<Id>& identities) {
  if (acl.empty()) return true;
  for (const Id& identity : identities) {
    if (identity.scheme == "super") return true;
  }
  return std::any_of(acl.begin(), acl.end(), [&](const Acl& entry) {
    if ((entry.permissions & permissions) == 0) return false;
    if (is_world(entry)) return true;
    return std::any_of(identities.begin(), identities.end(),
                       [&](const Id& id) { return matches(entry, id); });
  });
}

bool fix_up_acl(const AclList& acl, const std::vector<Id>& identities, AclList* fixed) {
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
        // An address proves nobody's identity (IPAuthenticationProvider.isAuthenticated).
        if (identity.scheme != "digest") continue;
        authenticated = true;
        add(Acl{entry.permissions, identity.scheme, identity.id});
      }
      if (!authenticated) return false;
    } else if ((entry.scheme == "digest" && is_digest_id(entry.id)) ||
               (entry.scheme == "ip" && parse_network(entry.id))) {
      add(entry);
    } else {
      return false;
    }
  }
  return !fixed->empty();
}

}  // namespace ottla::coordination
