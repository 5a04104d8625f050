// SPDX-License-Identifier: Apache-2.0
// Produce, versions 0 to 13.
//
//   0-2   records are message sets of format 0 or 1; they are converted and kept as format 2
//   2     log append time in the answer      3   record batches, transactional id (KIP-98)
//   5     log start offset                   7   zstd (KIP-110)
//   8     errors per record (KIP-467)        9   flexible
//   10    current leader on NOT_LEADER       12  implicit partition adding of transactions (KIP-890)
//   13    topics by id (KIP-516)
//
// acks=0 gets no answer; where it fails, its connection is closed. acks=1 and acks=all are answered at once,
// since with one replica what is appended is committed; in durable mode, and where flush.messages says so,
// when the records are on the disk (produce/delayed_produce.h). Every partition is answered by itself. Left
// out: transactions. A transactional batch without a transactional id gets
// TRANSACTIONAL_ID_AUTHORIZATION_FAILED as with Kafka, one with an id INVALID_TXN_STATE, since no transaction
// can have been begun here.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_produce(Request& request);

}  // namespace ottla
