// SPDX-License-Identifier: Apache-2.0
// The one table of what this broker offers: dispatch, ApiVersions and version bounds all read it. A missing
// row is an API that is not offered. A broker that emulates a release offers what both have.
#pragma once

#include <span>

#include "broker/apis/request.h"
#include "broker/config/release.h"
#include "protocol/generated/api_keys.h"

namespace ottla {

using ApiHandler = void (*)(Request& request);

struct ApiRow {
  protocol::ApiKey key;
  int16_t min_version;
  int16_t max_version;
  ApiHandler handler;
};

// All rows that a broker passing for `release` offers, ordered by key.
std::span<const ApiRow> api_table(config::Release release = config::Release::kAny);
// The row of `key`, null where the API is not offered.
const ApiRow* find_api(int16_t key, config::Release release = config::Release::kAny);

}  // namespace ottla
