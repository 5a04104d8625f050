// SPDX-License-Identifier: Apache-2.0
#include "coordination/sasl/digest_md5.h"

#include <fmt/format.h>
#include <md5.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <map>

namespace ottla::coordination::sasl {
namespace {

constexpr const char* kRealm = "zk-sasl-md5";
constexpr const char* kUri = "zookeeper/zk-sasl-md5";
using Directives = std::map<std::string, std::string, std::less<>>;

Status refused(const std::string& why) {
  return {ErrorCode::SASL_AUTHENTICATION_FAILED, "DIGEST-MD5: " + why};
}

std::string md5(std::string_view text) {
  MD5_CTX context;
  MD5Init(&context);
  MD5Update(&context, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  std::array<uint8_t, MD5_DIGEST_LENGTH> digest;
  MD5Final(digest.data(), &context);
  return {digest.begin(), digest.end()};
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return text;
}

// What can be written in Latin-1 is hashed so (RFC 2831, 2.1.2.1).
std::string to_hash(const std::string& utf8) {
  std::string latin1;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<uint8_t>(utf8[i]);
    if (byte < 0x80) {
      latin1 += utf8[i];
    } else if ((byte == 0xc2 || byte == 0xc3) && i + 1 < utf8.size()) {
      latin1 += static_cast<char>((byte << 6 & 0xc0) | (utf8[++i] & 0x3f));
    } else {
      return utf8;
    }
  }
  return latin1;
}

struct Exchange {
  std::string user, password, realm, nonce, cnonce, authorize, uri;
};

// `method` is "AUTHENTICATE" for the client's proof, empty for the server's.
std::string proof(const Exchange& exchange, const std::string& method) {
  const std::string secret =
      md5(to_hash(exchange.user) + ":" + to_hash(exchange.realm) + ":" + to_hash(exchange.password));
  std::string first = secret + ":" + exchange.nonce + ":" + exchange.cnonce;
  if (!exchange.authorize.empty()) first += ":" + exchange.authorize;
  const std::string second = method + ":" + exchange.uri;
  const std::string all = fmt::format("{}:{}:00000001:{}:auth:{}", hex(md5(first)), exchange.nonce,
                                      exchange.cnonce, hex(md5(second)));
  return hex(md5(all));
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char one : text) {
    if (one == '"' || one == '\\') out += '\\';
    out += one;
  }
  return out + '"';
}

bool is_space(char one) { return one == ' ' || one == '\t' || one == '\r' || one == '\n'; }

// The value behind '=', from `at` on; false where a quotation mark does not end.
bool take_value(std::string_view text, size_t& at, std::string& value) {
  if (at < text.size() && text[at] == '"') {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
      if (text[at] == '\\' && at + 1 < text.size()) ++at;
      value += text[at];
    }
    if (at == text.size()) return false;
    ++at;
    return true;
  }
  for (; at < text.size() && text[at] != ',' && !is_space(text[at]); ++at) value += text[at];
  return true;
}

// name=value,name="value",...; nothing where it is not that, or says something twice that may be said once.
std::optional<Directives> parse(std::string_view text) {
  Directives found;
  size_t at = 0;
  const auto skip = [&] {
    while (at < text.size() && (is_space(text[at]) || text[at] == ',')) ++at;
  };
  for (skip(); at < text.size(); skip()) {
    const size_t equals = text.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    std::string name(text.substr(at, equals - at));
    while (!name.empty() && is_space(name.back())) name.pop_back();
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    at = equals + 1;
    std::string value;
    if (name.empty() || !take_value(text, at, value)) return std::nullopt;
    // A server may offer several realms: the first is taken.
    if (!found.emplace(name, std::move(value)).second && name != "realm") return std::nullopt;
    while (at < text.size() && is_space(text[at])) ++at;
    if (at < text.size() && text[at] != ',') return std::nullopt;
  }
  return found;
}

std::string value_of(const Directives& directives, std::string_view name, const std::string& otherwise = "") {
  const auto entry = directives.find(name);
  return entry == directives.end() ? otherwise : entry->second;
}

bool same(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

DigestServer::DigestServer(PasswordOf password_of, std::string nonce)
    : password_of_(std::move(password_of)), nonce_(std::move(nonce)) {}

Result<std::string> DigestServer::evaluate(std::string_view token) {
  if (complete_) return refused("a word after the last");
  if (!challenged_) {
    if (!token.empty()) return refused("the client must not speak first");
    challenged_ = true;
    return fmt::format("realm=\"{}\",nonce={},charset=utf-8,algorithm=md5-sess", kRealm, quoted(nonce_));
  }
  const auto response = parse(token);
  if (!response) return refused("the client's response cannot be read");
  Exchange exchange;
  exchange.user = value_of(*response, "username");
  exchange.realm = value_of(*response, "realm");
  exchange.nonce = value_of(*response, "nonce");
  exchange.cnonce = value_of(*response, "cnonce");
  exchange.authorize = value_of(*response, "authzid");
  exchange.uri = value_of(*response, "digest-uri");
  if (exchange.user.empty() || exchange.cnonce.empty())
    return refused("the response names no user, or has no cnonce");
  if (exchange.nonce != nonce_ || value_of(*response, "nc") != "00000001")
    return refused("the response is to another challenge");
  if (!exchange.realm.empty() && exchange.realm != kRealm)
    return refused("an unknown realm " + exchange.realm);
  if (exchange.uri != kUri) return refused("the response is for " + exchange.uri + ", not for " + kUri);
  if (value_of(*response, "qop", "auth") != "auth") return refused("only qop=auth is offered");
  const auto password = password_of_(exchange.user);
  if (!password) return refused("there is no user " + exchange.user);
  exchange.password = *password;
  if (!same(proof(exchange, "AUTHENTICATE"), value_of(*response, "response")))
    return refused("the password of " + exchange.user + " is another");
  complete_ = true;
  user_ = exchange.user;
  return "rspauth=" + proof(exchange, "");
}

DigestClient::DigestClient(std::string user, std::string password, std::string nonce)
    : user_(std::move(user)), password_(std::move(password)), nonce_(std::move(nonce)) {}

Result<std::string> DigestClient::evaluate(std::string_view token) {
  const auto said = parse(token);
  if (!said) return refused("the server's words cannot be read");
  if (!expected_.empty()) {
    if (!same(value_of(*said, "rspauth"), expected_)) return refused("the server does not know the password");
    complete_ = true;
    return std::string();
  }
  Exchange exchange;
  exchange.user = user_;
  exchange.password = password_;
  exchange.realm = value_of(*said, "realm");
  exchange.nonce = value_of(*said, "nonce");
  exchange.cnonce = nonce_;
  exchange.uri = kUri;
  if (exchange.nonce.empty()) return refused("the server's challenge has no nonce");
  expected_ = proof(exchange, "");
  const std::string realm = exchange.realm.empty() ? "" : "realm=" + quoted(exchange.realm) + ",";
  return fmt::format(
      "charset=utf-8,username={},{}nonce={},nc=00000001,cnonce={},digest-uri=\"{}\",maxbuf=65536,response={},"
      "qop=auth",
      quoted(user_), realm, quoted(exchange.nonce), quoted(nonce_), kUri, proof(exchange, "AUTHENTICATE"));
}

std::string random_nonce() {
  std::array<uint8_t, 16> bytes;
  OTTLA_CHECK(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace ottla::coordination::sasl
