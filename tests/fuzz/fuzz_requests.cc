// SPDX-License-Identifier: Apache-2.0
// A request as it arrives, from the API key on: its header, then its body by key and version. What is
// understood is encoded and must be understood in the same way again.
#include <map>
#include <string>

#include "protocol/generated/api_keys.h"
#include "tests/fuzz/fuzz.h"

namespace ottla::protocol {
namespace {

const std::map<int16_t, std::pair<const ApiInfo*, const MessageEntry*>>& requests() {
  static const auto* const table = [] {
    auto* const made = new std::map<int16_t, std::pair<const ApiInfo*, const MessageEntry*>>();
    for (const ApiInfo& api : kApis) {
      for (const MessageEntry* entry : fuzz::all_messages()) {
        if (entry->name == std::string(api.name) + "Request")
          (*made)[static_cast<int16_t>(api.key)] = {&api, entry};
      }
    }
    return made;
  }();
  return *table;
}

void take(Bytes frame) {
  Reader reader(frame);
  const int16_t key = reader.int16();
  const int16_t version = reader.int16();
  reader.int32();
  const auto found = requests().find(key);
  if (!reader.ok() || found == requests().end()) return;
  const auto& [api, entry] = found->second;
  if (version < api->lowest_version || version > api->highest_version) return;
  const int16_t header_version = request_header_version(api->key, version);
  if (header_version >= 1) reader.nullable_string();
  if (header_version >= 2) {
    for (uint32_t left = reader.unsigned_varint(); left > 0 && reader.ok(); --left) {
      reader.unsigned_varint();
      reader.skip(reader.unsigned_varint());
    }
  }
  if (reader.ok()) fuzz::check_round_trip(*entry, frame.subspan(reader.position()), version);
}

}  // namespace
}  // namespace ottla::protocol

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ottla::protocol::take({data, size});
  return 0;
}
