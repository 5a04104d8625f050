// SPDX-License-Identifier: Apache-2.0
// The timers of one loop, the earliest first; those of one millisecond in the order they were started.
//
// Threads: whoever holds the turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ottla::net {

class TimerHeap {
 public:
  // What is in the heap. It knows its place there, so that it can be taken out from anywhere.
  struct Entry {
    static constexpr size_t kNowhere = SIZE_MAX;
    int64_t deadline_ms = 0;
    uint64_t sequence = 0;
    size_t place = kNowhere;
  };

  bool empty() const { return entries_.empty(); }
  Entry& first() const { return *entries_.front(); }
  // Numbers that are given out from now on are not below this.
  uint64_t next_sequence() const { return next_sequence_; }

  // Puts `entry` in, or to its new place.
  void start(Entry& entry, int64_t deadline_ms);
  // Takes `entry` out where it is in.
  void stop(Entry& entry);

 private:
  static bool earlier(const Entry& a, const Entry& b) {
    return a.deadline_ms != b.deadline_ms ? a.deadline_ms < b.deadline_ms : a.sequence < b.sequence;
  }
  void put(size_t place, Entry* entry) {
    entries_[place] = entry;
    entry->place = place;
  }
  // Moves `entry` from the hole at `place` to where it belongs.
  void settle(size_t place, Entry* entry);

  std::vector<Entry*> entries_;
  uint64_t next_sequence_ = 0;
};

}  // namespace ottla::net
