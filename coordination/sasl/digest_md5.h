// SPDX-License-Identifier: Apache-2.0
// SASL's DIGEST-MD5 (RFC 2831) as ZooKeeper speaks it: both ends, without protection of what follows, for the
// service "zookeeper" of the server "zk-sasl-md5", which is also the realm (javax.security.sasl with
// ZooKeeperSaslServer and ZooKeeperSaslClient).
//
//   client                                                server
//   (empty)                                           ->
//                   <- realm="zk-sasl-md5",nonce="..",charset=utf-8,algorithm=md5-sess
//   username="..",nonce="..",cnonce="..",response=..  ->
//                                                         <- rspauth=..
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/status.h"

namespace ottla::coordination::sasl {

class DigestServer {
 public:
  // `password_of` a user, or nothing where there is no such user. `nonce` is printable and never used twice.
  using PasswordOf = std::function<std::optional<std::string>(const std::string& user)>;
  DigestServer(PasswordOf password_of, std::string nonce);

  // The answer to what the client sent; an error, with the reason for the log, where it is refused. After
  // that, or when complete(), nothing more may be asked.
  Result<std::string> evaluate(std::string_view token);
  bool complete() const { return complete_; }
  // REQUIRES: complete().
  const std::string& user() const { return user_; }

 private:
  const PasswordOf password_of_;
  const std::string nonce_;
  bool challenged_ = false;
  bool complete_ = false;
  std::string user_;
};

class DigestClient {
 public:
  DigestClient(std::string user, std::string password, std::string nonce);

  // The answer to what the server sent. The first word is an empty one, without a call of this.
  Result<std::string> evaluate(std::string_view token);
  bool complete() const { return complete_; }

 private:
  const std::string user_, password_, nonce_;
  std::string expected_;  // the server's proof
  bool complete_ = false;
};

// 32 printable characters that nobody can guess.
std::string random_nonce();

}  // namespace ottla::coordination::sasl
