// SPDX-License-Identifier: Apache-2.0
#include "broker/net/timer_heap.h"

namespace ottla::net {

void TimerHeap::start(Entry& entry, int64_t deadline_ms) {
  entry.deadline_ms = deadline_ms;
  entry.sequence = next_sequence_++;
  if (entry.place == Entry::kNowhere) {
    entry.place = entries_.size();
    entries_.push_back(&entry);
  }
  settle(entry.place, &entry);
}

void TimerHeap::stop(Entry& entry) {
  if (entry.place == Entry::kNowhere) return;
  const size_t hole = entry.place;
  entry.place = Entry::kNowhere;
  Entry* last = entries_.back();
  entries_.pop_back();
  if (last != &entry) settle(hole, last);
}

void TimerHeap::settle(size_t place, Entry* entry) {
  while (place > 0) {
    const size_t above = (place - 1) / 2;
    if (!earlier(*entry, *entries_[above])) break;
    put(place, entries_[above]);
    place = above;
  }
  while (true) {
    size_t below = 2 * place + 1;
    if (below >= entries_.size()) break;
    if (below + 1 < entries_.size() && earlier(*entries_[below + 1], *entries_[below])) ++below;
    if (!earlier(*entries_[below], *entry)) break;
    put(place, entries_[below]);
    place = below;
  }
  put(place, entry);
}

}  // namespace ottla::net
