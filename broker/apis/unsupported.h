// SPDX-License-Identifier: Apache-2.0
// What a request gets whose API this broker knows but does not offer: UNSUPPORTED_VERSION in its own
// response, so that the client can go on with its connection. Kafka closes the connection there.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

// Answers, where the response of `key` has an error for the whole request at the responder's version. False,
// and nothing is done, where it has none (the errors stand beside items that only decoding the request would
// tell), or the version is unknown: the connection has to close.
bool answer_unsupported(Responder& responder, protocol::ApiKey key);

}  // namespace ottla
