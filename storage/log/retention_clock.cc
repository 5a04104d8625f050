// SPDX-License-Identifier: Apache-2.0
#include "storage/log/retention_clock.h"

#include "protocol/base/log.h"

namespace ottla::storage {
namespace {

constexpr const char* kComponent = "storage";
constexpr int64_t kHourMs = 3600 * 1000;

}  // namespace

void RetentionClock::begin(std::optional<int64_t> last_ms) {
  believed_ms_ = last_ms.value_or(loop_.wall_ms());
  monotonic_ms_ = loop_.monotonic_ms();
  complain_again_at_ms_ = monotonic_ms_;
  now_ms();
}

int64_t RetentionClock::now_ms() {
  const int64_t wall_ms = loop_.wall_ms();
  const int64_t monotonic_ms = loop_.monotonic_ms();
  const int64_t expected_ms = believed_ms_ + monotonic_ms - monotonic_ms_;
  monotonic_ms_ = monotonic_ms;
  if (max_jump_ms_ >= 0 && wall_ms - expected_ms > max_jump_ms_) {
    believed_ms_ = expected_ms;
    complain(wall_ms, expected_ms);
    return believed_ms_;
  }
  if (holds_back_) log_info(kComponent, "the clock is believed again: retention goes by it");
  holds_back_ = false;
  believed_ms_ = wall_ms;
  return believed_ms_;
}

void RetentionClock::complain(int64_t wall_ms, int64_t believed_ms) {
  if (holds_back_ && monotonic_ms_ < complain_again_at_ms_) return;
  holds_back_ = true;
  complain_again_at_ms_ = monotonic_ms_ + kHourMs;
  log_error(
      kComponent,
      "the clock is {} hours ahead of the time that this broker knew last, which is more than "
      "ottla.retention.clock.jump.max.ms={}: retention and compaction go on by the old time, so that nothing "
      "is deleted by mistake. If the clock is right, allow it: kafka-configs --alter --entity-type brokers "
      "--entity-default --add-config ottla.retention.clock.jump.max.ms=-1",
      (wall_ms - believed_ms) / kHourMs, max_jump_ms_);
}

}  // namespace ottla::storage
