// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share.
#pragma once

#include <algorithm>
#include <vector>

#include "protocol/base/status.h"
#include "tests/protocol/message_registry.h"

namespace ottla::protocol::fuzz {

inline const std::vector<const MessageEntry*>& all_messages() {
  static const auto* const all = [] {
    auto* const made = new std::vector<const MessageEntry*>();
    for (const auto* part :
         {&registry_part_0(), &registry_part_1(), &registry_part_2(), &registry_part_3()}) {
      for (const MessageEntry& entry : *part) made->push_back(&entry);
    }
    return made;
  }();
  return *all;
}

// Bytes that are understood give, encoded, bytes that mean the same: they are understood whole, and encoded
// again they stay.
inline void check_round_trip(const MessageEntry& entry, Bytes bytes, int16_t version) {
  Writer first;
  size_t consumed = 0;
  if (!entry.reencode(bytes, version, first, consumed)) return;
  OTTLA_CHECK(consumed <= bytes.size());
  Writer second;
  OTTLA_CHECK(entry.reencode(first.buffer(), version, second, consumed));
  OTTLA_CHECK(consumed == first.buffer().size());
  OTTLA_CHECK(std::ranges::equal(first.buffer(), second.buffer()));
}

}  // namespace ottla::protocol::fuzz
