// SPDX-License-Identifier: Apache-2.0
#include "storage/log/offset_map.h"

#include <algorithm>
#include <cmath>

#include "protocol/base/status.h"

// Compiled in: no library to load, and short keys are hashed without a call.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ottla::storage {
namespace {

constexpr uint64_t kFewestSlots = 16;

}  // namespace

OffsetMap::OffsetMap(uint64_t keys, uint64_t max_bytes, double load, uint64_t seed) : seed_(seed) {
  const double usable = std::clamp(load, 0.1, 0.95);
  const double wanted = std::ceil(static_cast<double>(keys) / usable) + 1;
  slots_ = std::max<uint64_t>(max_bytes / sizeof(Entry), kFewestSlots);
  if (wanted < static_cast<double>(slots_))
    slots_ = std::max<uint64_t>(static_cast<uint64_t>(wanted), kFewestSlots);
  entries_.reset(static_cast<Entry*>(std::calloc(slots_, sizeof(Entry))));
  while (!entries_ && slots_ > kFewestSlots) {
    slots_ = std::max(slots_ / 2, kFewestSlots);
    entries_.reset(static_cast<Entry*>(std::calloc(slots_, sizeof(Entry))));
  }
  OTTLA_CHECK(entries_ != nullptr);
  // One slot always stays free: a search for a key that is not there ends at it.
  capacity_ = std::min(slots_ - 1, static_cast<uint64_t>(static_cast<double>(slots_) * usable));
}

OffsetMap::Entry* OffsetMap::slot_of(Bytes key, Entry& wanted) const {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(key.data(), key.size(), seed_);
  wanted = {hash.low64, hash.high64, 0};
  auto slot = static_cast<uint64_t>((static_cast<unsigned __int128>(hash.low64) * slots_) >> 64);
  while (true) {
    Entry& entry = entries_[slot];
    if (entry.offset_plus_one == 0 || (entry.low == wanted.low && entry.high == wanted.high)) return &entry;
    if (++slot == slots_) slot = 0;
  }
}

bool OffsetMap::put(Bytes key, int64_t offset) {
  Entry wanted;
  Entry* entry = slot_of(key, wanted);
  if (entry->offset_plus_one == 0) {
    if (size_ >= capacity_) return false;
    ++size_;
  }
  wanted.offset_plus_one = offset + 1;
  *entry = wanted;
  return true;
}

std::optional<int64_t> OffsetMap::find(Bytes key) const {
  Entry wanted;
  const Entry* entry = slot_of(key, wanted);
  if (entry->offset_plus_one == 0) return std::nullopt;
  return entry->offset_plus_one - 1;
}

}  // namespace ottla::storage
