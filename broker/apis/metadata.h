// SPDX-License-Identifier: Apache-2.0
// Metadata, versions 0 to 13: brokers, and topics with their partitions.
//
//   0   an empty list asks for all topics; replicas that are not alive are left out and are
//   REPLICA_NOT_AVAILABLE 1   null asks for all topics; racks, controller, internal topics     2   cluster id
//   3   throttle time 4   auto-creation can be forbidden    5   offline replicas    6   LISTENER_NOT_FOUND 7
//   leader epochs 8   authorized operations (KIP-430)    9   flexible    10   topic ids in the answer
//   (KIP-516) 11  no cluster operations (DescribeCluster has them, KIP-700)    12  topics by id    13  an
//   error for the whole (KIP-1102)
//
// Brokers are the live ones that have the listener of the request. Topics come in the order asked for, each
// once; all of them by name. An unknown topic has its name and no partitions: UNKNOWN_TOPIC_OR_PARTITION,
// UNKNOWN_TOPIC_ID for an id, INVALID_TOPIC_EXCEPTION where the name cannot be one. With auto-creation
// allowed here and by the request it is created and is LEADER_NOT_AVAILABLE meanwhile (as 2.8 answers), or
// has the error that forbids it.
//
// An id, or no name, at version 10 or 11 is INVALID_REQUEST for every topic (Kafka 2.8 does not answer at
// all). An entry of version 12 that has an id is looked up by that alone.
//
// Left out on purpose: __transaction_state is not created here, it is the transaction coordinator's.
#pragma once

#include "broker/apis/request.h"

namespace ottla {

void handle_metadata(Request& request);

}  // namespace ottla
