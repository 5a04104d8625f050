// SPDX-License-Identifier: Apache-2.0
// ApiVersions, versions 0 to 5: every row of the API table that the emulated release has, at every version of
// this request.
//
//   0   the list    1   throttle time    2   throttle reported before it is enforced (KIP-219)
//   3   flexible; the client's software name and version (KIP-511); features (KIP-584)
//   4   the same fields (features of minimum 0 may be listed)    5   cluster and node that the client expects
//   (KIP-1242)
//
// A name or version that does not match [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? is INVALID_REQUEST; a good
// one is kept on the connection. A cluster id that is given and does not fit, with its node id, to this
// broker is REBOOTSTRAP_REQUIRED. With an error no API is listed. The response header is always version 0.
//
// Left out: features. None is supported or finalized, so the epoch is -1; a broker that emulates a release
// with ZooKeeper has read the empty list of the cluster, epoch 0.
#pragma once

#include "broker/apis/request.h"
#include "broker/config/release.h"

namespace ottla {

void handle_api_versions(Request& request);

// To a version of ApiVersions that is not offered: UNSUPPORTED_VERSION in the body of version 0, with the
// range of ApiVersions itself as the only entry (KIP-511).
void answer_unsupported_api_versions(Responder responder, config::Release emulated);

}  // namespace ottla
