// SPDX-License-Identifier: Apache-2.0
// The latest offset of every key of a range of a log, in memory that is bounded and given once (kafka
// SkimpyOffsetMap). Keys are held as 128-bit hashes (XXH3, seeded): 24 bytes each, whatever their length. Two
// keys with one hash would be taken for one; at 100 million keys the odds are one in 10^22.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "protocol/wire/reader.h"

namespace ottla::storage {

class OffsetMap {
 public:
  // Room for `keys` keys within `max_bytes`; less where the memory is not to be had: half of it, and half of
  // that, down to a few keys. `load`: how much of the slots may be used (log.cleaner.io.buffer.load.factor).
  OffsetMap(uint64_t keys, uint64_t max_bytes, double load, uint64_t seed);

  // The number of keys it takes.
  uint64_t capacity() const { return capacity_; }
  uint64_t size() const { return size_; }
  uint64_t memory_bytes() const { return slots_ * sizeof(Entry); }
  // What stands for a key. Nearly every look at the map misses the processor's caches: whoever has many keys
  // takes their hashes first, which begins to fetch their places.
  struct Hash {
    uint64_t low;
    uint64_t high;
  };
  Hash hash(Bytes key) const;
  // False, and nothing done, where the key is new and the map is full.
  bool put(const Hash& key, int64_t offset);
  std::optional<int64_t> find(const Hash& key) const;
  bool put(Bytes key, int64_t offset) { return put(hash(key), offset); }
  std::optional<int64_t> find(Bytes key) const { return find(hash(key)); }

 private:
  struct Entry {
    uint64_t low;
    uint64_t high;
    int64_t offset_plus_one;  // 0: the slot is free
  };
  struct Unmap {
    Unmap() : bytes(0) {}
    explicit Unmap(uint64_t size) : bytes(size) {}
    uint64_t bytes;
    void operator()(Entry* entries) const;
  };
  // Fresh pages: zero, and they cost nothing until they are touched. Null where they are not to be had.
  static std::unique_ptr<Entry[], Unmap> map_entries(uint64_t slots);

  uint64_t first_slot(const Hash& key) const {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(key.low) * slots_) >> 64);
  }
  // The slot of the key, or the free one where it belongs.
  Entry& slot_of(const Hash& key) const;

  uint64_t seed_;
  uint64_t slots_;
  uint64_t capacity_;
  uint64_t size_ = 0;
  std::unique_ptr<Entry[], Unmap> entries_;
};

}  // namespace ottla::storage
