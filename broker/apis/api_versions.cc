// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/api_versions.h"

#include <algorithm>

#include "broker/apis/api_table.h"
#include "broker/apis/services.h"
#include "broker/config/broker_config.h"
#include "protocol/base/error_code.h"
#include "protocol/generated/api_versions_request.h"
#include "protocol/generated/api_versions_response.h"

namespace ottla {
namespace {

using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;

constexpr int16_t kFirstWithSoftware = 3;
constexpr int16_t kFirstWithIdentity = 5;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool acceptable_software(std::string_view text) {
  return !text.empty() && is_letter_or_digit(text.front()) && is_letter_or_digit(text.back()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; });
}

ErrorCode check(const Request& request, const ApiVersionsRequest& asked) {
  if (request.version >= kFirstWithSoftware && !(acceptable_software(asked.client_software_name) &&
                                                 acceptable_software(asked.client_software_version))) {
    return ErrorCode::INVALID_REQUEST;
  }
  const Services& services = request.services;
  if (request.version >= kFirstWithIdentity && asked.cluster_id &&
      (*asked.cluster_id != services.metadata.cluster_id || asked.node_id != services.config.broker_id)) {
    return ErrorCode::REBOOTSTRAP_REQUIRED;
  }
  return ErrorCode::NONE;
}

ApiVersionsResponse::ApiVersion entry_of(const ApiRow& row) {
  ApiVersionsResponse::ApiVersion entry;
  entry.api_key = static_cast<int16_t>(row.key);
  entry.min_version = row.min_version;
  entry.max_version = row.max_version;
  return entry;
}

}  // namespace

void handle_api_versions(Request& request) {
  ApiVersionsRequest asked;
  if (!request.decode(asked)) return;
  ApiVersionsResponse response;
  const ErrorCode error = check(request, asked);
  response.error_code = static_cast<int16_t>(error);
  if (error == ErrorCode::NONE) {
    if (request.version >= kFirstWithSoftware) {
      net::Connection& connection = *request.responder.connection();
      connection.client_software_name = asked.client_software_name;
      connection.client_software_version = asked.client_software_version;
    }
    const config::Release emulated = request.services.config.emulate;
    const auto rows = api_table(emulated);
    if (emulated == config::Release::k2_8 || emulated == config::Release::k3_9)
      response.finalized_features_epoch = 0;
    response.api_keys.reserve(rows.size());
    for (const ApiRow& row : rows) response.api_keys.push_back(entry_of(row));
  }
  request.responder.send(response);
}

void answer_unsupported_api_versions(Responder responder, config::Release emulated) {
  ApiVersionsResponse response;
  response.error_code = static_cast<int16_t>(ErrorCode::UNSUPPORTED_VERSION);
  const ApiRow* own = find_api(static_cast<int16_t>(protocol::ApiKey::kApiVersions), emulated);
  OTTLA_CHECK(own != nullptr);
  response.api_keys.push_back(entry_of(*own));
  responder.send_at(response, 0);
}

}  // namespace ottla
