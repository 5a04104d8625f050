// SPDX-License-Identifier: Apache-2.0
#include "broker/net/timer_heap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace ottla::net {
namespace {

TEST(TimerHeapTest, AgreesWithASortedListWhateverIsStartedAndStopped) {
  std::mt19937 random(7);
  TimerHeap heap;
  std::vector<TimerHeap::Entry> entries(200);
  for (int step = 0; step < 20'000; ++step) {
    TimerHeap::Entry& one = entries[random() % entries.size()];
    if (random() % 3 == 0) {
      heap.stop(one);
    } else {
      heap.start(one, static_cast<int64_t>(random() % 50));
    }
    const auto first = std::min_element(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
      const auto key = [](const TimerHeap::Entry& entry) {
        return std::tuple(entry.place == TimerHeap::Entry::kNowhere, entry.deadline_ms, entry.sequence);
      };
      return key(a) < key(b);
    });
    ASSERT_EQ(heap.empty(), first->place == TimerHeap::Entry::kNowhere);
    if (!heap.empty()) {
      ASSERT_EQ(&heap.first(), &*first);
    }
  }
}

}  // namespace
}  // namespace ottla::net
