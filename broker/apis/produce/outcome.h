// SPDX-License-Identifier: Apache-2.0
// What came of a Produce, partition by partition, and how it is told to the client.
#pragma once

#include <string_view>
#include <vector>

#include "broker/apis/request.h"
#include "protocol/base/uuid.h"
#include "protocol/generated/produce_response.h"
#include "storage/log/log.h"

namespace ottla::produce {

struct PartitionOutcome {
  int32_t index = 0;
  storage::AppendInfo info;
};

// Names are views into the request, or into what a DelayedProduce keeps.
struct TopicOutcome {
  std::string_view name;           // as the request has it: empty where it names the topic by id
  std::string_view resolved_name;  // empty where nobody knows the id
  Uuid id;
  std::vector<PartitionOutcome> partitions;
};

struct Outcome {
  std::vector<TopicOutcome> topics;
  int16_t acks = 1;

  bool ok() const;
};

// Answers as `acks` asks for; `response` is scratch space that keeps its memory.
void answer(Services& services, Responder& responder, std::string_view listener, const Outcome& outcome,
            protocol::ProduceResponse& response);

}  // namespace ottla::produce
