// SPDX-License-Identifier: Apache-2.0
// Every generated message by name, so that one test can go through all of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/wire/reader.h"
#include "protocol/wire/writer.h"

namespace ottla::protocol {

struct MessageEntry {
  std::string name;
  // Decodes `in` and encodes what was understood to `out`. False where decoding failed. `consumed`: bytes
  // read. The same object serves every call, so what one decode leaves behind and the next does not overwrite
  // shows up as a difference.
  bool (*reencode)(Bytes in, int16_t version, Writer& out, size_t& consumed);
  int16_t lowest_version;
  int16_t highest_version;
};

template <typename M>
bool reencode_message(Bytes in, int16_t version, Writer& out, size_t& consumed) {
  static M message;
  Reader reader(in);
  message.decode(reader, version);
  consumed = reader.position();
  if (!reader.ok()) return false;
  message.encode(out, version);
  return true;
}

template <typename M>
MessageEntry make_entry(const char* name) {
  return {name, &reencode_message<M>, M::kLowestVersion, M::kHighestVersion};
}

// Generated.
const std::vector<MessageEntry>& registry_part_0();
const std::vector<MessageEntry>& registry_part_1();
const std::vector<MessageEntry>& registry_part_2();
const std::vector<MessageEntry>& registry_part_3();
const std::vector<MessageEntry>& synthetic_part_0();

}  // namespace ottla::protocol
