// SPDX-License-Identifier: Apache-2.0
// What a request gets whose API this broker knows but does not offer: UNSUPPORTED_VERSION in its own
// response, so that the client can go on with its connection. Kafka closes the connection there.
//
// Every API is here that some release does not offer, also those that have a row in the API table: the broker
// may emulate a release that lacks them.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

// Answers (or, where the body cannot be read, closes the connection) and returns true: with the error of the
// whole request where the response has one at this version, beside each item that was asked for where not.
// False, and nothing is done, where the key or the version is unknown or the response has no room for an
// error: the connection has to close.
bool answer_unsupported(Request& request);

}  // namespace ottla
