// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/request.h"

#include "broker/apis/released_versions.h"
#include "broker/apis/services.h"
#include "broker/config/broker_config.h"
#include "protocol/base/log.h"

namespace ottla {

Responder::~Responder() {
  if (connection_ == nullptr || connection_->closed()) return;
  log_error("broker.apis", "a request of API {} from {} was dropped unanswered: closing its connection",
            static_cast<int>(api_key_), connection_->peer_address());
  connection_->close();
}

void Responder::send_nothing() {
  const auto connection = std::exchange(connection_, nullptr);
  if (!connection->closed()) connection->skip_response(slot_);
}

void Responder::close_connection() {
  const auto connection = std::exchange(connection_, nullptr);
  connection->close();
}

void Responder::write_header(Writer& writer, int16_t version) const {
  writer.int32(correlation_id_);
  if (protocol::response_header_version(api_key_, version) >= 1) writer.unsigned_varint(0);
}

bool Request::answered_as_2_8() const {
  const config::Release emulated = services.config.emulate;
  if (emulated != config::Release::kAny) return emulated == config::Release::k2_8;
  return released_versions(config::Release::k2_8, api_key).contains(version);
}

void Request::reject(std::string_view reason) {
  log_warn("broker.apis", "closing the connection from {}: malformed request, API {} version {}: {}",
           peer_address(), static_cast<int>(api_key), version, reason);
  responder.close_connection();
}

}  // namespace ottla
