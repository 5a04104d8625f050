// SPDX-License-Identifier: Apache-2.0
#include "protocol/json/schema.h"

#include <algorithm>

namespace ottla::protocol {

const MessageSchema* SchemaTable::find(std::string_view name) const {
  const auto found = std::find_if(messages.begin(), messages.end(),
                                  [&](const MessageSchema& one) { return text(one.name) == name; });
  return found == messages.end() ? nullptr : &*found;
}

const MessageSchema* SchemaTable::find(MessageKind kind, int16_t key) const {
  const auto found = std::find_if(messages.begin(), messages.end(), [&](const MessageSchema& one) {
    return one.kind == kind && one.key == key;
  });
  return found == messages.end() ? nullptr : &*found;
}

}  // namespace ottla::protocol
