// SPDX-License-Identifier: Apache-2.0
// Any message of the specs at any version: the first two bytes choose the message, the third the version.
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ottla::protocol;
  if (size < 3) return 0;
  const auto& all = fuzz::all_messages();
  const size_t index = (size_t{data[0]} << 8 | data[1]) % all.size();
  const MessageEntry& entry = *all[index];
  const auto versions = static_cast<size_t>(entry.highest_version - entry.lowest_version + 1);
  const auto version = static_cast<int16_t>(static_cast<size_t>(entry.lowest_version) + data[2] % versions);
  fuzz::check_round_trip(entry, {data + 3, size - 3}, version);
  return 0;
}
