// SPDX-License-Identifier: Apache-2.0
// InitProducerId, versions 0 to 6, for idempotent producers (KIP-98).
//
//   2  flexible      3  the producer's id and epoch, to recover in place (KIP-360)
//   4  PRODUCER_FENCED      5  KIP-890      6  two-phase commit (KIP-939)
//
// Without a transactional id the request always gets an id never handed out before, with epoch 0, whatever id
// it brings: so does Kafka. Left out: transactions. A transactional id gets UNSUPPORTED_VERSION, which
// producers take as final; an empty one INVALID_REQUEST, as with Kafka; so does an id without an epoch, or
// the other way round.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_init_producer_id(Request& request);

}  // namespace ottla
