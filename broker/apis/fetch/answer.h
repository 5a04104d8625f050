// SPDX-License-Identifier: Apache-2.0
// From what was read to the answer that a client of the request's version understands.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "broker/apis/fetch/read.h"
#include "broker/apis/request.h"

namespace ottla::fetch {

// Answers and is done with `reads`. `listener`: whose addresses of leaders are named (version 16+).
void answer(Services& services, Responder& responder, const Parameters& parameters,
            const FetchContext& context, std::span<const FetchTarget> targets,
            std::vector<PartitionRead>& reads, std::string_view listener);

// The whole request failed: version 13+ says so once, older ones for each of `targets` too.
void answer_error(Responder& responder, ErrorCode error, int32_t session_id,
                  std::span<const FetchTarget> targets);

}  // namespace ottla::fetch
