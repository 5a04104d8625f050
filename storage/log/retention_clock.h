// SPDX-License-Identifier: Apache-2.0
// The time that deletes: what retention, compaction and the forgetting of producers go by. It is the wall
// clock's, unless that jumps ahead by more than a set time, as a wrong clock does: a start on a machine that
// believes to be ten years older must not take everything for ten years old. Then it goes on from where it
// was, at the pace of the monotonic clock, with an error in the log every hour, until the wall clock is back
// or the jump is allowed.
//
// A jump back is followed at once: it deletes nothing.
//
// Threads: the loop's. `loop` outlives the clock.
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/base/event_loop.h"

namespace ottla::storage {

class RetentionClock {
 public:
  // `max_jump_ms`: -1 for any.
  RetentionClock(const EventLoop& loop, int64_t max_jump_ms) : loop_(loop), max_jump_ms_(max_jump_ms) {}

  // Starts at the wall clock's time, or, where it was known that the time was `last_ms` (when the broker ran
  // the last time), no further from there than a jump may be.
  void begin(std::optional<int64_t> last_ms);
  int64_t now_ms();
  // Whether now_ms() is not the wall clock's.
  bool holds_back() const { return holds_back_; }
  void set_max_jump_ms(int64_t max_jump_ms) { max_jump_ms_ = max_jump_ms; }

 private:
  void complain(int64_t wall_ms, int64_t believed_ms);

  const EventLoop& loop_;
  int64_t max_jump_ms_;
  // What the time was when the monotonic clock showed that.
  int64_t believed_ms_ = 0;
  int64_t monotonic_ms_ = 0;
  bool holds_back_ = false;
  int64_t complain_again_at_ms_ = 0;
};

}  // namespace ottla::storage
