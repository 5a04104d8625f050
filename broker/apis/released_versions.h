// SPDX-License-Identifier: Apache-2.0
// Which versions of which APIs the releases offer that Ottla can emulate.
#pragma once

#include <cstdint>

#include "broker/config/release.h"
#include "protocol/generated/api_keys.h"

namespace ottla {

struct VersionRange {
  int16_t lowest;
  int16_t highest;  // below `lowest`: no version

  bool contains(int16_t version) const { return version >= lowest && version <= highest; }
};

// What a broker of `release` advertises on a client's listener. Release::kAny: every version there can be.
VersionRange released_versions(config::Release release, protocol::ApiKey key);

}  // namespace ottla
