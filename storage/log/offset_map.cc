// SPDX-License-Identifier: Apache-2.0
#include "storage/log/offset_map.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>

#include "protocol/base/status.h"

// Compiled in: no library to load, and short keys are hashed without a call.
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ottla::storage {
namespace {

constexpr uint64_t kFewestSlots = 16;
constexpr uintptr_t kLargePage = 2 << 20;

// Every look is at another page: with small ones, most looks would miss the table of pages too. A machine
// that has no large ones says so, and nothing is lost.
void ask_for_large_pages(void* memory, size_t size) {
  const auto begin = (reinterpret_cast<uintptr_t>(memory) + kLargePage - 1) & ~(kLargePage - 1);
  const auto end = (reinterpret_cast<uintptr_t>(memory) + size) & ~(kLargePage - 1);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): rounded as numbers.
  if (begin < end) static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE));
}

}  // namespace

void OffsetMap::Unmap::operator()(Entry* entries) const { ::munmap(entries, bytes); }

std::unique_ptr<OffsetMap::Entry[], OffsetMap::Unmap> OffsetMap::map_entries(uint64_t slots) {
  const uint64_t bytes = slots * sizeof(Entry);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  ask_for_large_pages(memory, bytes);
  return std::unique_ptr<Entry[], Unmap>(static_cast<Entry*>(memory), Unmap(bytes));
}

OffsetMap::OffsetMap(uint64_t keys, uint64_t max_bytes, double load, uint64_t seed) : seed_(seed) {
  const double usable = std::clamp(load, 0.1, 0.95);
  const double wanted = std::ceil(static_cast<double>(keys) / usable) + 1;
  slots_ = std::max<uint64_t>(max_bytes / sizeof(Entry), kFewestSlots);
  if (wanted < static_cast<double>(slots_))
    slots_ = std::max<uint64_t>(static_cast<uint64_t>(wanted), kFewestSlots);
  entries_ = map_entries(slots_);
  while (!entries_ && slots_ > kFewestSlots) {
    slots_ = std::max(slots_ / 2, kFewestSlots);
    entries_ = map_entries(slots_);
  }
  OTTLA_CHECK(entries_ != nullptr);
  // One slot always stays free: a search for a key that is not there ends at it.
  capacity_ = std::min(slots_ - 1, static_cast<uint64_t>(static_cast<double>(slots_) * usable));
}

OffsetMap::Hash OffsetMap::hash(Bytes key) const {
  const XXH128_hash_t hashed = XXH3_128bits_withSeed(key.data(), key.size(), seed_);
  const Hash result = {hashed.low64, hashed.high64};
  __builtin_prefetch(&entries_[first_slot(result)]);
  return result;
}

OffsetMap::Entry& OffsetMap::slot_of(const Hash& key) const {
  uint64_t slot = first_slot(key);
  while (true) {
    Entry& entry = entries_[slot];
    if (entry.offset_plus_one == 0 || (entry.low == key.low && entry.high == key.high)) return entry;
    if (++slot == slots_) slot = 0;
  }
}

bool OffsetMap::put(const Hash& key, int64_t offset) {
  Entry& entry = slot_of(key);
  if (entry.offset_plus_one == 0) {
    if (size_ >= capacity_) return false;
    ++size_;
  }
  entry = {key.low, key.high, offset + 1};
  return true;
}

std::optional<int64_t> OffsetMap::find(const Hash& key) const {
  const Entry& entry = slot_of(key);
  if (entry.offset_plus_one == 0) return std::nullopt;
  return entry.offset_plus_one - 1;
}

}  // namespace ottla::storage
