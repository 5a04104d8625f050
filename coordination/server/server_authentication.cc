// SPDX-License-Identifier: Apache-2.0
// The part of the core that answers who asks to be known (authenticator.h).
#include "coordination/server/server_core.h"
#include "protocol/base/log.h"

namespace ottla::coordination {
namespace {

constexpr const char* kLog = "coordination.server";

}  // namespace

void ServerCore::authenticate(ServerConnection& connection, const jute::RequestHeader& header, Reader body) {
  const auto packet = jute::AuthPacket::decode(body);
  const std::string host = connection.peer_.substr(0, connection.peer_.rfind(':'));
  const bool known =
      body.ok() && authenticator_.check(packet.scheme, packet.auth, host, &connection.identities_);
  if (!known) ++counters_.auth_failed;
  if (!known) log_warn(kLog, "Authentication of {} failed for scheme '{}'", connection.peer_, packet.scheme);
  const ZkError error = known ? ZkError::kOk : ZkError::kAuthFailed;
  queue_reply(connection, {header.xid, 0, static_cast<int32_t>(error)}, {}, !known);
}

void ServerCore::take_certificate(ServerConnection& connection, const std::string& subject) {
  authenticator_.take_certificate(subject, &connection.identities_);
  log_info(kLog, "{} is {} by its certificate", connection.peer_, subject);
}

// One word of the client and our answer; there are two of each (sasl/digest_md5.h).
void ServerCore::step_sasl(ServerConnection& connection, const jute::RequestHeader& header, Reader body) {
  const auto token = jute::read_buffer(body);
  if (!body.ok()) return connection.drop("a SASL request that cannot be read");
  if (connection.sasl_ == nullptr) connection.sasl_ = authenticator_.begin_sasl();
  if (connection.sasl_ == nullptr) {
    return fail_sasl(
        connection, header,
        "this server has no users: name a file with a section Server in java.security.auth.login.config");
  }
  const auto answer = connection.sasl_->evaluate(token.value_or(""));
  if (!answer.ok()) return fail_sasl(connection, header, answer.status().message());
  if (connection.sasl_->complete()) {
    authenticator_.take_sasl_user(connection.sasl_->user(), &connection.identities_);
    log_info(kLog, "{} is {} by SASL", connection.peer_, connection.sasl_->user());
    connection.sasl_.reset();
  }
  Writer reply;
  jute::write_buffer(reply, *answer);
  queue_reply(connection, {header.xid, 0, 0}, reply.buffer());
}

void ServerCore::fail_sasl(ServerConnection& connection, const jute::RequestHeader& header,
                           const std::string& why) {
  log_warn(kLog, "SASL of {} failed: {}", connection.peer_, why);
  ++counters_.auth_failed;
  connection.sasl_.reset();
  const bool stays = authenticator_.keeps_sasl_failed();
  ZkError error =
      authenticator_.requires_sasl() ? ZkError::kSessionClosedRequireSaslAuth : ZkError::kAuthFailed;
  if (stays) error = ZkError::kOk;
  Writer no_token;
  no_token.nullable_bytes(std::nullopt);
  queue_reply(connection, {header.xid, 0, static_cast<int32_t>(error)}, no_token.buffer(), !stays);
}

}  // namespace ottla::coordination
