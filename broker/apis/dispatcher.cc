// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/dispatcher.h"

#include "broker/apis/api_table.h"
#include "broker/apis/api_versions.h"
#include "broker/apis/services.h"
#include "broker/apis/unsupported.h"
#include "broker/config/broker_config.h"
#include "protocol/base/log.h"

namespace ottla {
namespace {

// What the structures of one request may take in memory, with what is kept and answered for them: some 60,000
// partitions, more than any client asks about at once. Records are not counted, they stay in the frame.
constexpr size_t kMaxDecodedBytes = 16 * 1024 * 1024;

void log_refusal(const net::Connection& connection, std::string_view why, int key, int version) {
  log_warn("broker.apis", "closing the connection from {}: {} (API {}, version {})",
           connection.peer_address(), why, key, version);
}

// What follows the correlation id. Gives the client id; tagged fields are passed over.
std::optional<std::string_view> read_rest_of_header(Reader& reader, int16_t header_version) {
  std::optional<std::string_view> client_id;
  if (header_version >= 1) client_id = reader.nullable_string();
  if (header_version >= 2) {
    for (uint32_t left = reader.unsigned_varint(); left > 0 && reader.ok(); --left) {
      reader.unsigned_varint();
      reader.skip(reader.unsigned_varint());
    }
  }
  return client_id;
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
  const auto api = static_cast<protocol::ApiKey>(key);
  Responder responder(connection, slot, api, version, correlation_id);
  const ApiRow* row = find_api(key, services_.config.emulate);
  const bool offered = row != nullptr && version >= row->min_version && version <= row->max_version;
  if (row != nullptr && !offered) {
    if (api == protocol::ApiKey::kApiVersions)
      return answer_unsupported_api_versions(std::move(responder), services_.config.emulate);
    log_refusal(*connection, "a version that is not offered", key, version);
    return responder.close_connection();
  }
  const std::optional<std::string_view> client_id =
      read_rest_of_header(reader, protocol::request_header_version(api, version));
  reader.limit_memory(kMaxDecodedBytes);
  Request request{services_,      api,    version, client_id.value_or(""),
                  listener_name_, reader, frame,   std::move(responder)};
  if (!reader.ok()) return request.reject(reader.error());
  if (offered) return row->handler(request);
  if (answer_unsupported(request)) return;
  log_refusal(*connection, "an API that is not offered", key, version);
  request.responder.close_connection();
}

}  // namespace ottla
