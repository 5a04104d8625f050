// SPDX-License-Identifier: Apache-2.0
#include "broker/apis/init_producer_id.h"

#include "broker/apis/services.h"
#include "broker/controller/topic_admin.h"
#include "protocol/generated/init_producer_id_request.h"
#include "protocol/generated/init_producer_id_response.h"

namespace ottla {
namespace {

void answer(Responder& responder, ErrorCode error, int64_t producer_id) {
  protocol::InitProducerIdResponse response;
  response.error_code = static_cast<int16_t>(error);
  response.producer_id = producer_id;
  response.producer_epoch = static_cast<int16_t>(error == ErrorCode::NONE ? 0 : -1);
  responder.send(response);
}

}  // namespace

void handle_init_producer_id(Request& request) {
  protocol::InitProducerIdRequest asked;
  if (!request.decode(asked)) return;
  if (asked.transactional_id) {
    const bool empty = asked.transactional_id->empty();
    return answer(request.responder, empty ? ErrorCode::INVALID_REQUEST : ErrorCode::UNSUPPORTED_VERSION, -1);
  }
  // Both or neither: what it brings to recover with.
  if ((asked.producer_id == -1) != (asked.producer_epoch == -1)) {
    return answer(request.responder, ErrorCode::INVALID_REQUEST, -1);
  }
  const auto responder = std::move(request.responder).share();
  request.services.topics.next_producer_id(
      [responder](ErrorCode error, int64_t producer_id) { answer(*responder, error, producer_id); });
}

}  // namespace ottla
