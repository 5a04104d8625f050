// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/dispatcher.h"

#include "broker/apis/api_table.h"
#include "broker/apis/api_versions.h"
#include "broker/apis/unsupported.h"
#include "protocol/base/log.h"

namespace ottla {
namespace {

void log_refusal(const net::Connection& connection, std::string_view why, int key, int version) {
  log_warn("broker.apis", "closing the connection from {}: {} (API {}, version {})",
           connection.peer_address(), why, key, version);
}

}  // namespace

void Dispatcher::on_request(const std::shared_ptr<net::Connection>& connection, uint64_t slot,
                            std::span<uint8_t> frame) {
  Reader reader(frame);
  const int16_t key = reader.int16();
  const int16_t version = reader.int16();
  const int32_t correlation_id = reader.int32();
  if (!reader.ok()) {
    log_refusal(*connection, "a request without a whole header", key, version);
    return connection->close();
  }
  const ApiRow* row = find_api(key);
  if (row == nullptr) {
    Responder responder(connection, slot, static_cast<protocol::ApiKey>(key), version, correlation_id);
    if (answer_unsupported(responder, static_cast<protocol::ApiKey>(key))) return;
    log_refusal(*connection, "an API that is not offered", key, version);
    return responder.close_connection();
  }
  Responder responder(connection, slot, row->key, version, correlation_id);
  if (version < row->min_version || version > row->max_version) {
    if (row->key == protocol::ApiKey::kApiVersions)
      return answer_unsupported_api_versions(std::move(responder));
    log_refusal(*connection, "a version that is not offered", key, version);
    return responder.close_connection();
  }
  const int16_t header_version = protocol::request_header_version(row->key, version);
  std::optional<std::string_view> client_id;
  if (header_version >= 1) client_id = reader.nullable_string();
  if (header_version >= 2) {
    for (uint32_t left = reader.unsigned_varint(); left > 0 && reader.ok(); --left) {
      reader.unsigned_varint();
      reader.skip(reader.unsigned_varint());
    }
  }
  Request request{services_,      row->key, version, client_id.value_or(""),
                  listener_name_, reader,   frame,   std::move(responder)};
  if (!reader.ok()) return request.reject(reader.error());
  row->handler(request);
}

}  // namespace ottla
